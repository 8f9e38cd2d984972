"""Recipients are told after the person, by the way two persons listed (Art. 19; E-06, R16)."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, RightCode
from dsr_portal.core import clock, egress
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import PlanState
from dsr_portal.gallery import channels, copies, notices, selectors, webhooks
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import LookUp, LookUpLog, Notice, Recipient, Record
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect, EffectState, Job
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.endpoints import Authority, hangs, says, serving

pytestmark = pytest.mark.django_db(transaction=True)

BOSS = Actor("S-3001", "director", "staff")
State = Notice.State


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    # As in worker `light`, which loads no face library.
    monkeypatch.setattr(egress, "_FACE_MODULES", ())
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def authority(settings: Any, tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "authority")
    settings.DSR_EGRESS_TEST_CA = str(made.ca)
    return made


def shown(record: Record, name: str, reference: str = "", days_ago: int = 3) -> Recipient:
    """A look-up of a record by a recipient, with the recipient's own reference in the vault."""
    recipient, _new = Recipient.objects.get_or_create(name=name, country="NL")
    moment = clock.now() - timedelta(days=days_ago)
    log, _new = LookUpLog.objects.get_or_create(
        file_hash="1" * 64,
        defaults={
            "system": "Search product",
            "covers_from": moment.date(),
            "covers_to": clock.today(),
            "recorded_at": moment,
            "state": LookUpLog.State.DONE,
        },
    )
    row = LookUp.objects.create(
        log=log, row_number=LookUp.objects.count(), recipient=recipient, record=record, at=moment
    )
    if reference:
        staged = vault.stage_into(record.unit)
        staged.add(selectors.reference_field(row.id), reference.encode())
        from dsr_portal.audit.services import unit_of_work

        with unit_of_work():
            staged.save()
    return recipient


def listed(recipient: Recipient, kind: str, address: str) -> None:
    made = channels.propose(
        recipient_id=recipient.id, kind=kind, address=address, actor=support.SUPERVISOR
    )
    channels.approve(channel_id=made.id, actor=BOSS)


def erase(case: Case) -> None:
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE


def tell(case: Case, record: Record) -> None:
    """A correction was made: the same way as after an erasure, without one."""
    notices.tell(
        record_ids=[record.id], case_id=case.id, ground="RECTIFICATION", actor=support.OFFICER
    )


def notice_of(case: Case, recipient: Recipient) -> Notice:
    return Notice.objects.get(case_id=case.id, recipient=recipient)


def run_due() -> None:
    Job.objects.filter(state="ready").update(run_after=clock.now())
    jobs.run_due(queues=["light"])


def later(case: Case, **by: float) -> None:
    Notice.objects.filter(case_id=case.id).exclude(next_round_at=None).update(
        next_round_at=clock.now() - timedelta(seconds=1)
    )


# -- addresses ------------------------------------------------------------------------------------


def test_an_address_takes_two_persons_and_is_listed_only_then() -> None:
    """R33, R19: the same person twice is refused, and an officer may do neither."""
    record = lab.picture(1).records[0]
    recipient = shown(record, "Lumen Analytics")
    url = "https://lumen.example/notices"
    with pytest.raises(NotAllowed, match="channel_role"):
        channels.propose(recipient_id=recipient.id, kind="CALL", address=url, actor=support.OFFICER)
    made = channels.propose(
        recipient_id=recipient.id, kind="CALL", address=url, actor=support.SUPERVISOR
    )
    assert not egress.listed(url)
    with pytest.raises(NotAllowed, match="channel_two_persons"):
        channels.approve(channel_id=made.id, actor=support.SUPERVISOR)
    assert not egress.listed(url)
    channels.approve(channel_id=made.id, actor=BOSS)
    assert egress.listed(url)
    assert not egress.listed(url + "/other")
    with pytest.raises(Conflict, match="channel_settled"):
        channels.approve(channel_id=made.id, actor=BOSS)
    # A newer one takes its place: the old address is called no more.
    listed(recipient, "MAIL", "art19@lumen.example")
    assert not egress.listed(url)
    rejected = channels.propose(
        recipient_id=recipient.id, kind="CALL", address=url, actor=support.SUPERVISOR
    )
    channels.reject(channel_id=rejected.id, actor=support.SUPERVISOR)
    assert not egress.listed(url)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("CALL", "http://lumen.example/"), ("CALL", "https://u:p@lumen.example/"),
        ("MAIL", "two@a.example, b@b.example"), ("MAIL", "x@y.example\nBcc: z@y.example"),
        ("MAIL", "nobody"), ("LETTER", "  "), ("LETTER", "x" * 501),
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(kind: str, address: str) -> None:
    recipient = Recipient.objects.create(name="Lumen", country="NL")
    with pytest.raises(BadInput):
        channels.propose(
            recipient_id=recipient.id, kind=kind, address=address, actor=support.SUPERVISOR
        )


# -- the whole way --------------------------------------------------------------------------------


def test_nobody_hears_before_the_person_and_then_each_by_the_own_way(
    authority: Authority,
) -> None:
    """R3, E-06: a call, a mail, a letter, and one without an address; two records, one stranger."""
    own, second, stranger = lab.picture(1), lab.picture(2), lab.picture(3)
    record = own.records[0]
    by_call = shown(record, "Caller", reference="Q-4711")
    shown(second.records[0], "Caller", reference="Q-4712", days_ago=1)
    by_mail = shown(record, "Mailer")
    by_post = shown(record, "Poster")
    nowhere = shown(record, "Nowhere")
    unconcerned = shown(stranger.records[0], "Unconcerned")
    case = lab.ready_case([record, second.records[0]])
    with serving(authority) as endpoint:
        endpoint.answer = says(200, b'{"state": "done"}')
        listed(by_call, "CALL", endpoint.url)
        listed(by_mail, "MAIL", "art19@mailer.example")
        listed(by_post, "LETTER", "Poststraat 1\n1011 AA Amsterdam")
        listed(unconcerned, "MAIL", "art19@unconcerned.example")
        erase(case)
        run_due()
        # Everything is erased and certified, the certificate waits for the batch: silence.
        assert {one.state for one in selectors.recipients_told(case.id)} == {State.PREPARED}
        assert not endpoint.got
        assert not Effect.objects.filter(kind__startswith="recipient.").exists()

        cases.release_batch(actor=support.SECOND)
        run_due()
        assert len(endpoint.got) == 1
        body = endpoint.got[0].body
    told = {one.recipient: one for one in selectors.recipients_told(case.id)}
    assert {name: one.state for name, one in told.items()} == {
        "Caller": State.DONE,
        "Mailer": State.SENT,
        "Poster": State.PRINTED,
        "Nowhere": State.NO_WAY,
    }
    assert told["Caller"].settled
    assert told["Caller"].look_ups == 2
    facts = json.loads(body)
    assert facts["ground"] == "erasure"
    assert [one["reference"] for one in facts["look_ups"]] == ["Q-4711", "Q-4712"]
    assert {one["record"] for one in facts["look_ups"]} == {
        str(record.id), str(second.records[0].id),
    }  # fmt: skip
    mail = jobs.preview(Effect.objects.get(kind="recipient.mail"))
    assert mail.to == "art19@mailer.example"
    assert str(record.id) in mail.text
    assert str(second.records[0].id) not in mail.text
    for leak in (own.page, own.caption, case.reference, "mina"):
        assert leak not in mail.text + body.decode()
    letter = notice_of(case, by_post).letter_id
    assert letter is not None
    assert documents.verify(documents.open_document(letter)).intact
    notices.mark_posted(notice_id=notice_of(case, by_post).id, actor=support.OFFICER)
    # An address approved later is enough: what waited leaves.
    listed(nowhere, "MAIL", "art19@nowhere.example")
    run_due()
    states = {one.recipient: one.state for one in selectors.recipients_told(case.id)}
    assert (states["Poster"], states["Nowhere"]) == (State.SENT, State.SENT)
    names = list(Event.objects.filter(case_id=case.id).values_list("type", flat=True))
    assert names.count("recipient.told") == 4
    assert names.index("erasure.verified") < names.index("recipient.told")


def test_the_signature_of_a_call_covers_id_time_and_body(authority: Authority) -> None:
    record = lab.picture(1).records[0]
    caller = shown(record, "Caller", reference="Q-1")
    case = lab.ready_case([record])
    with serving(authority) as endpoint:
        listed(caller, "CALL", endpoint.url)
        tell(case, record)
        cases.release_batch(actor=support.SECOND)
        run_due()
    (got,) = endpoint.got
    key: Any = load_pem_public_key(webhooks.public_key().encode())
    signature = base64.b64decode(got.headers["DSR-Signature"].removeprefix("ed25519="))
    name, sent = got.headers["DSR-Id"], got.headers["DSR-Time"]
    key.verify(signature, webhooks.signed_bytes(name, sent, got.body))
    for changed in (
        webhooks.signed_bytes(name, sent, got.body.replace(b"Q-1", b"Q-2")),
        webhooks.signed_bytes(name, str(int(sent) + 1), got.body),
        webhooks.signed_bytes("0" * 36, sent, got.body),
    ):
        with pytest.raises(InvalidSignature):
            key.verify(signature, changed)
    assert name == str(Effect.objects.get(kind="recipient.call").id)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (says(500), "call_status_500"),
        (says(302, Location="https://x.example/"), "egress_redirect"),
        (says(200, b"x" * (egress.MOST_READ + 1)), "egress_oversized"), (hangs, "egress_too_slow"),
    ],
)  # fmt: skip
def test_a_bad_endpoint_is_tried_again_and_told_in_the_end(
    answer: Any, code: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 5, faults: 500, redirecting, oversized, hanging; then it answers."""
    monkeypatch.setattr(egress, "DEADLINE_SECONDS", 0.4)
    record = lab.picture(1).records[0]
    caller = shown(record, "Caller", reference="Q-1")
    case = lab.ready_case([record])
    with serving(authority) as endpoint:
        listed(caller, "CALL", endpoint.url)
        tell(case, record)
        cases.release_batch(actor=support.SECOND)
        endpoint.answer = answer
        for _ in range(8):
            run_due()
        notice = notice_of(case, caller)
        assert (notice.state, notice.error_code) == (State.NOT_REACHED, code)
        effect = Effect.objects.get(kind="recipient.call")
        assert (effect.state, effect.attempts) == (EffectState.FAILED, 8)
        tries = len(endpoint.got)
        assert notices.chase() == 0
        later(case)
        monkeypatch.undo()
        monkeypatch.setattr(egress, "_FACE_MODULES", ())
        endpoint.answer = says(200, b"thank you")
        assert notices.chase() == 1
        run_due()
    assert len(endpoint.got) == tries + 1
    assert notice_of(case, caller).state == State.RECEIVED


def test_silence_is_chased_and_ends_with_a_person(authority: Authority) -> None:
    """Reminders after 7, 14 and 28 days; then the desk decides. A late answer ends it."""
    record = lab.picture(1).records[0]
    mailer = shown(record, "Mailer")
    case = lab.ready_case([record])
    listed(mailer, "MAIL", "art19@mailer.example")
    tell(case, record)
    cases.release_batch(actor=support.SECOND)
    run_due()
    for reminder in range(1, 4):
        notice = notice_of(case, mailer)
        wait = notice.next_round_at - clock.now() if notice.next_round_at else timedelta(0)
        assert timedelta(minutes=-5) < wait - notices.REMIND_AFTER[reminder - 1] < timedelta(0)
        assert notices.chase() == 0
        later(case)
        assert notices.chase() == 1
        run_due()
    notice = notice_of(case, mailer)
    assert (notice.state, notice.rounds, notice.next_round_at) == (State.SENT, 4, None)
    assert Effect.objects.filter(kind="recipient.mail", state=EffectState.SENT).count() == 4
    with pytest.raises(BadInput):
        notices.record_answer(notice_id=notice.id, answer="maybe", actor=support.OFFICER)
    notices.record_answer(notice_id=notice.id, answer="received", actor=support.OFFICER)
    notices.record_answer(notice_id=notice.id, answer="refused", actor=support.OFFICER)
    with pytest.raises(Conflict, match="notice_not_open"):
        notices.record_answer(notice_id=notice.id, answer="done", actor=support.OFFICER)
    assert notice_of(case, mailer).state == State.REFUSED
    assert notices.chase() == 0


@pytest.mark.parametrize("answer", ["", "received"])
def test_a_letter_that_reminds_is_posted_like_the_first(answer: str) -> None:
    """Art. 19: whatever the recipient answered before, the round does not stand still."""
    record = lab.picture(1).records[0]
    poster = shown(record, "Poster")
    case = lab.ready_case([record])
    listed(poster, "LETTER", "Poststraat 1")
    tell(case, record)
    cases.release_batch(actor=support.SECOND)
    run_due()
    notices.mark_posted(notice_id=notice_of(case, poster).id, actor=support.OFFICER)
    with pytest.raises(Conflict, match="no_letter"):
        notices.mark_posted(notice_id=notice_of(case, poster).id, actor=support.OFFICER)
    if answer:
        notices.record_answer(
            notice_id=notice_of(case, poster).id, answer=answer, actor=support.OFFICER
        )
    later(case)
    assert notices.chase() == 1
    run_due()
    notice = notice_of(case, poster)
    assert notices.waits_to_be_posted(notice)
    notices.mark_posted(notice_id=notice.id, actor=support.OFFICER)
    after = notice_of(case, poster)
    assert (after.state, after.rounds) == (State.RECEIVED if answer else State.SENT, 2)
    assert after.next_round_at is not None


def test_the_last_letter_is_posted_once_and_an_answer_to_it_stands() -> None:
    """Art. 19: after the last reminder nothing waits to be posted, whatever was answered."""
    record = lab.picture(1).records[0]
    poster = shown(record, "Poster")
    case = lab.ready_case([record])
    listed(poster, "LETTER", "Poststraat 1")
    tell(case, record)
    cases.release_batch(actor=support.SECOND)
    first = None
    for round_number in range(1, len(notices.REMIND_AFTER) + 2):
        if round_number > 1:
            later(case)
            assert notices.chase() == 1
            begun = notice_of(case, poster)
            assert not notices.waits_to_be_posted(begun), "its letter is not made yet"
        run_due()
        notice = notice_of(case, poster)
        assert notice.letter_id != first, "a letter of its own"
        first = notice.letter_id
        notices.mark_posted(notice_id=notice.id, actor=support.OFFICER)
    last = notice_of(case, poster)
    assert (last.rounds, last.next_round_at) == (4, None)
    for answer in ("", "received"):
        if answer:
            notices.record_answer(notice_id=last.id, answer=answer, actor=support.OFFICER)
        assert not notices.waits_to_be_posted(notice_of(case, poster))
        with pytest.raises(Conflict, match="no_letter"):
            notices.mark_posted(notice_id=last.id, actor=support.OFFICER)
    assert notice_of(case, poster).state == State.RECEIVED


def test_a_letter_that_could_not_be_made_is_told_and_tried_again() -> None:
    """Art. 19: no recipient is forgotten because a letter failed for good."""
    record = lab.picture(1).records[0]
    poster = shown(record, "Poster")
    case = lab.ready_case([record])
    listed(poster, "LETTER", "Poststraat 1")
    tell(case, record)
    cases.release_batch(actor=support.SECOND)
    failing = Job.objects.filter(kind=notices.LETTER)
    failing.update(state="failed", error_code="renderer_gone")
    assert notices.chase() == 0
    notice = notice_of(case, poster)
    assert (notice.state, notice.error_code) == (State.NOT_REACHED, "renderer_gone")
    assert notices.chase() == 0
    assert Event.objects.filter(type="recipient.not_reached").count() == 1
    later(case)
    assert notices.chase() == 1
    run_due()
    assert notices.waits_to_be_posted(notice_of(case, poster))
    notices.mark_posted(notice_id=notice.id, actor=support.OFFICER)
    assert notice_of(case, poster).state == State.SENT


def test_not_telling_takes_a_reason_and_two_persons() -> None:
    """Art. 19: impossible or disproportionate effort is a decision, and it is printed."""
    record = lab.picture(1).records[0]
    gone = shown(record, "Dissolved Ltd")
    case = lab.ready_case([record])
    tell(case, record)
    notice = notice_of(case, gone)
    with pytest.raises(Conflict, match="notice_not_open"):
        notices.propose_excuse(notice_id=notice.id, reason="gone", actor=support.SUPERVISOR)
    cases.release_batch(actor=support.SECOND)
    with pytest.raises(Conflict, match="no_excuse"):
        notices.excuse(notice_id=notice.id, actor=BOSS)
    with pytest.raises(BadInput):
        notices.propose_excuse(notice_id=notice.id, reason="  ", actor=support.SUPERVISOR)
    notices.propose_excuse(
        notice_id=notice.id, reason="Dissolved in 2024, no successor.", actor=support.SUPERVISOR
    )
    with pytest.raises(NotAllowed, match="excuse_two_persons"):
        notices.excuse(notice_id=notice.id, actor=support.SUPERVISOR)
    with pytest.raises(NotAllowed):
        notices.excuse(notice_id=notice.id, actor=support.OFFICER)
    notices.excuse(notice_id=notice.id, actor=BOSS)
    (told,) = selectors.recipients_told(case.id)
    assert (told.state, told.excuse) == (State.EXCUSED, "Dissolved in 2024, no successor.")
    listed(gone, "MAIL", "art19@gone.example")
    run_due()
    assert not Effect.objects.filter(kind="recipient.mail").exists()


def test_a_stopped_erasure_tells_nobody(settings: Any) -> None:
    """In the hold window nothing is prepared; the erasure that runs shows what would have been."""
    settings.DSR_HOLD_MINUTES = 60
    record, other = lab.picture(1).records[0], lab.picture(2).records[0]
    mailer = shown(record, "Mailer")
    shown(other, "Mailer")
    listed(mailer, "MAIL", "art19@mailer.example")
    case = lab.ready_case([record])
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    erasure.stop_plan(plan_id=plan.id, actor=support.OFFICER)
    assert not Notice.objects.filter(case_id=case.id).exists()
    assert selectors.recipients_told(case.id) == []
    cases.release_batch(actor=support.SECOND)
    run_due()
    assert not Effect.objects.filter(kind="recipient.mail").exists()
    settings.DSR_HOLD_MINUTES = 0
    ran = lab.ready_case([other])
    erase(ran)
    assert notice_of(ran, mailer).state == State.PREPARED


def test_a_restriction_is_told_when_the_answer_has_left() -> None:
    """Art. 19 covers restrictions; an erasure that follows is told as such instead."""
    records = [lab.picture(1).records[0], lab.picture(2).records[0]]
    mailer = shown(records[0], "Mailer", reference="Q-1")
    shown(records[1], "Mailer", reference="Q-2")
    listed(mailer, "MAIL", "art19@mailer.example")
    for record, rights in zip(
        records,
        [(RightCode.ACCESS, RightCode.RESTRICTION), (RightCode.ACCESS, RightCode.ERASURE)],
        strict=True,
    ):
        case = support.opened(rights)
        lab.decided_on(case, [record])
        assert not Notice.objects.filter(case_id=case.id).exists()
        support.delivered(case)
        expected = 1 if RightCode.RESTRICTION in rights else 0
        assert Notice.objects.filter(case_id=case.id).count() == expected
    run_due()
    mail = jobs.preview(Effect.objects.get(kind="recipient.mail"))
    assert "restricted" in mail.text
    assert "Q-1" in mail.text
    assert "Q-2" not in mail.text


def test_a_lock_asked_for_after_the_answer_is_told_too() -> None:
    """Art. 19: also where it takes the place of an erasure that was to come (Art. 18(1)(c))."""
    records = [lab.picture(number).records[0] for number in (1, 2, 3)]
    mailer = shown(records[0], "Mailer", reference="Q-1")
    for record in records[1:]:
        shown(record, "Mailer", reference="Q-2")
    listed(mailer, "MAIL", "art19@mailer.example")
    told = []
    for record, rights in zip(
        records, [("access",), ("access", "erasure"), ("access",)], strict=True
    ):
        case = support.opened(rights)
        lab.decided_on(case, [record])
        support.delivered(case)
        assert not Notice.objects.filter(case_id=case.id).exists()
        told.append(case)
    for case in told[:2]:
        cases.add_right(case_id=case.id, right="restriction", actor=support.person(case))
        assert notice_of(case, mailer).ground == Notice.Ground.RESTRICTION
    cases.add_right(case_id=told[2].id, right="objection", actor=support.person(told[2]))
    assert not Notice.objects.filter(case_id=told[2].id).exists()
    assert not Effect.objects.filter(kind="recipient.mail").exists(), "with the next batch"
    cases.release_batch(actor=support.SECOND)
    run_due()
    mails = [jobs.preview(one) for one in Effect.objects.filter(kind="recipient.mail")]
    assert len(mails) == 2
    assert all("restricted" in mail.text for mail in mails)


def test_a_lock_asked_for_in_the_place_of_an_erasure_is_told_with_the_answer() -> None:
    """Art. 19, Art. 18(1)(c): asked before the answer left, it is not forgotten with it."""
    record = lab.picture(1).records[0]
    mailer = shown(record, "Mailer", reference="Q-1")
    case = support.opened(("access", "erasure"))
    lab.decided_on(case, [record])
    cases.add_right(case_id=case.id, right="restriction", actor=support.person(case))
    assert not Notice.objects.filter(case_id=case.id).exists(), "nobody hears before the person"
    support.delivered(case)
    assert notice_of(case, mailer).ground == Notice.Ground.RESTRICTION


def test_a_correction_can_be_told_and_an_erasure_only_after_its_check() -> None:
    record = lab.picture(1).records[0]
    mailer = shown(record, "Mailer", reference="Q-1")
    case = lab.ready_case([record])
    tell = {"record_ids": [record.id], "case_id": case.id, "actor": support.OFFICER}
    with pytest.raises(Conflict, match="notice_after_erasure"):
        notices.tell(ground="ERASURE", **tell)
    assert notices.tell(ground="RECTIFICATION", **tell) == 1
    assert notices.tell(ground="RECTIFICATION", **tell) == 0
    assert [one.reference for one in notices.contents(notice_of(case, mailer))] == ["Q-1"]


def test_what_notices_say_is_gone_with_the_case_and_chasing_ends() -> None:
    """L-13: the references lie in the case's file; letters and they go when it is purged."""
    record = lab.picture(1).records[0]
    mailer, poster = shown(record, "Mailer", reference="Q-1"), shown(record, "Poster")
    case = lab.ready_case([record])
    listed(mailer, "MAIL", "art19@mailer.example")
    listed(poster, "LETTER", "Poststraat 1")
    erase(case)
    cases.release_batch(actor=support.SECOND)
    run_due()
    assert notices.contents(notice_of(case, mailer))
    letter = notice_of(case, poster).letter_id
    assert letter is not None
    cases.purge(case_id=case.id, actor=Actor.system("case-schedule"))
    vault.run_shred()
    assert notices.contents(notice_of(case, mailer)) == []
    with pytest.raises(vault.Shredded):
        documents.open_document(letter)
    later(case)
    assert notices.chase() == 0
    unasked = notice_of(case, mailer)
    assert (unasked.state, unasked.next_round_at) == (State.SENT, None)
    assert Effect.objects.filter(kind="recipient.mail").count() == 1


def test_many_look_ups_are_all_in_the_notice() -> None:
    record = lab.picture(1).records[0]
    for number in range(30):
        recipient = shown(record, "Mailer", reference=f"Q-{number}")
    case = lab.ready_case([record])
    notices.tell(
        record_ids=[record.id], case_id=case.id, ground="RESTRICTION", actor=support.OFFICER
    )
    said = {one.reference for one in notices.contents(notice_of(case, recipient))}
    assert said == {f"Q-{number}" for number in range(30)}


def test_look_ups_whose_words_take_several_bytes_are_all_in_the_notice() -> None:
    """E-06: references and systems in another script are split by what they take in a row."""
    record = lab.picture(1).records[0]
    said = [f"照会番号{number:02d}" + "顔" * 90 for number in range(14)]
    for reference in said:
        recipient = shown(record, "Mailer", reference=reference)
    LookUpLog.objects.update(system="検索" * 40)
    case = lab.ready_case([record])
    notices.tell(
        record_ids=[record.id], case_id=case.id, ground="RESTRICTION", actor=support.OFFICER
    )
    named = [one.reference for one in notices.contents(notice_of(case, recipient))]
    assert sorted(named) == said


def test_published_copies_are_a_list_of_who_when_and_done() -> None:
    """E-07, Art. 17(2): settled with a result; anything but removal needs words."""
    case = lab.ready_case([lab.picture(1).records[0]])
    with pytest.raises(BadInput):
        copies.add(case_id=case.id, controller=" ", address="", actor=support.OFFICER)
    task = copies.add(
        case_id=case.id, controller="Search engine Ltd", address="https://a.example/x",
        actor=support.OFFICER,
    )  # fmt: skip
    with pytest.raises(BadInput):
        copies.settle(
            case_id=case.id, copy_id=task.id, result="REFUSED", reason="", actor=support.OFFICER
        )
    with pytest.raises(BadInput, match="copy_without_step"):
        copies.settle(
            case_id=case.id, copy_id=task.id, result="DONE", reason="", actor=support.SECOND
        )
    copies.add_step(
        case_id=case.id, copy_id=task.id, way="MAIL", words="Asked.", actor=support.OFFICER
    )
    copies.settle(case_id=case.id, copy_id=task.id, result="DONE", reason="", actor=support.SECOND)
    with pytest.raises(Conflict):
        copies.settle(
            case_id=case.id, copy_id=task.id, result="DONE", reason="", actor=support.SECOND
        )
    (row,) = selectors.copies_of(case.id)
    assert (row.made_by, row.settled_by, row.result) == ("S-1001", "S-1002", "DONE")


def test_no_case_no_words_the_gallery_alone_erases_as_before() -> None:
    """A notice whose case has no file says nothing, and nothing breaks."""
    record = lab.picture(1).records[0]
    shown(record, "Mailer", reference="Q-1")
    from dsr_portal.core.ids import new_id

    lonely = new_id()
    gallery.mark_erasing(record_ids=[record.id], case_id=lonely, actor=support.OFFICER)
    (notice,) = Notice.objects.filter(case_id=lonely)
    assert notices.contents(notice) == []


def test_the_receiver_of_the_docs_takes_a_real_call(authority: Authority) -> None:
    """docs/recipients.md is run as it stands: it takes ours once and refuses a changed one."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "recipients.md").read_text()
    code = page.split("```python")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/recipients.md", "exec"), names)  # noqa: S102 - our own page is the test
    record = lab.picture(1).records[0]
    caller = shown(record, "Caller", reference="Q-1")
    case = lab.ready_case([record])
    with serving(authority) as endpoint:
        listed(caller, "CALL", endpoint.url)
        tell(case, record)
        cases.release_batch(actor=support.SECOND)
        run_due()
    (got,) = endpoint.got
    seen: set[str] = set()
    key = webhooks.public_key()
    for _ in range(2):
        answer = names["receive"](key, got.headers, got.body, seen)
        assert answer == {"state": "received", "notice": str(notice_of(case, caller).id)}
    assert seen == {got.headers["DSR-Id"]}
    with pytest.raises(InvalidSignature):
        names["receive"](key, got.headers, got.body + b" ", seen)
    old = {**got.headers, "DSR-Time": "1"}
    with pytest.raises(ValueError, match="old call"):
        names["receive"](key, old, got.body, seen)
