"""What a person says is wrong in a picture of their answer: read, decided, put right (Art. 16)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import corrections
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.correction_models import Correction, CorrectionState, Wrong
from dsr_portal.cases.models import Case, Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import AnswerCorrectionForm, EnterCorrectionForm
from dsr_portal.disclosure import correcting
from dsr_portal.disclosure.columns import column_words
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.connector import OTHER

CORRECT, ADD = "correct", "add"


@for_reviewers
@require_http_methods(["GET", "POST"])
def every(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Everything the person said is wrong; and writing down what came by post, phone or mail."""
    found = cases.case_for(staff_of(request), reference)
    problem = correcting.why_not(found, actor)
    here = [] if problem is not None else correcting.places(found)
    form = EnterCorrectionForm(
        request.POST or None, places=[(one.key, _place(one)) for one in here]
    )

    def act() -> None:
        correcting.ask(case_id=found.id, actor=actor, **form.cleaned_data)

    if done(request, form, act, _("Written down. Another officer answers it.")):
        return redirect("desk:corrections", reference=found.reference)
    return form_page(
        request,
        "desk/corrections.html",
        found,
        form,
        not_yet=problem,
        rows=[_seen(one, actor) for one in _rows(found)],
    )


def _rows(found: Case) -> list[Correction]:
    if found.status == Status.PURGED:
        return []
    rows = found.corrections.select_related("case", "proposal")
    return list(rows.order_by("number", "asked_at", "id"))


def _seen(row: Correction, actor: Actor) -> dict[str, Any]:
    """One thing as an officer reads it: what was said, what stands there, who may answer."""
    said = corrections.said(row)
    return {
        "row": row,
        "right": said["right"],
        "words": said["words"],
        "now": corrections.put_right(row).get("after"),
        "barred": actor.id in {row.entered_by, row.case.opener},
        "proposed": corrections.proposed(row) is not None,
        "otherwise": _otherwise(row),
    }


def _otherwise(row: Correction) -> dict[str, str]:
    """What is proposed to be written instead, or was agreed to and is still to be written."""
    if row.state != CorrectionState.OPEN:
        return {}
    waiting = corrections.proposed(row)
    standing = [waiting] if waiting is not None else corrections.agreed_otherwise(row)[:1]
    put = corrections.otherwise(standing[0]) if standing else {}
    return {**put, "where": _name(put["column"])} if put else {}


def _place(one: correcting.Place) -> str:
    where = one.facts.page_url or _("no page")
    return _("Picture %(number)s: %(page)s") % {"number": one.number, "page": where}


@for_reviewers
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, actor: Actor, reference: str, correction_id: UUID) -> HttpResponse:
    """Answer one: as asked by one person, less than asked by two."""
    found = cases.case_for(staff_of(request), reference)
    row = found.corrections.select_related("case", "proposal").filter(id=correction_id).first()
    if row is None or found.status == Status.PURGED:
        raise NotFound("no_correction", _("There is no such entry."))
    place = correcting.place_of(row)
    columns = place.columns() if place is not None else []
    said = corrections.said(row)
    instead = _otherwise(row)
    form = AnswerCorrectionForm(
        request.POST or None,
        ways=_ways(row),
        columns=[(name, _column(name, value)) for name, value in columns],
        grounds=correcting.grounds_for(row),
        initial={
            "column": instead.get("column", _likely(row, columns)),
            "value": instead.get("after", said["right"]),
        },
    )

    def act() -> None:
        _answer(row, actor, form.cleaned_data)

    if done(request, form, act, _("Written down.")):
        if row.what == Wrong.NOT_ME or form.cleaned_data["do"] not in {CORRECT, ADD}:
            messages.info(request, _("Another person has to agree."))
        return redirect("desk:corrections", reference=found.reference)
    return form_page(
        request,
        "desk/correction.html",
        found,
        form,
        seen=_seen(row, actor),
        columns=[(_name(name), value or _("nothing")) for name, value in columns],
        others=0 if place is None else len(gallery.other_records_of_image(row.record_id)),
        gone=place is None,
    )


def _answer(row: Correction, actor: Actor, given: dict[str, Any]) -> None:
    if given["do"] == CORRECT:
        correcting.correct(
            correction_id=row.id, actor=actor, column=given["column"], value=given["value"]
        )
    elif given["do"] == ADD:
        correcting.add_words(correction_id=row.id, actor=actor)
    else:
        correcting.propose(
            correction_id=row.id,
            actor=actor,
            how=given["do"],
            ground=given["ground"],
            facts=given["facts"],
            column=given.get("column", ""),
            value=given.get("value", ""),
        )


def _ways(row: Correction) -> list[tuple[str, str]]:
    refuse = (correcting.REFUSE, _("Leave it as it is: with ground and facts, two persons"))
    if row.what == Wrong.NOT_ME:
        return [
            (correcting.LEFT, _("It shows somebody else: take it out, two persons")),
            (correcting.REFUSE, _("It shows this person: with facts, two persons")),
        ]
    if row.what == Wrong.MISSING:
        return [(ADD, _("Put the person's words beside it")), refuse]
    words_only = _("Only put the person's words beside it: with ground and facts, two persons")
    otherwise = _("Write something else than was asked: with ground and facts, two persons")
    return [
        (CORRECT, _("Put it right, as asked or as two agreed")),
        (correcting.OTHERWISE, otherwise),
        (correcting.STATE, words_only),
        refuse,
    ]


def _likely(row: Correction, columns: list[tuple[str, str]]) -> str:
    usual = correcting.COLUMN_OF.get(Wrong(row.what), "")
    if usual:
        return usual
    named = [name for name, _value in columns if "name" in name.casefold()]
    return named[0] if named else "caption"


def _column(name: str, value: str) -> str:
    nothing = _("nothing")
    return f"{_name(name)}: {value or nothing}"


def _name(name: str) -> str:
    known = {
        "caption": _("Caption"),
        "page_url": _("Page"),
        "image_url": _("Picture address"),
        "collected_at": _("Collected"),
        "collector": _("Collected by"),
    }
    return known.get(name) or column_words(name.removeprefix(OTHER))
