"""Sends outside effects. The embedded transport is the viewer: a mail stays where it is and is
opened from the vault when somebody looks at it; nothing opens a network connection."""

from collections.abc import Callable
from uuid import UUID

from dsr_portal.audit.services import record
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.registries import Mail, senders
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent, code_of
from dsr_portal.jobs.models import Effect, EffectState

# A transport gets the effect's id, which is the message's id: sending twice shows as one.
Transport = Callable[[UUID, Mail], None]
_ACTOR = Actor.system("outbox")


def viewer(message_id: UUID, mail: Mail) -> None:
    """The mail was opened once, so it can be shown; that is all."""


TRANSPORTS: dict[str, Transport] = {"viewer": viewer}
TRANSPORT = "viewer"


def render(effect: Effect) -> Mail:
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
    try:
        TRANSPORTS[TRANSPORT](effect.id, render(effect))
    except NotFound as error:
        _note_failure(ctx, effect, code_of(error), final=True)
        raise Permanent(code_of(error)) from error
    except PortalError as error:
        final = ctx.is_last_attempt or isinstance(error, Permanent)
        _note_failure(ctx, effect, code_of(error), final=final)
        raise
    _note_success(ctx, effect)


def _note_success(ctx: JobContext, effect: Effect) -> None:
    with ctx.complete():
        Effect.objects.filter(id=effect.id).update(
            state=EffectState.SENT, sent_at=clock.now(), error_code=""
        )
        record(
            "outbox.sent",
            actor=_ACTOR,
            subject_id=effect.subject_id,
            kind=effect.kind,
            transport=TRANSPORT,
            attempts=effect.attempts,
        )


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
