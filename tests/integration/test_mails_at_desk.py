"""Mails are read by people, the wider reading first; the clock waits for nobody (T-09, D-05)."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import evidence_locks, mail_desk, proposals, selectors, services
from dsr_portal.cases.models import Case, Direction, Mail, MailState, Outcome, Proposal, Status
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.law import deadlines
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.mailbox import maildir, message, put
from tests.support.matching import actor, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NINE = timedelta(days=9)


@pytest.fixture(autouse=True)
def places(settings, tmp_path, site):
    own_places(settings, tmp_path)
    site("desk")


@pytest.fixture
def box(tmp_path):
    return maildir(tmp_path)


@pytest.fixture
def officer():
    return staff("S-1001")


def fetched(box: Any, *args: Any, **more: Any) -> Mail:
    put(box, message(*args, **more))
    call_command("fetch_mail", str(box), "--json")
    return Mail.objects.latest("id")


def page_of(mail: Mail) -> str:
    return reverse("desk:mail", kwargs={"reference": mail.case.reference, "mail_id": mail.id})


def test_mails_wait_in_a_list_and_the_wider_reading_is_ticked(client, box, officer):
    """T-09, D-05: read nine days after it came, due a month after it came."""
    mail = fetched(box, at=clock.now() - NINE)
    browser = sign_in(client, officer)
    listed = browser.get(reverse("desk:mails")).content.decode()
    assert mail.case.reference in listed
    page = browser.get(page_of(mail)).content.decode()
    assert "Take my face down and tell me what you have." in page
    assert page.count(" checked") == 3, "access, erasure and objection are ticked"
    due = mail.case.due_on
    answer = browser.post(page_of(mail), {"rights": ["access", "erasure", "objection"]})
    assert answer.status_code == 302
    case = Case.objects.get()
    assert (case.due_on, case.received_on) == (due, clock.local_date(clock.now() - NINE))
    mail.refresh_from_db()
    assert (mail.state, mail.read_by) == (MailState.READ, "S-1001")
    read = next(one for one in events_for_case(case.id) if one.type == "mail.read")
    assert (read.actor_id, read.data["taken_out"]) == ("S-1001", [])
    assert mail.case.reference not in browser.get(reverse("desk:mails")).content.decode()
    assert not case.messages.exists(), "nothing was read otherwise than the receipt said"


def test_less_needs_a_reason_and_the_person_hears_how_they_were_read(client, box, officer):
    """T-09, R2: nothing typed is lost; the level follows from what is asked."""
    mail = fetched(box)
    browser = sign_in(client, officer)
    refused = browser.post(page_of(mail), {"rights": ["objection"]})
    assert refused.status_code == 422
    assert "can be read wider (Access, Erasure)" in refused.content.decode()
    assert mail.case.required_level == 2
    taken = browser.post(page_of(mail), {"rights": ["objection"], "narrower": "Said on the phone."})
    assert taken.status_code == 302
    case = Case.objects.get()
    assert selectors.rights_of(case) == ["objection"]
    assert case.required_level == 1
    (told,) = [one.text for one in selectors.messages_of(case) if one.direction == Direction.OUT]
    assert "We work on this: Stop using my pictures." in told


def test_what_words_of_no_list_ask_for_is_ticked_by_the_reader(box, officer):
    """T-09: a language no list knows; rectification counts from the day the mail came."""
    mail = fetched(box, "Αυτός δεν είμαι εγώ.", subject="Λάθος", at=clock.now() - NINE)
    every = ["access", "erasure", "objection", "rectification"]
    mail_desk.read_as(mail=mail, actor=actor(officer), rights=every, urgent=True)
    case = Case.objects.get()
    assert set(selectors.rights_of(case)) == set(every)
    assert not case.rights.exclude(added_at=None).exists(), "asked from the first day"
    assert case.urgent


def test_a_later_mail_adds_a_wish_with_a_month_from_its_own_day(box, officer):
    """T-11, D-01: counted from the day that mail came, not from the day it was read."""
    case = support.opened(rights=["access"], email="mina@example.org")
    came = clock.now() - timedelta(days=3)
    mail = fetched(box, "And delete it all.", subject=case.reference, at=came)
    assert mail_desk.seen(mail).suggested == ["erasure"]
    mail_desk.read_as(mail=mail, actor=actor(officer), rights=["erasure"])
    added = case.rights.get(right="erasure")
    due = deadlines.due_dates(clock.local_date(came), calendar=case.calendar).legal
    assert (clock.local_date(added.added_at), added.due_on) == (clock.local_date(came), due)


def test_a_mail_shows_nobody_and_adds_nothing_that_opens_or_erases_after_the_search(box, officer):
    """R2: a level somebody proved is not a forged sender's; what locks is taken at once."""
    case = support.opened(rights=["access"], email="mina@example.org")
    support.decided(case)
    mail = fetched(box, "And delete it all.", subject=case.reference)
    assert mail.case_id == case.id
    with pytest.raises(Conflict, match="right_late"):
        mail_desk.read_as(mail=mail, actor=actor(officer), rights=["erasure"])
    assert not case.rights.filter(right="erasure").exists()
    mail_desk.read_as(mail=mail, actor=actor(officer), rights=["objection"], narrower="By page.")
    assert case.rights.filter(right="objection").exists()
    assert case.flags.filter(code="added_objection").exists()


def test_a_mail_that_adds_a_wish_has_all_that_the_page_would_do(box, officer):
    """R2, Art. 18(1)(c): the level that is asked rises, a lock is kept as evidence, and whoever
    has the mailbox hears how the mail was read."""
    case = support.opened(rights=["restriction"], email="mina@example.org")
    assert case.required_level == 1
    told = case.messages.filter(direction=Direction.OUT).count()
    mail = fetched(box, "And delete it all.", subject=case.reference)
    mail_desk.read_as(mail=mail, actor=actor(officer), rights=["erasure"])
    case.refresh_from_db()
    assert case.required_level == 2
    assert case.messages.filter(direction=Direction.OUT).count() == told + 1
    both = support.opened(rights=["access", "erasure"], email="ilse@example.org")
    mail = fetched(
        box, "Do not delete it, lock it.", subject=both.reference, sender="ilse@example.org"
    )
    mail_desk.read_as(
        mail=mail, actor=actor(officer), rights=["restriction"], narrower="Asked for before."
    )
    assert evidence_locks.in_force(both.id) is not None


def test_nothing_is_searched_before_somebody_read_what_is_asked(client, box, officer):
    """T-09, R20: reading comes first, then another person confirms the original."""
    mail = fetched(box)
    case = mail.case
    with pytest.raises(Conflict, match="mail_unread"):
        services.confirm_origin(case_id=case.id, actor=actor(officer))
    browser = sign_in(client, officer)
    page = browser.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "It was taken for everything its words let one read" in page
    onward = browser.get(reverse("desk:next_mail", kwargs={"reference": case.reference}))
    assert onward.url == page_of(mail)
    mail_desk.read_as(mail=mail, actor=actor(officer), rights=selectors.rights_of(case))
    services.confirm_origin(case_id=case.id, actor=actor(officer))
    assert services.origin_confirmed(case=Case.objects.get())


def test_a_mail_is_read_once_and_by_roles_that_may(box, officer):
    """R19, G-02: two officers at once; a director reads none."""
    mail = fetched(box)
    with pytest.raises(NotAllowed):
        mail_desk.read_as(mail=mail, actor=actor(staff("D-1", Role.DIRECTOR)), rights=["access"])
    with pytest.raises(BadInput, match="no_right"):
        mail_desk.read_as(mail=mail, actor=actor(officer), rights=[], narrower="None.")
    every = mail_desk.seen(mail).suggested
    mail_desk.read_as(mail=mail, actor=actor(officer), rights=every)
    with pytest.raises(Conflict, match="already_read"):
        mail_desk.read_as(mail=mail, actor=actor(staff("S-1002")), rights=every)


def test_no_request_takes_a_reason_and_another_person(client, box, officer):
    """N-15: never one person alone; whoever wrote is told and may write again."""
    mail = fetched(box, "Buy our lamps.", subject="Offer")
    case, second = mail.case, staff("S-1002")
    browser = sign_in(client, officer)
    page = reverse("desk:no_request", kwargs={"reference": case.reference})
    assert browser.post(page, {"reason": ""}).status_code == 422
    assert browser.post(page, {"reason": "canary-advert"}).status_code == 302
    proposal = Proposal.objects.get()
    settle = reverse(
        "desk:settle", kwargs={"reference": case.reference, "proposal_id": proposal.id}
    )
    assert browser.post(settle, {"do": "agree"}).status_code == 403
    assert Case.objects.get().status == Status.RECEIVED
    other = sign_in(client, second)
    shown = other.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "canary-advert" in shown
    assert other.post(settle, {"do": "agree"}).status_code == 302
    case = Case.objects.get()
    assert (case.status, case.outcome) == (Status.CLOSED, Outcome.NO_REQUEST)
    mail.refresh_from_db()
    assert mail.state == MailState.ASIDE
    told = [one.text for one in selectors.messages_of(case) if one.direction == Direction.OUT]
    assert any("write again" in text for text in told)
    assert not any("canary-advert" in text for text in told)
    types = [one.type for one in events_for_case(case.id)]
    assert "case.no_request" in types
    assert "canary" not in str([one.data for one in events_for_case(case.id)])


def test_what_was_read_as_a_request_is_not_set_aside(box, officer):
    """N-15: also when it was read after the proposal."""
    mail = fetched(box)
    case = mail.case
    proposal = mail_desk.propose_no_request(
        case_id=case.id, actor=actor(officer), reason="It looked like one."
    )
    second = actor(staff("S-1002"))
    mail_desk.read_as(mail=mail, actor=second, rights=selectors.rights_of(case))
    with pytest.raises(Conflict, match="was_read"):
        proposals.agree(proposal_id=proposal.id, actor=actor(staff("S-1003")))
    assert Case.objects.get().status == Status.RECEIVED
    web = support.opened(email="other@example.org")
    with pytest.raises(Conflict, match="was_read"):
        mail_desk.propose_no_request(case_id=web.id, actor=second, reason="No.")


def test_a_request_that_comes_again_is_linked_and_never_refused(client, box, officer):
    """X-17, R3: each has its own clock and check; only the desk sees that they share an address."""
    first = support.opened(email="mina@example.org")
    mail = fetched(box, sender="MINA@example.org")
    stranger = support.opened(email="eve@example.net")
    nobody = support.opened(email="")
    again = mail.case
    assert (again.level, again.required_level) == (0, 2)
    assert list(selectors.linked_cases(officer, again)) == [first]
    assert list(selectors.linked_cases(officer, first)) == [again]
    assert not selectors.linked_cases(officer, stranger)
    assert not selectors.linked_cases(officer, nobody)
    browser = sign_in(client, officer)
    page = browser.get(reverse("desk:case", kwargs={"reference": first.reference})).content.decode()
    assert again.reference in page
    assert again.reference not in str(selectors.public_view(first))
    services.withdraw(case_id=again.id, actor=support.person(again))
    services.purge(case_id=again.id, actor=support.SUPERVISOR)
    assert Case.objects.get(id=again.id).contact_hash is None
    assert not selectors.linked_cases(officer, first)
