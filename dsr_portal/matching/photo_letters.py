"""Photos that don't serve, told by letter to who reads only paper (law T-06, T-07; R6).

One that can't be used, one of several people, several that are unlike one another.

Everybody else reads it on the page of the request and by mail at once. It is no question of an
officer: the clock runs on (law D-07), nothing ends for want of a photo, and a letter never says
what was found, for nothing was searched yet. One letter tells of every photo that came together.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import asking, clocks, letters
from dsr_portal.cases.letter_texts import clock_words, complain_now, section
from dsr_portal.cases.letters import Body, Facts, Section, Spec
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Letter, LetterKind, LetterState, Means, Status
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.question_returns import AGAIN
from dsr_portal.cases.texts import choice_words, day_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.matching import photos as photo_set
from dsr_portal.matching.models import Probe, ProbeState, Search
from dsr_portal.matching.words import verdict_words

OTHER_WAYS = (Means.NAMED, Means.CALL, Means.VISIT, Means.POST_FORM)
"""None of them needs a photo or a smartphone, and no document is asked for first (R6, R-06)."""

_NEEDS_PERSON = (ProbeState.UNUSABLE, ProbeState.CHOOSING)
"""A photo of several people can't be used as it is either: on paper nobody can tap a face, and
another photo or a call helps (law P-05)."""

_SEVERAL = "several_faces"
"""The verdict on a photo with more than one face."""

_ACTOR = Actor.system("matching")


def tell(case: Case) -> Letter | None:
    """Write to who reads only paper, once the check of every photo that came is done.

    In the unit of work that judged one, under the case's lock. None where the person reads it
    elsewhere, or where a photo they were not told of yet is none.
    """
    here = photo_set.counting(case.id)
    unusable = [photo for photo in here if photo.state in _NEEDS_PERSON]
    checked = all(photo.state != ProbeState.RECEIVED for photo in here)
    if case.status != Status.NEEDS_INFO or not (unusable and checked):
        return None
    if not letters.goes_by_post(case) or _letters_about(unusable):
        return None
    return letters.write(
        case=case,
        kind=LetterKind.PHOTO,
        key=_key(unusable[-1]),
        actor=_ACTOR,
        facts=_facts(case, [photo.verdict for photo in unusable]),
    )


def tell_apart(search: Search) -> Letter | None:
    """Write to who reads only paper that their photos are too unlike to be of one person.

    In the unit of work that found it, under the case's lock. Nothing was compared with what we
    hold, so it says the same whatever that is (R3).
    """
    case = Case.objects.get(id=search.case_id)
    if not letters.goes_by_post(case):
        return None
    return letters.write(
        case=case,
        kind=LetterKind.PHOTO,
        key=_apart_key(search),
        actor=_ACTOR,
        facts={**_facts(case, []), "apart": True},
    )


def _apart_key(search: Search) -> str:
    return f"photo:apart:{search.id}"


def _key(photo: Probe) -> str:
    return f"photo:{photo.id}"


def _letters_about(unusable: Sequence[Probe]) -> list[Letter]:
    """The letter that told of these photos, if one was written."""
    return list(Letter.objects.filter(unique_key__in=[_key(photo) for photo in unusable]))


def _about(search: Search) -> Letter | None:
    """The letter that told of photos unlike one another, if one was written."""
    return Letter.objects.filter(unique_key=_apart_key(search)).first()


def _facts(case: Case, verdicts: Sequence[str]) -> dict[str, object]:
    counted = clocks.clock_of(case)
    return {
        "verdicts": list(dict.fromkeys(verdicts)),
        "clock": "late" if counted.late else "runs",
        "due": counted.due.legal.isoformat(),
        "again": (clock.today() + asking.REMIND_AFTER).isoformat(),
    }


def remind_due() -> int:
    """Write once more a week after such a letter was posted and nothing came; how many.

    Where an officer asked meanwhile, that question has a reminder of its own (D-08).
    """
    posted = Letter.objects.filter(
        kind=LetterKind.PHOTO,
        state=LetterState.SENT,
        sent_at__lte=clock.now() - asking.REMIND_AFTER,
        case__status=Status.NEEDS_INFO,
    )
    return sum(
        quietly(partial(_remind, one), doing="reminder of a photo", of=one)
        for one in list(posted.order_by("sent_at").values_list("case_id", flat=True).distinct())
    )


def _remind(case_id: UUID) -> bool:
    with unit_of_work():
        case = lock(case_id)
        here = photo_set.counting(case.id)
        unusable = [photo for photo in here if photo.state in _NEEDS_PERSON]
        apart = None if unusable else photo_set.unlike(case)
        first = next(iter(_letters_about(unusable)), None) if apart is None else _about(apart)
        if first is None or case.status != Status.NEEDS_INFO or asking.unanswered(case):
            return False
        key, left_at = f"{first.unique_key}{AGAIN}", first.sent_at
        if left_at is None or left_at > clock.now() - asking.REMIND_AFTER:
            return False
        if Letter.objects.filter(unique_key=key).exists():
            return False
        told = _facts(case, [photo.verdict for photo in unusable])
        if apart is not None:
            told["apart"] = True
        told["asked_on"] = clock.local_date(left_at).isoformat()
        letters.write(case=case, kind=LetterKind.PHOTO, key=key, actor=_ACTOR, facts=told)
    return True


# -- what it says -------------------------------------------------------------------------------


def _photo(case: Case, facts: Facts) -> Body:
    return Body(
        short=_short(facts),
        rows=[],
        sections=[
            _reason(facts),
            section("what", _("What you can do"), " ".join(_what(facts))),
            section(
                "choices",
                _("Other ways"),
                _(
                    "You don't have to send a photo. One of these is enough to go on. Write to the"
                    " address below or call us."
                ),
                points=[choice_words(one) for one in OTHER_WAYS],
            ),
            section(
                "data",
                _("What happens to what you send"),
                _kept(facts),
            ),
            section("clock", _("What this does to our time"), clock_words(facts)),
            section("silence", _("If you don't answer"), _silence(facts)),
            complain_now(),
        ],
    )


def _reason(facts: Facts) -> Section:
    if "apart" in facts:
        return section(
            "reason",
            _("Why we ask"),
            _(
                "We compared your photos with one another and with nothing else. They are too"
                " unlike for us to go on. Old photos, and faces that are hard to see, are often"
                " the reason."
            ),
        )
    return section(
        "reason",
        _("Why we can't use it"),
        _("We checked what you sent for one thing: whether one face can be seen well."),
        points=[verdict_words(one) for one in facts["verdicts"]],
    )


def _what(facts: Facts) -> list[str]:
    told = []
    if "apart" in facts:
        told.append(_("Call us or write to us which of the photos show you, or send another one."))
    elif _SEVERAL in facts["verdicts"]:
        told.append(
            _("Call us or write to us which face in the photo is yours, or send another one.")
        )
    told.append(
        _(
            "Send another photo of your face, by post or on the page of your request."
            " Write your reference on the back of a photo on paper."
        )
    )
    return told


def _kept(facts: Facts) -> str:
    if "apart" in facts:
        return _(
            "It is used for this request only. We search for nothing before this is clear. Your"
            " photos are deleted after your request ends."
        )
    return _(
        "It is used for this request only. We search for nothing with a photo that can't be used."
        " It is deleted when another one comes, or after your request ends."
    )


def _short(facts: Facts) -> str:
    if "apart" in facts:
        return _short_apart(facts)
    if "asked_on" in facts:
        return _(
            "On %(day)s we wrote to you that we can't use your photo, and nothing came yet."
        ) % {"day": day_words(date.fromisoformat(facts["asked_on"]))}
    return _("We can't use the photo you sent. Send another one, or choose a way without a photo.")


def _short_apart(facts: Facts) -> str:
    if "asked_on" in facts:
        return _("On %(day)s we asked you which of your photos show you, and nothing came yet.") % {
            "day": day_words(date.fromisoformat(facts["asked_on"]))
        }
    return _("Please look at your photos once more. Tell us which of them show you.")


def _silence(facts: Facts) -> str:
    told = _(
        "Your request does not end for want of a photo. A person looks for another way to go on,"
        " and writes to you before anything ends."
    )
    if "asked_on" in facts:
        return told
    again = day_words(date.fromisoformat(facts["again"]))
    return _("We write once more, not before %(again)s.") % {"again": again} + " " + told


SPEC = Spec(
    name=LetterKind.PHOTO,
    title=gettext_lazy("We need another photo, or another way"),
    law="Art. 11(2), 12(2); T-06, T-07, rule R6",
    when=(
        "a photo of who has paper only can't be used, or photos are unlike one another; once more a"
        " week after it was posted"
    ),
    required=("reason", "what", "choices", "data", "clock", "silence", "rights"),
    compose=_photo,
    mailed=False,
)
