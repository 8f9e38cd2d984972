"""Every letter of the portal, of each kind and in each language, made and read back from its file.

Each is written by the service that writes it and set and signed by the one renderer there is. The
file must say each statement the text has, the dates, the reader's own authority, and nothing in
another language (law 9, T-01, T-02, O-09). Which request leads to which letter: docs/walks.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import translation

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import asking, letters, page_wishes, receipts, services
from dsr_portal.cases.models import Case, RightCode, WayKind
from dsr_portal.compliance import breaches
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import jobs as making
from dsr_portal.disclosure.models import LETTER_ONLY, Answer, AnswerKind
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import moment
from dsr_portal.erasure import certificate
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan
from dsr_portal.gallery import channels, hashes, notices
from dsr_portal.gallery.models import LookUp, Recipient
from dsr_portal.law import authorities
from dsr_portal.recognition import holder as holders
from tests.support import answers
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.letters import LIVES, OWN_WORDS, every_document, facts_of, faults, office_faults
from tests.support.walks import FOR_PERSONS, NOT_FOR_PERSONS

pytestmark = pytest.mark.django_db(transaction=True)

LANGUAGES = pytest.mark.parametrize("language", list(LIVES))
PAGE = "https://pages.example/somebody"
TO_OFFICES = ("breach_notice", "recipient_notice")
READ_ELSEWHERE = {
    "assessment",
    "audit_report",
    "board_report",
    "complaint_pack",
    "paper_cover",
    "records",
}
"""Sheets of what staff, directors and inspections read, and of papers that bundle letters; each has
tests of its own."""


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Iterator[None]:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    answers.staff()
    holders.holder().drop()
    with translation.override("en"):
        yield
    holders.holder().drop()


def asked_in(language: str, rights: list[str] | None = None) -> Case:
    page = services.WaySent(WayKind.PAGE, PAGE, keyed_hash=hashes.of_address(PAGE))
    return support.opened(
        rights or [RightCode.ACCESS],
        language=language,
        country=LIVES[language],
        ways=[page],
        consents=(),
    )


def test_the_languages_and_kinds_read_back_are_all_there_are() -> None:
    """A kind or a language somebody adds is read back too, or this fails."""
    assert set(LIVES) == {code for code, _name in configured.LANGUAGES}
    assert set(Kind) == FOR_PERSONS | NOT_FOR_PERSONS
    to_people = {*making._LETTERS, "disclosure", "nothing_found"}
    read_here = {f"answer.{one}" for one in to_people} | {"receipt", "certificate"}
    read_here |= {f"letter.{kind}" for kind, _spec in letters.kinds.items()} | set(TO_OFFICES)
    assert {name for name, _sheet in statements.sheets.items()} == read_here | READ_ELSEWHERE
    assert {*making._LETTERS} | {AnswerKind.DISCLOSURE, AnswerKind.NOTHING_FOUND} == {*AnswerKind}


@LANGUAGES
@pytest.mark.parametrize("kind", [kind for kind, _spec in letters.kinds.items()])
def test_a_letter_says_in_its_file_what_it_has_to_say(kind: str, language: str) -> None:
    """9(d), T-02, O-09, R-01, D-06: each kind of the registry, in each language."""
    case = asked_in(language)
    with unit_of_work():
        letter = letters.write(
            case=case, kind=kind, key="read", actor=support.MACHINE, facts=facts_of(kind, case)
        )
    with every_document() as made:
        letters.prepare(letter)
    (read,) = made
    told = {one["id"] for one in read.asked["context"]["sections"]}
    assert told >= set(letters.kinds.get(kind).required)
    assert faults(read, case) == []


@LANGUAGES
@pytest.mark.parametrize("kind", list(making._LETTERS))
def test_an_answer_that_is_a_letter_alone_says_it_in_its_file(kind: str, language: str) -> None:
    """R2, R6, 11(2), O-09: one check only, not identified, one page dealt with."""
    case = asked_in(language)
    if kind == AnswerKind.NAMED_PAGE:
        way = case.ways.get(kind=WayKind.PAGE)
        page_wishes.ask(case_id=case.id, way_id=way.id, actor=support.person(case))
    if kind == AnswerKind.NOT_IDENTIFIED:
        asking.ask_to_identify(
            case_id=case.id,
            actor=answers.OFFICER,
            missing=["no_way_taken"],
            means=["call", "visit"],
            text=OWN_WORDS[language],
        )
    answer = Answer(id=new_id(), case=case, kind=kind, reasons=["no_way_taken"])
    with every_document() as made:
        making._LETTERS[kind](answer)
    (read,) = made
    assert faults(read, case) == []
    assert kind in {*LETTER_ONLY, AnswerKind.NEUTRAL}


@LANGUAGES
def test_a_receipt_says_it_in_its_file(language: str) -> None:
    """T-10, R14, O-09."""
    case = asked_in(language)
    with every_document() as made:
        receipts.as_pdf(case)
    (read,) = made
    assert faults(read, case) == []
    assert services.receipt_code(case).replace("-", "") in read.text.replace("-", "").replace(
        " ", ""
    )


def test_a_certificate_says_it_in_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """9(c), E-14, O-09: one erasure; its certificate in German as it left, then in the others."""
    shown = lab.picture(12)
    case = lab.ready_case([shown.records[0]])
    told = certificate.context
    Case.objects.filter(id=case.id).update(language="de", country=LIVES["de"])
    seen: list[Any] = []
    monkeypatch.setattr(certificate, "context", lambda plan: seen.append(told(plan)) or seen[-1])
    with every_document() as made:
        erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
        lab.run_all()
        left = [one for one in made if one.asked["kind"] == Kind.CERTIFICATE]
        case.refresh_from_db()
        assert len(left) == 1
        assert faults(left[0], case) == []
    for language in set(LIVES) - {"de"}:
        case.language, case.country = language, LIVES[language]
        case.save(update_fields=["language", "country"])
        plan = Plan.objects.get(case=case)
        with every_document() as made, translation.override(language):
            again = {**left[0].asked, "context": told(plan), "language": language}
            again |= {"title": certificate._("Certificate of erasure"), "country": case.country}
            certificate.documents.render_signed(**again)
        assert faults(made[0], case) == []


# -- to an authority and to recipients ------------------------------------------------------------


BOSS = Actor("L-9001", "director", "staff")
NAME, MAILBOX = "Mina Aalto-Veldhuis", "mina.aalto@example.org"


def somebody() -> Case:
    """A request whose contact data no office has to know."""
    contact = services.Contact(name=NAME, email=MAILBOX)
    return services.open_case(channel="web", rights=[RightCode.ERASURE], contact=contact).case


def test_a_breach_notice_says_it_in_its_file_and_names_nobody() -> None:
    """O-07, Art. 33(1), 33(3), O-06: made while Dutch is active; numbers, no person, and why it is
    late where it is."""
    case = somebody()
    breach = breaches.open_breach(
        kind="disclosed",
        aware_at=clock.now() - timedelta(hours=80),
        actor=answers.SUPERVISOR,
        reference=case.reference,
    )
    facts = {
        "nature": "An answer showed pictures of another person.",
        "effects": "Somebody saw where this person was.",
        "measures": "The link is closed. The match is looked at again.",
    }
    breaches.describe(breach_id=breach.id, people=3, records=71, actor=answers.SUPERVISOR, **facts)
    with every_document() as made, translation.override("nl"):
        breaches.make_notice(
            breach_id=breach.id,
            authority_code="NL",
            late="Nobody read the message on Saturday.",
            actor=answers.SUPERVISOR,
        )
    (read,) = made
    authority = authorities.get("NL", overrides=configured.DSR_AUTHORITIES)
    says = [authority.name, *facts.values(), "Nobody read the message on Saturday.", "3", "71"]
    says += [moment(breach.aware_at), configured.DSR_CONTROLLER["dpo"], case.reference]
    assert office_faults(read, says=says, never=[NAME, MAILBOX]) == []
    assert {one["id"] for one in read.asked["context"]["sections"]} == {
        *("nature", "effects", "measures", "contact", "late"),
    }  # fmt: skip


@pytest.mark.parametrize("ground", ["ERASURE", "RESTRICTION", "RECTIFICATION"])
def test_a_notice_to_a_recipient_says_it_in_its_file_and_names_nobody(ground: str) -> None:
    """E-06, Art. 19: what was done, what to do, their own look-ups and no others; nothing of who
    asked, of the picture or where it was found. Made while German is active."""
    shown, other = lab.picture(61), lab.picture(62)
    for number, record in enumerate([shown.records[0], other.records[0]], start=1):
        lab.seen_by(record, f"Recipient {number}")
    case = somebody()
    records = [shown.records[0].id, other.records[0].id]
    notices.prepare(record_ids=records, case_id=case.id, ground=ground, actor=support.OFFICER)
    first = Recipient.objects.get(name="Recipient 1")
    made_of = channels.propose(
        recipient_id=first.id, kind="LETTER", address="Kade 9\n1011 AA Amsterdam",
        actor=support.SUPERVISOR,
    )  # fmt: skip
    channels.approve(channel_id=made_of.id, actor=BOSS)
    with every_document() as made, translation.override("de"):
        notices.confirm(case_id=case.id)
        notices.release(still_waiting=[], actor=support.OFFICER)
        lab.run_all()
    (read,) = made
    done = {
        "ERASURE": "has erased personal data",
        "RESTRICTION": "has restricted the use of personal data",
        "RECTIFICATION": "has corrected personal data",
    }[ground]
    look_up = LookUp.objects.get(recipient=first)
    says = [done, "Recipient 1", "Kade 9", str(look_up.record_id)]
    says += [moment(look_up.at), look_up.log.system, configured.DSR_CONTROLLER["email"]]
    never = [NAME, MAILBOX, case.reference, "Recipient 2", str(other.records[0].id)]
    never += [shown.page, shown.file, shown.caption]
    assert office_faults(read, says=says, never=never) == []
