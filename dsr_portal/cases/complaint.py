"""The complaint pack: what a person lays before an authority or a court, at any stage (R25).

It holds what they were told and what they wrote: the receipt without its code, what happened, all
messages, the letters that left, the days we were late, the head of the trail and the authority.
Pictures and the answer itself are not in it. It is made when it is asked for, and not kept.
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import receipts, selectors
from dsr_portal.cases.models import (
    Case,
    DeliveryKind,
    DeliveryPart,
    DeliveryState,
    Direction,
    Lateness,
    LetterState,
    Status,
)
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.core.transactions import outside
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements

SHEET = statements.to_person(
    "complaint_pack",
    *("so-far", "messages", "letters", "receipt", "proof"),
    law="Art. 77; rule R25, T-10",
)
LETTERS = (DeliveryKind.LETTER, DeliveryKind.NOTICE)
LEFT = (DeliveryState.RELEASED, DeliveryState.POSTED)


@outside("Making a complaint pack")
def pack(*, case: Case, actor: Actor) -> bytes:
    """A ZIP of one signed PDF and the letters that left, in the language of the case.

    Raises `Conflict("purged")` once contact and file are destroyed: then only the trail is left.
    """
    if case.status == Status.PURGED:
        raise Conflict("purged", _("The data of this request are deleted."))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        letters = list(_letters(case))
        archive.writestr(f"{case.reference}-complaint.pdf", _summary(case, len(letters)))
        for number, (day, pdf) in enumerate(letters, 1):
            archive.writestr(f"{case.reference}-letter-{number}-{day:%Y-%m-%d}.pdf", pdf)
    with unit_of_work():
        record("case.complaint_pack", actor=actor, case_id=case.id, letters=len(letters))
    return out.getvalue()


def _letters(case: Case) -> Iterator[tuple[date, bytes]]:
    """Letters that left by link or by post and whose files are here, the oldest first; never the
    answer itself."""
    letters = case.letters.filter(state=LetterState.SENT)
    # Beside them: a letter that is the answer, as a refusal is, and the notice of a breach.
    parts = DeliveryPart.objects.filter(
        delivery__case=case,
        delivery__kind__in=LETTERS,
        delivery__state__in=LEFT,
        media_type="application/pdf",
    )
    left: dict[UUID, date] = {}
    for document_id, at in (
        *letters.values_list("document_id", "sent_at"),
        *parts.values_list("document_id", "delivery__released_at"),
    ):
        if document_id is not None and at is not None:
            left.setdefault(document_id, clock.local_date(at))
    for document_id, day in sorted(left.items(), key=lambda one: (one[1], one[0])):
        if documents.is_kept(document_id):
            yield day, documents.open_document(document_id)


def _summary(case: Case, letters: int) -> bytes:
    text = receipts.receipt_text(case)
    with translation.override(text["language"]):
        said = {
            "title": _("Everything for a complaint"),
            "short_answer": _(
                "This file is for you, an authority or a court. It says what you asked and wrote,"
                " what we told you, and when. Our letters lie beside it, the answer itself does"
                " not."
            ),
            "rows": [*text["facts"], *_late_rows(case)],
            "sections": [
                _so_far(case),
                _messages(case),
                _enclosed(letters),
                _receipt(text),
                _proof(text),
            ],
        }
    return documents.render_signed(
        template="documents/letter.html",
        context={name: said[name] for name in ("short_answer", "rows", "sections")},
        language=text["language"],
        title=str(said["title"]),
        kind=documents.Kind.LETTER,
        reference=case.reference,
        country=case.country or None,
        sheet=SHEET,
    )


def _late_rows(case: Case) -> list[tuple[str, str]]:
    """Each date that was missed and by how many days, told or not yet told in a letter."""
    rows = [
        (
            _("Late"),
            _("%(day)s was missed. Days late: %(days)s.")
            % {"day": day_words(one.missed_on), "days": _days_late(one)},
        )
        for one in case.lateness.order_by("missed_on")
    ]
    return rows or [(_("Late"), _("No date was missed so far."))]


def _days_late(one: Lateness) -> int:
    until = clock.today() if one.ended_at is None else clock.local_date(one.ended_at)
    return max((until - one.missed_on) // timedelta(days=1), 0)


def _so_far(case: Case) -> dict[str, Any]:
    told = sorted(selectors.public_view(case).told, key=lambda line: line.at)
    return {
        "id": "so-far",
        "heading": _("What happened"),
        "rows": [(day_words(clock.local_date(line.at)), str(line.sentence)) for line in told],
    }


def _messages(case: Case) -> dict[str, Any]:
    who = {Direction.IN: _("You wrote"), Direction.OUT: _("We wrote")}
    rows = [
        (f"{day_words(clock.local_date(one.at))}: {who[Direction(one.direction)]}", one.text)
        for one in selectors.messages_of(case)
    ]
    text = "" if rows else _("There were no messages.")
    heading = _("Messages, word for word")
    return {"id": "messages", "heading": heading, "rows": rows, "text": text}


def _enclosed(letters: int) -> dict[str, Any]:
    text = _("No letter of ours has left, or its file is deleted already.")
    if letters:
        text = _("Letters of ours that lie beside this file: %(number)s.") % {"number": letters}
    return {"id": "letters", "heading": _("Letters"), "text": text}


def _receipt(text: dict[str, Any]) -> dict[str, Any]:
    paragraphs = [text["lead"]]
    for section in text["sections"]:
        if section["key"] != receipts.CODE_SECTION:
            paragraphs += [f"{section['heading']}:", *section["paragraphs"]]
    return {
        "id": "receipt",
        "heading": _("Your receipt, as you got it, without its code"),
        "text": "\n\n".join(paragraphs),
    }


def _proof(text: dict[str, Any]) -> dict[str, Any]:
    head = str(text["head"]["hash"])
    in_groups = " ".join(head[at : at + 4] for at in range(0, len(head), 4))
    return {
        "id": "proof",
        "heading": _("How this can be checked"),
        "text": _(
            "When we took your request in, our audit trail ended with entry %(number)s (%(hash)s)."
            " An authority can ask us for the whole trail and see whether that entry still stands"
            " in it. The newest entry and our signature are named below."
        )
        % {"number": text["head"]["number"], "hash": in_groups},
    }
