"""Every page of the desk that the other files of browser tests do not show, with something on it.

One row a page: axe finds nothing in light and dark, it fits a phone, and the browser does not
complain. `test_no_page_is_forgotten` names a new view of the desk that nobody looks at. Pages with
pictures that were found are looked at in test_desk_table_found.py, in a process of its own.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver, reverse
from PIL import Image

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import (
    answering,
    lateness,
    letters,
    proofs,
    question_returns,
    wish_pauses,
)
from dsr_portal.cases import services as cases
from dsr_portal.cases.intake import arrival_of
from dsr_portal.cases.models import Mail
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.gallery import copies
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import batches, services
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from tests.e2e.pages import Patched, face, violations
from tests.e2e.test_desk_pages import NAMES as SHOWN_AS_CASES
from tests.e2e.test_no_photo_pages import NAMES as SHOWN_WITHOUT_PHOTO
from tests.e2e.test_no_photo_pages import choose
from tests.support import answers, mailbox
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.gallery import a_record, forget_index, own_places
from tests.support.matching import (
    JPEG,
    actor,
    hits,
    laid,
    opened,
    pictures_of,
    searched,
    sign_in,
    staff,
    take,
    told,
    work,
)
from tests.support.represented import LENA
from tests.support.trail import undone

pytestmark = pytest.mark.django_db
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NAMES = (
    "enter", "batch_made", "mail", "receipt", "proof", "proof_told", "paper", "paper_posted",
    "photos", "wish", "extension", "late", "arrival", "refuse", "hold_back", "hold_back_code",
    "exempt", "exempt_proposed", "grounds", "question_returned",
    "came", "sort_answer", "letter_back",
    "evidence_lock", "locked", "groups", "duplicates", "copies", "case_answered", "case_erased",
    "recipients_listed", "recusals", "why", "openings", "gallery_terms", "queue_untrained",
    "queue_full", "sign_in", "second_factor", "no_case",
)  # fmt: skip
# Forms shown with what is wrong in them.
WRONG = {
    "enter", "mail", "receipt", "proof", "paper", "extension", "wish", "late", "arrival", "refuse",
    "hold_back", "hold_back_code", "grounds", "question_returned", "came", "sort_answer",
    "exempt", "evidence_lock", "copies", "recusals", "why",
}  # fmt: skip
# Those of them that begin with a gallery, a search or an erasure.
FOUND = (
    "evidence_lock", "locked", "copies", "grounds", "duplicates", "case_erased",
    "recipients_listed", "groups", "photos",
)  # fmt: skip
# Views whose page another file shows, under its own name there.
ELSEWHERE = set(SHOWN_AS_CASES) | set(SHOWN_WITHOUT_PHOTO) | {
    "own_face",
    "case", "look_up", "unidentified", "lengthen", "mandate", "accountable", "asides", "aside",
}  # fmt: skip
# Views that answer with a file, or take a form and lead to a page.
NO_PAGE = {
    "propose_term", "advise_term", "decide_term",
    "came_original", "came_seen",
    "paper_returned",
    "release", "propose_channel", "channel", "notice", "propose_statement", "statement",
    "propose_system", "system", "stop_collection", "propose_lift", "decide_lift", "add_measure",
    "order_act", "comply", "challenge", "end_order", "acknowledge", "order_file", "hold_kept",
    "settle_hold", "breach_facts", "breach_notice", "breach_pdf", "breach_notified",
    "breach_tell", "breach_again", "breach_spare", "breach_close", "breach_agree",
    "breach_turn_down",
    "accountable_name", "accountable_settle", "director_answer", "people_new", "people_change",
    "people_training", "people_decide", "settle_copy", "copy_step", "original", "next_mail",
    "mail_original", "no_request", "confirmation", "progress", "message", "origin",
    "mandate_accept", "mandate_ask", "mandate_refuse", "mandate_end", "mandate_link",
    "mandate_account", "mandate_recover", "mandate_document", "complaint_pack", "proof_picture",
    "paper_print", "paper_arrived", "unlink", "set_aside", "settle", "posted", "letter_again",
    "again", "take", "answer", "hold", "shared_picture", "duplicate_picture", "duplicate_face",
    "authority", "probe_picture", "face_picture", "face_alone", "document",
    "ai_statement", "ai_sign", "assessment_act", "assessment_file", "board_report",
    "enter_processor", "end_processor", "processing_record", "aside_picture", "recuse",
    "propose_unlock", "decide_unlock", "other_systems_act",
}  # fmt: skip

PAGE = "https://fotoloft.example/u/minnow/88120/a-rather-long-address-of-a-page/with/parts"
HOME = {"name": "Mina Aalto", "postal": "Kade 7\n1011 AB Amsterdam"}
LISTED = b"name,email,rights,pages,until,mandate\nMina,mina@example.org,access,,,mina.pdf\n"
FACES = ("mina", "tomas", "mina", "tomas", "mina")
PAPERS = {"mina.pdf": b"%PDF-1.7 I, Mina."}


def in_fours(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Looking at one page takes seconds; a test of all would be ended before it is through."""
    left = tuple(names)
    return [left[at : at + 4] for at in range(0, len(left), 4)]


HERE = tuple(name for name in NAMES if name not in FOUND)


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker, tmp_path_factory):
    """Every page as a signed-in person gets it, by name, and its pictures by address."""
    with prepared(django_db_blocker, tmp_path_factory) as at:
        return at.made(
            HERE,
            lambda: (
                sending(at.desk, at.folder)
                | papers(at.desk)
                | waiting(at.desk)
                | refusing(at.desk)
                | at_the_door(at.desk)
            ),
        )


@contextmanager
def prepared(blocker: Any, folders: Any) -> Iterator[Table]:
    """An empty portal at the desk's site, of which nothing is left."""
    with pytest.MonkeyPatch.context() as patch, blocker.unblock():
        settings = Patched(patch)
        folder = folders.mktemp("desk")
        own_places(settings, folder)
        # The thread that renews a lease would wait for this file's own transaction.
        settings.DSR_LEASE_SECONDS = 120
        choose(settings, "desk")
        answers.without_detector(patch)
        with undone():
            yield Table(Desk(), patch, settings, folder)


@dataclass
class Table:
    """What the parts of a table are made with."""

    desk: Desk
    patch: pytest.MonkeyPatch
    settings: Any
    folder: Any

    def made(
        self, names: Iterable[str], *parts: Callable[[], dict[str, Any]]
    ) -> dict[str, tuple[bytes, str]]:
        shown: dict[str, Any] = {}
        # Each begins with an empty desk: they bring models of their own.
        for part in parts:
            with undone():
                self.desk.opens()
                shown |= part()
            forget_index()
        told_so = {name: answer.status_code for name, answer in shown.items()}
        expected = dict.fromkeys(NAMES, 200) | dict.fromkeys(WRONG, 422) | {"no_case": 404}
        assert told_so == {name: expected[name] for name in names}
        pages = {name: (answer.content, "text/html") for name, answer in shown.items()}
        return pages | self.desk.pictures


class Desk:
    """The people of a desk, each signed in, and the pictures their pages ask for."""

    def __init__(self) -> None:
        self.browsers: dict[str, Client] = {}
        self.pictures: dict[str, tuple[bytes, str]] = {}

    def opens(self) -> None:
        self.browsers = {}
        answers.staff()

    def as_(self, number: str = "A-1001") -> Client:
        if number not in self.browsers:
            self.browsers[number] = sign_in(Client(), Staff.objects.get(staff_no=number))
        return self.browsers[number]

    def get(self, name: str, case: Any = None, /, number: str = "A-1001", **form: Any) -> Any:
        """A page, or what a form with this in it comes back with."""
        of = {"reference": case.reference} if case is not None else {}
        page = reverse(f"desk:{name}", kwargs=of)
        browser = self.as_(number)
        return browser.post(page, form, follow=True) if form else browser.get(page)

    def keep(self, address: str, number: str = "A-1001") -> None:
        answer = self.as_(number).get(address)
        self.pictures[address] = (answer.content, answer["Content-Type"])


def erasing(desk: Desk, settings: Any) -> dict[str, Any]:
    """A lock as evidence, copies elsewhere, a likely duplicate, and what an erasure left."""
    settings.DSR_HOLD_MINUTES = 0
    keeps = lab.ready_case([lab.picture(31).records[0]], rights=["access"])
    shown = {"evidence_lock": desk.get("evidence_lock", keeps, years="9")}
    desk.get("evidence_lock", keeps, years="2")
    shown["locked"] = desk.get("evidence_lock", keeps)
    own = lab.picture(51, page=PAGE)
    twin = lab.picture(52, faces=1, data=lab.changed(own.picture))
    case = lab.ready_case([own.records[0]])
    task = copies.add(
        case_id=case.id, controller="Search engine Ltd", address=PAGE, actor=support.OFFICER
    )
    copies.add_step(
        case_id=case.id, copy_id=task.id, way="FORM", words="Wrote.", actor=support.OFFICER
    )
    shown["copies"] = desk.get("copies", case, controller="")
    shown["grounds"] = desk.get("grounds", case, words="")
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    shown["duplicates"] = desk.get("duplicates", case)
    (row,) = plan.duplicates.all()
    for which in ("of", "copy"):
        of = {"reference": case.reference, "duplicate_id": row.id, "which": which}
        desk.keep(reverse("desk:duplicate_picture", kwargs=of))
    found = {"reference": case.reference, "duplicate_id": row.id, "record_id": twin.records[0].id}
    desk.keep(reverse("desk:duplicate_face", kwargs=found))
    gone = lab.picture(61)
    lab.seen_by(gone.records[0])
    case = lab.ready_case([gone.records[0]])
    erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    shown["case_erased"] = desk.get("case", case)
    # The page asks how far it is.
    desk.keep(reverse("desk:progress", kwargs={"reference": case.reference}))
    shown["recipients_listed"] = desk.get("recipients", number="S-2001")
    return shown


def sending(desk: Desk, folder: Any) -> dict[str, Any]:
    """What comes another way than by the website."""
    box = mailbox.maildir(folder)
    mailbox.put(box, mailbox.message("Take my face down. " * 12, subject="My pictures"))
    call_command("fetch_mail", str(box), "--json", stdout=io.StringIO())
    mail = Mail.objects.get()
    of = {"reference": mail.case.reference, "mail_id": mail.id}
    by = actor(Staff.objects.get(staff_no="A-1001"))
    good = batches.check(listed=LISTED, papers=PAPERS)
    batch = batches.open_batch(
        actor=by,
        who=LENA,
        kind="lawyer",
        received_at=arrival_of(clock.today() - timedelta(days=9)),
        checked=good,
    )
    posted = support.opened(channel="post", actor=by, consents=())
    return {
        "enter": desk.get("enter", channel="post", rights=""),
        "mail": desk.as_().post(reverse("desk:mail", kwargs=of), {"rights": ["access"]}),
        "batch_made": desk.as_().get(reverse("desk:batch_made", kwargs={"batch_id": batch.id})),
        "receipt": desk.get("receipt", posted, do="postal", name="", postal=""),
    }


def a_card() -> bytes:
    card = Image.new("RGB", (400, 300), "white")
    card.paste("red", (40, 240, 360, 280))
    out = io.BytesIO()
    card.save(out, "PNG")
    return out.getvalue()


def papers(desk: Desk) -> dict[str, Any]:
    """A document somebody showed, and an answer that goes by post."""
    case = support.opened()
    proof = proofs.give(case_id=case.id, actor=Actor.person(case.id), data=a_card(), kind="id_card")
    desk.get("proof", case, do="take")
    keep = {"reference": case.reference, "proof_id": proof.id}
    desk.keep(reverse("desk:proof_picture", kwargs=keep))
    shown = {"proof": desk.get("proof", case, do="cover", **{"cover-areas": "x"})}
    shown["proof_told"] = desk.get("proof", case, number="A-1002")
    case = cases.open_case(
        channel="web", rights=("access",), contact=cases.Contact(**HOME), on_paper=True
    ).case
    support.decided(case)
    letter = documents.prepare_document(
        kind="answer",
        case_id=case.id,
        reference=case.reference,
        template="documents/letter.html",
        context={"short_answer": "We hold two pictures of you."},
        language="en",
        title="What we hold about you",
    )
    with unit_of_work():
        kept = letter.save(actor=answers.SECOND)
        part = cases.Part("letter.pdf", "application/pdf", document_id=kept.id, size=kept.size)
        delivery = cases.make_delivery(case=case, kind="answer", parts=[part], actor=answers.SECOND)
    cases.release_batch(actor=answers.SECOND)
    keys = {"reference": case.reference, "delivery_id": delivery.id}
    desk.as_().post(reverse("desk:paper_print", kwargs=keys))
    posting = reverse("desk:paper_posted", kwargs=keys)
    shown["paper"] = desk.as_("A-1002").post(posting, {f"{delivery.id}-number": ""})
    desk.as_("A-1002").post(posting, {f"{delivery.id}-number": "RR 123 456 789 NL"})
    shown["paper_posted"] = desk.get("paper", case, number="A-1002")
    return shown


def waiting(desk: Desk) -> dict[str, Any]:
    """More time, and a date that was missed."""
    fresh = support.opened()
    shown = {"extension": desk.get("extension", fresh, reason="many_faces", months="1", words="")}
    back = {"reference": fresh.reference, "letter_id": new_id()}
    asked = reverse("desk:question_returned", kwargs=back)
    wished = support.opened(["access"])
    cases.add_right(case_id=wished.id, right="erasure", actor=Actor.person(wished.id))
    own = reverse("desk:wish", kwargs={"reference": wished.reference, "right": "erasure"})
    shown["wish"] = desk.as_().post(own, {"do": "ask", "ask-words": ""})
    shown["question_returned"] = desk.as_().post(asked, {"on": "", "reason": ""})
    shown["came"] = desk.get("came", fresh, how="post", what="address", on="")
    return shown | _asked_about(wished, desk) | _late(desk, fresh)


def _asked_about(case: Any, desk: Desk) -> dict[str, Any]:
    """Words that name no question while one is open, and its letter that came back."""
    wish_pauses.ask(
        case_id=case.id,
        right="erasure",
        actor=answers.OFFICER,
        ground="specifying",
        words="Which pictures do you mean?",
    )
    cases.receive_message(case_id=case.id, actor=Actor.person(case.id), text="All of them.")
    row = answering.unsorted(case).get()
    keys = {"reference": case.reference, "message_id": row.id}
    shown = {
        "sort_answer": desk.as_().post(reverse("desk:sort_answer", kwargs=keys), {"answers": ""})
    }
    contact = cases.Contact(name="M. Doe", postal="Dam 1, Amsterdam")
    paper = cases.open_case(channel="web", rights=["access"], contact=contact).case
    cases.ask_to_identify(
        case_id=paper.id,
        actor=answers.OFFICER,
        missing=["nothing_to_look_up"],
        means=["named", "call"],
        text="Tell us where you saw a picture.",
    )
    while jobs.run_due(queues=["light"]):
        pass
    letter = paper.letters.get()
    letters.record_posted(letter_id=letter.id, actor=answers.OFFICER)
    question_returns.record_returned(
        case_id=paper.id,
        letter_id=letter.id,
        actor=answers.OFFICER,
        on=clock.today(),
        reason="moved",
    )
    return shown | {"letter_back": desk.get("case", paper)}


def _late(desk: Desk, fresh: Any) -> dict[str, Any]:
    shown = {"arrival": desk.get("arrival", fresh, arrived="", words="")}
    shown["refuse"] = desk.get("refuse", fresh, ground="excessive", facts="")
    desk.get("recuse", fresh, number="A-1002", sure="")
    shown["recusals"] = desk.get("recusals", fresh, number="S-2001", reason="")
    old = support.opened(received_at=arrival_of(clock.today() - timedelta(days=45)))
    lateness.notice_late()
    shown["late"] = desk.get("late", old, reason="")
    return shown


def refusing(desk: Desk) -> dict[str, Any]:
    """A decided case: one picture is held back, another kept; then its answer has left."""
    records = [answers.a_face(seed=1, page_url=PAGE), answers.a_face(seed=2)]
    case = answers.found(*records)
    shown = {"hold_back": desk.get("hold_back", case, facts="")}
    shown["hold_back_code"] = desk.get("hold_back_code", case, facts="")
    shown["exempt"] = desk.get("exempt", case, facts="", until="")
    until = (clock.today() + timedelta(days=30)).isoformat()
    why = {"ground": "legal_claims", "facts": "A claim about a school gate, filed in May."}
    desk.get("exempt", case, record_id=str(records[0].id), until=until, **why)
    shown["exempt_proposed"] = desk.get("case", case, number="A-1002")
    case = answers.released(answers.answered(answers.found(answers.a_face(seed=3))))
    shown["case_answered"] = desk.get("case", case, number="S-2001")
    return shown


def comparing(desk: Desk, patch: Any) -> dict[str, Any]:
    """Candidates that look like two people, and a request with two photos."""
    answered = told(patch)
    by = Actor("A-1001", "officer", "staff")
    chief = actor(staff("V-7", Role.SUPERVISOR))
    directions = np.eye(128)[:2]
    rows = [pictures_of(directions[0], 3, 1), pictures_of(directions[1], 2, 2)]
    order = [rows[0][0], rows[1][0], rows[0][1], rows[1][1], rows[0][2]]
    records = [a_record(template=one.tobytes()) for one in order]
    for record, name in zip(records, FACES, strict=True):
        staged = vault.stage_into(record.unit)
        staged.add("crop", face(f"photos/{name}.jpg"))
        staged.save()
    model = engines.facts_of(engines.model_row())
    new = [recognition.NewTemplate(record_id=one.id, unit=one.unit) for one in records]
    with unit_of_work():
        recognition.add_templates(model=model, templates=new)
    answered.hits = hits([one.id for one in records])
    case = searched(chief)
    take(case, by)
    shown = {"groups": desk.get("groups", case)}
    for row in laid(case, by):
        of = {"reference": case.reference, "decision_id": row.id}
        desk.keep(reverse("desk:face_picture", kwargs=of))
    asks = opened()
    another_photo(asks)
    work()
    shown["photos"] = desk.get("photos", asks)
    for probe in asks.probes.all():
        of = {"reference": asks.reference, "probe_id": probe.id}
        desk.keep(reverse("desk:probe_picture", kwargs=of))
    return shown


def another_photo(case: Any) -> None:
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", JPEG)
    person = Actor.person(case.id)

    def also(locked: Any) -> None:
        unit = staged.save()
        services.add_probe(case=locked, actor=person, unit=unit, channel="web")

    cases.receive_message(case_id=case.id, actor=person, also=also)


def at_the_door(desk: Desk) -> dict[str, Any]:
    """The queue with all of the above, signing in, and an address where nothing is."""
    person = Staff.objects.get(staff_no="A-1002")
    half = Client()
    half.force_login(person)
    looked = support.opened()
    why = {"why": "check", "words": "The weekly check of five cases."}
    desk.get("why", looked, number="A-1002", **why)
    gone = staff("A-1009", trained=False)
    return {
        "why": desk.get("why", looked, number="S-2001", words="Why"),
        "openings": desk.get("openings", number="S-2001"),
        "gallery_terms": desk.get("gallery_terms", number="S-2001"),
        "queue_untrained": sign_in(Client(), gone).get(reverse("desk:queue")),
        "queue_full": desk.get("queue", number="S-2001"),
        "sign_in": Client().get(reverse("account_login")),
        "second_factor": half.get(reverse("mfa_activate_totp")),
        "no_case": desk.as_().get("/cases/AAA-BBBB/"),
    }


def test_no_page_is_forgotten(pages):
    """A new view of the desk is looked at here or in another file, or shows no page."""
    views = {name for name in get_resolver("dsr_portal.desk.urls").reverse_dict if name}
    names = {name for name in views if isinstance(name, str)}
    assert names - NO_PAGE - ELSEWHERE - set(NAMES) == set()
    assert {name for name in pages if "/" not in name} == set(HERE)
    assert set(HERE) | set(FOUND) == set(NAMES)


@pytest.mark.parametrize("names", in_fours(HERE), ids="-".join)
def test_axe_finds_nothing_and_pages_fit_a_phone(open_page, names):
    assert wrong_on(open_page, names) == {}


def wrong_on(open_page, names):
    """WCAG 2.2 AA, light and dark; SC 1.4.10: no sideways scrolling at 320 px."""
    found = {}
    page = open_page(names[0], reduced_motion="reduce")
    for name in names:
        page.complaints = []
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})
        page.show(name)
        seen = {"light": violations(page)}
        page.emulate_media(color_scheme="dark")
        seen["dark"] = violations(page)
        page.set_viewport_size({"width": 320, "height": 900})
        seen["too wide"] = page.evaluate("document.documentElement.scrollWidth") > 320
        seen["complaints"] = page.complaints
        found[name] = {what: one for what, one in seen.items() if one}
    return {name: one for name, one in found.items() if one}
