"""Putting a picture aside, and what senior officers decide about it (law C-09).

One press covers it everywhere and locks its records for the controller's own products (R1), before
anybody else has looked: a wrong press costs a day, a missed one cannot be undone. A senior officer
who did not put it aside confirms, or two release it. One is enough to say that it is worse than was
said; that it is less takes two and a reason. What shows the abuse of a child is kept, locked, until
another senior officer writes down that no authority needs it; an intimate picture is erased as any
other.
"""

from collections.abc import Callable
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer, require_senior
from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery import covers, states
from dsr_portal.gallery.models import PutAside, Record, Restriction, SourceImage
from dsr_portal.recognition import services as recognition

KIND, STATE = PutAside.Kind, PutAside.State
_STANDING = (Record.State.HELD, Record.State.RESTRICTED)


def put_aside(*, image_id: UUID, case_id: UUID, kind: str, actor: Actor) -> PutAside:
    """Cover a picture for everybody but senior officers, at once; a second press changes nothing.

    Raises `BadInput("no_such_kind")`, `NotFound`.
    """
    require_reviewer(actor)
    if kind not in KIND.values:
        raise BadInput("no_such_kind", _("Choose what it is."))
    with unit_of_work():
        image = SourceImage.objects.select_for_update().filter(id=image_id).first()
        if image is None or image.state == SourceImage.State.ERASED:
            raise NotFound("no_such_picture", _("There is no such picture."))
        before = covers.standing().filter(image=image).first()
        if before is not None:
            return before
        row = PutAside.objects.create(
            image=image, case_id=case_id, kind=kind, found_by=actor.id, found_at=clock.now()
        )
        _record("picture.put_aside", row, actor, kind=row.kind)
        _lock_records(row, actor)
    return row


def copy_found(*, image_id: UUID, of_image: UUID, case_id: UUID, actor: Actor) -> None:
    """A picture that looks like one that is put aside is covered, too, until it was looked at.

    `case_id` is where the copy was found; it stands where the case of the other one is over.
    """
    of = covers.standing().filter(image_id=of_image).first()
    if of is None or covers.is_covered(image_id):
        return
    with unit_of_work():
        row = PutAside.objects.create(
            image_id=image_id,
            case_id=of.case_id or case_id,
            kind=of.kind,
            found_by=of.found_by,
            found_at=clock.now(),
        )
        _record("picture.put_aside", row, actor, kind=row.kind)
        _lock_records(row, actor)


def confirm(
    *, put_aside_id: UUID, kind: str, actor: Actor, found_in: UUID | None = None
) -> PutAside:
    """A senior officer looked: this is what it is; another one than who put it aside.

    That an intimate picture shows abuse is said at any time and by anybody of them: who put it
    aside opens it anew, for another one to confirm. Where its request is purged, it is kept for
    `found_in`, another one in which it was found. Raises `Conflict` with aside_decided, lower_it,
    no_request; `NotAllowed("put_it_aside")`.
    """
    if kind not in KIND.values:
        raise BadInput("no_such_kind", _("Choose what it is."))

    def change(row: PutAside) -> None:
        worse = row.kind == KIND.INTIMATE and kind == KIND.ABUSE
        _require(row, STATE.SEEN, *([STATE.CONFIRMED] if worse else []))
        if row.kind == KIND.ABUSE and kind == KIND.INTIMATE:
            raise Conflict("lower_it", _("Two supervisors say this: propose it below, with why."))
        own = row.found_by == actor.id
        if own and not worse:
            raise NotAllowed(
                "put_it_aside", _("You put it aside, so another supervisor confirms it.")
            )
        row.case_id = row.case_id or found_in
        if row.case_id is None and kind == KIND.ABUSE:
            raise Conflict(
                "no_request",
                _("Its request is purged. Tell the police; don't have it erased."),
            )
        row.kind, row.release_by = kind, ""
        row.lower_by = row.lower_reason = row.lowered_by = ""
        if own:
            row.state, row.confirmed_by, row.confirmed_at = STATE.SEEN, "", None
            _record("picture.put_aside", row, actor, kind=row.kind)
            return
        row.state, row.confirmed_by, row.confirmed_at = STATE.CONFIRMED, actor.id, clock.now()
        _record("picture.aside_confirmed", row, actor, kind=row.kind)

    return _change(put_aside_id, actor, change)


def lower(*, put_aside_id: UUID, reason: str, actor: Actor) -> PutAside:
    """It is intimate and no abuse of a child: the first proposes, with why; another one agrees.

    From then on it is the person's to know of and to have erased, so one alone never says it.
    Raises `BadInput("reason_missing")`, `Conflict` with aside_decided, not_abuse.
    """
    words = _reason(reason)

    def change(row: PutAside) -> None:
        _require(row, STATE.SEEN, STATE.CONFIRMED)
        _require_abuse(row)
        if not row.lower_by or row.lower_by == actor.id:
            _require_reason(words, _("Write why it is none."))
            row.lower_by, row.lower_reason = actor.id, words
            _record("picture.lower_proposed", row, actor)
            return
        row.lowered_by, row.kind, row.state = actor.id, KIND.INTIMATE, STATE.CONFIRMED
        # One of the two did not put it aside: that one confirmed it.
        row.confirmed_by = row.lower_by if row.found_by == actor.id else actor.id
        row.confirmed_at = clock.now()
        _record("picture.aside_lowered", row, actor)

    return _change(put_aside_id, actor, change)


def report(
    *, put_aside_id: UUID, told_to: str, told_on: date | None, reference: str, actor: Actor
) -> PutAside:
    """Write down that police or a hotline was told. Raises `BadInput`, `Conflict("not_abuse")`."""
    words = " ".join(reference.split())
    if told_to not in PutAside.ToldTo.values:
        raise BadInput("no_such_body", _("Choose who was told."))
    if told_on is None or told_on > clock.today():
        raise BadInput("told_on", _("Write the day on which they were told."))
    if not words or len(words) > 100:
        raise BadInput("reference_missing", _("Write their reference, and nothing else."))

    def change(row: PutAside) -> None:
        _require(row, STATE.CONFIRMED)
        _require_abuse(row)
        row.told_to, row.told_on = told_to, told_on
        row.told_reference, row.told_by = words, actor.id
        _record("picture.aside_reported", row, actor, to=row.told_to, on=told_on)

    return _change(put_aside_id, actor, change)


def free(*, put_aside_id: UUID, reference: str, actor: Actor) -> PutAside:
    """The word that it may be erased: who told us, another one than who confirmed it.

    Raises `Conflict` with not_reported, not_abuse, aside_decided; `NotAllowed("confirmed_it")`.
    """
    words = " ".join(reference.split())
    if not words or len(words) > 100:
        raise BadInput("reference_missing", _("Write their reference, and nothing else."))

    def change(row: PutAside) -> None:
        _require(row, STATE.CONFIRMED)
        _require_abuse(row)
        if not row.told_to:
            raise Conflict("not_reported", _("Write down first who was told."))
        if row.confirmed_by == actor.id:
            raise NotAllowed(
                "confirmed_it", _("You confirmed it, so another senior officer says this.")
            )
        row.state, row.freed_by, row.freed_at = STATE.FREED, actor.id, clock.now()
        row.freed_reference = words
        _record("picture.aside_freed", row, actor)

    return _change(put_aside_id, actor, change)


def release(*, put_aside_id: UUID, reason: str, actor: Actor) -> PutAside:
    """It is nothing of the kind: the first senior officer proposes, with why; another one agrees.

    Then it is shown again as any other. Raises `BadInput("reason_missing")`, `Conflict`.
    """
    words = _reason(reason)

    def change(row: PutAside) -> None:
        _require(row, STATE.SEEN, STATE.CONFIRMED)
        if not row.release_by or row.release_by == actor.id:
            _require_reason(words, _("Write why it can be shown."))
            row.release_by, row.release_reason = actor.id, words
            _record("picture.release_proposed", row, actor)
            return
        row.state, row.released_by, row.released_at = STATE.RELEASED, actor.id, clock.now()
        row.save()
        _record("picture.released", row, actor)
        _unlock_records(row, actor)

    return _change(put_aside_id, actor, change)


def looked(*, put_aside_id: UUID, actor: Actor) -> PutAside:
    """Somebody presses Show: who and when stand in the trail before anything is shown."""
    return _change(put_aside_id, actor, lambda row: _record("picture.aside_seen", row, actor))


def shown_to_person(*, put_aside_id: UUID, way: str, actor: Actor) -> PutAside:
    """The person saw their intimate picture with a named officer, at a visit or in a call."""
    if way not in ("visit", "call"):
        raise BadInput("no_such_way", _("Choose where they saw it."))

    def change(row: PutAside) -> None:
        _require(row, STATE.CONFIRMED)
        if row.kind != KIND.INTIMATE:
            raise Conflict("not_intimate", _("Only an intimate picture is shown to the person."))
        _record("picture.aside_shown", row, actor, way=way)

    return _change(put_aside_id, actor, change)


def _change(put_aside_id: UUID, actor: Actor, change: Callable[[PutAside], None]) -> PutAside:
    require_senior(actor)
    with unit_of_work():
        row = (
            PutAside.objects.select_for_update(of=("self",))
            .select_related("image")
            .filter(id=put_aside_id)
            .first()
        )
        if row is None:
            raise NotFound("no_put_aside", _("There is no such picture."))
        change(row)
        row.save()
    return row


def _require(row: PutAside, *wanted: PutAside.State) -> None:
    if row.state not in wanted:
        raise Conflict("aside_decided", _("This is decided already."))


def _reason(text: str) -> str:
    words = " ".join(text.split())
    if len(words) > 300:
        raise BadInput("reason_long", _("Write it in 300 characters."))
    return words


def _require_reason(words: str, says: str) -> None:
    if not words:
        raise BadInput("reason_missing", says)


def _require_abuse(row: PutAside) -> None:
    if row.kind != KIND.ABUSE:
        raise Conflict("not_abuse", _("This is for pictures of the abuse of a child."))


def _record(event: str, row: PutAside, actor: Actor, **payload: object) -> None:
    audit_event(event, actor=actor, case_id=row.case_id, subject_id=row.id, **payload)


def _records(row: PutAside) -> list[Record]:
    found = Record.objects.select_for_update().filter(image=row.image, state__in=_STANDING)
    return list(found.order_by("id"))


def _lock_records(row: PutAside, actor: Actor) -> None:
    """Out of use for the controller's products; candidates of cases stay as they are."""
    for one in _records(row):
        if one.state == Record.State.HELD:
            _move(one, row, "restrict", actor)


def _unlock_records(row: PutAside, actor: Actor) -> None:
    for one in _records(row):
        kept = Restriction.objects.filter(record=one, lifted_at=None).exists()
        if one.state == Record.State.RESTRICTED and not kept:
            _move(one, row, "lift", actor)


def _move(one: Record, row: PutAside, action: str, actor: Actor) -> None:
    one.state, one.state_changed_at = states.after(one.state, action), clock.now()
    one.save(update_fields=["state", "state_changed_at"])
    (change,) = recognition.record_changes(
        kind="RESTRICT" if action == "restrict" else "LIFT", record_ids=[one.id]
    )
    audit_event(
        "record.restricted" if action == "restrict" else "record.restriction_lifted",
        actor=actor,
        case_id=row.case_id,
        subject_id=one.id,
        reason="put_aside",
        change=change,
    )
