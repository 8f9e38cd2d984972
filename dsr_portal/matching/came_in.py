"""What came by post, by phone or in person for a request that is open (law T-08, T-11; R8, R20).

It counts from the day it reached us, whoever enters it when. Its original is kept with the request
as it came. A photo goes the way of one that is sent on the website: decoded in the confined child,
waiting until consent is there. It is searched with only after another person saw the original.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import answering, mail_desk
from dsr_portal.cases import services as cases
from dsr_portal.cases.came_models import Came, CameIn, Holds
from dsr_portal.cases.intake import arrival_of
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import words_of
from dsr_portal.cases.models import Case, ConsentScope, Direction, Message, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.matching.probes import (
    CONSENT_REFERENCE,
    add_probe,
    consent_given,
    reference_words,
    require_may_enter,
    start_search_if_ready,
)
from dsr_portal.matching.reviewers import require_reviewer
from dsr_portal.matching.shared import PICTURE
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.pictures import jpeg_of


@dataclass(frozen=True, slots=True)
class Sent:
    """What came, as a named person of staff enters it; pictures are bytes from outside."""

    how: str
    on: date
    what: str
    original: bytes = field(default=b"", repr=False)
    photo: bytes = field(default=b"", repr=False)
    consent: str = ""
    words: str = ""
    answers: str = ""
    rights: Collection[str] = ()


@outside("Taking what came")
def take(*, case_id: UUID, sent: Sent, actor: Actor) -> CameIn:
    """Enter it. Raises `NotAllowed`, `BadInput`, `PictureRefused`; `Conflict` as what it holds does
    on the page of the request: case_over, photo_late, child_photo, right_late."""
    require_may_enter(actor)
    _require_whole(sent)
    consent = reference_words(sent.consent) if sent.consent.strip() else ""
    picture = jpeg_of(decode_picture(sent.photo)) if sent.photo else b""
    return _take(case_id, sent, picture, consent, actor)


def _require_whole(sent: Sent) -> None:
    if sent.how not in Came.values or sent.what not in Holds.values:
        raise BadInput("no_such_way", _("Choose one of the ways."))
    if sent.how == Came.POST and not sent.original:
        raise BadInput("original_missing", _("Scan the letter: its original is kept."))
    if sent.what == Holds.PHOTO and not sent.photo:
        raise BadInput("photo_missing", _("Add the photo as a picture of its own."))
    if sent.what == Holds.WISH and not sent.rights:
        raise BadInput("no_right", _("Tick what they ask for."))
    if sent.what == Holds.WORDS:
        words_of(sent.words, code="message_missing")


@vault.retry_stale
def _take(case_id: UUID, sent: Sent, picture: bytes, consent: str, actor: Actor) -> CameIn:
    came_id = new_id()
    found = Case.objects.get(id=case_id)
    if found.status == Status.PURGED:
        raise Conflict("case_over", _("This request is closed."))
    staged = vault.stage_into(found.file_unit)
    name = f"came.{came_id}" if sent.original else ""
    if name:
        staged.add(name, sent.original)
    probe = None
    if picture:
        probe = vault.stage_unit(kind=UnitKind.PROBE, owner=case_id)
        probe.add(PICTURE, picture)
    with unit_of_work():
        case = lock(case_id)
        _require_day(case, sent.on)
        staged.save()
        row = CameIn.objects.create(
            id=came_id,
            case=case,
            how=sent.how,
            what=sent.what,
            on=sent.on,
            field=name,
            by=actor.id,
            at=clock.now(),
        )
        record(
            "came.entered",
            actor=actor,
            case_id=case.id,
            subject_id=row.id,
            how=row.how,
            what=row.what,
            on=row.on,
        )
        if probe is not None and sent.what == Holds.PHOTO:
            _photo(row, probe, consent, actor)
        elif sent.what == Holds.WORDS:
            _words(row, sent, actor)
        elif sent.what == Holds.WISH:
            mail_desk.add_written(
                case, set(sent.rights), actor=actor, asked_at=arrival_of(sent.on) or clock.now()
            )
    return row


def _require_day(case: Case, on: date) -> None:
    if not case.arrived_on <= on <= clock.today():
        raise BadInput("day_unfit", _("Choose a day since the request reached us, up to today."))


def _photo(row: CameIn, probe: vault.Staged, consent: str, actor: Actor) -> None:
    """Like one that is sent on the page of the request; with the consent in the letter."""

    def also(case: Case) -> None:
        if consent:
            vault.write_small(case.file_unit, CONSENT_REFERENCE, consent.encode())
            cases.record_consent(
                case_id=case.id,
                scope=ConsentScope.COMPARISON,
                actor=actor,
                channel=row.how,
                also=lambda locked: consent_given(case=locked, actor=actor),
            )
        probe.save()
        photo = add_probe(
            case=case, actor=actor, unit=probe.unit_id, channel=row.how, entered_by=actor.id
        )
        row.probe_id = photo.id
        row.save(update_fields=["probe_id"])

    cases.receive_message(case_id=row.case_id, actor=actor, also=also, on=row.on)


def _words(row: CameIn, sent: Sent, actor: Actor) -> None:
    if not sent.answers and answering.open_questions(row.case):
        raise BadInput("say_which", _("Say which question it answers, or that it is none."))
    case = cases.receive_message(
        case_id=row.case_id, actor=actor, text=sent.words, answers=sent.answers, on=row.on
    )
    kept = Message.objects.filter(case=case, direction=Direction.IN, by=actor.id, came__isnull=True)
    row.message = kept.order_by("id").last()
    row.save(update_fields=["message"])


# -- reading it -----------------------------------------------------------------------------------


def of_case(case: Case) -> QuerySet[CameIn]:
    return case.came.order_by("on", "at")


def find(case: Case, came_id: UUID) -> CameIn:
    row = of_case(case).filter(id=came_id).first()
    if row is None:
        raise NotFound("no_original", _("No original was attached."))
    return row


def original(row: CameIn) -> bytes:
    """As it came; outside a transaction."""
    if not row.field:
        raise NotFound("no_original", _("No original was attached."))
    return vault.read(row.case.file_unit, row.field)


def questions(case: Case) -> dict[str, str]:
    """What words that came can answer."""
    return {**answering.open_questions(case), answering.NONE: _("None of our questions")}


# -- the second person (R20) ----------------------------------------------------------------------


def not_looked_at(case: Case) -> QuerySet[CameIn]:
    """Photos that came and count, whose original nobody else saw yet."""
    counting = case.probes.exclude(state__in=("deleted", "set_aside")).values_list("id", flat=True)
    return of_case(case).filter(probe_id__in=list(counting), seen_by="")


def confirm(*, case_id: UUID, came_id: UUID, actor: Actor) -> CameIn:
    """Another person saw the original, and a reply confirmed the contact; then a search may start.

    Raises `NotAllowed`; `NotFound`; `Conflict("seen_already")`.
    """
    require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        row = find(case, came_id)
        if row.by == actor.id:
            raise NotAllowed("origin_same_person", _("Another person has to see the original."))
        if row.seen_by or row.probe_id is None:
            raise Conflict("seen_already", _("Nothing of this waits for another person."))
        row.seen_by, row.seen_at = actor.id, clock.now()
        row.save(update_fields=["seen_by", "seen_at"])
        record("came.seen", actor=actor, case_id=case.id, subject_id=row.id)
        start_search_if_ready(case_id=case.id, actor=actor)
    return row
