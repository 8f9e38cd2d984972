"""Somebody acts for the person: mandate, own links, answer, end (R11; law C-03 to C-08)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import codes, intake, invitations, mandate_checks, mandates, proofs, services
from dsr_portal.cases.mandate_models import Mandate
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.registries import senders
from dsr_portal.law import deadlines
from dsr_portal.matching import representing
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Probe, Search
from dsr_portal.vault import services as vault
from tests.support import matching as review
from tests.support.gallery import own_places
from tests.support.matching import JPEG, sign_in, staff
from tests.support.represented import LENA, PAPER, invitation, mails, sent_for_somebody

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SEEN = "The letter of 3 March, signed by the person."


@pytest.fixture(autouse=True)
def places(settings, tmp_path, site):
    own_places(settings, tmp_path)
    site("public")


@pytest.fixture
def writer() -> Actor:
    return review.actor(staff("S-1001"))


@pytest.fixture
def officer() -> Actor:
    return review.actor(staff("S-1002"))


def accepted(mandate: Mandate, officer: Actor) -> Mandate:
    return representing.accept(mandate_id=mandate.id, actor=officer, words=SEEN)


def known(case: Case, officer: Actor) -> None:
    """Everything a search needs but the mandate."""
    services.confirm_origin(case_id=case.id, actor=officer)
    services.record_identity(
        case_id=case.id,
        actor=officer,
        way="call",
        element="named_control",
        compared="The person on the call showed the page as theirs.",
    )


def link_of(mail: Any) -> str:
    """The path of the link in a mail."""
    words = [word for word in mail.text.split() if "/invitation/" in word or "/answer/" in word]
    return "/" + words[0].split("/", 3)[3]


def opened_by(to: str, case: Case) -> Client:
    """A browser in which the link of one of the two was opened."""
    browser = Client()
    path = reverse(
        "public:invitation", kwargs={"token": invitations.token_of(invitation(case, to))}
    )
    assert browser.post(path).status_code == 302
    return browser


# -- the gate -------------------------------------------------------------------------------------


def test_nothing_is_looked_up_before_the_mandate_is_accepted(writer, officer):
    """C-04: who acts, the person known, the original seen: and still nothing, until the mandate."""
    case, mandate = sent_for_somebody(writer)
    known(case, officer)
    with pytest.raises(Conflict) as refused:
        matching.start_look_up(case_id=case.id, actor=officer)
    assert refused.value.code == "mandate_open"
    assert not Search.objects.filter(case=case).exists()
    accepted(mandate, officer)
    assert matching.start_look_up(case_id=case.id, actor=officer).case_id == case.id


def test_without_any_mandate_the_person_is_asked_and_their_yes_is_enough(writer, officer):
    """C-04: no mandate, nothing disclosed, the person asked; their own word lets it go on."""
    case, mandate = sent_for_somebody(writer, document=b"")
    known(case, officer)
    with pytest.raises(Conflict) as refused:
        accepted(mandate, officer)
    assert refused.value.code == "no_mandate"
    mail = senders.get("mail.represented").render(invitation(case, "person").id)
    assert mail.to == "mina@example.org"
    browser = Client()
    browser.post(link_of(mail))
    page = browser.get(reverse("public:case")).content.decode()
    assert "Somebody sent this in your name" in page
    assert "Lena Voss (Voss Law)" in page
    browser.post(reverse("public:want"))
    assert mandates.in_the_way(case) == ""
    matching.start_look_up(case_id=case.id, actor=officer)


def test_a_photo_waits_for_the_mandate_and_is_searched_once_it_is_accepted(
    writer, officer, monkeypatch
):
    """R8, R11: everything else is there; accepting starts what waited only for it."""
    review.told(monkeypatch)
    case, mandate = sent_for_somebody(writer)
    person = Actor.person(case.id)
    opened_by("person", case)
    services.record_consent(case_id=case.id, scope="comparison", actor=person)
    staged = vault.stage_unit(kind="probe", owner=case.id)
    staged.add("picture", JPEG)

    def also(locked: Case) -> None:
        staged.save()
        matching.add_probe(case=locked, actor=person, unit=staged.unit_id, channel="web")

    services.receive_message(case_id=case.id, actor=person, also=also)
    review.work()
    known(case, officer)
    assert Probe.objects.get().state == "usable"
    assert not Search.objects.exists()
    accepted(mandate, officer)
    assert Search.objects.filter(case=case).exists()


@pytest.mark.parametrize("channel", ["representative", "third_party"])
def test_a_request_of_somebody_else_without_a_mandate_row_waits(writer, officer, channel):
    """C-04, C-05: the channel alone says that somebody else sent it."""
    case = services.open_case(actor=writer, channel=channel, rights=["access"], ways=[]).case
    assert mandates.in_the_way(case) == "mandate_missing"


@pytest.mark.parametrize("channel", ["representative", "third_party"])
def test_the_clock_counts_from_the_day_it_arrived_whatever_becomes_of_the_mandate(
    writer, officer, channel
):
    """C-05, R11: arrived nine days before anybody wrote it down, by a portal of others as well."""
    day = clock.today() - timedelta(days=9)
    case, mandate = sent_for_somebody(writer, channel=channel, received_at=intake.arrival_of(day))
    due = deadlines.due_dates(day, calendar=case.calendar).legal
    mandate_checks.ask(
        mandate_id=mandate.id,
        actor=officer,
        doubts=["no_signature"],
        means=["person_says", "paper"],
        words="We see no signature.",
    )
    case.refresh_from_db()
    assert (case.received_on, case.due_on) == (day, due)


# -- checking the mandate -------------------------------------------------------------------------


def test_one_ask_with_a_fact_and_two_ways_and_never_a_notary(writer, officer):
    """C-04, R-06: what, why, at least two free ways; a second ask and a notary are refused."""
    case, mandate = sent_for_somebody(writer)
    asked = {
        "mandate_id": mandate.id,
        "actor": officer,
        "doubts": ["no_signature"],
        "means": ["person_says", "paper"],
        "words": "We see no signature on it.",
    }
    for wrong, code in (
        ({"doubts": []}, "no_fact"),
        ({"means": ["paper"]}, "two_means"),
        ({"words": "Please send a notarised copy."}, "too_much_asked"),
        ({"words": "Bitte mit beglaubigter Kopie."}, "too_much_asked"),
        ({"words": "Stuur een gewaarmerkt afschrift."}, "too_much_asked"),
    ):
        with pytest.raises(BadInput) as refused:
            mandate_checks.ask(**{**asked, **wrong})
        assert refused.value.code == code
    mandate_checks.ask(**asked)
    with pytest.raises(Conflict) as refused:
        mandate_checks.ask(**asked)
    assert refused.value.code == "asked_already"
    assert mails("mail.mandate") == 1
    acting = opened_by("representative", case)
    page = acting.get(reverse("public:representing")).content.decode()
    assert "We see no signature on it." in page
    assert "Nothing shows that it comes from the person" in page
    answer = {
        "words": "Signed now.",
        "document": SimpleUploadedFile("signed.pdf", b"%PDF-1.7 signed now"),
    }
    assert acting.post(reverse("public:representing"), answer).status_code == 302
    mandate.refresh_from_db()
    assert mandates.document(mandate) == b"%PDF-1.7 signed now"
    assert mandates.words(mandate, "answer") == "Signed now."


def test_not_accepting_takes_an_ask_before_it_and_leaves_the_request_to_the_person(
    writer, officer, client
):
    """C-04: refused with a reason; both read it, and one yes of the person goes on."""
    case, mandate = sent_for_somebody(writer)
    refusal = {
        "mandate_id": mandate.id,
        "actor": officer,
        "reason": "not_shown",
        "words": "Nothing shows that Mina asked for this.",
    }
    with pytest.raises(Conflict) as refused:
        mandate_checks.refuse(**refusal)
    assert refused.value.code == "ask_first"
    mandate_checks.ask(
        mandate_id=mandate.id,
        actor=officer,
        doubts=["no_signature"],
        means=["person_says", "call"],
        words="We see no signature.",
    )
    with time_machine.travel(clock.now() + timedelta(days=15)):
        mandate_checks.refuse(**refusal)
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    assert mandates.in_the_way(case) == "mandate_refused"
    acting = opened_by("person", case)
    page = acting.get(reverse("public:case")).content.decode()
    assert "Nothing shows that Mina asked for this." in page
    acting.post(reverse("public:want"))
    assert mandates.in_the_way(case) == ""


def test_who_wrote_it_down_does_not_decide_about_it(writer, officer):
    """R20: in the service and in the database."""
    _case, mandate = sent_for_somebody(writer)
    with pytest.raises(NotAllowed) as refused:
        mandate_checks.accept(mandate_id=mandate.id, actor=writer, words=SEEN)
    assert refused.value.code == "opener_barred"
    mandate.decided_by = mandate.written_by
    with pytest.raises(IntegrityError), transaction.atomic():
        mandate.save(update_fields=["decided_by"])


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"who": mandates.Representative(name=" ", email="l@voss.example")}, "representative_name"),
        ({"who": mandates.Representative(name="Lena")}, "representative_address"),
        ({"who": mandates.Representative(name="Lena", email="lena")}, "email_unfit"),
        ({"covers": ["restriction"]}, "mandate_rights"),
        ({"kind": "heir"}, "law_of_state"),
        ({"kind": "friend"}, "no_such_choice"),
    ],
)
def test_a_mandate_that_says_too_little_is_told_so(writer, wrong, code):
    """C-04: who, for which rights, reached how."""
    with pytest.raises(BadInput) as refused:
        sent_for_somebody(writer, **wrong)
    assert refused.value.code == code
    assert not Mandate.objects.exists()


# -- each sees only theirs ------------------------------------------------------------------------


def test_each_link_opens_once_and_shows_the_code_of_its_own_addressee(writer, officer):
    """R11, R12: two links, two codes, two pages; looking spends nothing, opening does."""
    case, mandate = sent_for_somebody(writer)
    mail = senders.get("mail.representing").render(invitation(case, "representative").id)
    assert mail.to == "lena@voss.example"
    own, theirs = services.receipt_code(case), codes.representative_code(case, mandate.id)
    assert own != theirs
    for text in (mail.text, senders.get("mail.represented").render(
        invitation(case, "person").id).text):  # fmt: skip
        assert own not in text
        assert theirs not in text
    path = link_of(mail)
    acting = Client()
    assert acting.get(path).status_code == 200
    assert acting.get(path).status_code == 200
    shown = acting.post(path, follow=True).content.decode()
    assert theirs in shown
    assert own not in shown
    assert (
        theirs not in acting.get(reverse("public:representing_code"), follow=True).content.decode()
    )
    late = Client().post(path)
    assert late.status_code == 404
    assert "It was opened on" in late.content.decode()
    person = opened_by("person", case)
    receipt = person.get(reverse("public:receipt")).content.decode()
    assert own in receipt
    assert theirs not in receipt
    seen = [one.actor_role for one in events_for_case(case.id) if one.type == "invitation.opened"]
    assert seen == ["representative", "data_subject"]


def test_who_acts_never_reaches_the_page_of_the_person(writer, officer):
    """R11: the code of who acts opens their page only: the stage, no finding, nothing to press."""
    case, mandate = sent_for_somebody(writer)
    accepted(mandate, officer)
    acting = Client()
    given = {
        "reference": case.reference,
        "code": codes.representative_code(case, mandate.id),
    }
    response = acting.post(reverse("public:status"), given)
    assert response.url == reverse("public:representing")
    page = acting.get(response.url).content.decode()
    assert "Received" in page
    assert "nothing of what we find" in page
    assert "mina@example.org" not in page
    for name in ("case", "receipt_pdf", "case_photo", "withdraw", "want", "end_mandate"):
        post = name in {"want", "end_mandate"}
        path = reverse(f"public:{name}")
        answered = acting.post(path) if post else acting.get(path)
        assert answered.status_code in {302, 410}, name
        assert services.receipt_code(case) not in answered.content.decode()
    mandate.refresh_from_db()
    assert mandate.state == "accepted"
    assert mandate.wanted_at is None


def test_nobodys_words_bring_the_code_of_a_case_into_a_mailbox(writer, officer):
    """R12, R13: who asked themselves has the code from their own session; a letter of somebody
    who says they act makes no link to it. The canary: where nobody had it, a link is made."""
    _other, _mandate = sent_for_somebody(writer)
    assert mails("mail.represented") == 1
    case = services.open_case(
        actor=None,
        channel="web",
        rights=["access"],
        contact=services.Contact(email="mina@example.org"),
    ).case
    before = mails("mail.wrote")
    mandate = mandates.write_down(
        case_id=case.id, actor=writer, who=LENA, kind="other", rights=["access"], document=PAPER
    )
    assert mails("mail.represented") == 1
    assert mails("mail.wrote") == before + 1
    assert not case.invitations.filter(addressee="person").exists()
    with pytest.raises(Conflict, match="link_opened"):
        mandates.invite_again(mandate_id=mandate.id, addressee="person", actor=officer)
    with pytest.raises(BadInput, match="no_such_choice"):
        mandates.invite_again(mandate_id=mandate.id, addressee="somebody", actor=officer)


def test_a_mandate_that_covers_a_part_opens_no_answer_about_all(writer, officer):
    """C-04: an answer holds everything asked; a mandate for the erasure alone opens none of it."""
    case, mandate = sent_for_somebody(writer, answer_to="representative", covers=["erasure"])
    accepted(mandate, officer)
    mandate.refresh_from_db()
    assert not mandates.may_read_answer(mandate)
    known(case, officer)
    delivery = answered(case, officer)
    assert (mails("mail.answer_ready"), mails("mail.represented_answer")) == (1, 0)
    path = reverse("public:answer", kwargs={"token": services.link_token(delivery)})
    tried = Client().post(path, {"code": codes.representative_code(case, mandate.id)})
    assert tried.status_code != 302


def test_a_newer_receipt_code_ends_the_link_that_would_show_it(writer, officer):
    """R12: a code an officer renewed after a check is not for who holds an old mail."""
    from dsr_portal.cases.confirmations import renew_code

    case, _mandate = sent_for_somebody(writer)
    token = invitations.token_of(invitation(case, "person"))
    renew_code(case_id=case.id, actor=officer, way="call", compared="The voice.")
    assert Client().post(reverse("public:invitation", kwargs={"token": token})).status_code == 404


def test_a_photo_compared_with_a_photo_needs_the_person_to_have_been_here(
    writer, officer, monkeypatch
):
    """C-06: who acts could send anybody's face; another proof stays open, and so does the link."""
    review.told(monkeypatch)
    case, mandate = sent_for_somebody(writer)
    accepted(mandate, officer)
    staged = vault.stage_unit(kind="probe", owner=case.id)
    staged.add("picture", JPEG)

    def also(locked: Case) -> None:
        staged.save()
        matching.add_probe(
            case=locked, actor=writer, unit=staged.unit_id, channel="post", entered_by=writer.id
        )

    services.record_consent(
        case_id=case.id, scope="comparison", actor=writer, channel="post", also=also
    )
    review.work()
    check = {
        "case_id": case.id,
        "actor": officer,
        "way": "three_photos",
        "element": "",
        "compared": "The three photos and the one that was sent.",
    }
    with pytest.raises(Conflict) as refused:
        matching.record_identity(**check)
    assert refused.value.code == "person_not_reached"
    opened_by("person", case)
    matching.record_identity(**check)


# -- the answer and the end -----------------------------------------------------------------------


def answered(case: Case, officer: Actor) -> Any:
    """An answer that has left, one part of it."""
    case.refresh_from_db()
    machine = Actor.system("search-worker")
    for action, actor in (
        (Action.START_SEARCH, machine),
        (Action.SEARCH_DONE, machine),
        (Action.FIRST_DONE, officer),
        (Action.REVIEW_DONE, officer),
    ):
        services.advance(case=case, action=action, actor=actor)
    delivery = services.make_delivery(
        case=case,
        kind="answer",
        actor=officer,
        parts=[services.Part("answer.txt", "text/plain", unit=case.file_unit, field="intake")],
    )
    services.release_batch(actor=officer)
    return delivery


@pytest.mark.parametrize(
    ("answer_to", "person", "representative"),
    [("person", 1, 0), ("representative", 0, 1), ("both", 1, 1)],
)
def test_the_answer_goes_to_whom_the_mandate_says(
    writer, officer, answer_to, person, representative
):
    """C-04: default the person; who acts opens it with their own code only where it says so."""
    case, mandate = sent_for_somebody(writer, answer_to=answer_to)
    accepted(mandate, officer)
    known(case, officer)
    delivery = answered(case, officer)
    assert (mails("mail.answer_ready"), mails("mail.represented_answer")) == (
        person,
        representative,
    )
    path = reverse("public:answer", kwargs={"token": services.link_token(delivery)})
    acting = Client()
    tried = acting.post(path, {"code": codes.representative_code(case, mandate.id)})
    assert (tried.status_code == 302) == bool(representative)
    # The person can always open what is about them.
    assert Client().post(path, {"code": services.receipt_code(case)}).status_code == 302
    if not representative:
        return
    part = reverse(
        "public:answer_part", kwargs={"token": services.link_token(delivery), "ordinal": 1}
    )
    assert acting.get(part).status_code == 200
    assert acting.get(reverse("public:case")).status_code == 302
    page = acting.get(path).content.decode()
    assert reverse("public:representing") in page
    assert reverse("public:delete_now") not in page
    assert [
        one.actor_role for one in events_for_case(case.id) if one.type == "delivery.fetched"
    ] == ["representative"]
    # One click of the person, and the page that stands open opens nothing more.
    representing.end(case_id=case.id, actor=Actor.person(case.id))
    assert acting.get(part).status_code == 302
    assert acting.get(reverse("public:representing")).status_code == 403


def test_one_click_of_the_person_ends_it_and_both_are_told(writer, officer):
    """R11: access ends at once, the request stays the person's, and two mails say so."""
    case, mandate = sent_for_somebody(writer)
    accepted(mandate, officer)
    acting = opened_by("representative", case)
    assert acting.get(reverse("public:representing")).status_code == 200
    person = opened_by("person", case)
    page = person.get(reverse("public:case")).content.decode()
    assert "No, I go on without them" in page
    person.post(reverse("public:end_mandate"))
    closed = acting.get(reverse("public:representing"))
    assert closed.status_code == 403
    assert "they ended it" in closed.content.decode()
    again = {"reference": case.reference, "code": codes.representative_code(case, mandate.id)}
    assert Client().post(reverse("public:status"), again).status_code == 422
    theirs = senders.get("mail.mandate_ended").render(mandate.id)
    own = senders.get("mail.mandate_ended_person").render(mandate.id)
    assert (theirs.to, own.to) == ("lena@voss.example", "mina@example.org")
    assert mails("mail.mandate_ended") == mails("mail.mandate_ended_person") == 1
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    assert mandates.in_the_way(case) == ""
    assert "Lena" not in person.get(reverse("public:case")).content.decode()


def test_a_mandate_over_by_date_opens_nothing_any_more(writer, officer):
    """C-04: until when it says; the request itself was good when it came."""
    case, mandate = sent_for_somebody(writer, until=clock.today() + timedelta(days=3))
    accepted(mandate, officer)
    code = codes.representative_code(case, mandate.id)
    assert mandates.by_code(case, code) == mandate
    with time_machine.travel(clock.now() + timedelta(days=4)):
        assert mandates.by_code(case, code) is None
        assert mandates.in_the_way(case) == ""


# -- guardians, heirs, and what becomes of the paper ----------------------------------------------


@pytest.mark.parametrize("kind", ["lawyer", "body", "guardian", "other"])
def test_a_guardian_has_the_same_gate_as_any_other(writer, officer, kind):
    """C-08: as C-04."""
    case, mandate = sent_for_somebody(writer, kind=kind)
    assert mandates.in_the_way(case) == "mandate_open"
    accepted(mandate, officer)
    assert mandates.in_the_way(case) == ""


def test_a_request_for_who_died_is_a_case_by_hand_and_not_refused(writer, officer, monkeypatch):
    """C-07: a state, an heir's proof, an officer; what was named is looked up, no face searched."""
    review.told(monkeypatch)
    case, mandate = sent_for_somebody(writer, kind="heir", law_of="fr")
    assert mandate.law_of == "FR"
    assert mails("mail.represented") == 0
    accepted(mandate, officer)
    known(case, officer)
    services.record_consent(case_id=case.id, scope="comparison", actor=writer, channel="post")
    staged = vault.stage_unit(kind="probe", owner=case.id)
    staged.add("picture", JPEG)
    with transaction.atomic():
        staged.save()
    from dsr_portal.audit.services import unit_of_work

    with unit_of_work():
        matching.add_probe(
            case=Case.objects.get(id=case.id),
            actor=writer,
            unit=staged.unit_id,
            channel="post",
            entered_by=writer.id,
        )
    review.work()
    proofs.note_seen(case_id=case.id, actor=officer, kind="other", shows=True, why="prefers")
    known_again = services.record_identity(
        case_id=case.id,
        actor=officer,
        way="document",
        element="named_control",
        compared="The certificate of inheritance names who asks.",
    )
    assert matching.start_search_if_ready(case_id=known_again.id, actor=officer) is None
    assert not Search.objects.exists()
    assert matching.start_look_up(case_id=case.id, actor=officer) is not None


def test_the_paper_is_sealed_and_a_parents_goes_once_decided(writer, officer, settings):
    """C-03, P-06: never in clear on disk; the trail keeps its kind and the day it went."""
    case, mandate = sent_for_somebody(writer, kind="parent")
    assert mandates.document(mandate) == PAPER
    kept = b"".join(p.read_bytes() for p in settings.DSR_VAR.rglob("*") if p.is_file())
    assert b"canary-mandate-91c" not in kept
    unit = mandate.proof_unit
    mandate_checks.refuse(
        mandate_id=mandate.id, actor=officer, reason="not_given", words="The child says no."
    )
    mandate.refresh_from_db()
    assert mandate.proof_unit is None
    assert mandate.proof_ended_at is not None
    assert vault.unit_state(unit) != vault.UnitState.LIVE
    gone = [one for one in events_for_case(case.id) if one.type == "mandate.proof_destroyed"]
    assert [one.data["kind"] for one in gone] == ["parent"]


def test_any_other_paper_goes_when_the_request_ends(writer, officer):
    """P-06: with the closing of the case at the latest, here because it was taken back."""
    case, mandate = sent_for_somebody(writer)
    accepted(mandate, officer)
    mandate.refresh_from_db()
    unit = mandate.proof_unit
    assert vault.unit_state(unit) == vault.UnitState.LIVE
    services.withdraw(case_id=case.id, actor=Actor.person(case.id))
    mandate.refresh_from_db()
    assert mandate.proof_unit is None
    assert vault.unit_state(unit) != vault.UnitState.LIVE


# -- the desk -------------------------------------------------------------------------------------


def test_the_desk_writes_it_down_and_another_person_accepts(client, site):
    """R11, C-04: pages of intake and of the officer, and what each says."""
    site("desk")
    one, other = staff("S-1001"), staff("S-1002")
    entered = sign_in(client, one).post(
        reverse("desk:enter"),
        {
            "channel": "representative",
            "received": clock.today().isoformat(),
            "words": "I act for Mina. Tell us what you hold.",
            "rights": ["access"],
            "email": "mina@example.org",
            "language": "en",
        },
    )
    case = Case.objects.get()
    page = reverse("desk:mandate", kwargs={"reference": case.reference})
    assert entered.url == page
    given = {
        "kind": "lawyer",
        "name": LENA.name,
        "organisation": LENA.organisation,
        "email": LENA.email,
        "rights": ["access"],
        "answer_to": "person",
    }
    write = reverse("desk:mandate_write", kwargs={"reference": case.reference})
    assert client.post(write, {**given, "name": ""}).status_code == 422
    given["document"] = SimpleUploadedFile("mandate.pdf", PAPER)
    assert client.post(write, given).status_code == 302
    shown = client.get(page).content.decode()
    assert "Another person decides" in shown
    assert "Accept the mandate" not in shown
    paper = client.get(reverse("desk:mandate_document", kwargs={"reference": case.reference}))
    assert paper.content == PAPER
    assert "attachment" in paper["Content-Disposition"]
    second = sign_in(Client(), other)
    services.confirm_origin(case_id=case.id, actor=review.actor(other))
    step = second.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "Look at the mandate" in step
    accept = reverse("desk:mandate_accept", kwargs={"reference": case.reference})
    assert second.post(accept, {"accept-words": ""}).status_code == 422
    assert second.post(accept, {"accept-words": SEEN}).status_code == 302
    assert mandates.in_the_way(case) == ""
    assert SEEN in second.get(page).content.decode()
    link = reverse("desk:mandate_link", kwargs={"reference": case.reference})
    assert second.post(link, {"to": "person"}).status_code == 302
    assert case.invitations.filter(addressee="person", ended_at=None).count() == 1
    ended = reverse("desk:mandate_end", kwargs={"reference": case.reference})
    assert second.post(ended, {"end-compared": "She called and said so."}).status_code == 302
    assert mandates.in_the_way(case) == "mandate_ended"
