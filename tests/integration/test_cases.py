"""Cases by their services: receipt, codes, consent, identity, delivery, withdrawal, the end."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from dsr_portal.audit import services as audit
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import codes, consents, deliveries, drafts, receipts, selectors, services
from dsr_portal.cases.deliveries import last_batch
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Consent,
    ConsentScope,
    Delivery,
    Draft,
    Receipt,
    RightCode,
    Status,
    WayIn,
    WayKind,
)
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound, PortalError
from dsr_portal.core.registries import purgers, senders
from dsr_portal.jobs.models import Effect
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitState
from tests.support import cases as support

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def a_delivery(case: Case, *, kind: str = "answer"):
    part = services.Part(name="a", media_type="text/plain", unit=case.file_unit, field="intake")
    return services.make_delivery(case=case, kind=kind, actor=support.SECOND, parts=[part])


def events(case: Case) -> list[str]:
    return [event.type for event in events_for_case(case.id)]


# -- intake -------------------------------------------------------------------------------------


def test_a_request_opens_with_everything_in_one_transaction():
    """R14, T-10, L-01: case, clock, rights, ways, consent, receipt, event and mail together."""
    case = support.opened()
    assert case.status == Status.RECEIVED
    assert case.reference.count("-") == 1
    assert case.required_level == 2
    assert set(case.rights.values_list("right", flat=True)) == {"access", "erasure"}
    assert case.ways.get().kind == WayKind.SELFIE
    assert services.has_consent(case=case, scope=ConsentScope.COMPARISON)
    assert Receipt.objects.get(case=case).head_hash == services.receipt_text(case)["head"]["hash"]
    assert events(case) == ["case.opened", "receipt.issued", "consent.given"]
    assert Effect.objects.get(subject_id=case.id).kind == "mail.receipt"
    assert audit.verify().ok


@pytest.mark.parametrize("broken", ["Receipt", "Consent", "queue_effect", "also"])
def test_nothing_is_written_when_any_part_fails(monkeypatch, broken):
    """R14: a failure anywhere leaves no case, no receipt, no mail, no event."""
    head = audit.head()

    class Planted(Exception):
        pass

    def fail(*args, **kwargs):
        raise Planted

    also = None
    if broken == "also":
        also = fail
    elif broken == "queue_effect":
        monkeypatch.setattr("dsr_portal.cases.intake.queue_effect", fail)
    else:
        monkeypatch.setattr(f"dsr_portal.cases.intake.{broken}.objects.create", fail)
    with pytest.raises(Planted):
        support.opened(also=also)
    assert not Case.objects.exists()
    assert not Receipt.objects.exists()
    assert not Consent.objects.exists()
    assert not Effect.objects.exists()
    assert audit.head() == head


def test_the_mail_is_made_from_the_receipt_row_and_has_no_code():
    """R12, R14, T-10."""
    case = support.opened()
    text = services.receipt_text(case)
    mail = senders.get("mail.receipt").render(case.id)
    assert mail.to == "mina@example.org"
    for section in text["sections"]:
        assert section["heading"] in mail.text
        for paragraph in section["paragraphs"]:
            assert paragraph in mail.text
    assert text["lead"] in mail.text
    assert "complain to a data protection authority" in mail.text
    code = services.receipt_code(case)
    assert code not in mail.text
    assert code.replace("-", "") not in mail.text.replace("-", "")


def test_a_request_without_address_gets_no_mail_and_is_told_where_to_look():
    """T-05, R12."""
    case = support.opened(email="")
    assert not Effect.objects.exists()
    text = str(services.receipt_text(case))
    assert "You gave no e-mail address" in text


def test_a_letter_counts_from_the_day_it_arrived():
    """N-11, T-08, D-01, D-05: received nine days ago, entered by named staff today."""
    arrived = clock.now() - timedelta(days=9)
    case = support.opened(actor=support.OFFICER, channel="post", received_at=arrived, consents=())
    assert case.received_on == clock.local_date(arrived)
    assert case.opener == support.OFFICER.id
    assert events_for_case(case.id)[0].data["entered_by"] == support.OFFICER.id


def test_nobody_without_a_name_enters_a_request_for_somebody():
    """R20."""
    with pytest.raises(NotAllowed):
        support.opened(channel="post")
    with pytest.raises(NotAllowed):
        support.opened(actor=Actor.operator(), channel="post")


def test_a_future_arrival_and_an_empty_wish_are_refused():
    with pytest.raises(BadInput, match="received_in_future"):
        support.opened(
            actor=support.OFFICER, channel="post", received_at=clock.now() + timedelta(days=1)
        )
    with pytest.raises(BadInput, match="no_right"):
        support.opened(rights=())


def test_the_day_of_two_time_zones_is_the_earlier():
    """D-10: 23:30 in Lisbon is 00:30 of the next day in Amsterdam."""
    late = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
    portugal = support.opened(
        actor=support.OFFICER, channel="email", received_at=late, country="PT"
    )
    generic = support.opened(actor=support.OFFICER, channel="email", received_at=late)
    assert portugal.received_on.day == 9
    assert generic.received_on.day == 10


def test_the_same_draft_opens_one_case():
    """Double submit: one case, one receipt, one mail."""
    draft = drafts.start_draft()
    first = support.opened(draft_id=draft.id)
    second = services.open_case(
        channel="web",
        rights=["access"],
        draft_id=draft.id,
        contact=services.Contact(email="mina@example.org"),
    )
    assert not second.created
    assert second.case.id == first.id
    assert Case.objects.count() == 1
    assert Effect.objects.filter(kind="mail.receipt").count() == 1
    assert not Draft.objects.exists()
    assert vault.unit_state(draft.unit) == UnitState.WAITING


def test_a_draft_that_is_over_opens_nothing():
    draft = drafts.start_draft()
    drafts.discard(draft=draft)
    with pytest.raises(Conflict, match="draft_over"):
        support.opened(draft_id=draft.id)
    assert not Case.objects.exists()


def test_no_photo_and_no_way_at_all_opens_a_case_too():
    """T-05, T-06: no way in is compulsory."""
    for ways in (
        [],
        [services.WaySent(WayKind.PAGE, "https://example.org/a")],
        [services.WaySent(WayKind.OTHER, "I was told about it")],
    ):
        case = support.opened(ways=ways, consents=())
        assert case.due_on == support.opened().due_on


def test_what_was_sent_lies_in_the_vault_and_nowhere_else():
    """Design 5: plain columns hold ids, times, states and codes."""
    canary = "CANARYWORDS"
    support.opened(
        ways=[
            services.WaySent(WayKind.PAGE, f"https://example.org/{canary}"),
            services.WaySent(WayKind.ACCOUNT, canary),
        ],
        email=f"{canary}@example.org",
        note=canary,
    )
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a name of our own schema
            for row in cursor.fetchall():
                for value in row:
                    plain = (
                        bytes(value)
                        if isinstance(value, (bytes, memoryview))
                        else (str(value).encode())
                    )
                    assert canary.encode() not in plain, table


# -- the clock ----------------------------------------------------------------------------------


def test_the_database_refuses_to_move_the_day_of_arrival():
    """D-05: by no code, no service, no statement."""
    case = support.opened()
    for values in ({"received_at": clock.now()}, {"received_on": clock.today() - timedelta(1)}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Case.objects.filter(id=case.id).update(**values)


# -- codes --------------------------------------------------------------------------------------


def test_the_receipt_code_is_derived_and_dies_with_the_contact():
    """R12: 16 letters of 80 bits, look-alikes accepted, never stored, gone with its key."""
    case = support.opened()
    code = services.receipt_code(case)
    assert len(code.replace("-", "")) == 16
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4]
    assert services.receipt_code(case) == code
    assert services.check_code(case=case, code=code.lower().replace("-", " "))
    typed = code.replace("0", "O").replace("1", "l")
    assert services.check_code(case=case, code=typed)
    assert not services.check_code(case=case, code=code[:-1] + ("0" if code[-1] != "0" else "2"))
    assert not services.check_code(case=case, code="")
    with transaction.atomic():
        vault.request_shred([case.contact_unit], reason="test")
    assert not services.check_code(case=case, code=code)


def test_two_cases_have_two_codes_and_a_new_code_ends_the_old():
    """R12: someone else's code does not open; lost means officer and counter + 1."""
    one, two = support.opened(), support.opened()
    old = services.receipt_code(one)
    assert old != services.receipt_code(two)
    assert not services.check_code(case=two, code=old)
    with pytest.raises(NotAllowed):
        support.renewed(one, actor=support.person(one))
    new = support.renewed(one)
    one.refresh_from_db()
    assert new != old
    assert services.check_code(case=one, code=new)
    assert not services.check_code(case=one, code=old)


def test_the_mail_code_proves_the_mailbox_and_nothing_else():
    """R12."""
    case = support.opened()
    sent = services.send_mail_code(case_id=case.id, actor=support.person(case))
    code = codes.mail_code(sent)
    assert code in senders.get("mail.code").render(sent.id).text
    wrong = "000000" if code != "000000" else "111111"
    with pytest.raises(services.WrongCode):
        services.confirm_mail_code(case_id=case.id, code=wrong, actor=support.person(case))
    services.confirm_mail_code(
        case_id=case.id, code=f" {code[:3]} {code[3:]}", actor=support.person(case)
    )
    assert selectors.mailbox(case).confirmed_at is not None
    assert not services.check_code(case=case, code=code)
    assert case.level == 0


def test_the_mail_code_ends_after_five_tries_and_half_an_hour(monkeypatch):
    case = support.opened()
    sent = services.send_mail_code(case_id=case.id, actor=support.person(case))
    code = codes.mail_code(sent)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(services.WrongCode):
            services.confirm_mail_code(case_id=case.id, code=wrong, actor=support.person(case))
    with pytest.raises(Conflict, match="mail_code_over"):
        services.confirm_mail_code(case_id=case.id, code=code, actor=support.person(case))
    later = services.send_mail_code(case_id=case.id, actor=support.person(case))
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=31))
    with pytest.raises(Conflict, match="mail_code_over"):
        services.confirm_mail_code(
            case_id=case.id, code=codes.mail_code(later), actor=support.person(case)
        )


# -- consent ------------------------------------------------------------------------------------


def test_a_consent_keeps_version_hash_time_channel_and_language():
    """R8, P-02."""
    case = support.opened(language="de")
    row = Consent.objects.get(case=case)
    text = consents.consent_text(ConsentScope.COMPARISON, language="de")
    assert (row.text_version, row.text_hash) == (text.version, text.hash)
    assert (row.channel, row.language) == ("web", "de")


def test_withdrawing_runs_the_purgers_stops_the_search_and_keeps_the_case(monkeypatch):
    """R8, P-03: one step stops and deletes; the request goes on with its date."""
    called = []
    monkeypatch.setitem(purgers._entries, "test", lambda **kwargs: called.append(kwargs["reason"]))
    case = support.identified(support.opened())
    services.advance(case=case, action=Action.START_SEARCH, actor=support.MACHINE)
    services.withdraw_consent(case_id=case.id, actor=support.person(case))
    case.refresh_from_db()
    assert called == ["consent_withdrawn"]
    assert case.status == Status.NEEDS_INFO
    assert not services.has_consent(case=case, scope=ConsentScope.COMPARISON)
    services.withdraw_consent(case_id=case.id, actor=support.person(case))
    assert events(case).count("consent.withdrawn") == 1
    services.record_consent(
        case_id=case.id, scope=ConsentScope.COMPARISON, actor=support.person(case)
    )
    assert Consent.objects.filter(case=case).count() == 2


def test_consent_texts_do_not_change_without_a_new_version():
    """R8: what a hash in the trail stands for can be read again."""
    texts = {scope: consents.consent_text(scope, language="en") for scope in consents.VERSIONS}
    assert {text.version: text.hash[:16] for text in texts.values()} == {
        "comparison-2": "7355eccc16925d15",
        "check_frames-1": "aca6beb21fe627e7",
        "search_frames-1": "48038c38d14f2374",
        "block_list-1": "95e9b5013fcb75d0",
    }


# -- identity -----------------------------------------------------------------------------------


def test_one_way_is_level_one_and_an_element_makes_two():
    """R2, R6, R7."""
    case = support.opened()
    services.record_identity(
        case_id=case.id, actor=support.OFFICER, way="visit", compared="Was here."
    )
    case.refresh_from_db()
    assert case.level == 1
    with pytest.raises(BadInput, match="second_way_missing"):
        services.record_identity(
            case_id=case.id,
            actor=support.OFFICER,
            way="visit",
            element="second_way",
            compared="Again.",
        )
    services.record_identity(
        case_id=case.id,
        actor=support.OFFICER,
        way="call",
        element="second_way",
        compared="Called too.",
    )
    case.refresh_from_db()
    assert case.level == 2
    check = case.identity_checks.latest("at")
    assert vault.read(case.file_unit, check.field) == b"Called too."


@pytest.mark.parametrize(
    "actor",
    [
        Actor("S-3001", "dpo", "staff"),
        Actor.operator(),
        support.MACHINE,
        Actor("01890000-0000-7000-8000-000000000000", "data_subject", "person"),
    ],
)
def test_only_named_officers_record_identity(actor):
    """R6, P-12."""
    case = support.opened()
    with pytest.raises(NotAllowed):
        services.record_identity(case_id=case.id, actor=actor, way="visit", compared="Was here.")


def test_a_supervisor_releases_only_after_another_person_and_a_day(monkeypatch):
    """R7: written reason and waiting time."""
    case = support.opened()

    def release(actor):
        return services.record_identity(
            case_id=case.id,
            actor=actor,
            way="post_form",
            element="supervisor_release",
            compared="No further element exists; the letter fits.",
        )

    with pytest.raises(NotAllowed):
        release(support.OFFICER)
    with pytest.raises(NotAllowed, match="release_by_another"):
        release(support.SUPERVISOR)
    services.record_identity(
        case_id=case.id, actor=support.OFFICER, way="post_form", compared="Signed form."
    )
    with pytest.raises(Conflict, match="release_too_early"):
        release(support.SUPERVISOR)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=25))
    assert release(support.SUPERVISOR).level == 2


def test_no_search_before_the_level_and_no_level_after_the_search():
    """R2."""
    case = support.opened()
    with pytest.raises(NotAllowed, match="level_not_met"):
        services.advance(case=case, action=Action.START_SEARCH, actor=support.MACHINE)
    support.identified(case)
    services.advance(case=case, action=Action.START_SEARCH, actor=support.MACHINE)
    with pytest.raises(Conflict, match="level_fixed"):
        support.identified(case)


def test_a_request_entered_by_staff_needs_another_persons_eyes():
    """R20."""
    case = support.opened(actor=support.OFFICER, channel="post")
    assert not services.origin_confirmed(case=case)
    with pytest.raises(NotAllowed):
        services.confirm_origin(case_id=case.id, actor=support.OFFICER)
    services.confirm_origin(case_id=case.id, actor=support.SECOND)
    case.refresh_from_db()
    assert services.origin_confirmed(case=case)


# -- delivery -----------------------------------------------------------------------------------


def test_an_answer_waits_for_the_daily_batch_and_a_person_approves_it():
    """R3, R13, P-12."""
    case = support.decided(support.opened())
    part = services.Part("a.txt", "text/plain", unit=case.file_unit, field="intake")
    with pytest.raises(NotAllowed):
        services.make_delivery(case=case, kind="answer", parts=[part], actor=support.MACHINE)
    delivery = services.make_delivery(case=case, kind="answer", parts=[part], actor=support.SECOND)
    assert (
        services.release_batch(
            actor=support.MACHINE, made_before=delivery.created_at - timedelta(seconds=1)
        )
        == 0
    )
    assert services.release_batch(actor=support.MACHINE) == 1
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    moved = [event for event in events_for_case(case.id) if event.type == "case.delivered"]
    assert moved[0].actor_id == support.SECOND.id
    assert services.release_batch(actor=support.MACHINE) == 0


def test_the_batch_keeps_its_hour(settings):
    """R3: everything approved before the hour leaves together, at the hour."""
    settings.DSR_RELEASE_HOUR, settings.TIME_ZONE = 16, "Europe/Amsterdam"
    morning = datetime(2026, 6, 10, 8, 0, tzinfo=UTC)
    evening = datetime(2026, 6, 10, 15, 0, tzinfo=UTC)
    assert last_batch(morning) == datetime(2026, 6, 9, 14, 0, tzinfo=UTC)
    assert last_batch(evening) == datetime(2026, 6, 10, 14, 0, tzinfo=UTC)


def test_link_and_code_open_an_answer_and_looking_spends_nothing():
    """R13: scanners may follow the link as often as they like."""
    case = support.opened()
    delivery = support.delivered(case)
    token = services.link_token(delivery)
    for _ in range(20):
        assert services.find_delivery(token).id == delivery.id
    delivery.refresh_from_db()
    assert (delivery.wrong_codes, delivery.first_opened_at) == (0, None)
    grant = services.open_delivery(token=token, code=services.receipt_code(case))
    assert services.granted(grant=grant, token=token).id == delivery.id
    part = services.part_of(delivery=delivery, ordinal=1)
    assert b"".join(services.fetch(part=part, actor=support.person(case))) == b'{"note":""}'
    assert "delivery.fetched" in events(case)


def test_the_token_is_stored_as_a_keyed_hash_only():
    delivery = support.delivered(support.opened())
    token = services.link_token(delivery)
    assert token not in str(Delivery.objects.filter(id=delivery.id).values().get())
    mail = senders.get("mail.answer_ready").render(delivery.id)
    assert token in mail.text


def test_five_wrong_codes_lock_the_link_but_not_the_case():
    """R13."""
    case = support.opened()
    delivery = support.delivered(case)
    token = services.link_token(delivery)
    code = services.receipt_code(case)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(services.WrongCode) as caught:
            services.open_delivery(token=token, code="AAAA-BBBB-CCCC-DDDD")
        assert caught.value.context["left"] == left
    with pytest.raises(services.LinkClosed, match="link_locked"):
        services.open_delivery(token=token, code=code)
    assert services.check_code(case=case, code=code)
    (fresh,) = services.renew_deliveries(case=case, actor=support.person(case))
    services.open_delivery(token=services.link_token(fresh), code=code)
    with pytest.raises(services.LinkClosed):
        services.find_delivery(token)


def test_someone_elses_code_or_link_opens_nothing():
    """R13."""
    one, two = support.opened(), support.opened()
    first, second = support.delivered(one), support.delivered(two)
    with pytest.raises(services.WrongCode):
        services.open_delivery(token=services.link_token(first), code=services.receipt_code(two))
    grant = services.open_delivery(
        token=services.link_token(second), code=services.receipt_code(two)
    )
    with pytest.raises(NotAllowed, match="grant_other"):
        services.granted(grant=grant, token=services.link_token(first))
    with pytest.raises(services.LinkClosed, match="link_unknown"):
        services.find_delivery("nosuchtoken")


def test_links_and_grants_end(monkeypatch, settings):
    """R13: 14 days and 30 minutes."""
    case = support.opened()
    delivery = support.delivered(case)
    token = services.link_token(delivery)
    grant = services.open_delivery(token=token, code=services.receipt_code(case))
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=31))
    with pytest.raises(NotAllowed, match="grant_over"):
        services.granted(grant=grant, token=token)
    monkeypatch.setattr(
        clock, "now", lambda: real() + timedelta(days=settings.DSR_LINK_DAYS, minutes=1)
    )
    with pytest.raises(services.LinkClosed, match="link_over"):
        services.find_delivery(token)


def test_the_answer_mail_says_the_same_whatever_was_found():
    """R3: kind and outcome never reach the mail."""
    texts = set()
    for outcome in ("disclosed", "nothing_found", "refused"):
        case = support.opened()
        delivery = support.delivered(case)
        services.set_outcome(case=case, outcome=outcome, actor=support.SECOND)
        mail = senders.get("mail.answer_ready").render(delivery.id)
        masked = mail.text.replace(services.link_token(delivery), "TOKEN")
        texts.add((masked.replace(case.reference, "REF"), mail.subject.replace(case.reference, "")))
    assert len(texts) == 1


# -- delete now, withdrawal, the end ------------------------------------------------------------


def test_delete_now_needs_the_code_again_and_a_delivered_answer():
    """R4, R12."""
    case = support.opened(rights=[RightCode.ACCESS])
    code = services.receipt_code(case)
    with pytest.raises(Conflict, match="answer_first"):
        services.delete_now(case_id=case.id, code=code, actor=support.person(case))
    support.delivered(case)
    with pytest.raises(services.WrongCode):
        services.delete_now(case_id=case.id, code="0" * 16, actor=support.person(case))
    started = []
    services.delete_now(case_id=case.id, code=code, actor=support.person(case), also=started.append)
    case.refresh_from_db()
    assert case.delete_now_at is not None
    assert CaseRight.objects.filter(case=case, right=RightCode.ERASURE).exists()
    assert len(started) == 1


def test_withdrawing_a_request_ends_it_and_its_links():
    """T-11."""
    case = support.opened()
    delivery = support.delivered(case)
    services.withdraw(case_id=case.id, actor=support.person(case))
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.CLOSED, "withdrawn")
    with pytest.raises(services.LinkClosed):
        services.find_delivery(services.link_token(delivery))
    assert not services.has_consent(case=case, scope=ConsentScope.COMPARISON)


def test_purging_destroys_contact_and_file_and_leaves_the_trail():
    """Law section 11 (5), P-06, L-23."""
    case = support.opened(
        ways=[services.WaySent(WayKind.PAGE, "https://example.org/a", keyed_hash="a" * 64)]
    )
    services.withdraw(case_id=case.id, actor=support.person(case))
    services.purge(case_id=case.id, actor=Actor.system("case-schedule"))
    case.refresh_from_db()
    assert case.status == Status.PURGED
    assert WayIn.objects.get(case=case).keyed_hash is None
    for unit in (case.contact_unit, case.file_unit):
        assert vault.unit_state(unit) == UnitState.WAITING
    with pytest.raises(PortalError):
        services.receipt_text(case)
    assert events(case)[-1] == "case.purged"
    assert audit.verify().ok


def test_the_schedule_closes_and_purges(monkeypatch):
    case = support.opened(rights=[RightCode.ACCESS])
    support.delivered(case)
    real = clock.now
    assert services.close_due() == 0
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=31))
    assert services.close_due() == 1
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=62))
    assert services.close_due() == 1
    case.refresh_from_db()
    assert case.status == Status.PURGED


def test_one_case_that_cannot_leave_or_close_stops_no_other(monkeypatch, caplog):
    """Each case has its own guard; the reason is logged by its code."""
    cases = [support.decided(support.opened(rights=[RightCode.ACCESS])) for _number in range(3)]
    made = [a_delivery(case) for case in cases]
    real = deliveries.advance

    def refuse(*, case, **how):
        if case.id == cases[1].id:
            raise Conflict("stuck_here", "This one is stuck.")
        return real(case=case, **how)

    monkeypatch.setattr(deliveries, "advance", refuse)
    assert services.release_batch(actor=support.SECOND) == 2
    assert "stuck_here" in caplog.text
    made[1].refresh_from_db()
    assert (made[1].state, made[1].released_at) == ("ready", None), "nothing of it is half done"
    monkeypatch.setattr(deliveries, "advance", real)
    assert services.release_batch(actor=support.SECOND) == 1

    def keep(*, case_id, **how):
        if case_id == cases[0].id:
            raise Conflict("kept_open", "A purger refuses.")

    monkeypatch.setattr(purgers, "_entries", {**dict(purgers.items()), "testing.keeps": keep})
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=31))
    assert services.close_due() == 2
    assert "kept_open" in caplog.text
    cases[0].refresh_from_db()
    assert cases[0].status == Status.DELIVERED


def test_every_released_link_is_renewed():
    """R13: the letter and the certificate, not only what came last."""
    case = support.opened()
    first = support.delivered(case)
    second = a_delivery(case, kind="certificate")
    services.release_batch(actor=support.SECOND)
    fresh = services.renew_deliveries(case=case, actor=support.person(case))
    assert [one.kind for one in fresh] == ["certificate", "answer"]
    for old in (first, second):
        with pytest.raises(services.LinkClosed):
            services.find_delivery(services.link_token(old))
    for new in fresh:
        assert services.find_delivery(services.link_token(new)).id == new.id
    assert events(case).count("delivery.renewed") == 2


def test_a_new_code_ends_what_the_old_one_opened():
    """R12: the grant of half an hour goes with the code it was opened with."""
    case = support.opened()
    token = services.link_token(support.delivered(case))
    grant = services.open_delivery(token=token, code=services.receipt_code(case))
    assert services.granted(grant=grant, token=token)
    new = support.renewed(case)
    with pytest.raises(NotAllowed, match="Enter the code"):
        services.granted(grant=grant, token=token)
    assert services.granted(grant=services.open_delivery(token=token, code=new), token=token)


def unseen_erasure() -> Case:
    case = support.decided(support.opened(rights=[RightCode.ERASURE]))
    services.advance(case=case, action=Action.START_ERASURE, actor=support.SECOND)
    return case


@pytest.mark.parametrize("ended", [False, True])
def test_taking_back_says_the_same_while_an_unseen_erasure_runs(ended, monkeypatch):
    """R3: a refusal would tell that something was found; the erasure itself goes on."""
    found = unseen_erasure()
    if ended:
        how = {"action": Action.ERASURE_DONE, "actor": support.MACHINE, "outcome": "erased"}
        services.advance(case=found, **how)
    empty = support.decided(support.opened(rights=[RightCode.ERASURE]))
    views = []
    for case in (found, empty):
        services.withdraw(case_id=case.id, actor=support.person(case))
        case.refresh_from_db()
        view = selectors.public_view(case)
        views.append((view.word, view.sentence, view.way, view.open, len(view.told)))
        assert events(case).count("case.withdrawn") == 1
        with pytest.raises(Conflict, match="closed"):
            services.receive_message(case_id=case.id, actor=support.person(case), text="Still?")
        with pytest.raises(Conflict):
            services.withdraw(case_id=case.id, actor=support.person(case))
        assert not services.has_consent(case=case, scope=ConsentScope.COMPARISON)
    assert views[0] == views[1]
    if not ended:
        how = {"action": Action.ERASURE_DONE, "actor": support.MACHINE, "outcome": "erased"}
        services.advance(case=found, **how)
    certificate = a_delivery(found, kind="certificate")
    assert certificate.state == "ended", "nothing is sent to who took the request back"
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=31))
    assert services.close_due() == 2, "both are purged on the same day"


def test_drafts_nobody_sent_are_destroyed_after_a_day(monkeypatch):
    """P-06."""
    draft = drafts.start_draft()
    drafts.save_answers(draft=draft, changes={"rights": ["access"]}, step=1)
    drafts.put_photo(draft=draft, data=b"x" * 9000)
    drafts.put_photo(draft=draft, data=b"y" * 9000)
    photos = [photo.unit for photo in drafts.photos_of(draft)]
    assert services.sweep_drafts() == 0
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=25))
    assert drafts.get_draft(draft.id) is None
    assert services.sweep_drafts() == 1
    assert not Draft.objects.exists()
    assert len(photos) == 2
    for unit in (draft.unit, *photos):
        assert vault.unit_state(unit) == UnitState.WAITING


def test_a_photo_in_the_place_of_another_destroys_that_one_and_only_that_one():
    draft = drafts.start_draft()
    for data in (b"one", b"two"):
        drafts.put_photo(draft=draft, data=data)
    first, second = drafts.photos_of(draft)
    drafts.put_photo(draft=draft, data=b"three", instead=first.id)
    assert [drafts.photo_bytes(one) for one in drafts.photos_of(draft)] == [b"three", b"two"]
    assert vault.unit_state(first.unit) == UnitState.WAITING
    assert vault.unit_state(second.unit) == UnitState.LIVE
    drafts.take_out_photo(draft=draft, photo_id=second.id)
    assert [drafts.photo_bytes(one) for one in drafts.photos_of(draft)] == [b"three"]
    assert vault.unit_state(second.unit) == UnitState.WAITING
    with pytest.raises(NotFound, match="no_photo"):
        drafts.put_photo(draft=draft, data=b"four", instead=second.id)


def test_a_draft_takes_five_photos_and_says_so_to_the_sixth():
    draft = drafts.start_draft()
    for number in range(drafts.MOST_PHOTOS):
        drafts.put_photo(draft=draft, data=b"%d" % number)
    with pytest.raises(Conflict, match="photo_limit"):
        drafts.put_photo(draft=draft, data=b"six")
    assert len(drafts.photos_of(draft)) == drafts.MOST_PHOTOS


# -- what the person sees -----------------------------------------------------------------------


def test_the_status_page_sees_the_same_with_and_without_a_find():
    """R3: six words; nothing of searching and deciding shows before the release."""
    seen = []
    for outcome in ("disclosed", "nothing_found"):
        case = support.decided(support.opened())
        services.set_outcome(case=case, outcome=outcome, actor=support.SECOND)
        view = selectors.public_view(case)
        seen.append(
            (
                view.word,
                view.sentence,
                [str(line.sentence) for line in view.told],
                [dict(station) for station in view.way],
            )
        )
    assert seen[0] == seen[1]
    assert seen[0][0] == "checking"


def test_erasing_without_a_delivered_answer_shows_checking():
    """R3: "Deleting" would tell that something was found."""
    case = support.decided(support.opened(rights=[RightCode.ERASURE]))
    services.advance(case=case, action=Action.START_ERASURE, actor=support.SECOND)
    assert selectors.public_view(case).word == "checking"


def test_an_erasure_that_is_done_shows_checking_until_its_certificate_leaves():
    """R3: "Done" before any answer would tell that something was found and deleted."""
    case = support.decided(support.opened(rights=[RightCode.ERASURE]))
    services.advance(case=case, action=Action.START_ERASURE, actor=support.SECOND)
    services.advance(case=case, action=Action.ERASURE_DONE, actor=support.MACHINE, outcome="erased")
    part = services.Part(name="c", media_type="text/plain", unit=case.file_unit, field="intake")
    services.make_delivery(case=case, kind="certificate", actor=support.SECOND, parts=[part])
    view = selectors.public_view(case)
    assert (view.word, view.open) == ("checking", True)
    services.receive_message(case_id=case.id, actor=support.person(case), text="One more thing.")
    services.release_batch(actor=support.SECOND)
    assert selectors.public_view(case).word == "done"


def test_an_unusable_photo_asks_the_person_and_another_one_goes_on():
    """T-07, R-10: no failed check ends a case."""
    case = support.opened()
    support.unusable(case)
    assert selectors.public_view(case).word == "needs_you"
    assert Effect.objects.filter(kind="mail.needs_you").count() == 1
    took = []
    services.receive_message(case_id=case.id, actor=support.person(case), also=took.append)
    case.refresh_from_db()
    assert took
    assert case.status == Status.RECEIVED


def test_messages_lie_in_the_vault_and_read_back():
    case = support.opened()
    services.receive_message(
        case_id=case.id, actor=support.person(case), text="There is one more page."
    )
    services.send_message(case_id=case.id, actor=support.OFFICER, text="Which page?")
    case.refresh_from_db()
    assert case.status == Status.RECEIVED, "words alone let no case wait (R-06)"
    assert [message.text for message in selectors.messages_of(case)] == [
        "There is one more page.",
        "Which page?",
    ]


def test_the_receipt_has_all_the_law_asks():
    """T-10, 9(d): number, date, rights, due date, next steps, needs, contacts, complaint."""
    case = support.opened(urgent=True, country="NL")
    text = services.receipt_text(case)
    plain = receipts.as_mail(text, link="https://x")
    for part in (
        case.reference,
        "Tell me what you hold",
        "Delete what you hold",
        "What happens next",
        "What we may need from you",
        "data protection officer",
        "Autoriteit Persoonsgegevens",
        "We look at your request first",
    ):
        assert part in plain
