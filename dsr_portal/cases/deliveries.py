"""What waits behind a link and the receipt code: made, released in the daily batch, opened (R13).

Looking at a link spends nothing. Only the right code opens it, for 30 minutes; five wrong codes
lock the link, never the case.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import address_waits, codes, mandates, paper
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    Delivery,
    DeliveryKind,
    DeliveryPart,
    DeliveryState,
    Status,
)
from dsr_portal.cases.moves import advance, quietly
from dsr_portal.cases.states import Action
from dsr_portal.cases.wishes import lock_is_told
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound, PortalError
from dsr_portal.core.ids import new_id
from dsr_portal.documents import selectors as document_rows
from dsr_portal.documents import services as documents
from dsr_portal.gallery import notices
from dsr_portal.jobs.services import queue_effect
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault

MAX_WRONG_CODES = 5
GRANT = timedelta(minutes=30)
_NO_LINK = frozenset({DeliveryState.READY, DeliveryState.TO_POST, DeliveryState.POSTED})
"""Nobody was given a link to these: it waits, or it goes on paper."""

_BATCH = Actor.system("release-batch")
_NOTICES = Actor.system("letters")


@dataclass(frozen=True, slots=True)
class Part:
    """A file to hand out: a document by id, or a field of a vault unit."""

    name: str
    media_type: str
    document_id: UUID | None = None
    unit: UUID | None = None
    field: str = ""
    size: int = 0


class Grant(NamedTuple):
    """An opened delivery: the session keeps these values and nothing else.

    `counter` is that of the receipt code it was opened with: a newer code ends the grant (R12).
    `mandate_id` is there where not the person opened it but who acts for them: the end of the
    mandate ends the grant (R11).
    """

    delivery_id: UUID
    until: datetime
    counter: int
    mandate_id: UUID | None = None


class LinkClosed(PortalError):
    """The link does not open: `code` is link_unknown, link_over, link_locked or link_gone."""

    http_status = 404


class WrongCode(PortalError):
    """The receipt code is another one; `context` has the tries left."""

    http_status = 403


def _keep_parts(delivery: Delivery, parts: Iterable[Part | DeliveryPart]) -> None:
    """What a delivery hands out, in this order."""
    DeliveryPart.objects.bulk_create(
        DeliveryPart(
            delivery=delivery,
            ordinal=number,
            document_id=part.document_id,
            unit=part.unit,
            field=part.field,
            name=part.name,
            media_type=part.media_type,
            size=part.size,
        )
        for number, part in enumerate(parts, 1)
    )


def make_delivery(
    *, case: Case, kind: DeliveryKind | str, parts: Sequence[Part], actor: Actor
) -> Delivery:
    """Lay something ready for the person; it leaves with the next daily batch (R3).

    To a person who took the request back nothing leaves any more.
    `actor` is the named person who approved it: no machine releases an answer. Runs in the
    caller's unit of work or one of its own.
    """
    if not actor.is_human_staff:
        raise NotAllowed("release_needs_person", _("A named person approves what we send."))
    if not parts:
        raise BadInput("delivery_empty", _("A delivery has at least one part."))
    delivery_id = new_id()
    token = codes.delivery_token(contact_unit=case.contact_unit, delivery_id=delivery_id)
    with unit_of_work():
        delivery = Delivery.objects.create(
            id=delivery_id,
            case=case,
            kind=kind,
            state=DeliveryState.ENDED if case.withdrawn_at else DeliveryState.READY,
            token_hash=codes.token_hash(token),
            approved_by=actor.id,
            approver_role=actor.role,
            created_at=clock.now(),
        )
        _keep_parts(delivery, parts)
        record(
            "delivery.made",
            actor=actor,
            case_id=case.id,
            subject_id=delivery.id,
            kind=str(kind),
            parts=len(parts),
        )
    return delivery


def release_notice(*, case: Case, part: Part, approved_by: str, mailed: bool = True) -> Delivery:
    """Let a letter that is no answer leave at once, behind a link and the receipt code.

    It moves no case. `approved_by` is a staff number, or the process that a rule makes write it;
    without `mailed` another mail tells the person.
    Runs in the caller's unit of work.
    """
    delivery_id = new_id()
    token = codes.delivery_token(contact_unit=case.contact_unit, delivery_id=delivery_id)
    moment = clock.now()
    until = moment + timedelta(days=int(policy.current("link_days")))
    delivery = Delivery.objects.create(
        id=delivery_id,
        case=case,
        kind=DeliveryKind.NOTICE,
        state=DeliveryState.RELEASED,
        token_hash=codes.token_hash(token),
        approved_by=approved_by,
        created_at=moment,
        released_at=moment,
        expires_at=until,
    )
    _keep_parts(delivery, [part])
    record(
        "delivery.made",
        actor=_NOTICES,
        case_id=case.id,
        subject_id=delivery.id,
        kind=delivery.kind,
        parts=1,
    )
    record(
        "delivery.released",
        actor=_NOTICES,
        case_id=case.id,
        subject_id=delivery.id,
        kind=delivery.kind,
        approved_by=approved_by,
        until=clock.local_date(until),
    )
    if address_waits.waits_until(case) is None:
        _queue_letter_mail(delivery, mailed=mailed)
    return delivery


def _queue_letter_mail(delivery: Delivery, *, mailed: bool = True) -> None:
    # A letter is the person's own, also where the answer goes to who acts for them (Art. 34).
    mandates.queue_ready(delivery)
    if mailed and vault.read_json(delivery.case.contact_unit, "contact").get("email"):
        queue_effect(
            kind="mail.letter",
            subject_id=delivery.id,
            unique_key=f"mail.letter:{delivery.id}",
        )


def leave_after_wait(case: Case, *, actor: Actor, anew: bool) -> None:
    """The 72 hours of a new address are over: links leave that were held (R13).

    `anew`: another mailbox counts now, so that every link is made anew and goes there. In the
    caller's unit of work, under the case's lock. Answers that wait leave with the next batch.
    """
    released = Delivery.objects.select_for_update().filter(case=case, state=DeliveryState.RELEASED)
    for old in released.order_by("released_at", "id"):
        if not is_kept(old):
            continue
        delivery = _renewed(old, case, actor) if anew else old
        if delivery.kind == DeliveryKind.NOTICE:
            _queue_letter_mail(delivery)
        else:
            queue_ready_mail(delivery)


def last_batch(now: datetime | None = None) -> datetime:
    """The newest moment of the daily batch that is not in the future (R3, R4)."""
    moment = now or clock.now()
    zone = ZoneInfo(settings.TIME_ZONE)
    local = moment.astimezone(zone)
    hour = time(int(policy.current("release_hour")))
    planned = datetime.combine(local.date(), hour, tzinfo=zone)
    if planned > local:
        planned = datetime.combine(local.date() - timedelta(days=1), hour, tzinfo=zone)
    return planned


def release_due() -> int:
    """The daily batch: everything approved before its hour leaves together."""
    return release_batch(actor=_BATCH, made_before=last_batch())


def release_batch(*, actor: Actor, made_before: datetime | None = None) -> int:
    """Release what waits (made at or before `made_before`, or all of it); returns how many.

    One that cannot leave stays ready, is logged by its code, and stops no other.
    """
    waiting = Delivery.objects.filter(state=DeliveryState.READY)
    if made_before is not None:
        waiting = waiting.filter(created_at__lte=made_before)
    ready = list(waiting.order_by("case__due_on", "id").values_list("id", flat=True))
    left = sum(quietly(partial(_release, one, actor), doing="release", of=one) for one in ready)
    # Recipients hear after the person did, in the same batch: nobody learns it earlier (R3).
    behind = Delivery.objects.filter(
        state__in=[DeliveryState.READY, DeliveryState.TO_POST]
    ).values_list("case_id", flat=True)
    notices.release(still_waiting=behind, actor=actor, made_before=made_before)
    return left


def _release(delivery_id: UUID, actor: Actor) -> bool:
    with unit_of_work():
        lock(Delivery.objects.values_list("case_id", flat=True).get(id=delivery_id))
        delivery = (
            Delivery.objects.select_for_update(of=("self",))
            .select_related("case")
            .filter(id=delivery_id, state=DeliveryState.READY)
            .first()
        )
        if delivery is None or address_waits.waits_until(delivery.case) is not None:
            return False
        if paper.wanted(delivery.case):
            to_the_post(delivery, actor=actor)
            return False
        _leave(delivery, actor)
    return True


def to_the_post(delivery: Delivery, *, actor: Actor) -> None:
    """It goes on paper: from the hour of the batch on persons pack and post it (T-13)."""
    delivery.state = DeliveryState.TO_POST
    delivery.save(update_fields=["state"])
    record(
        "delivery.to_post",
        actor=actor,
        case_id=delivery.case_id,
        subject_id=delivery.id,
        kind=delivery.kind,
    )


def leave_by_post(delivery: Delivery, *, actor: Actor) -> None:
    """It was given to the post today: it counts as delivered, and no link opens it.

    In the caller's unit of work, under the case's lock.
    """
    delivery.state = DeliveryState.POSTED
    delivery.released_at = clock.now()
    delivery.save(update_fields=["state", "released_at"])
    record(
        "delivery.posted",
        actor=actor,
        case_id=delivery.case_id,
        subject_id=delivery.id,
        kind=delivery.kind,
        approved_by=delivery.approved_by,
    )
    _delivered(delivery, actor)


def arrived(delivery: Delivery, *, actor: Actor) -> None:
    """The post handed it over; in the caller's unit of work."""
    delivery.first_opened_at = delivery.first_opened_at or clock.now()
    delivery.save(update_fields=["first_opened_at"])
    record(
        "delivery.arrived",
        actor=actor,
        case_id=delivery.case_id,
        subject_id=delivery.id,
        kind=delivery.kind,
    )


def open_links(case: Case, *, actor: Actor) -> None:
    """No paper any more: what waits for the post leaves with the next batch, what was posted opens
    by link too. In the caller's unit of work, under the case's lock."""
    rows = Delivery.objects.select_for_update().filter(case=case)
    rows.filter(state=DeliveryState.TO_POST).update(state=DeliveryState.READY)
    until = clock.now() + timedelta(days=int(policy.current("link_days")))
    for delivery in rows.filter(state=DeliveryState.POSTED):
        delivery.state, delivery.expires_at = DeliveryState.RELEASED, until
        delivery.save(update_fields=["state", "expires_at"])
        if is_kept(delivery):
            queue_ready_mail(delivery)


def _leave(delivery: Delivery, actor: Actor) -> None:
    moment = clock.now()
    delivery.state = DeliveryState.RELEASED
    delivery.released_at = moment
    delivery.expires_at = moment + timedelta(days=int(policy.current("link_days")))
    delivery.save(update_fields=["state", "released_at", "expires_at"])
    record(
        "delivery.released",
        actor=actor,
        case_id=delivery.case_id,
        subject_id=delivery.id,
        kind=delivery.kind,
        approved_by=delivery.approved_by,
        until=clock.local_date(delivery.expires_at),
    )
    _delivered(delivery, actor)
    queue_ready_mail(delivery)


def _delivered(delivery: Delivery, actor: Actor) -> None:
    """What follows for the case, whichever way it left."""
    if delivery.case.status == Status.DECIDED:
        # The decision to deliver is the approver's; who lets it leave only keeps the hour.
        approver = Actor.decided_by(delivery.approved_by, delivery.approver_role)
        advance(case=delivery.case, action=Action.DELIVER, actor=approver)
    tell_of_lock(delivery.case, actor=actor)


def tell_of_lock(case: Case, *, actor: Actor) -> None:
    """Have recipients told of a lock that was asked for, once the person has the answer (Art. 19).

    In the caller's unit of work; asked again, it adds what was not told yet.
    """
    notices.answer_left(case_id=case.id, actor=actor, restriction_asked=lock_is_told(case))


def queue_ready_mail(delivery: Delivery) -> None:
    """One mail text whatever the answer is (R3); none where the person gave no address.

    Who acts for the person hears where the mandate says so, and then maybe in the person's place.
    While a new address waits no link leaves; it does when the 72 hours are over (R13).
    """
    if address_waits.waits_until(delivery.case) is not None:
        return
    if not mandates.queue_ready(delivery):
        return
    contact = vault.read_json(delivery.case.contact_unit, "contact")
    if contact.get("email"):
        queue_effect(
            kind="mail.answer_ready",
            subject_id=delivery.id,
            unique_key=f"mail.answer_ready:{delivery.id}",
        )


# -- opening ------------------------------------------------------------------------------------


def find_delivery(token: str) -> Delivery:
    """The delivery of a link that may be tried; changes nothing. Raises `LinkClosed`.

    Its `context` has `until`: when the link ended, or for link_gone when its files did.
    """
    delivery = (
        Delivery.objects.filter(token_hash=codes.token_hash(token)).select_related("case").first()
    )
    if delivery is None or delivery.state in _NO_LINK:
        raise LinkClosed("link_unknown", _("There is no such link."))
    if delivery.state == DeliveryState.SUSPENDED:
        raise LinkClosed("link_suspended", _("This link is closed while we look into it."))
    if not may_hand_out(delivery):
        raise LinkClosed("link_put_aside", _("This link is closed while we look into it."))
    if delivery.locked_at is not None:
        raise LinkClosed("link_locked", _("This link was locked after five wrong codes."))
    if not is_open(delivery):
        over = delivery.state == DeliveryState.RELEASED and delivery.expires_at is not None
        raise LinkClosed(
            "link_over",
            _("This link doesn't open any more."),
            until=delivery.expires_at if over else None,
        )
    if not is_kept(delivery):
        raise LinkClosed(
            "link_gone",
            _("What was behind this link is deleted."),
            until=gone_at(delivery.case_id),
        )
    return delivery


def is_kept(delivery: Delivery) -> bool:
    """Whether anything of a delivery can still be opened: its files have an end of their own."""
    return any(
        documents.is_kept(part.document_id)
        if part.document_id is not None
        else part.unit is not None and vault.unit_state(part.unit) == vault.UnitState.LIVE
        for part in delivery.parts.all()
    )


def may_hand_out(delivery: Delivery) -> bool:
    """False while a picture in it is put aside: nothing of it leaves then (law C-09)."""
    parts = list(delivery.parts.all())
    ids = [part.document_id for part in parts if part.document_id is not None]
    units = [part.unit for part in parts if part.unit is not None]
    try:
        documents.refuse_hand_out([*units, *document_rows.units_of(ids)])
    except NotAllowed:
        return False
    return True


def gone_at(case_id: UUID) -> datetime | None:
    """When the newest of a case's answers was deleted, as the trail has it (R4)."""
    ended = events_for_case(case_id).filter(type="answer.package_shredded")
    return ended.values_list("at", flat=True).last()


def is_open(delivery: Delivery) -> bool:
    return (
        delivery.state == DeliveryState.RELEASED
        and delivery.locked_at is None
        and delivery.expires_at is not None
        and delivery.expires_at > clock.now()
    )


def open_delivery(*, token: str, code: str) -> Grant:
    """Open a link with the receipt code for 30 minutes (R13).

    Raises `LinkClosed`, or `WrongCode` whose context has `left`; the fifth wrong code locks.
    """
    found = find_delivery(token)
    right = codes.check_code(case=found.case, code=code)
    reader = None if right else mandates.reader_of(found, code)
    with unit_of_work():
        lock(found.case_id)
        delivery = (
            Delivery.objects.select_for_update(of=("self",)).select_related("case").get(id=found.id)
        )
        if not is_open(delivery):
            raise LinkClosed("link_locked", _("This link was locked after five wrong codes."))
        if right or reader is not None:
            return _opened(delivery, None if reader is None else reader.id)
        left = _wrong(delivery)
    raise WrongCode("wrong_code", _("This is not the code of this request."), left=left)


def _opened(delivery: Delivery, mandate_id: UUID | None) -> Grant:
    first = delivery.first_opened_at is None
    if first:
        delivery.first_opened_at = clock.now()
    delivery.wrong_codes = 0
    delivery.save(update_fields=["first_opened_at", "wrong_codes"])
    record(
        "delivery.opened",
        actor=reader_actor(delivery, mandate_id),
        case_id=delivery.case_id,
        subject_id=delivery.id,
        kind=delivery.kind,
        first=first,
    )
    return Grant(delivery.id, clock.now() + GRANT, delivery.case.code_counter, mandate_id)


def reader_actor(delivery: Delivery, mandate_id: UUID | None) -> Actor:
    """Who reads: the person, or who acts for them."""
    if mandate_id is None:
        return Actor.person(delivery.case_id)
    return Actor.representative(mandate_id)


def _wrong(delivery: Delivery) -> int:
    delivery.wrong_codes += 1
    if delivery.wrong_codes >= MAX_WRONG_CODES:
        delivery.locked_at = clock.now()
        record(
            "delivery.locked",
            actor=Actor.system("answer-link"),
            case_id=delivery.case_id,
            subject_id=delivery.id,
            kind=delivery.kind,
        )
    delivery.save(update_fields=["wrong_codes", "locked_at"])
    return MAX_WRONG_CODES - delivery.wrong_codes


def granted(*, grant: Grant, token: str) -> Delivery:
    """The delivery a session opened: for its own link only, while the 30 minutes last and the code
    it was opened with is in force (R12)."""
    if grant.until <= clock.now():
        raise NotAllowed("grant_over", _("The 30 minutes are over. Enter your code again."))
    delivery = find_delivery(token)
    if delivery.id != grant.delivery_id or delivery.case.code_counter != grant.counter:
        raise NotAllowed("grant_other", _("Enter the code of this request."))
    if grant.mandate_id is not None and not mandates.may_still_read(grant.mandate_id):
        raise NotAllowed("grant_ended", _("You do not act for this person any more."))
    return delivery


def part_of(*, delivery: Delivery, ordinal: int) -> DeliveryPart:
    part = delivery.parts.filter(ordinal=ordinal).first()
    if part is None:
        raise NotFound("no_part", _("There is no such part."))
    return part


def fetch(*, part: DeliveryPart, actor: Actor, resumed: bool = False) -> Iterator[bytes]:
    """The bytes of a part, in pieces; writes down that it was fetched.

    `resumed` goes on with a part that this session began to fetch: the same fetching (L-09).
    """
    if not resumed:
        _record_fetched(part, actor)
    if part.unit is not None:
        documents.refuse_hand_out([part.unit])
    if part.document_id is not None:
        return iter([documents.open_document(part.document_id)])
    if part.unit is None:
        raise NotFound("no_part", _("There is no such part."))
    return vault.stream(part.unit, part.field)


def renew_deliveries(*, case: Case, actor: Actor) -> list[Delivery]:
    """New links to everything that was released, newest first, for somebody who proved the case.

    What is deleted gets none. Raises `Conflict` with nothing_released, and address_waits while a
    new address waits (R13).
    """
    with unit_of_work():
        lock(case.id)
        address_waits.require_waited(case)
        released = Delivery.objects.select_for_update().filter(
            case=case, state=DeliveryState.RELEASED
        )
        renewed = [
            _renewed(old, case, actor)
            for old in released.order_by("-released_at", "-id")
            if is_kept(old)
        ]
    if not renewed:
        raise Conflict("nothing_released", _("There is no answer to open yet."))
    return renewed


def _renewed(old: Delivery, case: Case, actor: Actor) -> Delivery:
    """The same parts behind a link of their own; the old link ends."""
    old.state = DeliveryState.REPLACED
    old.save(update_fields=["state"])
    delivery_id = new_id()
    token = codes.delivery_token(contact_unit=case.contact_unit, delivery_id=delivery_id)
    moment = clock.now()
    new = Delivery.objects.create(
        id=delivery_id,
        case=case,
        kind=old.kind,
        state=DeliveryState.RELEASED,
        token_hash=codes.token_hash(token),
        approved_by=old.approved_by,
        approver_role=old.approver_role,
        created_at=moment,
        # Released when it was: the order and the age of what was sent stay (R4).
        released_at=old.released_at,
        expires_at=moment + timedelta(days=int(policy.current("link_days"))),
    )
    _keep_parts(new, old.parts.order_by("ordinal"))
    record("delivery.renewed", actor=actor, case_id=case.id, subject_id=new.id, kind=new.kind)
    return new


def _record_fetched(part: DeliveryPart, actor: Actor) -> None:
    with unit_of_work():
        record(
            "delivery.fetched",
            actor=actor,
            case_id=part.delivery.case_id,
            subject_id=part.delivery_id,
            part=part.ordinal,
        )


def link_token(delivery: Delivery) -> str:
    return codes.delivery_token(contact_unit=delivery.case.contact_unit, delivery_id=delivery.id)


def end_deliveries(*, case_id: UUID) -> None:
    """No link of the case opens any more (withdrawn, purged)."""
    Delivery.objects.filter(
        case_id=case_id,
        state__in=[
            DeliveryState.READY,
            DeliveryState.TO_POST,
            DeliveryState.RELEASED,
            DeliveryState.POSTED,
            DeliveryState.SUSPENDED,
        ],
    ).update(state=DeliveryState.ENDED)


def take_back_answers(case: Case) -> None:
    """No link or print of an answer that left stands for the case any more: it is made anew.

    In the caller's unit of work, under the case's lock. The files keep their own end.
    """
    left = [
        DeliveryState.RELEASED,
        DeliveryState.POSTED,
        # It came back, and waits to leave once more: by post, or by a link.
        DeliveryState.TO_POST,
        DeliveryState.READY,
    ]
    rows = Delivery.objects.filter(case=case, kind=DeliveryKind.ANSWER, state__in=left)
    rows.update(state=DeliveryState.TAKEN_BACK)


def end_ready(*, case_id: UUID) -> None:
    """What has not left yet stays (the case was opened again)."""
    Delivery.objects.filter(
        case_id=case_id, state__in=[DeliveryState.READY, DeliveryState.TO_POST]
    ).update(state=DeliveryState.ENDED)


def suspend_answers(*, case_id: UUID, actor: Actor) -> int:
    """Close what may show somebody else, at once and also to who has it open (law O-07)."""
    rows = Delivery.objects.filter(
        case_id=case_id,
        kind=DeliveryKind.ANSWER,
        state__in=[
            DeliveryState.READY,
            DeliveryState.TO_POST,
            DeliveryState.RELEASED,
            # On paper already; closed it opens by no link, whatever the person chooses later.
            DeliveryState.POSTED,
        ],
    )
    with unit_of_work():
        closed = rows.update(state=DeliveryState.SUSPENDED)
        if closed:
            record("delivery.suspended", actor=actor, case_id=case_id, links=closed)
    return closed


def answer_closed(case: Case) -> bool:
    """Whether an answer is closed because it may show somebody else (law O-07)."""
    rows = Delivery.objects.filter(
        case=case, kind=DeliveryKind.ANSWER, state=DeliveryState.SUSPENDED
    )
    return rows.exists()


def resume_answers(*, case_id: UUID, actor: Actor) -> int:
    """Open them again: two persons found that nothing was wrong.

    What went by post had no link: it has one only where the person gave up paper meanwhile.
    """
    rows = Delivery.objects.filter(case_id=case_id, state=DeliveryState.SUSPENDED)
    with unit_of_work():
        case = lock(case_id)
        ready = rows.filter(released_at=None).update(state=DeliveryState.READY)
        posted = rows.filter(expires_at=None).update(state=DeliveryState.POSTED)
        opened = ready + posted + rows.update(state=DeliveryState.RELEASED)
        if posted and not paper.wanted(case):
            open_links(case, actor=actor)
        if opened:
            record("delivery.resumed", actor=actor, case_id=case_id, links=opened)
    return opened
