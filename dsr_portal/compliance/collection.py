"""Stopping collection and, with two persons, collecting again (R23, R19; GDPR Art. 58(2)(f)).

One person stops, for nothing is lost by it. Lifting lowers a safeguard: another person agrees, and
the data protection officer is told. The scope is rules about the source, never about nationality.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.compliance.models import StopLift, StopReason
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import CollectionStop, Source
from dsr_portal.jobs.services import queue_effect

MAY_STOP = frozenset({Role.SUPERVISOR, Role.DIRECTOR})
LIFTED = "compliance.stop_lifted"
MAX_REASON = 500


def stop(
    *,
    actor: Actor,
    reason: str,
    source: Source | None = None,
    country: str = "",
    language: str = "",
    with_place: bool = False,
) -> CollectionStop:
    """Refuse imports from now on: of a source or of all, of what fits every rule given."""
    _require(actor)
    if reason not in StopReason.values:
        raise BadInput("stop_reason", _("Choose why collection stops."))
    return gallery.stop_collection(
        source=source,
        reason=reason,
        actor=actor,
        country=country,
        language=language,
        with_place=with_place,
    )


def propose_lift(*, stop_id: UUID, reason: str, actor: Actor) -> StopLift:
    """Ask to collect again; nothing changes before another person agrees."""
    _require(actor)
    words = reason.strip()
    if not words or len(words) > MAX_REASON:
        raise BadInput("lift_reason", _("Write why collection may go on."))
    with unit_of_work():
        row = CollectionStop.objects.select_for_update().filter(id=stop_id).first()
        if row is None:
            raise NotFound("no_such_stop", _("There is no such stop of collection."))
        if row.lifted_at is not None:
            raise Conflict("stop_lifted", _("This stop is lifted already."))
        if row.lifts.filter(decided_at=None).exists():
            raise Conflict("lift_waits", _("This was proposed and waits for another person."))
        lift = StopLift.objects.create(
            stop=row, reason=words, proposed_by=actor.id, proposed_at=clock.now()
        )
        record("collection.lift_proposed", actor=actor, subject_id=row.id)
    return lift


def agree_lift(*, lift_id: UUID, actor: Actor) -> StopLift:
    """The second person; from now on imports run again."""
    with unit_of_work():
        lift = _waiting(lift_id, actor)
        if lift.proposed_by == actor.id:
            raise NotAllowed("second_person", _("You proposed this, so another person decides."))
        lift.agreed = True
        _decide(lift, actor)
        gallery.resume_collection(stop_id=lift.stop_id, actor=actor)
        queue_effect(kind=LIFTED, subject_id=lift.id, unique_key=f"{LIFTED}:{lift.id}")
    return lift


def turn_down_lift(*, lift_id: UUID, actor: Actor) -> StopLift:
    """The stop stays; who proposed it may take the wish back."""
    with unit_of_work():
        lift = _waiting(lift_id, actor)
        _decide(lift, actor)
        record("collection.lift_turned_down", actor=actor, subject_id=lift.stop_id)
    return lift


def _waiting(lift_id: UUID, actor: Actor) -> StopLift:
    _require(actor)
    lift = StopLift.objects.select_for_update().filter(id=lift_id).first()
    if lift is None:
        raise NotFound("no_proposal", _("There is no such proposal."))
    if lift.decided_at is not None:
        raise Conflict("proposal_over", _("This was settled already."))
    return lift


def _decide(lift: StopLift, actor: Actor) -> None:
    lift.decided_by, lift.decided_at = actor.id, clock.now()
    lift.save(update_fields=["agreed", "decided_by", "decided_at"])


def in_force() -> list[CollectionStop]:
    rows = CollectionStop.objects.filter(lifted_at=None).select_related("source")
    return list(rows.prefetch_related("lifts").order_by("since"))


def lifted() -> list[CollectionStop]:
    rows = CollectionStop.objects.exclude(lifted_at=None).select_related("source")
    return list(rows.order_by("-lifted_at"))


def scope_words(
    *, source: str = "", country: str = "", language: str = "", with_place: bool = False
) -> str:
    """A scope in one sentence."""
    rules = [
        *([_("of the source %(name)s") % {"name": source}] if source else []),
        *([_("from sites of the country %(code)s") % {"code": country}] if country else []),
        *([_("in the language %(code)s") % {"code": language}] if language else []),
        *([_("that come with place data")] if with_place else []),
    ]
    if not rules:
        return _("All pictures")
    return _("Pictures %(rules)s") % {"rules": ", ".join(rules)}


def words_of(row: CollectionStop) -> str:
    return scope_words(
        source=row.source.name if row.source else "",
        country=row.country,
        language=row.language,
        with_place=row.with_place,
    )


def _require(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_STOP:
        raise NotAllowed("stop_role", _("Supervisors and directors stop collection or resume it."))
