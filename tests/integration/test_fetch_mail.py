"""Mail becomes a case, whoever reads it when; none is lost (law T-08, T-09, D-01, N-15)."""

import json
import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import mailbox, selectors, services
from dsr_portal.cases.models import Case, Direction, Mail, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import GoneUnit, unit_purgers
from dsr_portal.jobs.models import Effect
from dsr_portal.law import deadlines
from dsr_portal.matching.models import Probe
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.mailbox import OWN, done, left, maildir, message, put, received
from tests.support.matching import JPEG, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


@pytest.fixture
def box(tmp_path):
    return maildir(tmp_path)


def fetch(box: Any, *more: str) -> dict[str, int]:
    out = StringIO()
    call_command("fetch_mail", str(box), "--json", *more, stdout=out)
    counts: dict[str, int] = json.loads(out.getvalue())
    return counts


def original_of(case: Case) -> bytes:
    place = selectors.original_of(case)
    assert place is not None
    return vault.read(*place)


# -- a case of its own ----------------------------------------------------------------------------


def test_a_mail_is_a_case_from_the_day_it_reached_our_server(box):
    """T-08, T-09, D-01, D-05: read nine days later, and never counted by the sender's own Date."""
    arrived = clock.now() - timedelta(days=9)
    raw = message(at=arrived, Date="Thu, 01 Jan 2099 00:00:00 +0000").as_bytes()
    put(box, raw)
    assert fetch(box)["opened"] == 1
    case = Case.objects.get()
    assert case.received_at == arrived.replace(microsecond=0)
    assert case.due_on == deadlines.due_dates(case.received_on, calendar=case.calendar).legal
    assert selectors.rights_of(case) == ["access", "erasure", "objection"]
    assert selectors.contact_of(case)["email"] == "mina@example.org"
    assert "Take my face down" in selectors.note_of(case)
    assert original_of(case) == raw
    opened = events_for_case(case.id)[0]
    assert (opened.data["channel"], opened.data["entered_by"]) == ("email", None)
    assert opened.actor_kind == "operator"
    assert left(box) == []
    assert [path.read_bytes() for path in done(box)] == [raw]


def test_the_receipt_is_written_with_the_case_and_its_mail_waits(box):
    """T-10, R14: at once, with the date of the register; on paper stands the code."""
    put(box, message())
    fetch(box)
    case = Case.objects.get()
    assert Effect.objects.filter(kind="mail.receipt", subject_id=case.id).count() == 1
    text = services.receipt_text(case)
    assert text["reference"] == case.reference
    assert "in the confirmation on paper" in str(text), "nobody saw a receipt page"


def test_a_mail_without_a_word_we_know_is_read_wide(box):
    """T-09: the officer narrows, the machine does not."""
    put(box, message("Καλημέρα σας.", subject="Φωτογραφίες"))
    fetch(box)
    assert selectors.rights_of(Case.objects.get()) == ["access", "erasure", "objection"]


def test_named_staff_fetch_and_do_not_confirm_what_they_brought_in(box):
    """R20, T-08: under their own number, for roles that may enter requests."""
    staff("S-1001")
    staff("D-1", Role.DIRECTOR)
    put(box, message())
    with pytest.raises(CommandError, match="fetching_role") as refused:
        fetch(box, "--as", "D-1")
    assert refused.value.returncode == 3
    assert len(left(box)) == 1
    fetch(box, "--as", "S-1001")
    case = Case.objects.get()
    assert case.opener == "S-1001"
    assert not services.origin_confirmed(case=case)


def test_nothing_of_a_mail_lies_in_clear_outside_the_mailbox(box, settings):
    """R8, P-06: sealed like everything a person sends; a picture in it is no probe."""
    mail = message("canary-words-4711 in the text")
    mail.add_attachment(JPEG + b"canary-picture-4711", maintype="image", subtype="jpeg")
    raw = mail.as_bytes()
    put(box, raw)
    fetch(box)
    case = Case.objects.get()
    assert b"canary-words-4711" in original_of(case)
    kept = b"".join(p.read_bytes() for p in settings.DSR_VAR.rglob("*") if p.is_file())
    assert b"canary-words-4711" not in kept
    assert b"canary-picture-4711" not in kept
    reading = vault.read_json(Mail.objects.get().unit, mailbox.MAIL_READING)
    assert [one[2] for one in reading["parts"]] == ["image/jpeg"]
    assert not Probe.objects.exists()


def test_the_original_is_at_the_desk(box, client, site):
    """T-08, R28: handed out unopened, and the trail says who looked."""
    site("desk")
    raw = message().as_bytes()
    put(box, raw)
    fetch(box)
    case = Case.objects.get()
    browser = sign_in(client, staff("S-1001"))
    given = browser.get(reverse("desk:original", kwargs={"reference": case.reference}))
    assert given.content == raw
    assert "original.seen" in [one.type for one in events_for_case(case.id)]
    page = browser.get(reverse("desk:case", kwargs={"reference": case.reference}))
    assert "See the original as it came" in page.content.decode()
    assert "A mail of" in page.content.decode()


# -- the day it reached us ------------------------------------------------------------------------


def arrival(box: Any, *lines: str, laid: Any = None, hosts: tuple[str, ...] = ()) -> Mail:
    raw = b"".join(f"Received: {line}\n".encode() for line in lines)
    raw += b"Date: Thu, 01 Jan 2015 00:00:00 +0000\nFrom: a@example.org\n\nTell me.\n"
    put(box, raw, laid=laid)
    fetch(box, *[word for host in hosts for word in ("--own-host", host)])
    return Mail.objects.get()


def test_lines_a_sender_wrote_do_not_count(box):
    """D-01, D-05: the topmost line is our server's; those below it can be forged."""
    real, forged = clock.now() - timedelta(days=2), clock.now() - timedelta(days=60)
    mail = arrival(box, received(real), received(forged))
    assert mail.case.received_at == real.replace(microsecond=0)
    assert mail.arrived_by == "received"


def test_a_line_written_as_one_of_ours_gains_no_month(box):
    """D-01: a sender who names another server of ours puts no year between; canary above."""
    now = clock.now()
    mail = arrival(
        box,
        received(now, "mx2.halden.example"),
        received(now - timedelta(days=400), "mx1.halden.example"),
        hosts=("mx1.halden.example", "mx2.halden.example"),
    )
    assert mail.arrived_at == now.replace(microsecond=0)


def test_several_servers_of_ours_count_from_the_first_that_took_it(box):
    """D-01: it waited three days between two of ours; each of them is believed once."""
    now = clock.now()
    mail = arrival(
        box,
        received(now, "store.halden.example"),
        received(now - timedelta(days=3)),
        received(now - timedelta(days=90)),
        hosts=("store.halden.example", OWN),
    )
    assert mail.case.received_at == (now - timedelta(days=3)).replace(microsecond=0)


@pytest.mark.parametrize("lines", [[], ["from a by b; no day at all"]])
def test_without_a_line_of_ours_the_file_tells(box, lines):
    """D-01: when the server laid it down, not when we looked."""
    laid = clock.now() - timedelta(days=4)
    mail = arrival(box, *lines, laid=laid)
    assert mail.arrived_by == "file"
    assert mail.case.received_on <= clock.local_date(laid)


@pytest.mark.parametrize("year", [1970, 9999])
def test_a_clock_that_was_wrong_opens_the_case_all_the_same(box, year):
    """D-05: never in the future, never before the law."""
    mail = arrival(box, received(datetime(year, 12, 30, tzinfo=UTC)))
    assert mail.case.received_at <= clock.now()
    assert mail.case.received_at.year > 2018


# -- answers --------------------------------------------------------------------------------------


def test_an_answer_from_the_own_address_is_added_to_its_case(box):
    """T-11: by the reference in the subject; the person is waited for no more."""
    case = support.opened(email="mina@example.org")
    raw = message(
        "I have one more picture.", sender="MINA@example.org", subject=f"Re: {case.reference}"
    ).as_bytes()
    put(box, raw)
    assert fetch(box)["added"] == 1
    assert Case.objects.count() == 1
    said = [one.text for one in selectors.messages_of(case) if one.direction == Direction.IN]
    assert said == ["I have one more picture."]
    mail = case.mails.get()
    assert (mail.role, vault.read(mail.unit, mailbox.MAIL_ORIGINAL)) == ("added", raw)
    assert "mail.taken" in [one.type for one in events_for_case(case.id)]


@pytest.mark.parametrize("header", ["In_Reply_To", "References"])
def test_an_answer_is_known_by_the_mail_of_ours_it_answers(box, header):
    """T-11: without any reference in its subject."""
    case = support.opened(email="mina@example.org")
    effect = Effect.objects.get(kind="mail.receipt", subject_id=case.id)
    earlier = "<x@example.org>"
    put(box, message("More.", **{header: f"{earlier} <{effect.id}@relay.example>"}))
    assert fetch(box)["added"] == 1


def test_another_address_adds_nothing_and_opens_a_case_of_its_own(box):
    """R12, N-15: who knows a reference only is nobody; the mail is a request all the same."""
    case = support.opened(email="mina@example.org")
    put(box, message("Stop this.", sender="eve@example.net", subject=f"[{case.reference}]"))
    assert fetch(box)["opened"] == 1
    assert not case.messages.exists()
    other = Case.objects.exclude(id=case.id).get()
    assert other.mails.get().may_belong == case
    assert list(other.flags.values_list("code", flat=True)) == ["mail_may_belong"]
    assert not case.flags.exists(), "the case that was named knows nothing of it"


def test_a_mail_about_a_request_that_is_over_is_a_new_one(box):
    """N-15: a closed case takes no message; the words are not lost with it."""
    case = support.opened(email="mina@example.org")
    services.withdraw(case_id=case.id, actor=support.person(case))
    put(box, message("And now tell me.", subject=case.reference))
    assert fetch(box)["opened"] == 1
    assert Case.objects.exclude(id=case.id).get().mails.get().may_belong == case


def test_what_a_machine_answered_is_kept_and_answered_by_no_machine(box, settings):
    """RFC 3834: no absence note ends waiting for the person, none gets a receipt."""
    case = support.opened(email="mina@example.org")
    absent = {"Auto_Submitted": "auto-replied (vacation)"}
    put(box, message("I am away.", subject=f"Away: {case.reference}", **absent))
    put(box, message("Noted.", sender="robot@example.net", **absent))
    put(box, message("Loop.", sender=settings.DSR_CONTROLLER["email"]))
    before = Effect.objects.count()
    counts = fetch(box)
    assert (counts["added"], counts["opened"]) == (1, 2)
    assert not case.messages.exists()
    assert case.mails.get().role == "automatic"
    for other in Case.objects.exclude(id=case.id):
        assert selectors.contact_of(other)["email"] == ""
    assert Effect.objects.count() == before


def report(message_id: object, action: str = "failed") -> bytes:
    """What a mail server sends when it could not deliver."""
    return (
        f"Received: {received(clock.now())}\n"
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nSubject: Undelivered\n"
        "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        f"Final-Recipient: rfc822; mina@example.org\nAction: {action}\nStatus: 5.1.1\n\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: privacy@halden.example\n"
        f"Message-ID: <{message_id}@relay.example>\nSubject: We have your request\n\nText\n--b--\n"
    ).encode()


def test_a_mail_of_ours_that_came_back_is_seen_at_the_desk_and_by_the_person(box):
    """T-11, R3: by our own Message-ID; it says nothing but that it came back, and adds no words."""
    case = support.opened(email="mina@example.org")
    effect = Effect.objects.get(kind="mail.receipt", subject_id=case.id)
    put(box, report(effect.id))
    before = Effect.objects.count()
    assert fetch(box)["added"] == 1
    assert Case.objects.count() == 1
    assert case.mails.get().role == "automatic"
    assert list(case.flags.values_list("code", flat=True)) == ["mail_bounced"]
    told = [one.sentence for one in selectors.public_view(case).told]
    assert "A mail of ours came back. What we wrote is on this page." in told
    assert not case.messages.exists()
    assert Effect.objects.count() == before, "a report is never answered"


def test_a_report_about_no_mail_of_ours_or_of_a_delay_flags_nobody(box):
    """N-15: it is kept all the same, as a case a person sets aside."""
    case = support.opened(email="mina@example.org")
    effect = Effect.objects.get(kind="mail.receipt", subject_id=case.id)
    put(box, report("01a206fb-c75b-704a-876a-650f476e1f9d"))
    put(box, report(effect.id, "delayed"))
    assert fetch(box)["opened"] == 2
    assert not case.flags.exists()
    assert "mail.bounced" not in [one.type for one in events_for_case(case.id)]


# -- none is lost ---------------------------------------------------------------------------------

BROKEN = {
    "empty": b"",
    "no headers": b"Tell me what you have.",
    "nul": b"From: a@example.org\nSubject: a\0b\n\nTell\0 me\0",
    "eight bits": "From: Zoë <a@example.org>\nSubject: Größe\n\nLöschen Sie.".encode("latin-1"),
    "unknown charset": b"From: a@example.org\nContent-Type: text/plain; charset=x-none\n\nTell me",
    "half a multipart": b"From: a@example.org\nContent-Type: multipart/mixed; boundary=x\n\n--x\n",
    "broken base64": b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n@@@=\xff",
    "bad words": b"Subject: =?utf-8?b?@@@?= =?x?q?=ZZ?=\nFrom: =?x?=\n\nx",
    "nested": b"Content-Type: multipart/mixed; boundary=x\n\n"
    + b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 3000
    + b"Tell me",
    "comments": b"From: " + b"(" * 5000 + b"a@example.org\n\nTell me",
    "bad filename": b"Content-Type: text/plain; name*=?0*;=utf-8''%e4; name*1=b\n\nTell me",
    "only headers": b"From: a@example.org\nSubject: Delete me\n",
}


def test_whatever_came_is_a_case_with_its_bytes(box):
    """N-15, T-08: broken MIME, charsets nobody knows, NUL, parts in parts."""
    for raw in BROKEN.values():
        put(box, raw)
    assert fetch(box)["opened"] == len(BROKEN)
    cases = list(Case.objects.all())
    assert sorted(original_of(case) for case in cases) == sorted(BROKEN.values())
    assert not any("\0" in selectors.note_of(case) for case in cases)
    assert left(box) == []


def test_a_page_instead_of_text_is_read_as_words(box):
    """T-09: nothing in it is run or fetched, its words count."""
    mail = message()
    mail.set_content(
        "<html><head><style>p{}</style><script>delete()</script></head><body><p>Please"
        " <b>erase</b> me.</p><p>Bye&nbsp;&amp; thanks</p></body></html>",
        subtype="html",
    )
    put(box, mail)
    fetch(box)
    case = Case.objects.get()
    note = selectors.note_of(case)
    assert "Please erase me." in note.replace("\xa0", " ")
    assert "delete()" not in note
    assert "<" not in note
    assert selectors.rights_of(case) == ["erasure"]


def test_thirty_megabytes_are_kept_whole_and_read_in_part(box):
    """Issue 6, bad input: the text is read, the attachment stays in the original."""
    mail = message("Tell me what you have.")
    mail.add_attachment(os.urandom(22 * 1024 * 1024), maintype="image", subtype="png")
    raw = mail.as_bytes()
    assert len(raw) > 30 * 1000 * 1000
    put(box, raw)
    fetch(box)
    kept = Mail.objects.get()
    assert kept.size == len(raw)
    assert "cut" in kept.trouble
    assert original_of(kept.case) == raw
    assert selectors.rights_of(kept.case) == ["access"]


def test_two_hundred_attachments_are_counted_up_to_a_limit(box):
    """Issue 6, bad input: bounded, said, and all of them in the original."""
    mail = message("Tell me what you have.")
    for number in range(200):
        mail.add_attachment(b"x", maintype="image", subtype="png", filename=f"{number}.png")
    raw = mail.as_bytes()
    put(box, raw)
    fetch(box)
    kept = Mail.objects.get()
    assert kept.parts < 100
    assert "many_parts" in kept.trouble
    assert original_of(kept.case) == raw


def test_a_mail_somebody_looked_at_in_a_mail_program_is_not_overlooked(box):
    """N-15: such a program moves it from new to cur."""
    put(box, message(), folder="cur", name="1700000000.M1P1.halden:2,S")
    assert fetch(box)["opened"] == 1


def test_a_run_that_died_after_the_commit_takes_nothing_twice(box, monkeypatch):
    """N-15, R14: killed between commit and move; the next run only moves."""

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    put(box, message())
    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "mark_done", die)
        with pytest.raises(Killed):
            fetch(box)
    assert Case.objects.count() == 1
    assert len(left(box)) == 1
    assert fetch(box) == {"opened": 0, "added": 0, "known": 1, "failed": 0, "removed": 0}
    assert Case.objects.count() == 1
    assert left(box) == []


def test_a_mail_that_can_not_be_taken_waits_and_the_others_go_on(box, monkeypatch):
    """N-15: it stays where it is, the command says so and ends with 1."""
    first, second = put(box, message("First.")), put(box, message("Second."))
    original = mailbox.digest

    def digest(path: Any) -> bytes:
        if path == first:
            raise OSError(5, "Input/output error")
        return original(path)

    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "digest", digest)
        with pytest.raises(CommandError, match="1 messages could not be taken"):
            fetch(box)
    assert left(box) == [first]
    assert Case.objects.count() == 1
    assert second not in left(box)
    assert fetch(box)["opened"] == 1


def test_a_link_in_the_mailbox_is_not_followed(box, tmp_path):
    """X-10: the mailbox is written by a server that strangers write to."""
    secret = tmp_path / "secret"
    secret.write_text("canary-9f")
    (box / "new" / "1700000000.M1.halden").symlink_to(secret)
    assert fetch(box)["opened"] == 0
    assert not Case.objects.exists()


def test_a_folder_that_is_no_mailbox_is_refused(tmp_path):
    with pytest.raises(CommandError, match="no Maildir") as refused:
        fetch(tmp_path)
    assert refused.value.returncode == 2


# -- the end --------------------------------------------------------------------------------------


def test_a_mail_ends_with_its_case(box):
    """P-06: the unit of the message is destroyed, and no hash finds it any more."""
    put(box, message())
    fetch(box)
    case = Case.objects.get()
    services.withdraw(case_id=case.id, actor=support.person(case))
    services.purge(case_id=case.id, actor=support.SUPERVISOR)
    vault.run_shred()
    mail = Mail.objects.get()
    assert vault.unit_state(mail.unit) == vault.UnitState.SHREDDED
    assert mail.content_hash is None
    assert Case.objects.get().status == Status.PURGED


def test_what_was_taken_leaves_the_mailbox_after_two_weeks(box):
    """P-06: until then a restored backup may need it again."""
    put(box, message())
    fetch(box)
    (path,) = done(box)
    young = (clock.real_now() - timedelta(days=13)).timestamp()
    os.utime(path, (young, young))
    assert fetch(box)["removed"] == 0
    old = (clock.real_now() - timedelta(days=15)).timestamp()
    os.utime(path, (old, old))
    assert fetch(box)["removed"] == 1
    assert done(box) == []


def test_after_a_restore_a_destroyed_mail_is_found_by_no_hash(box):
    """R31, E-15: the backup brought its row back, the ledger says that its unit was destroyed."""
    put(box, message())
    fetch(box)
    mail = Mail.objects.get()
    gone = GoneUnit(id=mail.unit, owner=mail.case_id, reason="purged")
    purger = unit_purgers.get(vault.UnitKind.MAIL.value)
    assert purger(units=[gone], actor=Actor.operator()) == 1
    mail.refresh_from_db()
    assert mail.content_hash is None
