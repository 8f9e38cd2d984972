"""What each letter beside the answer says, section by section (law 9(d)).

Every text is the person's language when a function is called. What only an officer can say comes
as a fact, already checked to be plain. Facts hold codes, dates as ISO text and the officer's words.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.cases import corrections
from dsr_portal.cases.correction_models import Correction, CorrectionState
from dsr_portal.cases.keep_days import keep_each
from dsr_portal.cases.letters import Body, Facts, Section, Spec
from dsr_portal.cases.models import Case, LetterKind, LockEnd, Means, Missing, PauseGround
from dsr_portal.cases.texts import WHY_ASKED, choice_words, day_words, right_words
from dsr_portal.law.articles import (
    CORRECTION_GROUNDS,
    EXEMPTIONS,
    EXTENSION_REASONS,
    REFUSAL_GROUNDS,
    CorrectionGround,
    Exemption,
    ExtensionReason,
    RefusalGround,
    cited,
)


def _day(facts: Facts, name: str) -> str:
    return day_words(date.fromisoformat(facts[name]))


def complain_now() -> Section:
    return {
        "id": "rights",
        "heading": _("If you disagree"),
        "text": _(
            "You can complain to a data protection authority now, and you can go to court. You "
            "don't have to wait for our answer, and it costs you nothing here."
        ),
    }


def _complain() -> Section:
    """As `complain_now`, in a letter after which nothing more is to come."""
    return {
        "id": "rights",
        "heading": _("If you disagree"),
        "text": _(
            "You can complain to a data protection authority now, and you can go to court. It"
            " costs you nothing here."
        ),
    }


def section(name: str, heading: str, text: str, **more: Any) -> Section:
    return {"id": name, "heading": heading, "text": text, **more}


# -- more time (Art. 12(3); law D-06) -------------------------------------------------------------


def _extension(case: Case, facts: Facts) -> Body:
    due = _day(facts, "new_due")
    return Body(
        short=_("We need more time. You get our answer by %(due)s at the latest.") % {"due": due},
        rows=[
            (_("First date"), _day(facts, "first_due")),
            (_("New date"), due),
        ],
        sections=[
            section(
                "why",
                _("Why"),
                _("The law lets us take longer only where it is needed (Art. 12(3) GDPR)."),
                points=[str(EXTENSION_REASONS[ExtensionReason(facts["reason"])]), facts["words"]],
            ),
            section(
                "sorry",
                _("We are sorry"),
                _("You asked us to answer within a month, and we can't. We are sorry."),
            ),
            section("progress", _("Where we stand"), facts["progress"]),
            complain_now(),
        ],
    )


EXTENSION = Spec(
    name=LetterKind.EXTENSION,
    title=gettext_lazy("We need more time for your request"),
    law="Art. 12(3); D-06",
    when="two persons agreed to take longer; only before the first date",
    required=("why", "sorry", "progress", "rights"),
    compose=_extension,
    neutral=False,
)


# -- one wish that came later than the request (Art. 12(3); law D-06, D-07) -----------------------


def _wish_rows(facts: Facts) -> list[tuple[str, str]]:
    return [(_("This letter is about"), right_words(facts["right"]))]


def _rest_goes_on() -> Section:
    return section(
        "rest",
        _("What stays as it is"),
        _("This is about one thing only. Everything else you asked goes on and keeps its date."),
    )


def _wish_extension(case: Case, facts: Facts) -> Body:
    made = _extension(case, facts)
    return Body(
        short=_("For one thing you asked later we need more time: until %(due)s at the latest.")
        % {"due": _day(facts, "new_due")},
        rows=[*_wish_rows(facts), (_("You asked it on"), _day(facts, "asked_on")), *made.rows],
        sections=[*made.sections[:-1], _rest_goes_on(), made.sections[-1]],
    )


WISH_EXTENSION = Spec(
    name=LetterKind.WISH_EXTENSION,
    title=gettext_lazy("We need more time for something you asked later"),
    law="Art. 12(3); D-06",
    when="two persons agreed to take longer for a wish that was added; only in its first month",
    required=("why", "sorry", "progress", "rest", "rights"),
    compose=_wish_extension,
    neutral=False,
)


_WISH_CLOCK: dict[str, Callable[[], str]] = {
    "stands": lambda: _(
        "Our time for this one thing stands still from the day this letter leaves us until the day"
        " you answer. Without that, it would be due on %(due)s."
    ),
    "agree": lambda: _(
        "Our time for this one thing goes on: it is due on %(due)s. We asked late, so it can stand"
        " still only where a second person agrees. The page of your request says so then."
    ),
    "stood": lambda: _(
        "Our time for this one thing stands still since %(since)s. Without that, it would be due on"
        " %(due)s. From the day you answer it goes on."
    ),
}
_WISH_GROUND: dict[str, tuple[Callable[[], str], tuple[Means, ...]]] = {
    PauseGround.IDENTITY: (
        lambda: _(
            "For this we have to know better that it is you. Pictures of you must not go to"
            " somebody else, or be deleted for somebody else (Art. 12(6) GDPR)."
        ),
        (Means.CALL, Means.VISIT, Means.POST_FORM),
    ),
    PauseGround.SPECIFYING: (
        lambda: _("It was not clear to us which part you mean, so we ask (Art. 12(2) GDPR)."),
        (Means.IN_WORDS, Means.WHOLE),
    ),
}


def _wish_ask(case: Case, facts: Facts) -> Body:
    why, means = _WISH_GROUND[PauseGround(facts["ground"])]
    again = "asked_on" in facts
    short = _("We have one question about something you asked later.")
    if again:
        short = _("On %(day)s we asked you for something, and we have no answer yet.") % {
            "day": _day(facts, "asked_on")
        }
    return Body(
        short=short,
        rows=[*_wish_rows(facts), (_("You asked it on"), _day(facts, "added_on"))],
        sections=[
            section("what", _("What we ask you"), facts["words"]),
            section("why", _("Why we ask, in your case"), why()),
            section(
                "choices",
                _("What you can choose from"),
                _(
                    "One of these is enough. Write to the address below, call us, or use the page"
                    " of your request."
                ),
                points=[choice_words(one) for one in means],
            ),
            _rest_goes_on(),
            section(
                "clock",
                _("What this does to our time"),
                _WISH_CLOCK[facts["clock"]]() % _days(facts),
            ),
            section("silence", _("If you don't answer"), _wish_silence(facts, again=again)),
            complain_now(),
        ],
    )


def _wish_silence(facts: Facts, *, again: bool) -> str:
    told = _(
        "What you asked does not end by that. A person decides how we go on, and you can answer at"
        " any time."
    )
    if again:
        return told
    return _("We ask once more, not before %(again)s.") % _days(facts) + " " + told


WISH_ASK = Spec(
    name=LetterKind.WISH_ASK,
    title=gettext_lazy("A question about something you asked later"),
    law="Art. 12(2), 12(6); D-07, D-08, R-06",
    when="an officer asks about a wish that was added; once more a week after the letter left",
    required=("what", "why", "choices", "rest", "clock", "silence", "rights"),
    compose=_wish_ask,
    mailed=False,
)


# -- late (R25; law D-09) -------------------------------------------------------------------------


_OWED = {
    "answer": lambda: _("our answer to your request"),
    "erasure": lambda: _("the end of the deletion you asked for"),
    "correction": lambda: _("our answer about what you told us is wrong"),
}


def _late(case: Case, facts: Facts) -> Body:
    what = _OWED[facts["what"]]()
    due = _("By %(day)s you should have had %(what)s. You have not.") % {
        "day": _day(facts, "missed_on"),
        "what": what,
    }
    if facts.get("broken_on"):
        due += " " + _(
            "After that we named %(day)s, and missed that date too. We are sorry for that as well."
        ) % {"day": _day(facts, "broken_on")}
    return Body(
        short=_("We are late. We are sorry."),
        rows=[
            (_("It was due"), _day(facts, "missed_on")),
            (_("New date"), _day(facts, "new_date") if facts["new_date"] else _("none yet")),
        ],
        sections=[
            section("what", _("What was due"), due),
            section("new-date", _("What we do now"), _new_date(facts)),
            section(
                "person",
                _("Whom you can ask"),
                _("%(name)s answers for your request. Call or write, and name your reference.")
                % {"name": facts["person"]},
            ),
            complain_now(),
        ],
    )


def _new_date(facts: Facts) -> str:
    """A day a person stands for, or plainly none: no machine promises one (R25)."""
    if facts["new_date"]:
        return _("We work on it first. You get it by %(day)s. Until then we write every week.") % {
            "day": _day(facts, "new_date")
        }
    return _(
        "There is no new date yet. We name one only when a person stands for it, and write to you"
        " that day. Until then we write every week."
    )


LATE = Spec(
    name=LetterKind.LATE,
    title=gettext_lazy("We are late with your request"),
    law="Art. 12(3), 77, 79; rule R25, D-09",
    when="first working day after a missed date, every week until it is met, and on the day a"
    " person names a new date",
    required=("what", "new-date", "person", "rights"),
    compose=_late,
)


# -- a refusal as abusive (Art. 12(4), 12(5); law) --------------------------------------


def _refusal(case: Case, facts: Facts) -> Body:
    ground = REFUSAL_GROUNDS[RefusalGround(facts["ground"])]
    return Body(
        short=_("We refuse your request. Here is why, and what you can do."),
        rows=[(_("Decided by"), ", ".join(facts["by"]))],
        sections=[
            section(
                "ground",
                _("The ground"),
                f"{ground.text} ({cited(ground.article)})",
            ),
            section("facts", _("What we base this on"), "", points=facts["words"]),
            section(
                "given",
                _("What you get all the same"),
                _(
                    "We keep your request and this letter for %(days)s days after it left. That"
                    " long the page of your request stays open to you. We charge nothing. We"
                    " searched for nothing, so this letter says nothing about whether we hold"
                    " pictures of you."
                )
                % {"days": 2 * keep_each(case).days},
            ),
            section(
                "cure",
                _("How to go on"),
                _(
                    "If we are wrong about the facts, write to us on the page of your request."
                    " You can also send a new request at any time. We count nothing against you."
                ),
            ),
            _complain(),
        ],
    )


REFUSAL = Spec(
    name=LetterKind.REFUSAL,
    title=gettext_lazy("We refuse your request"),
    law="Art. 12(4), 12(5); R-01, R-04",
    when="two persons agreed to the evidence, one of them a supervisor; inside the first month",
    required=("ground", "facts", "given", "cure", "rights"),
    compose=_refusal,
)


# -- an objection (Art. 21; law E-09) ------------------------------------------------------------


def _objection(case: Case, facts: Facts) -> Body:
    return Body(
        short=_("You told us to stop using your pictures. We stop."),
        rows=[(_("Outcome"), _("we stop"))],
        sections=[
            section(
                "outcome",
                _("What this means"),
                _(
                    "What two people confirmed to be a picture of you is locked, or deleted where"
                    " you asked for that. A locked picture is kept out of our own search and shown"
                    " to nobody. The lock stays after your request ends."
                ),
            ),
            section(
                "why",
                _("Why"),
                _(
                    "After an objection we may go on only with reasons that outweigh yours (Art."
                    " 21(1) GDPR). We name none."
                ),
            ),
            section(
                "limits",
                _("What this letter does not say"),
                _(
                    "It says nothing about whether we hold pictures of you. What we can say about"
                    " that stands in our answer. If you find a picture later, tell us: your"
                    " objection covers it too."
                ),
            ),
            _complain(),
        ],
    )


OBJECTION = Spec(
    name=LetterKind.OBJECTION,
    title=gettext_lazy("We stop using your pictures"),
    law="Art. 21(1), 12(3); E-09",
    when="the answer to an objection has left, or the certificate of an unseen erasure",
    required=("outcome", "why", "limits", "rights"),
    compose=_objection,
)


# -- before a lock kept as evidence is lifted (Art. 18(3); law E-08) ------------------------------


_WHY_IT_ENDS = {
    LockEnd.WISH: lambda: _("You told us that you don't need it any more."),
    LockEnd.PERIOD: lambda: _("The time it was asked for is nearly over."),
}
_THEN = {
    "erase": lambda: _(
        "You also asked us to delete. So nothing goes back into use: it stays locked until we"
        " delete it. You get a certificate of that."
    ),
    "locked": lambda: _(
        "You also told us to stop using your pictures. That stands: what is of you stays locked."
    ),
    "lifted": lambda: _(
        "From that day the controller may use again what we had locked for you. You can ask us at"
        " any time to delete it, or to stop."
    ),
}


def _lock_ends(case: Case, facts: Facts) -> Body:
    day = _day(facts, "ends_on")
    return Body(
        short=_("The lock you asked for ends on %(day)s. You can keep it.") % {"day": day},
        rows=[(_("The lock ends"), day)],
        sections=[
            section("why", _("Why it ends"), _WHY_IT_ENDS[LockEnd(facts["why"])]()),
            section("then", _("What happens then"), _THEN[facts["then"]]()),
            section(
                "keep",
                _("How to keep it"),
                _(
                    "Open the page of your request before that day and choose how long you need it."
                    " You don't have to say why. A word to us by mail, post or phone does the same."
                ),
            ),
            section(
                "limits",
                _("What this letter does not say"),
                _(
                    "It says nothing about whether we hold pictures of you. What we can say about"
                    " that stands in our answer."
                ),
            ),
            _complain(),
        ],
    )


LOCK_ENDS = Spec(
    name=LetterKind.LOCK_ENDS,
    title=gettext_lazy("The lock on your pictures ends"),
    law="Art. 18(3), 12(1); E-08",
    when="the person ends a lock kept as evidence, or two weeks before its period is over",
    required=("why", "then", "keep", "limits", "rights"),
    compose=_lock_ends,
)


# -- a breach (Art. 34(2); law 9(d), O-07) ---------------------------------------------------------


def _breach(case: Case, facts: Facts) -> Body:
    return Body(
        short=_("Something went wrong with your data here. We are sorry."),
        rows=[],
        sections=[
            section("nature", _("What happened"), facts["nature"]),
            section("effects", _("What it may mean for you"), facts["effects"]),
            section("measures", _("What we do about it, and what you can do"), facts["measures"]),
            section(
                "contact",
                _("Who tells you more"),
                _("Write or call. Give the reference above, nothing else is needed."),
                rows=[
                    (_("Data protection officer"), settings.DSR_CONTROLLER["dpo"]),
                    (_("E-mail"), settings.DSR_CONTROLLER["email"]),
                ],
            ),
            _complain(),
        ],
    )


BREACH = Spec(
    name=LetterKind.BREACH,
    title=gettext_lazy("Something went wrong with your data"),
    law="Art. 34(2); O-07",
    when="a breach concerns the person and a supervisor, the DPO or a director writes to them",
    required=("nature", "effects", "measures", "contact", "rights"),
    compose=_breach,
    neutral=False,
)


# -- what was said to be wrong in a picture (Art. 16, 18(1)(a), 19; law E-01) ----------------------


_AFTER_CHECK = {
    "none": lambda: _("No lock of this request is left on what this letter is about."),
    "erase": lambda: _("The picture stays locked until we delete it, as you asked."),
    "kept": lambda: _("The picture stays locked, as you asked. The lock outlives this request."),
    "ends": lambda: _(
        "While we checked, the picture was locked. The lock ends when this request closes, not"
        " before 30 days from this letter. Tell us on the page of your request to keep it."
    ),
}


def _rectification(case: Case, facts: Facts) -> Body:
    rows = list(
        case.corrections.filter(id__in=facts["items"])
        .select_related("case", "proposal")
        .order_by("number", "asked_at", "id")
    )
    less = [one for one in rows if one.ground]
    short = _("We did what you told us about your pictures.")
    taken_out = [one for one in rows if one.state == CorrectionState.LEFT]
    if less:
        short = _("We did a part of what you told us. Why not all of it stands below.")
    if all(one.state == CorrectionState.REFUSED for one in rows):
        short = _("We leave it as it is. Here is why, and what you can do.")
    return Body(
        short=short,
        rows=[],
        sections=[
            section("items", _("What we did"), "", rows=[_corrected(one) for one in rows]),
            section(
                "why",
                _("Why"),
                _("What is wrong has to be put right, and what is missing added (Art. 16 GDPR)."),
                points=[words for one in less for words in (_less(one), corrections.facts_of(one))],
            ),
            section("others", _("Who else hears of it"), _heard(rows, facts)),
            section("lock", _("The lock meanwhile"), _AFTER_CHECK[facts["lock"]]()),
            *([_answer_closed()] if taken_out else []),
            section("cure", _("If you see it otherwise"), _otherwise(rows)),
            _complain(),
        ],
    )


def _otherwise(rows: list[Correction]) -> str:
    """Words can be put beside a picture that is still this person's, and beside no other."""
    write = _("Write to us on the page of your request and say what shows it.")
    if all(one.state in {CorrectionState.LEFT, CorrectionState.GONE} for one in rows):
        return write
    beside = _("You can also have your own words put beside the picture: ask for it there.")
    return f"{write} {beside}"


def _answer_closed() -> Section:
    return section(
        "answer",
        _("Your answer"),
        _(
            "The answer we sent you shows somebody else, so nobody can open it any more. Delete"
            " that picture if you saved it, and don't pass it on. We still owe you an answer"
            " without it: we make a new one, and write to you when it is here."
        ),
    )


def _corrected(row: Correction) -> tuple[str, str]:
    name = _("Picture %(number)s") % {"number": row.number}
    told = _("You told us: “%(wrong)s.” %(done)s.") % {
        "wrong": row.get_what_display(),
        "done": row.get_state_display(),
    }
    if row.state == CorrectionState.DONE:
        now = corrections.put_right(row).get("after") or _("nothing")
        told += " " + _("It says now: %(words)s") % {"words": now}
    return name, told


def _less(row: Correction) -> str:
    ground = CORRECTION_GROUNDS[CorrectionGround(row.ground)]
    return _("Picture %(number)s: %(ground)s (%(article)s)") % {
        "number": row.number,
        "ground": ground.text,
        "article": cited(ground.article),
    }


def _heard(rows: list[Correction], facts: Facts) -> str:
    changed = {CorrectionState.DONE, CorrectionState.STATED}
    if not any(one.state in changed for one in rows):
        return _("Nothing was changed in a picture, so there is nothing to tell others.")
    if facts["others"]:
        return _("We tell those who were shown it, as far as the logs reach: %(names)s.") % {
            "names": ", ".join(facts["others"])
        }
    return _("We know of nobody who was shown it. We know only what logs of look-ups tell us.")


RECTIFICATION = Spec(
    name=LetterKind.RECTIFICATION,
    title=gettext_lazy("What you told us to correct"),
    law="Art. 16, 12(4), 18(3), 19; E-01, R-01",
    when="the last open thing a person said to be wrong in a picture was settled",
    required=("items", "why", "others", "lock", "cure", "rights"),
    compose=_rectification,
    neutral=False,
)


# -- a picture kept longer although erasure was asked (Art. 17(3), 12(4); law E-03) ----------------


def _exemption(case: Case, facts: Facts) -> Body:
    until = _day(facts, "until")
    ground = EXEMPTIONS[Exemption(facts["ground"])]
    which = str(facts["number"]) if facts["number"] else _("not shown")
    return Body(
        short=_("We keep one picture longer than we told you: until %(day)s. Here is why.")
        % {"day": until},
        rows=[
            (_("Picture"), which),
            (_("Last day we told you"), _day(facts, "before")),
            (_("New last day"), until),
            (_("Decided by"), ", ".join(facts["by"])),
        ],
        sections=[
            section("ground", _("The ground"), f"{ground.text} ({cited(ground.article)})"),
            section("facts", _("What we base this on"), "", points=[facts["words"]]),
            section(
                "lock",
                _("What happens until then, and after"),
                _(
                    "The picture stays locked: kept out of our own search and shown to nobody. The"
                    " day after its last day we start to delete it."
                ),
            ),
            section(
                "cure",
                _("If you see it otherwise"),
                _("Write to us on the page of your request and say what shows it."),
            ),
            _complain(),
        ],
    )


EXEMPTION = Spec(
    name=LetterKind.EXEMPTION,
    title=gettext_lazy("We keep a picture longer"),
    law="Art. 17(3), 12(4); E-03, R-01",
    when="two persons agreed, before the last day of an exemption, to keep a picture longer",
    required=("ground", "facts", "lock", "cure", "rights"),
    compose=_exemption,
    neutral=False,
)


# -- a question (Art. 11(2), 12(2), 12(6); law 9(d), T-07, R-06) -----------------------------------


_CLOCK: dict[str, Callable[[], str]] = {
    "runs": lambda: _(
        "Our time goes on while we wait. You have our answer by %(due)s at the latest."
    ),
    "stands": lambda: _(
        "We can't go on without you. So our time stands still from the day this letter leaves us"
        " until the day you answer. Without that, our answer would be due on %(due)s. Each day"
        " that we wait moves it by one day. The page of your request says how it stands."
    ),
    "agree": lambda: _(
        "Our time goes on: our answer is due on %(due)s. We asked late, so it can stand still only"
        " where a second person agrees. The page of your request says so then."
    ),
    "stood": lambda: _(
        "Our time stands still since %(since)s, for we can't go on without you. Without that, our"
        " answer would be due on %(due)s. From the day you answer it goes on."
    ),
    "late": lambda: _(
        "Our answer was due on %(due)s. We are late, and this question does not change that."
    ),
}


def clock_words(facts: Facts) -> str:
    """What a question does to the time of the request, with its dates."""
    return _CLOCK[facts["clock"]]() % _days(facts)


def _days(facts: Facts) -> dict[str, str]:
    return {name: _day(facts, name) for name in ("due", "since", "again", "end") if name in facts}


def _question(facts: Facts, *, short: str, law: str) -> Body:
    """What each question says, the first time and when it is asked again."""
    return Body(
        short=short,
        rows=[],
        sections=[
            section("what", _("What we ask you"), facts["words"] or choose_one()),
            section(
                "why",
                _("Why we ask, in your case"),
                law,
                points=[WHY_ASKED[Missing(one)]() for one in facts["missing"]],
            ),
            section(
                "choices",
                _("What you can choose from"),
                _(
                    "One of these is enough. You don't have to send a photo or a document. Write"
                    " to the address below, call us, or use the page of your request."
                ),
                points=[choice_words(one) for one in facts["means"]],
            ),
            section(
                "cover",
                _("If you choose to send a document"),
                _(
                    "Cover everything but your face or your name before you send it. Cover the"
                    " number, the day of birth, the address and the signature."
                ),
            ),
            section(
                "data",
                _("What happens to what you send"),
                _(
                    "It is used for this request only. A document is looked at by one officer and"
                    " destroyed. We note only that it was looked at, of which kind it was, and the"
                    " day. Everything else is deleted after your request ends. The page of your"
                    " request stays open to you until then."
                ),
            ),
            section("clock", _("What this does to our time"), clock_words(facts)),
            section(
                "silence",
                _("If you don't answer"),
                _silence(facts) % _days(facts),
            ),
            complain_now(),
        ],
    )


def choose_one() -> str:
    return _("Choose what suits you:")


def _silence(facts: Facts) -> str:
    if "asked_on" in facts:
        return _(
            "A letter then says why we can't go on, not before a week from now. That is no end: you"
            " can give us more at any time, and your request opens again."
        )
    return _(
        "We ask once more, not before %(again)s. After that a letter says why we can't go on, not"
        " before %(end)s. That is no end: you can give us more at any time, and your request opens"
        " again."
    )


def _need_info(case: Case, facts: Facts) -> Body:
    return _question(
        facts,
        short=_("We need something from you before we can go on."),
        law=_(
            "The law asks us to say so where we can't find what is of you without more (Art. 11(2)"
            " and 12(2) GDPR)."
        ),
    )


def _identity_doubt(case: Case, facts: Facts) -> Body:
    return _question(
        facts,
        short=_("We can't tell yet that it is you who asks. Please help us with one of the ways."),
        law=_(
            "Pictures of you must not go to somebody else. Where we have a reason to doubt, the law"
            " lets us ask (Art. 12(6) GDPR)."
        ),
    )


def _ask_reminder(case: Case, facts: Facts) -> Body:
    return _question(
        facts,
        short=_("On %(day)s we asked you for something, and we have no answer yet.")
        % {"day": _day(facts, "asked_on")},
        law=_("Without it we can't go on (Art. 11(2), 12(2) and 12(6) GDPR)."),
    )


_ASKS = ("what", "why", "choices", "cover", "data", "clock", "silence", "rights")
NEED_INFO = Spec(
    name=LetterKind.NEED_INFO,
    title=gettext_lazy("We need something from you"),
    law="Art. 11(2), 12(2), 12(4); T-07, D-07, D-08",
    when="an officer asks what is missing to look for the person, or which part is meant",
    required=_ASKS,
    compose=_need_info,
    mailed=False,
)
IDENTITY_DOUBT = Spec(
    name=LetterKind.IDENTITY_DOUBT,
    title=gettext_lazy("We need to know that it is you"),
    law="Art. 12(6), 12(2); R-06, R-08, D-07, D-08",
    when="an officer has a fact that makes it doubtful who asks",
    required=_ASKS,
    compose=_identity_doubt,
    mailed=False,
)
ASK_REMINDER = Spec(
    name=LetterKind.ASK_REMINDER,
    title=gettext_lazy("We asked you for something"),
    law="Art. 12(2); D-07, D-08",
    when="a week after the question had left without an answer, once",
    required=_ASKS,
    compose=_ask_reminder,
    mailed=False,
)


# -- a wish to correct that named nothing (Art. 16, 12(2); law E-01) ------------------------------


def _name_correction(case: Case, facts: Facts) -> Body:
    return Body(
        short=_("You asked us to correct something. Tell us what it is, and we look at it."),
        rows=[],
        sections=[
            section(
                "how",
                _("How to name it"),
                _("Nothing you told us says yet what is wrong. These ways work:"),
                points=[
                    _(
                        "Open our answer. If there are pictures in it, the page of your request"
                        " has a form: which picture, what is wrong, what is right."
                    ),
                    _("Write to us on the page of your request, in your own words."),
                    _("Call us: %(phone)s. A person writes it down with you.")
                    % settings.DSR_CONTROLLER,
                ],
            ),
            section(
                "when",
                _("What happens then"),
                _(
                    "Each thing you name has a month of its own, from the day it reaches us. Until "
                    "then the picture stays locked. If there is no picture in our answer, there is "
                    "nothing in one we could correct; another photo or page may help us find one."
                ),
            ),
            complain_now(),
        ],
    )


NAME_CORRECTION = Spec(
    name=LetterKind.NAME_CORRECTION,
    title=gettext_lazy("What is to be corrected?"),
    law="Art. 16, 12(2), 12(3); E-01",
    when="the answer left three days ago, a correction was asked and nothing was named",
    required=("how", "when", "rights"),
    compose=_name_correction,
)


# -- a new address, told to the old one on paper (R13) --------------------------------------------


def _address(case: Case, facts: Facts) -> Body:
    return Body(
        short=_("You gave us a new address. If you did not, stop it now."),
        rows=[],
        sections=[
            section(
                "what",
                _("What this is about"),
                _(
                    "You gave us a new address for your request, or somebody gave it for you. We "
                    "do not print it here. It counts 72 hours after we post this letter. Until "
                    "then nothing leaves that opens an answer."
                ),
            ),
            section(
                "stop",
                _("If it was not you"),
                _("Call or write to us at once, and we stop it: %(phone)s, %(email)s.")
                % settings.DSR_CONTROLLER,
            ),
        ],
    )


ADDRESS = Spec(
    name=LetterKind.ADDRESS,
    title=gettext_lazy("A new address for your request"),
    law="Art. 32; rule R13",
    when="a new address was given, and the old one is known on paper only",
    required=("what", "stop"),
    compose=_address,
)


LETTERS: tuple[Spec, ...] = (
    EXTENSION,
    WISH_EXTENSION,
    WISH_ASK,
    LATE,
    REFUSAL,
    OBJECTION,
    LOCK_ENDS,
    BREACH,
    RECTIFICATION,
    EXEMPTION,
    NEED_INFO,
    IDENTITY_DOUBT,
    ASK_REMINDER,
    ADDRESS,
    NAME_CORRECTION,
)
"""Every kind of letter beside the answer; docs/letters.md is made from these."""
