"""Mail through the controller's one relay, over TLS only (rule R33; `DSR_MAIL_URL`)."""

import smtplib
import ssl
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings

from dsr_portal.core import egress
from dsr_portal.core.registries import Mail
from dsr_portal.core.transactions import outside
from dsr_portal.jobs.errors import Permanent, Transient

SECONDS = 20
_PORTS = {"smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mail is handed over; `wrapped`: TLS from the first byte, else STARTTLS before all."""

    host: str
    port: int
    wrapped: bool
    user: str
    password: str


def relay() -> Relay | None:
    """The relay of `DSR_MAIL_URL`; None where there is none. ValueError for a bad address."""
    url = settings.DSR_MAIL_URL
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(
            "DSR_MAIL_URL must be like smtps://user:password@relay.example:465 or "
            "smtp+starttls://user:password@relay.example:587; mail never leaves without TLS."
        )
    return Relay(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        wrapped=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


NOT_TAKEN = frozenset(
    {
        "mail_refused",
        "mail_bad_address",
        "mail_not_now",
        "mail_tls",
        "mail_relay_silent",
        "egress_face_process",
    }
)
"""Why a mail did not leave, for good or after the last attempt. What there is to send no more (a
case that was purged, a link that ended) is none of it."""


@outside("Sending mail")
def send(message_id: UUID, mail: Mail) -> None:
    """Hand one mail over. `Transient` when it may work later, `Permanent` when the relay refuses
    this mail for good."""
    where = relay()
    if where is None:
        raise Transient("mail_not_set_up")
    if kind := egress.touches_faces():
        raise Permanent("egress_face_process", kind=kind)
    try:
        message = _message(message_id, mail, where)
    except ValueError as error:
        raise Permanent("mail_bad_address") from error
    try:
        with _session(where) as session:
            session.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _words in error.recipients.values()]
        raise _refused(max(codes, default=450)) from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code) from error
    except ssl.SSLError as error:
        raise Transient("mail_tls") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Transient("mail_relay_silent") from error


def _refused(code: int) -> Transient | Permanent:
    """RFC 5321, section 4.2.1: 5xx is for good, 4xx may work later."""
    return Permanent("mail_refused") if code >= 500 else Transient("mail_not_now")


def _session(where: Relay) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=settings.DSR_EGRESS_TEST_CA or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    session: smtplib.SMTP
    if where.wrapped:
        session = smtplib.SMTP_SSL(where.host, where.port, timeout=SECONDS, context=context)
    else:
        session = smtplib.SMTP(where.host, where.port, timeout=SECONDS)
    try:
        if not where.wrapped:
            session.starttls(context=context)
        if where.user:
            session.login(where.user, where.password)
    except BaseException:
        session.close()
        raise
    return session


def _message(message_id: UUID, mail: Mail, where: Relay) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = settings.DSR_CONTROLLER["email"]
    message["To"] = mail.to
    message["Subject"] = mail.subject
    # The effect's id: sent twice after a crash, it shows as one.
    message["Message-ID"] = f"<{message_id}@{where.host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
