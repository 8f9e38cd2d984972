"""The letter of a request that one way of showing who asks is enough for (R2: level L1).

Locking pictures and an objection ask less than disclosure. So their letter says less: it is the
same whether pictures were found or not, brings none along, and tells how to get more. Who could
get everything after one check would get it for somebody else too.
"""

from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case
from dsr_portal.cases.texts import rights_words
from dsr_portal.core import links
from dsr_portal.disclosure.models import Answer
from dsr_portal.disclosure.words import lock_stays, must_say, simple_words, taking_along
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import day

SHEET = statements.to_person(
    "answer.neutral",
    *(statements.FACTS, "done", "why", "more", "rights"),
    law="Art. 12(3), 12(4), 18, 21; rule R2, R3",
)


def letter(answer: Answer) -> documents.Prepared:
    """The signed letter, in the person's language; outside a transaction."""
    case = answer.case
    with translation.override(case.language):
        return documents.prepare_document(
            kind=Kind.LETTER,
            case_id=case.id,
            reference=case.reference,
            template="documents/letter.html",
            context={**_context(case), "simple": simple_words(answer)},
            language=case.language,
            title=_("Our answer to your request"),
            country=case.country or None,
            sheet=SHEET,
            also=must_say(case),
        )


def _context(case: Case) -> dict[str, Any]:
    """From the request alone; neither search nor decision is read (R3)."""
    sections: list[dict[str, Any]] = [
        {
            "id": "done",
            "heading": _("What we did"),
            "text": _(
                "We looked for pictures of you, and two people decided about what was found, the "
                "second without knowing what the first had decided. A picture both took for yours "
                "is locked: the controller's own search does not show it any more "
                "(Art. 18 and 21 GDPR)."
            )
            + f" {lock_stays(case)}",
        },
        {
            "id": "why",
            "heading": _("Why we say no more"),
            "text": _(
                "Locking harms nobody if it reaches the wrong person; a picture of a face does. "
                "You showed us in one way that it is you, which is enough for locking. To tell "
                "what we hold, to say that we hold nothing, or to delete, we need a second "
                "element, so this letter reads the same in each case."
            ),
        },
        {
            "id": "more",
            "heading": _("How to get more"),
            "text": _(
                "Send a request to see what we hold or to have it deleted. You choose how to show "
                "that it is you; a photo of a document is never needed. It costs nothing, and "
                "what you asked before is not counted against you."
            ),
            "rows": [
                (_("New request"), links.url_for("public", "public:home")),
                (_("Page of your request"), links.url_for("public", "public:status")),
            ],
        },
        *taking_along(case),
        {
            "id": "rights",
            "heading": _("If you disagree"),
            "text": _(
                "You can complain to a data protection authority now, and you can go to court "
                "(Art. 77 and 79 GDPR). Both cost you nothing here, and neither needs our consent."
            ),
        },
    ]
    return {
        "short_answer": _(
            "What you asked for is done. This letter does not say whether we hold pictures of you."
        ),
        "facts": [
            (_("You asked"), "; ".join(rights_words(_rights(case)))),
            (_("Received"), day(case.arrived_on)),
            (_("Checked by"), _("two people")),
        ],
        "contents": [
            *((str(one["id"]), str(one["heading"])) for one in sections),
            ("complaint", _("If you are not content")),
            ("contacts", _("How to reach us")),
            ("check", _("How to check this document")),
        ],
        "sections": sections,
    }


def _rights(case: Case) -> list[str]:
    return list(case.rights.order_by("right").values_list("right", flat=True))
