"""The portal's entry in the record of processing activities (Art. 30(1) GDPR; law P-08).

Made anew each time from what the program does and what is in force: controller and contacts from
the settings, periods from policy, processors from their register, recipients from the gallery's.
As CSV and as PDF with the same rows; every row carries its letter of Art. 30(1).
"""

import csv
import io
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.cases.keep_days import KEEP_EACH
from dsr_portal.compliance import processors
from dsr_portal.core import clock
from dsr_portal.core.countries import IN_EEA
from dsr_portal.core.transactions import outside
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.gallery import terms as source_terms
from dsr_portal.gallery.models import Recipient, Source
from dsr_portal.policy import selectors as policy
from dsr_portal.policy.catalogue import DEFINITIONS

LETTERS = "abcdefg"
SHEET = statements.to_office(
    "records",
    *(statements.ANSWER, statements.FACTS, *(f"letter-{letter}" for letter in LETTERS)),
    law="Art. 30(1); P-08",
)
PERIODS = (
    "child_keep_days",
    "link_days",
    "package_days",
    "backup_days",
    "face_block_days",
    "order_years",
    "breach_years",
    "trail_years",
    "rules_years",
    "access_years",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the record: the letter of Art. 30(1), what it is about, what is so."""

    letter: str
    what: str
    text: str


def titles() -> dict[str, str]:
    return {
        "a": _("Controller, representative, data protection officer"),
        "b": _("Purposes"),
        "c": _("Whose data, and which"),
        "d": _("Recipients"),
        "e": _("Transfers outside the EEA"),
        "f": _("How long it is kept"),
        "g": _("Security"),
    }


def lines() -> list[Line]:
    """The record in the order of the law."""
    return [
        *_controller(),
        *_purposes(),
        *_categories(),
        *_recipients(),
        *_transfers(),
        *_periods(),
        *_security(),
    ]


def _controller() -> list[Line]:
    who = settings.DSR_CONTROLLER
    rows = [
        (_("Controller"), f"{who['name']}, {who['address']}, {who['country']}"),
        (_("Contact"), ", ".join(filter(None, (who["email"], who["phone"])))),
        (_("Joint controllers"), _("none stated to the portal")),
        (_("Representative (Art. 27)"), who["representative"] or _("none")),
        (_("Data protection officer"), who["dpo"]),
    ]
    return [Line("a", what, text) for what, text in rows]


def _purposes() -> list[Line]:
    rows = [
        (
            _("Requests"),
            _("Answer requests under Art. 15 to 22 and tell people about them (Art. 12)."),
        ),
        (
            _("Comparing a face"),
            _("Find what is held of the person who asks, with their consent (Art. 9(2)(a))."),
        ),
        (
            _("Proof"),
            _("Show that requests, orders and breaches were dealt with (Art. 5(2), 33(5))."),
        ),
        (_("Block list"), _("Keep erased pictures from being collected again (Art. 17, 21).")),
    ]
    return [Line("b", what, text) for what, text in rows]


def _categories() -> list[Line]:
    rows = [
        (
            _("People who ask"),
            _(
                "Photo and its face code (special category, Art. 9), contact data, what they "
                "wrote, how it was checked who asks, consents, answers and letters."
            ),
        ),
        (_("Who acts for them"), _("Name, contact data, mandate.")),
        (
            _("People in the gallery"),
            _("Pictures, face codes, captions, addresses and look-ups of what is held of them."),
        ),
        (_("Staff and persons of authorities"), _("Number, name, e-mail address, what they did.")),
    ]
    return [Line("c", what, text) for what, text in rows]


def _recipients() -> list[Line]:
    rows = [
        (_("The person, or who acts for them"), _("Answers, letters, certificates.")),
        (_("Data protection authorities"), _("Cases opened to them, notices of breaches.")),
        (
            _("Recipients of the gallery's data"),
            _("Told of erasure, restriction and correction (Art. 19): %(number)s known.")
            % {"number": Recipient.objects.count()},
        ),
    ]
    found = [Line("d", what, text) for what, text in rows]
    for one in processors.register():
        if one.ended_at is None:
            terms = _("contract of %(day)s: %(terms)s") % {
                "day": day(one.contract_on),
                "terms": one.terms,
            }
            what = _("Processor: %(role)s") % {"role": one.get_role_display()}
            own = _("the controller's own")
            text = f"{one.name} ({one.country or '-'}), {terms if one.contract_on else own}"
            found.append(Line("d", what, text))
    return found


def _transfers() -> list[Line]:
    rows = [Line("e", _("Requests"), one) for one in settings.DSR_REQUEST_TRANSFERS]
    unsafe = _("no safeguard written down")
    rows += [
        Line("e", one.name, f"{one.country}: {one.safeguard or unsafe}")
        for one in processors.register()
        if one.ended_at is None and one.country and one.country not in IN_EEA
    ]
    return rows or [Line("e", _("Transfers"), _("none stated to the portal"))]


def _periods() -> list[Line]:
    rows = [
        (
            _("Photo, face code, contact data, request"),
            _("%(days)s days after the request is over; photo at once if consent is withdrawn")
            % {"days": KEEP_EACH.days},
        ),
        *((str(DEFINITIONS[name].label), str(policy.current(name))) for name in PERIODS),
        (
            _("Audit trail"),
            _("codes, numbers and hashes without names or biometrics; details end as above"),
        ),
    ]
    of_sources = [
        (
            _("Pictures of %(source)s") % {"source": name},
            source_terms.words(source_terms.term_of(source_id)),
        )
        for source_id, name in Source.objects.order_by("name").values_list("id", "name")
    ]
    return [Line("f", what, text) for what, text in rows + of_sources]


def _security() -> list[Line]:
    texts = (
        _("One key for each picture, face and request, destroyed with it; keys on two places."),
        _("Second factor for staff; roles; two persons for matches, refusals and settings."),
        _("Pictures from outside are decoded in a process without network or keys."),
        _("A chain of events that shows changes; backups that open nothing that was erased."),
        _("Faces of others are covered; links open with a code only; no free search."),
    )
    return [Line("g", _("Measure"), text) for text in texts]


# -- files --------------------------------------------------------------------------------------


def as_csv() -> str:
    with translation.override(settings.LANGUAGE_CODE):
        names, out = titles(), io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(["article", "title", "what", "text", "as of"])
        for one in lines():
            row = [f"30(1)({one.letter})", names[one.letter], one.what, one.text, clock.today()]
            writer.writerow([_inert(str(cell)) for cell in row])
    return out.getvalue()


def _inert(cell: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@"} else cell


@outside("Setting the record of processing")
def as_pdf() -> bytes:
    with translation.override(settings.LANGUAGE_CODE):
        rows, parts = lines(), []
        for letter, title in titles().items():
            part: dict[str, Any] = {
                "id": f"letter-{letter}",
                "heading": f"Art. 30(1)({letter}): {title}",
                "text": "",
                "rows": [(one.what, one.text) for one in rows if one.letter == letter],
            }
            parts.append(part)
        return documents.render_signed(
            kind=Kind.RECORDS,
            reference=f"{clock.today():%Y-%m-%d}",
            template="documents/audit.html",
            context={
                "short_answer": _("What this portal processes, as it is set today."),
                "facts": [(_("Controller"), settings.DSR_CONTROLLER["name"])],
                "contents": [(one["id"], one["heading"]) for one in parts],
                "sections": parts,
            },
            language=settings.LANGUAGE_CODE,
            title=_("Record of processing activities (Art. 30 GDPR)"),
            sheet=SHEET,
        )
