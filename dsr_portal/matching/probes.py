"""A photo from its arrival to the queued search. The rules R2, R8 and R20 act here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Channel, ConsentScope, Direction, Status, WayKind
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import hashes
from dsr_portal.gallery import services as gallery
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching.models import Candidate, Probe, ProbeState, Search, SearchState
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.pictures import jpeg_of

PICTURE = "picture"
CROP = "crop"
CONSENT_REFERENCE = "consent.reference"
MAX_REFERENCE = 120
MOST_PHOTOS = 5

MAY_ENTER = frozenset({Role.OFFICER, Role.SUPERVISOR, Role.DPO})
"""Who enters a request that came by post, mail or phone; all of them may receive one (T-08)."""


# -- probes ---------------------------------------------------------------------------------


def add_probe(*, case: Case, actor: Actor, unit: UUID, channel: str, entered_by: str = "") -> Probe:
    """Take a picture for a case; its vault unit was staged and saved by the caller.

    Without a consent record nothing is computed from it: it waits encrypted (R8). Runs inside the
    caller's unit of work, so that a request and its photo arrive together or not at all (R14).
    """
    if not entered_by and photos_left(case) == 0:
        raise Conflict(
            "photo_limit",
            _(
                "You have sent five photos since we last wrote to you. Write to us, and a person "
                "will tell you which photo helps."
            ),
        )
    agreed = cases.has_consent(case=case, scope=ConsentScope.COMPARISON)
    cases.identity_asked_again(case=case, actor=actor)
    probe = Probe.objects.create(
        case=case,
        unit=unit,
        channel=channel,
        entered_by=entered_by,
        received_at=clock.now(),
        state=ProbeState.RECEIVED if agreed else ProbeState.WAITING_CONSENT,
    )
    record(
        "probe.received",
        actor=actor,
        case_id=case.id,
        subject_id=probe.id,
        channel=channel,
        consent=agreed,
    )
    if agreed:
        _queue_judgement(probe)
    return probe


def photos_left(case: Case) -> int:
    """How many photos the person may still send before an officer writes again (law X-04).

    Photo after photo would be a way to try faces; a word from an officer opens five more.
    """
    sent = Probe.objects.filter(case=case, entered_by="")
    asked = case.messages.filter(direction=Direction.OUT).order_by("-at").first()
    if asked is not None:
        sent = sent.filter(received_at__gt=asked.at)
    return max(0, MOST_PHOTOS - sent.count())


def consent_given(*, case: Case, actor: Actor) -> None:
    """Wake the probes that waited for consent; called in the unit of work that recorded it."""
    for probe in Probe.objects.select_for_update().filter(
        case=case, state=ProbeState.WAITING_CONSENT
    ):
        probe.state = ProbeState.RECEIVED
        probe.save(update_fields=["state"])
        _queue_judgement(probe)


def _queue_judgement(probe: Probe) -> None:
    enqueue(
        kind="matching.judge_probe",
        subject=probe.id,
        idempotency_key=f"matching.judge_probe:{probe.id}",
    )


def probe_judged(
    *, probe_id: UUID, verdict: str, findings: Iterable[str], actor: Actor
) -> Probe | None:
    """Write down what the checks before any face code said; None when the photo is gone.

    A photo that cannot be used makes the case wait for another one (T-07); a usable one starts
    the search when everything else is there.
    """
    probe = Probe.objects.select_for_update().filter(id=probe_id).first()
    if probe is None or probe.state != ProbeState.RECEIVED:
        return None
    probe.verdict = verdict
    probe.findings = list(findings)
    probe.judged_at = clock.now()
    probe.state = ProbeState.USABLE if verdict == "ok" else ProbeState.UNUSABLE
    probe.save(update_fields=["verdict", "findings", "judged_at", "state"])
    record(
        "probe.judged",
        actor=actor,
        case_id=probe.case_id,
        subject_id=probe.id,
        verdict=verdict,
        findings=len(probe.findings),
    )
    if probe.state == ProbeState.USABLE:
        start_search_if_ready(case_id=probe.case_id, actor=actor)
    else:
        cases.ask_for_photo(case=probe.case, actor=actor)
    return probe


def delete_probes(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: delete every photo of a case and stop what still works on it (R8; P-03, P-06)."""
    with unit_of_work():
        probes = list(
            Probe.objects.select_for_update()
            .filter(case_id=case_id)
            .exclude(state=ProbeState.DELETED)
        )
        if not probes:
            return
        _stop_searches(probes, case_id=case_id, actor=actor)
        for probe in probes:
            probe.state = ProbeState.DELETED
            probe.findings = []
            probe.save(update_fields=["state", "findings"])
            record(
                "probe.deleted", actor=actor, case_id=case_id, subject_id=probe.id, reason=reason
            )
        vault.request_shred([probe.unit for probe in probes], reason=reason)


def _stop_searches(probes: Collection[Probe], *, case_id: UUID, actor: Actor) -> None:
    """End what still runs; the candidates it wrote and nobody decided go, and so do their holds."""
    running = Search.objects.filter(
        probe__in=probes, state__in=[SearchState.RUNNING, SearchState.PRELIMINARY]
    )
    fresh = Candidate.objects.filter(search__in=running, decisions__isnull=True)
    records = list(fresh.values_list("record_id", flat=True))
    fresh.delete()
    gallery.release_holds(case_id=case_id, record_ids=records, actor=actor)
    running.update(state=SearchState.STALE)


# -- what must be there before a search -------------------------------------------------------


@vault.retry_stale
def record_identity(
    *,
    case_id: UUID,
    actor: Actor,
    way: str,
    element: str,
    compared: str,
    photo: str | None = None,
) -> Case:
    """Record a way of R6 and the further element of R7; search when the level is now met (R2).

    `photo` is the id of the photo the officer's page was about, "" for none: where another one
    came meanwhile nobody was compared with it, and `Conflict("photo_changed")` says so.
    """
    with unit_of_work():
        case = cases.record_identity(
            case_id=case_id, actor=actor, way=way, element=element, compared=compared
        )
        if photo is not None and photo != _newest_photo(case_id):
            raise Conflict(
                "photo_changed",
                _("Another photo came meanwhile. Look at it, and compare with that one."),
            )
        start_search_if_ready(case_id=case_id, actor=actor)
    case.refresh_from_db()
    return case


def _newest_photo(case_id: UUID) -> str:
    kept = Probe.objects.filter(case_id=case_id).exclude(state=ProbeState.DELETED)
    newest = kept.order_by("-received_at").values_list("id", flat=True).first()
    return str(newest or "")


def confirm_origin(*, case_id: UUID, actor: Actor) -> Case:
    """Another person saw the original and the confirmed contact; then a search may start (R20)."""
    with unit_of_work():
        case = cases.confirm_origin(case_id=case_id, actor=actor)
        start_search_if_ready(case_id=case_id, actor=actor)
    case.refresh_from_db()
    return case


@vault.retry_stale
def record_consent(*, case_id: UUID, actor: Actor, channel: str, reference: str) -> None:
    """Write down a consent that reached us on paper, by mail or by phone, and wake the photo (R8).

    `reference` says where the person's own words are kept; it lies in the case file.
    """
    _require_may_enter(actor)
    words = _reference(reference)
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        vault.write_small(case.file_unit, CONSENT_REFERENCE, words.encode())
        cases.record_consent(
            case_id=case_id,
            scope=ConsentScope.COMPARISON,
            actor=actor,
            channel=channel,
            also=lambda locked: consent_given(case=locked, actor=actor),
        )


def start_search_if_ready(*, case_id: UUID, actor: Actor) -> Search | None:
    """Queue the search when level, consent and a usable probe are all there (R2, R8, R20)."""
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        if case.status not in {Status.RECEIVED, Status.IDENTITY, Status.NEEDS_INFO}:
            return None
        if case.level < case.required_level:
            return None
        if not cases.has_consent(case=case, scope=ConsentScope.COMPARISON):
            return None
        # Never an older one: who is asking was compared with the newest photo.
        kept = Probe.objects.filter(case=case).exclude(state=ProbeState.DELETED)
        probe = kept.order_by("-received_at").first()
        if probe is None or probe.state != ProbeState.USABLE:
            return None
        if not cases.origin_confirmed(case=case):
            return None
        search = Search.objects.create(
            case=case,
            probe=probe,
            threshold=policy.current("review_threshold"),
            strong_threshold=policy.current("strong_threshold"),
            started_at=clock.now(),
        )
        cases.advance(case=case, action=Action.START_SEARCH, actor=actor)
        record("search.queued", actor=actor, case_id=case.id, subject_id=search.id)
        enqueue(
            kind="matching.search",
            subject=search.id,
            idempotency_key=f"matching.search:{search.id}",
        )
        return search


# -- requests that staff enter ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entered:
    """A request as it reached a named person of staff; `photo` are bytes from outside."""

    channel: str
    rights: Collection[str]
    received_at: datetime | None = None
    photo: bytes = b""
    consent: str = ""
    email: str = ""
    pages: Collection[str] = ()
    country: str = ""
    language: str = "en"


@outside("Entering a request")
def enter_request(*, entered: Entered, actor: Actor) -> cases.Opened:
    """Open a case for a request that came by post, mail, phone or in person (R20, T-08).

    The photo is decoded in a confined child and kept as our own JPEG. Without the reference of a
    consent it waits, encrypted; with one it is checked, and searched only after another person
    confirmed the original. Raises `NotAllowed`, `BadInput`, `PictureRefused`.
    """
    _require_may_enter(actor)
    if entered.channel == Channel.WEB:
        raise BadInput("channel_web", _("Requests of the website come through the website."))
    reference = _reference(entered.consent) if entered.consent else ""
    picture = jpeg_of(decode_picture(entered.photo)) if entered.photo else b""
    return _open(replace(entered, consent=reference, photo=picture), actor)


@vault.retry_stale
def _open(entered: Entered, actor: Actor) -> cases.Opened:
    case_id = new_id()
    staged = None
    if entered.photo:
        staged = vault.stage_unit(kind=UnitKind.PROBE, owner=case_id)
        staged.add(PICTURE, entered.photo)
    ways = [cases.WaySent(WayKind.SELFIE)] if entered.photo else []
    ways += [
        cases.WaySent(WayKind.PAGE, page, keyed_hash=hashes.of_address(page))
        for page in entered.pages
    ]
    return cases.open_case(
        actor=actor,
        channel=entered.channel,
        rights=entered.rights,
        ways=ways,
        consents=[ConsentScope.COMPARISON] if entered.consent else [],
        contact=cases.Contact(email=entered.email),
        language=entered.language,
        country=entered.country,
        received_at=entered.received_at,
        case_id=case_id,
        also=partial(_with_photo, entered=entered, staged=staged, actor=actor),
    )


def _with_photo(case: Case, *, entered: Entered, staged: vault.Staged | None, actor: Actor) -> None:
    if entered.consent:
        vault.write_small(case.file_unit, CONSENT_REFERENCE, entered.consent.encode())
    if staged is not None:
        staged.save()
        add_probe(
            case=case,
            actor=actor,
            unit=staged.unit_id,
            channel=entered.channel,
            entered_by=actor.id,
        )


def _require_may_enter(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_ENTER:
        raise NotAllowed(
            "entering_role",
            _("Only officers, supervisors and the data protection officer enter requests."),
        )


def _reference(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise BadInput("consent_reference", _("Say where the written consent is kept."))
    if len(words) > MAX_REFERENCE:
        raise BadInput("consent_reference_long", _("Use at most 120 characters."))
    return words
