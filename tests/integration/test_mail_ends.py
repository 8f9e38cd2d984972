"""A mail our relay refuses for good is seen at the desk and by the person (T-11, L-09)."""

from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import alarms, selectors
from dsr_portal.cases.models import Case, Escalation
from dsr_portal.core import clock, egress
from dsr_portal.core.registries import Reader, mails, send_ends
from dsr_portal.jobs import selectors as jobs
from dsr_portal.jobs import services as queue
from dsr_portal.jobs.models import Effect, EffectState, Job
from tests.support import cases as support
from tests.support import represented
from tests.support.endpoints import Authority
from tests.support.matching import sign_in, staff
from tests.support.relay import relaying

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "mina-canary-4711@example.org"
LINE = "A mail of ours came back. What we wrote is on this page."


@pytest.fixture
def relay(tmp_path, settings, monkeypatch):
    """A relay that refuses whatever it gets for good, until a test says otherwise."""
    made = Authority(tmp_path / "authority")
    settings.DSR_EGRESS_TEST_CA = str(made.ca)
    settings.DSR_BROKER_DIR = tmp_path / "broker"
    monkeypatch.setattr(egress, "_FACE_MODULES", ())
    with relaying(made) as running:
        settings.DSR_MAIL_URL = f"smtps://localhost:{running.port}"
        running.reply = "550 nobody here"
        yield running


def flags(case: Case) -> list[str]:
    return list(case.flags.order_by("raised_at").values_list("code", flat=True))


def told(case: Case) -> list[str]:
    return [one.sentence for one in selectors.public_view(case).told]


def queue_page(client) -> str:
    page = client.get(reverse("desk:queue"))
    assert page.status_code == 200
    return " ".join(unescape(page.content.decode()).split())


def test_every_mail_of_a_case_tells_somebody_when_it_does_not_arrive():
    """T-11: no kind of mail about a case is left out when somebody adds one."""
    outside = {name for name, about in mails.items() if about.to is not Reader.STAFF}
    assert outside - set(send_ends) == set()
    assert "mail.alarm" in send_ends


def test_a_receipt_refused_for_good_is_flagged_and_told(relay):
    """T-11, L-09: the same flag and line as a mail that came back; no address, no reason."""
    case = support.opened(email=CANARY)
    other = support.opened()
    Effect.objects.filter(subject_id=other.id).delete()
    queue.run_due()
    effect = Effect.objects.get(kind="mail.receipt", subject_id=case.id)
    assert (effect.state, effect.error_code) == (EffectState.FAILED, "mail_refused")
    assert flags(case) == ["mail_bounced"]
    assert LINE in told(case)
    assert flags(other) == []
    trail = [one for one in events_for_case(case.id) if one.type == "mail.bounced"]
    assert len(trail) == 1
    assert CANARY not in str([(one.data, one.actor_id) for one in events_for_case(case.id)])


def test_a_mail_that_arrives_or_is_tried_again_flags_nobody(relay):
    relay.reply = "451 later"
    case = support.opened()
    queue.run_due()
    assert Effect.objects.get(subject_id=case.id).state == EffectState.PENDING
    assert flags(case) == []
    assert LINE not in told(case)
    relay.reply = "250 ok"
    Job.objects.update(run_after=clock.now())
    queue.run_due()
    assert Effect.objects.get(subject_id=case.id).state == EffectState.SENT
    assert flags(case) == []


def test_what_there_is_no_address_for_is_no_failure(relay):
    """A request on paper has no mailbox: nothing came back, and nobody is told it did."""
    case = support.opened(email="")
    with unit_of_work():
        queue.queue_effect(kind="mail.wrote", subject_id=case.id, unique_key="wrote-no-mailbox")
    queue.run_due()
    assert Effect.objects.get(unique_key="wrote-no-mailbox").error_code == "no_address"
    assert flags(case) == []
    assert jobs.mails_failed() == 0


def test_the_ready_mail_of_an_answer_leads_to_its_case(relay):
    """L-09: its subject is the delivery and not the case."""
    case = support.opened()
    support.delivered(case)
    Effect.objects.exclude(kind="mail.answer_ready").delete()
    queue.run_due()
    assert Effect.objects.get().error_code == "mail_refused"
    assert flags(case) == ["mail_bounced"]


def test_who_acts_not_being_reached_is_a_flag_and_no_line_of_the_persons(relay):
    """R11: the person's own mailbox is not the one that failed."""
    staff(support.OFFICER.id)
    case, mandate = represented.sent_for_somebody(support.OFFICER)
    Effect.objects.all().delete()
    with unit_of_work():
        queue.queue_effect(kind="mail.mandate", subject_id=mandate.id, unique_key="news")
    queue.run_due()
    assert flags(case)[-1] == "representative_mail_bounced"
    assert LINE not in told(case)


def test_an_alarm_a_colleague_never_got_is_at_the_desk(relay):
    """D-04: the alarm stands, and the case says that the mail about it failed."""
    person = staff("S-2001", Role.SUPERVISOR)
    case = support.opened()
    Effect.objects.all().delete()
    with unit_of_work():
        row = Escalation.objects.create(
            case=case, code="due_1", about="x", to=person.staff_no, raised_at=clock.now()
        )
        queue.queue_effect(kind="mail.alarm", subject_id=row.id, unique_key="alarm")
    queue.run_due()
    assert flags(case) == ["alarm_mail_failed"]
    assert LINE not in told(case)
    assert [one.id for one in alarms.mine(person.staff_no)] == [row.id]


def test_the_queue_says_how_many_mails_wait_or_failed_and_nothing_of_whom(
    relay, settings, monkeypatch, site, client
):
    """R33: numbers only; silent while all is well, and after a week about what failed."""
    site("desk")
    browser = sign_in(client, staff("S-1"))
    assert "Mail does not arrive" not in queue_page(browser)
    support.opened(email=CANARY)
    queue.run_due()
    page = queue_page(browser)
    assert "1 mail of the last seven days did not leave." in page
    assert CANARY not in page
    settings.DSR_MAIL_URL, settings.DSR_DEMO = "", False
    support.opened(email=CANARY)
    support.opened(email=CANARY)
    queue.run_due()
    page = queue_page(browser)
    assert "2 mails wait. They leave once a relay is set up (DSR_MAIL_URL)." in page
    assert CANARY not in page
    past = clock.now() - timedelta(days=8)
    Effect.objects.filter(state=EffectState.FAILED).update(created_at=past)
    Effect.objects.filter(state=EffectState.PENDING).update(state=EffectState.SENT)
    assert "Mail does not arrive" not in queue_page(browser)
