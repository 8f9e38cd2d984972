"""Nothing outward differs between hit and no hit before release (rule R3; law P-10, T-11).

`tests/support/outward.py` plays the cases. Here they are compared, and then the product is made to
tell something in one place after the other: each time the same comparison has to see it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as configured

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import deliveries
from dsr_portal.cases.models import Case
from dsr_portal.cases.page_models import PageVerdict
from dsr_portal.core import clock, registries
from dsr_portal.core.middleware import NothingIsCached
from dsr_portal.core.registries import Beat, Mail, schedule
from dsr_portal.documents import services as documents
from dsr_portal.erasure.models import PlanState
from dsr_portal.gallery.models import BlockEntry, Restriction
from dsr_portal.jobs.services import enqueue, queue_effect
from dsr_portal.matching.models import Candidate
from dsr_portal.public import status
from tests.support import outward

pytestmark = [pytest.mark.django_db]

TOLD = "we found you"


@pytest.fixture
def play(settings, site, tmp_path):
    def played(name: str, **more: Any) -> outward.Transcript:
        return outward.transcript(name, folder=tmp_path, settings=settings, site=site, **more)

    return played


@pytest.fixture(scope="module")
def played_once() -> dict[Any, outward.Transcript]:
    return {}


@pytest.fixture
def nothing_found(play, played_once) -> Callable[[bool], outward.Transcript]:
    """The transcript of the case without a hit, with a photo or without one."""

    def played(photo: bool) -> outward.Transcript:
        if photo not in played_once:
            played_once[photo] = play("no hit", photo=photo)
        return played_once[photo]

    return played


CASES = [(name, True) for name in outward.WITH_PHOTO if name != "no hit"]
CASES += [(name, False) for name in outward.WITHOUT_PHOTO if name != "no hit"]


@pytest.mark.parametrize(("name", "photo"), CASES)
def test_whole_transcripts_are_the_same_whatever_the_gallery_holds(
    play, nothing_found, name, photo
):
    """R3, X-03: pages, redirects, headers, cookies, receipt and mails at every step up to the
    release; and the work behind each page, statements, jobs and mails by shape and number."""
    there = play(name, photo=photo)
    assert outward.differences(nothing_found(photo), there) == []
    assert outward.work_differences(nothing_found(photo), there) == []


def test_a_lock_as_evidence_looks_the_same_whatever_the_gallery_holds(play):
    """R3, E-08: asked before anything left, ended by the person, told by letter: no difference."""
    there, without = play("hit", lock=True), play("no hit", lock=True)
    assert outward.differences(without, there) == []
    assert outward.work_differences(without, there) == []
    text = "\n".join(there.lines)
    assert "Locked as evidence" in text
    assert "We sent you a letter." in text


@pytest.mark.parametrize("name", [one for one in outward.WITHOUT_PHOTO if one != "no hit"])
def test_one_page_dealt_with_looks_the_same_whatever_the_gallery_holds(play, played_once, name):
    """R3, R6: wished, decided by two, told by letter; also while what was there is erased."""
    key = "one page"
    if key not in played_once:
        played_once[key] = play("no hit", photo=False, one_page=True)
    there = play(name, photo=False, one_page=True)
    assert outward.differences(played_once[key], there) == []
    assert outward.work_differences(played_once[key], there) == []
    text = "\n".join(there.lines)
    assert "This page: dealt with" in text
    assert "We look at one page for you" in text
    if name == "hit":
        assert there.erased is not None
        assert there.erased.state != PlanState.WAITING


def test_a_planted_difference_about_one_page_is_seen(play):
    """R3: a page that tells of what was decided about a picture makes the comparison fail."""
    plant = _on_the_page(lambda case: PageVerdict.objects.filter(wish__case=case).exists())
    how: dict[str, Any] = {"photo": False, "one_page": True, "until": "first person"}
    found = outward.differences(play("no hit", **how), play("hit", plants=[plant], **how))
    assert any(TWICE in line for line in found), found


def test_a_transcript_has_what_it_is_there_to_compare(nothing_found):
    """R3: pages of every step, the receipt's text, and the mails with the step they left in."""
    lines = nothing_found(True).lines
    heads = {line.split("\n")[0] for line in lines}
    for step in outward.DAYS:
        assert f"[{step}] GET case: 200" in heads
    for mail, step in (
        ("mail.receipt", "sent"),
        ("mail.update", "a week later"),
        ("mail.answer_ready", "released"),
    ):
        left = [line for line in heads if f"{mail} subject" in line]
        assert [line.split("]")[0] for line in left] == [f"[{step}"], left
    whole = "\n".join(lines)
    for words in (
        "[sent] POST check Location: /receipt/",
        "[second person] GET receipt_pdf PDF: ",
        "[released] GET the link of a mail: 200",
        "[sent] POST check cookies: ['dsr_public_session']",
        "X-Frame-Options: DENY",
        "Your photo can be used",
        "Answer ready",
    ):
        assert words in whole, words
    assert "REFERENCE" in whole
    assert outward.MAIL not in [line for line in heads if "mail to" in line]


def test_a_world_leaves_no_row(play):
    play("hit", until="searched")
    assert not Case.objects.exists()
    assert not Candidate.objects.exists()


# -- planted differences ---------------------------------------------------------------------------


def _on_the_page(differs: Callable[[Case], bool]) -> outward.Plant:
    """What was asked stands twice on the request's page."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = status._context

        def context(case: Case, **forms: Any) -> dict[str, Any]:
            made = real(case, **forms)
            return made | {"rights": made["rights"] * 2} if differs(case) else made

        patch.setattr(status, "_context", context)

    return plant


def _candidates(**how: Any) -> Callable[[Case], bool]:
    return lambda case: Candidate.objects.filter(case=case, **how).exists()


def _in_the_mail(kind: str, *, subject: bool) -> outward.Plant:
    """A few words more in the subject or in the text of one kind of mail."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = registries.senders.get(kind)

        def planted(subject_id: Any) -> Mail:
            mail = real.render(subject_id)
            if not Candidate.objects.exists():
                return mail
            if subject:
                return Mail(to=mail.to, subject=f"{mail.subject} ({TOLD})", text=mail.text)
            return Mail(to=mail.to, subject=mail.subject, text=f"{mail.text} ({TOLD})")

        entries = {**dict(registries.senders.items()), kind: SimpleNamespace(render=planted)}
        patch.setattr(registries.senders, "_entries", entries)

    return plant


def _in_the_response(change: Callable[[Any], None]) -> outward.Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        real = NothingIsCached.__call__

        def planted(self: NothingIsCached, request: Any) -> Any:
            response = real(self, request)
            if Candidate.objects.exists():
                change(response)
            return response

        patch.setattr(NothingIsCached, "__call__", planted)

    return plant


def _another_target(response: Any) -> None:
    if response.has_header("Location"):
        response["Location"] += "?more=2"


def _another_status(response: Any) -> None:
    if response.status_code == 409:
        response.status_code = 403


def _one_more_mail(patch: pytest.MonkeyPatch) -> None:
    """The regular work writes to who was found."""

    def write() -> int:
        rows = Case.objects.filter(id__in=Candidate.objects.values("case"))
        with unit_of_work():
            for case in rows:
                queue_effect(kind="mail.wrote", subject_id=case.id, unique_key=f"planted:{case.id}")
        return len(rows)

    beat = Beat(run=write, every=timedelta(hours=1))
    patch.setattr(schedule, "_entries", {**dict(schedule.items()), "cases.planted": beat})


def _one_day_late(patch: pytest.MonkeyPatch) -> None:
    """Answers with pictures are held back for one batch."""
    real = deliveries._release
    over = datetime(2026, 9, 17, tzinfo=ZoneInfo(configured.TIME_ZONE))

    def release(delivery_id: Any, actor: Any) -> bool:
        if Candidate.objects.exists() and clock.now() < over:
            return False
        return real(delivery_id, actor)

    patch.setattr(deliveries, "_release", release)


def _in_the_receipt(patch: pytest.MonkeyPatch) -> None:
    real = documents.render_signed

    def render(**how: Any) -> Any:
        if how["kind"] == documents.Kind.RECEIPT and Candidate.objects.exists():
            how["context"] = how["context"] | {"short_answer": TOLD}
        return real(**how)

    patch.setattr(documents, "render_signed", render)


TWICE = "+    <ul><li>"

PLANTS: dict[str, tuple[str, bool, str, outward.Plant, str]] = {
    "page, hit": ("hit", True, "searched", _on_the_page(_candidates(score__isnull=False)), TWICE),
    "page, exact file": (
        "exact gallery file",
        True,
        "searched",
        _on_the_page(_candidates(score__gte=0.999)),
        TWICE,
    ),
    "page, near copy": (
        "near copy",
        True,
        "searched",
        _on_the_page(_candidates(score__gte=0.98)),
        TWICE,
    ),
    "page, blocked": (
        "blocked",
        True,
        "searched",
        _on_the_page(lambda case: BlockEntry.objects.exists()),
        TWICE,
    ),
    "page, restricted": (
        "restricted",
        True,
        "searched",
        _on_the_page(lambda case: Restriction.objects.exists()),
        TWICE,
    ),
    "page, looked up": (
        "hit",
        False,
        "searched",
        _on_the_page(_candidates(score__isnull=True)),
        TWICE,
    ),
    "mail, subject": (
        "hit",
        True,
        "a week later",
        _in_the_mail("mail.update", subject=True),
        f"+[a week later] mail to the person mail.update subject: Your request REFERENCE this week"
        f" ({TOLD})",
    ),
    "mail, text": (
        "hit",
        True,
        "released",
        _in_the_mail("mail.answer_ready", subject=False),
        f"+ ({TOLD})",
    ),
    "header": (
        "hit",
        True,
        "searched",
        _in_the_response(lambda response: response.headers.setdefault("X-Found", "2")),
        "+[searched] GET case X-Found: 2",
    ),
    "cookie": (
        "hit",
        True,
        "searched",
        _in_the_response(lambda response: response.set_cookie("seen", "2")),
        "+[searched] GET case cookies: ['dsr_public_csrf', 'dsr_public_session', 'seen']",
    ),
    "redirect": (
        "hit",
        True,
        "searched",
        _in_the_response(_another_target),
        "+[searched] POST stop Location: /status/request/?more=2",
    ),
    "status": (
        "hit",
        True,
        "searched",
        _in_the_response(_another_status),
        "+[searched] GET /status/way/: 403",
    ),
    "one more mail": (
        "hit",
        True,
        "searched",
        _one_more_mail,
        "+[searched] mail to the person mail.wrote subject:",
    ),
    "a step later": (
        "hit",
        True,
        "released",
        _one_day_late,
        "-[released] mail to the person mail.answer_ready subject:",
    ),
    "receipt": (
        "hit",
        True,
        "second person",
        _in_the_receipt,
        "+[second person] GET receipt_pdf PDF: ",
    ),
}


def _one_look_more(patch: pytest.MonkeyPatch) -> None:
    """A page that says the same, and asks the database once more where something was found."""
    real = status._context

    def context(case: Case, **forms: Any) -> dict[str, Any]:
        if Candidate.objects.filter(case=case, score__isnull=False).exists():
            Restriction.objects.filter(case_id=case.id).exists()
        return real(case, **forms)

    patch.setattr(status, "_context", context)


def _one_job_more(patch: pytest.MonkeyPatch) -> None:
    """A page that says the same, and has something prepared where something was found."""
    real = status._context

    def context(case: Case, **forms: Any) -> dict[str, Any]:
        if Candidate.objects.filter(case=case).exists():
            with unit_of_work():
                enqueue(
                    kind="cases.send_letter",
                    subject=case.id,
                    idempotency_key=f"planted:{case.id}:{clock.now().isoformat()}",
                )
        return real(case, **forms)

    patch.setattr(status, "_context", context)


@pytest.mark.parametrize(
    ("plant", "seen"),
    [
        (_one_look_more, 'FROM "gallery_restriction"'),
        (_one_job_more, "Job: cases.send_letter"),
    ],
)
def test_planted_work_behind_an_equal_page_is_seen(play, nothing_found, plant, seen):
    """X-03, R3: a statement or a job more is seen, though not one word outward differs."""
    there = play("hit", until="searched", plants=[plant])
    found = outward.work_differences(nothing_found(True), there)
    assert any(line.startswith("+") and seen in line for line in found), found


@pytest.mark.parametrize("what", PLANTS)
def test_a_planted_difference_is_seen(play, nothing_found, what):
    """R3: a planted `if candidates:` in a page, a mail, a header or the time makes it fail."""
    name, photo, until, plant, seen = PLANTS[what]
    there = play(name, photo=photo, until=until, plants=[plant])
    found = outward.differences(nothing_found(photo), there)
    assert any(seen in line for line in found), found
