"""Mail leaves through one relay over TLS; without one it waits and nothing is lost (R33)."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock, egress
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import Mail, senders
from dsr_portal.jobs import selectors, services
from dsr_portal.jobs.models import Effect, EffectState, Job, JobState
from tests.support.endpoints import Authority
from tests.support.relay import relaying

pytestmark = [pytest.mark.django_db(transaction=True)]


class Letters:
    mail = Mail(to="mina@example.org", subject="Übersicht", text="Your code\n.\nis ü\n")

    def render(self, subject_id: uuid.UUID) -> Mail:
        return self.mail


LETTERS = Letters()
senders.register("testing.relayed", LETTERS)


@pytest.fixture
def authority(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Authority:
    made = Authority(tmp_path / "authority")
    settings.DSR_EGRESS_TEST_CA = str(made.ca)
    settings.DSR_BROKER_DIR = tmp_path / "broker"
    monkeypatch.setattr(egress, "_FACE_MODULES", ())
    monkeypatch.setattr(LETTERS, "mail", Letters.mail)
    return made


def letter() -> Effect:
    with unit_of_work():
        return services.queue_effect(
            kind="testing.relayed", subject_id=uuid.UUID(int=8), unique_key=str(uuid.uuid4())
        )


def run_again() -> None:
    Job.objects.update(run_after=clock.now())
    services.run_due()


@pytest.mark.parametrize(("scheme", "wrapped"), [("smtps", True), ("smtp+starttls", False)])
def test_a_mail_is_handed_over_once_under_tls(
    authority: Authority, settings: Any, scheme: str, wrapped: bool
) -> None:
    with relaying(authority, wrapped=wrapped) as relay:
        settings.DSR_MAIL_URL = f"{scheme}://desk:p%40ss@localhost:{relay.port}"
        effect = letter()
        services.run_due()
        services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.error_code) == (EffectState.SENT, "")
    (mail,) = relay.mails
    assert (mail["To"], mail["Subject"]) == ("mina@example.org", "Übersicht")
    assert mail["Message-ID"] == f"<{effect.id}@localhost>"
    assert mail.get_content().replace("\r\n", "\n") == Letters.mail.text
    assert base64.b64decode(relay.logins[0]) == b"\0desk\0p@ss"
    assert not relay.clear


def test_a_relay_that_offers_no_tls_gets_nothing(authority: Authority, settings: Any) -> None:
    with relaying(authority, wrapped=False) as relay:
        relay.starttls = False
        settings.DSR_MAIL_URL = f"smtp+starttls://desk:secret@localhost:{relay.port}"
        effect = letter()
        services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.error_code) == (EffectState.PENDING, "mail_relay_silent")
    assert (relay.mails, relay.clear, relay.logins) == ([], [], [])


def test_a_relay_with_another_name_or_authority_gets_nothing(
    authority: Authority, settings: Any, tmp_path: Path
) -> None:
    for who, name in ((authority, "other.example"), (Authority(tmp_path / "b"), "localhost")):
        with relaying(who, name=name) as relay:
            settings.DSR_MAIL_URL = f"smtps://localhost:{relay.port}"
            effect = letter()
            services.run_due()
        effect.refresh_from_db()
        assert (effect.state, effect.error_code) == (EffectState.PENDING, "mail_tls")
        assert not relay.mails


def test_a_mail_refused_now_is_tried_again_and_one_refused_for_good_is_not(
    authority: Authority, settings: Any
) -> None:
    with relaying(authority) as relay:
        settings.DSR_MAIL_URL = f"smtps://localhost:{relay.port}"
        relay.reply = "451 later"
        effect = letter()
        services.run_due()
        effect.refresh_from_db()
        assert (effect.state, effect.error_code) == (EffectState.PENDING, "mail_not_now")
        relay.reply = "250 ok"
        run_again()
        effect.refresh_from_db()
        assert effect.state == EffectState.SENT
        relay.reply = "550 nobody here"
        refused = letter()
        services.run_due()
    refused.refresh_from_db()
    assert (refused.state, refused.error_code) == (EffectState.FAILED, "mail_refused")


def test_an_address_that_would_smuggle_a_header_is_refused(
    authority: Authority, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    smuggled = Mail(to="mina@example.org\nBcc: eve@example.org", subject="x", text="x")
    monkeypatch.setattr(LETTERS, "mail", smuggled)
    with relaying(authority) as relay:
        settings.DSR_MAIL_URL = f"smtps://localhost:{relay.port}"
        effect = letter()
        services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.error_code) == (EffectState.FAILED, "mail_bad_address")
    assert not relay.mails


def test_a_process_that_touches_faces_sends_no_mail(
    authority: Authority, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "_refused_for", "search")
    with relaying(authority) as relay:
        settings.DSR_MAIL_URL = f"smtps://localhost:{relay.port}"
        effect = letter()
        services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.error_code) == (EffectState.FAILED, "egress_face_process")
    assert not relay.mails


def test_without_a_relay_mails_wait_and_leave_once_there_is_one(
    authority: Authority, settings: Any
) -> None:
    settings.DSR_DEMO = False
    effect = letter()
    services.run_due()
    effect.refresh_from_db()
    assert (effect.state, effect.error_code) == (EffectState.PENDING, "mail_not_set_up")
    assert selectors.mails_waiting() == 1
    assert services.send_waiting() == 0
    with relaying(authority) as relay:
        settings.DSR_MAIL_URL = f"smtps://localhost:{relay.port}"
        assert services.send_waiting() == 1
        assert services.send_waiting() == 0
        services.run_due()
    effect.refresh_from_db()
    assert effect.state == EffectState.SENT
    assert len(relay.mails) == 1
    assert selectors.mails_waiting() == 0


def test_a_mail_that_waited_for_a_relay_when_the_backup_was_made_leaves_on_the_word(
    authority: Authority, settings: Any
) -> None:
    """R31: its job was over already, so there is none to start again."""
    settings.DSR_DEMO = False
    effect = letter()
    services.run_due()
    assert Job.objects.get().state == JobState.DONE
    with unit_of_work():
        assert services.after_restore()[1] == 1
    with relaying(authority) as relay:
        settings.DSR_MAIL_URL = f"smtps://localhost:{relay.port}"
        services.send_waiting()
        services.run_due()
        assert not relay.mails, "held until somebody says so"
        assert services.release_held(actor=Actor.operator()) == 1
        services.send_waiting()
        services.run_due()
    effect.refresh_from_db()
    assert effect.state == EffectState.SENT
    assert len(relay.mails) == 1


@pytest.mark.parametrize("url", ["smtp://relay.example:25", "relay.example", "https://a.example"])
def test_a_relay_without_tls_stops_the_portal(settings: Any, url: str) -> None:
    settings.DSR_MAIL_URL = url
    assert "dsr.E005" in {found.id for found in run_checks()}
    settings.DSR_MAIL_URL = "smtps://relay.example"
    assert "dsr.E005" not in {found.id for found in run_checks()}
