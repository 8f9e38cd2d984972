"""Opening a case: clock, rights, ways, consent, receipt, event, mail in one transaction (R14)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext as _

from dsr_portal.audit import services as audit
from dsr_portal.cases import paper, receipts, wishes
from dsr_portal.cases.child_models import AgeBand
from dsr_portal.cases.consents import consent_text
from dsr_portal.cases.levels import required_level
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Channel,
    Consent,
    Draft,
    Receipt,
    RightCode,
    WayIn,
    WayKind,
)
from dsr_portal.core import clock, mailboxes, references
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.jobs.services import queue_effect
from dsr_portal.law import deadlines
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

MAX_NOTE = 3000
MAX_WAY = 2000
# D-10: where the person's day begins later than the controller's, the earlier date counts. Only
# states of one zone are listed; for any other the controller's date is taken.
ZONES = {
    "IE": "Europe/Dublin",
    "UK": "Europe/London",
    "GB": "Europe/London",
    "IS": "Atlantic/Reykjavik",
    "PT": "Europe/Lisbon",
    "FI": "Europe/Helsinki",
    "EE": "Europe/Tallinn",
    "LV": "Europe/Riga",
    "LT": "Europe/Vilnius",
    "RO": "Europe/Bucharest",
    "BG": "Europe/Sofia",
    "EL": "Europe/Athens",
    "GR": "Europe/Athens",
    "CY": "Asia/Nicosia",
}


@dataclass(frozen=True, slots=True)
class Contact:
    """How the person is reached. All of it may be empty: then only the status page is left."""

    email: str = ""
    name: str = ""
    postal: str = ""
    phone: str = ""

    def as_json(self) -> dict[str, str]:
        return {
            "email": self.email.strip(),
            "name": self.name.strip(),
            "postal": self.postal.strip(),
            "phone": self.phone.strip(),
        }


@dataclass(frozen=True, slots=True)
class WaySent:
    """One way to be found: words (page address, account, other) or the exact bytes of a file.

    `keyed_hash` finds it without opening; the caller makes it with the purpose of its gallery
    look-up. A selfie has neither: its bytes are a probe of the matching room.
    """

    kind: WayKind | str
    text: str = ""
    data: bytes = field(default=b"", repr=False)
    keyed_hash: str | None = None


class Opened(NamedTuple):
    case: Case
    receipt: Receipt
    created: bool


def open_case(
    *,
    actor: Actor | None = None,
    channel: Channel | str,
    rights: Collection[RightCode | str],
    ways: Sequence[WaySent] = (),
    consents: Collection[str] = (),
    consent_language: str = "",
    contact: Contact | None = None,
    language: str = "en",
    country: str = "",
    urgent: bool = False,
    age_band: str = "",
    note: str = "",
    narrower: str = "",
    originals: Sequence[bytes] = (),
    received_at: datetime | None = None,
    draft_id: UUID | None = None,
    case_id: UUID | None = None,
    on_paper: bool = False,
    also: Callable[[Case], None] | None = None,
) -> Opened:
    """Open a case; call it outside a transaction. `actor` None means the person (their own case).
    Else it is who entered it: named staff, or the operator's command for what came by mail.

    `also` runs inside the same unit of work, after everything of this room is written: what it
    writes stands or falls with the case. A caller that passes it wraps its own service in
    `vault.retry_stale`, for then nothing is run again here. The same draft opens one case:
    `created` is False for the second Send. `originals` are the bytes of what came by another way,
    kept as they are and read by nobody here (R28); `narrower` is why fewer rights were taken than
    the words let one read (law T-09). `on_paper`: the answer goes by registered post (T-13).

    Raises `BadInput` for what is missing or wrong, `Conflict("draft_over")`, `NotAllowed`.
    """
    require_outside_transaction("Opening a case")
    request = _Request(
        case_id=case_id or new_id(),
        actor=actor,
        channel=_channel(channel, actor),
        rights=_rights(rights),
        ways=tuple(checked_way(way) for way in ways),
        consents=tuple(dict.fromkeys(consents)),
        consent_language=_language(consent_language or language),
        contact=contact or Contact(),
        language=_language(language),
        country=country.upper()[:2],
        urgent=urgent,
        age_band=_age_band(age_band),
        note=_short(note, MAX_NOTE, "note_too_long"),
        narrower=_short(narrower, MAX_NOTE, "note_too_long"),
        originals=tuple(originals),
        received_at=_received(received_at),
        draft_id=draft_id,
        on_paper=on_paper,
        also=also,
    )
    try:
        return _open(request) if also is not None else vault.retry_stale(_open)(request)
    except IntegrityError:
        existing = _existing(draft_id)
        if existing is None:
            raise
        return existing


@dataclass(frozen=True, slots=True)
class _Request:
    case_id: UUID
    actor: Actor | None
    channel: Channel
    rights: tuple[str, ...]
    ways: tuple[WaySent, ...]
    consents: tuple[str, ...]
    consent_language: str
    contact: Contact
    language: str
    country: str
    urgent: bool
    age_band: str
    note: str
    narrower: str
    originals: tuple[bytes, ...]
    received_at: datetime
    draft_id: UUID | None
    on_paper: bool
    also: Callable[[Case], None] | None

    @property
    def doer(self) -> Actor:
        return self.actor or Actor.person(self.case_id)

    @property
    def opener(self) -> str:
        """Who brought it in, where that was not the person: a number of staff, or "operator"."""
        return self.actor.id if self.actor else ""

    @property
    def entered_by(self) -> str | None:
        return self.actor.id if self.actor and self.actor.kind == "staff" else None


def _open(request: _Request) -> Opened:
    existing = _existing(request.draft_id)
    if existing is not None:
        return existing
    case, due = _dated(request)
    head = audit.head()
    way_rows, file = _stage_file(request)
    contact = vault.stage_unit(kind=UnitKind.CASE_CONTACT, owner=request.case_id)
    contact.add_json("contact", request.contact.as_json())
    contact.add_json(receipts.FIELD, receipts.compose(_facts(request, case, head)))
    case.contact_unit, case.file_unit = contact.unit_id, file.unit_id
    case.contact_hash = contact_hash(request.contact.email)
    with audit.unit_of_work():
        existing = _claim_draft(request.draft_id)
        if existing is not None:
            return existing
        contact.save()
        file.save()
        case.save(force_insert=True)
        CaseRight.objects.bulk_create(CaseRight(case=case, right=right) for right in request.rights)
        WayIn.objects.bulk_create(way_rows)
        receipt = Receipt.objects.create(
            case=case,
            created_at=clock.now(),
            unit=case.contact_unit,
            field=receipts.FIELD,
            head_number=head.number,
            head_hash=head.hash,
        )
        _record_opening(request, case, due, head)
        for scope in request.consents:
            write_consent(
                case=case,
                scope=scope,
                channel=request.channel,
                actor=request.doer,
                language=request.consent_language,
            )
        if request.on_paper:
            paper.write(case, actor=request.doer)
        if request.contact.as_json()["email"]:
            queue_effect(
                kind="mail.receipt", subject_id=case.id, unique_key=f"mail.receipt:{case.id}"
            )
        if request.also is not None:
            request.also(case)
    return Opened(case, receipt, True)


def _dated(request: _Request) -> tuple[Case, deadlines.Due]:
    received_on = deadlines.receipt_day(
        request.received_at, ZONES.get(request.country), settings.TIME_ZONE
    )
    regime = {"UK": deadlines.Regime.UK, "GB": deadlines.Regime.UK, "CH": deadlines.Regime.CH}.get(
        request.country, deadlines.Regime.EU
    )
    due = deadlines.due_dates(received_on, calendar=settings.DSR_CALENDAR, regime=regime)
    case = Case(
        id=request.case_id,
        reference=_free_reference(),
        draft_id=request.draft_id,
        received_at=request.received_at,
        received_on=received_on,
        channel=request.channel,
        language=request.language,
        country=request.country,
        regime=regime.value,
        calendar=settings.DSR_CALENDAR,
        due_unrolled=due.unrolled,
        due_on=due.legal,
        required_level=required_level(
            rights=request.rights,
            ways=[way.kind for way in request.ways],
            channel=request.channel,
        ),
        urgent=request.urgent,
        age_band=request.age_band,
        opener=request.opener,
    )
    return case, due


def _facts(request: _Request, case: Case, head: audit.Head) -> receipts.ReceiptFacts:
    return receipts.ReceiptFacts(
        reference=case.reference,
        language=case.language,
        country=case.country,
        received_at=case.received_at,
        received_on=case.received_on,
        due_on=case.due_on,
        due_unrolled=case.due_unrolled,
        rights=request.rights,
        ways=[str(way.kind) for way in request.ways],
        has_email=bool(request.contact.email.strip()),
        urgent=request.urgent,
        head=head,
        by_staff=bool(request.opener),
        on_paper=request.on_paper,
        age_band=request.age_band,
    )


def _stage_file(request: _Request) -> tuple[list[WayIn], vault.Staged]:
    """The case file with everything that was sent, and the rows that point into it."""
    file = vault.stage_unit(kind=UnitKind.CASE_FILE, owner=request.case_id)
    narrower = {"narrower": request.narrower} if request.narrower else {}
    file.add_json("intake", {"note": request.note, **narrower})
    for number, original in enumerate(request.originals, 1):
        file.add(original_field(number), original)
    rows = []
    for number, way in enumerate(request.ways, 1):
        name = ""
        if way.text or way.data:
            name = f"way.{number}"
            file.add(name, way.data or way.text.encode())
        rows.append(
            WayIn(case_id=request.case_id, kind=way.kind, keyed_hash=way.keyed_hash, field=name)
        )
    return rows, file


def _claim_draft(draft_id: UUID | None) -> Opened | None:
    """Take the draft out of the world under its lock: a second Send finds the case instead."""
    if draft_id is None:
        return None
    draft = Draft.objects.select_for_update().filter(id=draft_id).first()
    existing = _existing(draft_id)
    if existing is not None:
        return existing
    if draft is None:
        raise Conflict("draft_over", _("This request was open too long and is gone. Start again."))
    destroy_draft(draft, reason="sent")
    return None


def destroy_draft(draft: Draft, *, reason: str) -> None:
    """Order the destruction of a draft's units and remove its row, in the caller's transaction."""
    photos = draft.photos.values_list("unit", flat=True)
    units = [draft.unit, draft.file_unit, *photos]
    vault.request_shred([unit for unit in units if unit is not None], reason=f"draft_{reason}")
    draft.delete()
    vault.enqueue_shred()


def _existing(draft_id: UUID | None) -> Opened | None:
    if draft_id is None:
        return None
    case = Case.objects.filter(draft_id=draft_id).select_related("receipt").first()
    return None if case is None else Opened(case, case.receipt, False)


def _record_opening(request: _Request, case: Case, due: deadlines.Due, head: audit.Head) -> None:
    audit.record(
        "case.opened",
        actor=request.doer,
        case_id=case.id,
        channel=str(request.channel),
        rights=list(request.rights),
        ways=sorted({str(way.kind) for way in request.ways}),
        language=case.language,
        country=case.country or None,
        urgent=case.urgent,
        regime=case.regime,
        calendar=case.calendar,
        received_on=case.received_on,
        due_unrolled=due.unrolled,
        due_on=due.legal,
        required_level=case.required_level,
        entered_by=request.entered_by,
    )
    audit.record(
        "receipt.issued",
        actor=Actor.system("receipt"),
        case_id=case.id,
        language=case.language,
        head=head.number,
    )


def write_consent(
    *, case: Case, scope: str, channel: str, actor: Actor, language: str = ""
) -> Consent:
    """Write one consent in the caller's unit of work, with version and hash of its text (R8).

    `language` is the one the words were read in; the case's when omitted.
    """
    standing = Consent.objects.filter(case=case, scope=scope, withdrawn_at=None).first()
    if standing is not None:
        return standing
    text = consent_text(scope, language=language or case.language)
    consent = Consent.objects.create(
        case=case,
        scope=scope,
        text_version=text.version,
        text_hash=text.hash,
        given_at=clock.now(),
        channel=channel,
        language=text.language,
    )
    audit.record(
        "consent.given",
        actor=actor,
        case_id=case.id,
        scope=str(scope),
        version=text.version,
        text=text.hash,
        channel=str(channel),
        language=text.language,
    )
    return consent


def contact_hash(email: str) -> str | None:
    """What finds other requests from one address without opening any; None without an address."""
    address = mailboxes.compared(email)
    return vault.keyed_hash("contact-address", address.encode()) if address else None


def original_field(number: int) -> str:
    """The field of the case file that holds an original that came by another way (T-08)."""
    return f"original.{number}"


def arrival_of(day: date | None) -> datetime | None:
    """Noon of the day something reached us, where the controller is; None for today means now."""
    if day is None or day == clock.today():
        return None
    return datetime.combine(day, time(12), tzinfo=ZoneInfo(settings.TIME_ZONE))


# -- what was sent ------------------------------------------------------------------------------


def _channel(channel: Channel | str, actor: Actor | None) -> Channel:
    chosen = Channel(channel)
    by_machine = actor is not None and actor.kind == "operator" and chosen is Channel.EMAIL
    if actor is not None and actor.kind != "staff" and not by_machine:
        raise NotAllowed("intake_not_yours", _("Only named staff enter a request for somebody."))
    if actor is None and chosen is not Channel.WEB:
        raise NotAllowed("intake_needs_name", _("Only named staff enter a request for somebody."))
    return chosen


def _age_band(band: str) -> str:
    """As the person said it: a band, never a date of birth (law C-01)."""
    if band and band not in AgeBand.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    return band


def _rights(rights: Collection[RightCode | str]) -> tuple[str, ...]:
    chosen = wishes.read_wide(rights)
    if not chosen:
        raise BadInput("no_right", _("Choose what you want from us."))
    return tuple(right for right in RightCode.values if right in chosen)


def checked_way(way: WaySent) -> WaySent:
    """A way in as it is kept; raises `BadInput("way_too_long")`."""
    _short(way.text, MAX_WAY, "way_too_long")
    return WaySent(WayKind(way.kind), way.text.strip(), way.data, way.keyed_hash)


def _short(text: str, limit: int, code: str) -> str:
    if len(text) > limit:
        raise BadInput(
            code, _("This text is too long. We take up to %(limit)s characters.") % {"limit": limit}
        )
    return text.strip()


def _language(language: str) -> str:
    known = dict(settings.LANGUAGES)
    return language if language in known else settings.LANGUAGE_CODE


def _received(received_at: datetime | None) -> datetime:
    """The moment of arrival: now, or the day a letter reached us; never in the future (D-05)."""
    moment = received_at or clock.now()
    if moment.tzinfo is None:
        raise BadInput("received_without_zone", _("The time of arrival needs a time zone."))
    if moment > clock.now():
        raise BadInput("received_in_future", _("A request can't arrive in the future."))
    return moment


def _free_reference() -> str:
    while Case.objects.filter(reference=(found := references.new_reference())).exists():
        pass
    return found
