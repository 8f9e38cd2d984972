"""Sends outside effects: mail through the one relay, calls through the egress module (R33).

In the demo the viewer stands for the relay: a mail is opened from the vault when somebody looks at
it. Without a relay mails wait in their rows, and nothing is lost.
"""

import json
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from dsr_portal.audit.services import record
from dsr_portal.core import clock, egress
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotFound, PortalError
from dsr_portal.core.registries import Mail, callers, processor_lists, send_ends, senders
from dsr_portal.jobs import mail as relay
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent, Transient, code_of
from dsr_portal.jobs.models import Effect, EffectState

# A transport gets the effect's id, which is the message's id: sending twice shows as one.
Transport = Callable[[UUID, Mail], None]
WAITS = "mail_not_set_up"
"""Why a mail stands in its row: no relay is set up yet."""

_ACTOR = Actor.system("outbox")


def viewer(message_id: UUID, mail: Mail) -> None:
    """The mail was opened once, so it can be shown; that is all."""


TRANSPORTS: dict[str, Transport] = {"viewer": viewer, "relay": relay.send}


def transport() -> str:
    """How mail leaves this installation: "relay", "viewer" (demo), or "" when it waits.

    In production no mail leaves over a relay that stands in no register of processors (P-15).
    """
    if settings.DSR_MAIL_URL:
        return "" if settings.DSR_PRODUCTION and not _bound_by_contract() else "relay"
    return "viewer" if settings.DSR_DEMO else ""


def _bound_by_contract() -> bool:
    host = urlsplit(settings.DSR_MAIL_URL).hostname or ""
    return any(is_entered(host) for _name, is_entered in processor_lists.items())


def render(effect: Effect) -> Mail:
    """The mail of an effect; for a call to another system, what an operator may see of it."""
    if effect.kind in callers:
        call = callers.get(effect.kind).render(effect.subject_id)
        return Mail(to=call.url, subject="POST", text=json.dumps(json.loads(call.body), indent=2))
    return senders.get(effect.kind).render(effect.subject_id)


def deliver(ctx: JobContext) -> None:
    """Send one effect, at least once. What it was about may be gone meanwhile: then never."""
    with ctx.checkpoint():
        effect = Effect.objects.select_for_update().filter(id=ctx.subject_id).first()
        if effect is None:
            raise Permanent("effect_unknown")
        effect.attempts += 1
        effect.save(update_fields=["attempts"])
    if effect.state == EffectState.SENT:
        return
    by_call = effect.kind in callers
    way = "call" if by_call else transport()
    if not way:
        with ctx.complete():
            Effect.objects.filter(id=effect.id).update(error_code=WAITS)
        return
    try:
        taken = _call(effect) if by_call else _mail(effect, way)
    except (NotFound, BadInput) as error:
        _note_failure(ctx, effect, code_of(error), final=True)
        raise Permanent(code_of(error)) from error
    except PortalError as error:
        final = ctx.is_last_attempt or isinstance(error, Permanent)
        _note_failure(ctx, effect, code_of(error), final=final)
        raise
    _note_success(ctx, effect, way, taken)


def _mail(effect: Effect, way: str) -> Callable[[], None]:
    TRANSPORTS[way](effect.id, render(effect))
    return lambda: None


def _call(effect: Effect) -> Callable[[], None]:
    """Make the call; what comes back is taken in the transaction that notes the sending."""
    call = callers.get(effect.kind).render(effect.subject_id)
    try:
        answer = egress.post(url=call.url, body=call.body, headers=call.headers(effect.id))
    except egress.Refused as error:
        raise Permanent(error.code) from error
    if not answer.ok:
        raise Transient(f"call_status_{answer.status}")
    return lambda: call.taken(answer.body)


def _note_success(ctx: JobContext, effect: Effect, way: str, taken: Callable[[], None]) -> None:
    with ctx.complete():
        Effect.objects.filter(id=effect.id).update(
            state=EffectState.SENT, sent_at=clock.now(), error_code=""
        )
        record(
            "outbox.sent",
            actor=_ACTOR,
            subject_id=effect.subject_id,
            kind=effect.kind,
            transport=way,
            attempts=effect.attempts,
        )
        _tell_end(effect, sent=True)
        taken()


def _note_failure(ctx: JobContext, effect: Effect, code: str, *, final: bool) -> None:
    with ctx.checkpoint():
        state = EffectState.FAILED if final else EffectState.PENDING
        Effect.objects.filter(id=effect.id).update(error_code=code, state=state)
        if final:
            record(
                "outbox.failed",
                actor=_ACTOR,
                subject_id=effect.subject_id,
                kind=effect.kind,
                error=code,
                attempts=effect.attempts,
            )
            _tell_end(effect, sent=False, code=code)


def _tell_end(effect: Effect, *, sent: bool, code: str = "") -> None:
    if effect.kind in send_ends:
        send_ends.get(effect.kind)(subject_id=effect.subject_id, sent=sent, code=code)
