"""Sentences that the letter and the page it is opened on share (ui.md, Voice; R15)."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.cases import child_texts, children, evidence_locks
from dsr_portal.cases.keep_days import keep_each
from dsr_portal.cases.models import Case, RightCode, WayKind
from dsr_portal.core import links
from dsr_portal.disclosure.models import Answer
from dsr_portal.documents import statements
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.matching import own_data
from dsr_portal.matching.models import Search


def must_say(case: Case) -> list[str]:
    """What an answer has to say in this case beside what each of its kind says (T-03, E-10)."""
    simple = [statements.SIMPLE] if children.reads_simply(case) else []
    return [*simple, *(one["id"] for one in taking_along(case))]


def simple_words(answer: Answer) -> list[str]:
    """The child version of an answer, for who is under 18 or asks through a parent (law T-03)."""
    if not children.reads_simply(answer.case):
        return []
    return child_texts.of_answer(answer.kind, days=keep_each(answer.case).days)


def nothing_found_words(search: Search) -> str:
    """What may be said when two persons confirmed no picture (R15)."""
    if not search.compares:
        return _(
            "We did not find pictures of you. On %(day)s we looked up %(named)s among %(sources)s, "
            "and two people checked. No face was compared: you can send a photo or another link, "
            "as often as you like."
        ) % {
            "day": day(search.finished_at),
            "named": named_words(search),
            "sources": _sources(search),
        }
    return ngettext(
        "We did not find pictures of you. We compared your photo with the %(compared)s faces "
        "we held on %(day)s, and two people checked. A face search can miss pictures: you can "
        "try again with another photo or a link, as often as you like.",
        "We did not find pictures of you. We compared your %(photos)s photos together with the "
        "%(compared)s faces we held on %(day)s, and two people checked. A face search can miss "
        "pictures: you can try again with another photo or a link, as often as you like.",
        search.photos,
    ) % {"photos": search.photos, "compared": search.compared, "day": day(search.finished_at)}


def lock_stays(case: Case) -> str:
    """How long a lock stays that was asked for, as it is known from the request alone (R3); "" for
    one that nobody asked for, and for one that a deletion ends."""
    kept = evidence_locks.in_force(case.id)
    if kept is not None:
        return _(
            "The lock stays as evidence until %(until)s. We write to you before it "
            "ends. You can keep it longer or end it on the status page."
        ) % {"until": day(kept.until)}
    asked = set(case.rights.values_list("right", flat=True))
    if RightCode.ERASURE in asked:
        return ""
    if RightCode.OBJECTION in asked:
        return _("The lock stays after your request ends.")
    if RightCode.RESTRICTION in asked:
        return _(
            "The lock stays after your request ends. If you want it to end one day, say so on the"
            " status page before that: there you choose how long you need it."
        )
    return ""


def taking_along(case: Case) -> list[dict[str, Any]]:
    """The section on portability, for who asked for it: the same in every answer (law E-10, R3)."""
    if not own_data.asked(case):
        return []
    return [
        {
            "id": "take-along",
            "heading": _("Taking your data along"),
            "text": _(
                "Pictures we collected are not part of this right: it is about what you gave us "
                "yourself (Art. 20(1) GDPR), and you did not give them to us. What we hold of them "
                "belongs to your right of access."
            )
            + "\n\n"
            + _(
                "What you gave us yourself comes with this letter as %(name)s. Your photos and "
                "files, as long as we have them, are on the page of your request: %(page)s."
            )
            % {"name": own_data.NAME, "page": links.url_for("public", "public:status")},
        }
    ]


def page_words() -> str:
    """The answer to who asked that one page be dealt with: the same whatever was there (R3)."""
    return _(
        "What you named is dealt with. This letter does not say whether we hold a picture from "
        "there."
    )


def named_words(search: Search) -> str:
    """What was looked up: "the page address you gave and the account name you gave"."""
    return _(" and ").join(_named(one) for one in search.looked_up)


def look_up_claim(search: Search, *, found: bool) -> str:
    """What a look-up shows, apart from the claims about faces (R15).

    How many pictures were found is said only to whom they were confirmed to show: who else is in
    a picture at an address is not the asker's to know (A-20).
    """
    sources = _sources(search)
    if not found:
        words = _("We looked up %(named)s among %(sources)s; no face was compared for it.")
        return words % {"named": named_words(search), "sources": sources}
    lines = [
        ngettext(
            "Looked up by %(named)s: %(found)s picture among %(sources)s; no face was compared "
            "for it.",
            "Looked up by %(named)s: %(found)s pictures among %(sources)s; no face was compared "
            "for it.",
            one["found"],
        )
        % {"named": _named(one), "found": one["found"], "sources": sources}
        for one in search.looked_up
    ]
    return " ".join(lines)


def _sources(search: Search) -> str:
    return ngettext(
        "%(pictures)s picture in the sources",
        "%(pictures)s pictures in the sources",
        search.pictures,
    ) % {"pictures": search.pictures}


def _named(row: Mapping[str, Any]) -> str:
    number = int(row["named"])
    words = {
        WayKind.PAGE: ngettext(
            "the page address you gave", "the %(number)s page addresses you gave", number
        ),
        WayKind.FILE: ngettext("the file you gave", "the %(number)s files you gave", number),
        WayKind.ACCOUNT: ngettext(
            "the account name you gave", "the %(number)s account names you gave", number
        ),
    }
    return words[WayKind(row["kind"])] % {"number": number}


def found_by_words(found_by: str) -> str:
    """How a record was found whose face no program compared."""
    return {
        "address": _("not compared: found by the page address you gave"),
        "file": _("not compared: found by the file you gave"),
        "account": _("not compared: found by the account name you gave"),
    }.get(found_by, _("not recorded"))
