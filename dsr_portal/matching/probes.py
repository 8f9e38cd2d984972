"""A photo from its arrival to the queued search. The rules R2, R8 and R20 act here."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import INTAKE
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import children, evidence_locks, mandates, unsent
from dsr_portal.cases import services as cases
from dsr_portal.cases.came_models import CameIn
from dsr_portal.cases.levels import COMPARES_FACES
from dsr_portal.cases.models import (
    Case,
    Channel,
    ConsentScope,
    LetterKind,
    RightCode,
    Status,
    WayKind,
)
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import GoneUnit
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import hashes
from dsr_portal.gallery import services as gallery
from dsr_portal.jobs.services import enqueue
from dsr_portal.law import reading
from dsr_portal.law.deadlines import APPLIES_FROM
from dsr_portal.matching import photo_letters, shared
from dsr_portal.matching import photos as photo_set
from dsr_portal.matching.models import (
    Candidate,
    Probe,
    ProbeState,
    Search,
    SearchKind,
    SearchState,
)
from dsr_portal.matching.named import named_ways
from dsr_portal.matching.shared import PICTURE
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.pictures import jpeg_of

CROP = "crop"
CONSENT_REFERENCE = "consent.reference"
MAX_REFERENCE = 120


# -- probes ---------------------------------------------------------------------------------


def add_probe(
    *,
    case: Case,
    actor: Actor,
    unit: UUID,
    channel: str,
    entered_by: str = "",
    instead: UUID | None = None,
) -> Probe:
    """Take a picture for a case; its vault unit was staged and saved by the caller.

    It counts together with the photos that are there, or takes the place of one (`instead`) and
    of those that cannot be used. Without a consent record nothing is computed from it: it waits
    encrypted (R8). Runs inside the caller's unit of work, so that a request and its photo arrive
    together or not at all (R14). Raises `Conflict` once the search began, and for the sixth photo
    in a row.
    """
    if case.status not in cases.BEFORE_SEARCH:
        raise Conflict("photo_late", _("We are already working with what you sent before."))
    if not entered_by and photo_set.photos_left(case) == 0:
        raise Conflict(
            "photo_limit",
            _(
                "You have sent five photos since we last wrote to you. Write to us, and a person "
                "will tell you which photo helps."
            ),
        )
    if children.photo_closed(case):
        raise Conflict(
            "child_photo",
            _("A child asks: first a person talks with them. Then a photo can be sent."),
        )
    agreed = cases.has_consent(case=case, scope=ConsentScope.COMPARISON)
    photo_set.make_room(case=case, actor=actor, instead=instead)
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
        queue_check(probe)
    return probe


def consent_given(*, case: Case, actor: Actor) -> None:
    """Wake the probes that waited for consent; called in the unit of work that recorded it."""
    for probe in Probe.objects.select_for_update().filter(
        case=case, state=ProbeState.WAITING_CONSENT
    ):
        probe.state = ProbeState.RECEIVED
        probe.save(update_fields=["state"])
        queue_check(probe)


def queue_check(probe: Probe) -> None:
    """Have a worker check what lies in the photo's unit now; once for each unit."""
    enqueue(
        kind="matching.judge_probe",
        subject=probe.id,
        idempotency_key=f"matching.judge_probe:{probe.unit}",
    )


def probe_judged(
    *, probe_id: UUID, verdict: str, findings: Iterable[str], actor: Actor
) -> Probe | None:
    """Write down what the checks before any face code said; None when the photo is gone.

    A photo that cannot be used makes the case wait for another one (T-07), and who reads only
    paper gets a letter; a usable one starts the search when everything else is there.
    """
    probe = locked_unchecked(probe_id)
    if probe is None:
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
    photo_letters.tell(Case.objects.get(id=probe.case_id))
    return probe


def locked_unchecked(probe_id: UUID) -> Probe | None:
    """The photo, locked, while its check is still wanted. The case first, as a withdrawal does."""
    Case.objects.select_for_update(of=("self",)).filter(probes=probe_id).first()
    probe = Probe.objects.select_for_update().filter(id=probe_id).first()
    return probe if probe is not None and probe.state == ProbeState.RECEIVED else None


def delete_probes(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: delete every photo of a case and stop what still works on it (R8; P-03, P-06)."""
    with unit_of_work():
        probes = list(
            Probe.objects.select_for_update()
            .filter(case_id=case_id)
            .exclude(state=ProbeState.DELETED)
        )
        _stop_searches(case_id=case_id, actor=actor)
        photo_set.delete(probes, actor=actor, reason=reason)
        unsent.drop(Case.objects.get(id=case_id), kinds=(LetterKind.PHOTO,), actor=actor)


def photos_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """After a restore: photos whose keys are destroyed go again (R31); how many.

    The others of a case stay: one of several may have been taken out.
    """
    rows = Probe.objects.filter(unit__in=[unit.id for unit in units])
    gone = list(rows.exclude(state=ProbeState.DELETED).order_by("id"))
    with unit_of_work():
        photo_set.delete(gone, actor=actor, reason="restored")
        for case_id in sorted({probe.case_id for probe in gone}):
            if not Probe.objects.filter(case_id=case_id).exclude(state=ProbeState.DELETED).exists():
                _stop_searches(case_id=case_id, actor=actor)
    return len(gone)


def _stop_searches(*, case_id: UUID, actor: Actor) -> None:
    """End what still runs; the candidates it wrote and nobody decided go, and so do their holds.

    A look-up stops with it: the case waits for the person again, and it can be started anew.
    """
    running = Search.objects.filter(
        case_id=case_id, state__in=[SearchState.RUNNING, SearchState.PRELIMINARY]
    )
    fresh = Candidate.objects.filter(search__in=running, decisions__isnull=True)
    records = list(fresh.values_list("record_id", flat=True))
    fresh.delete()
    gallery.release_holds(case_id=case_id, record_ids=records, actor=actor)
    running.update(state=SearchState.STALE)
    shared.forget_case(case_id)


# -- what the person named ------------------------------------------------------------------


def add_ways(*, case_id: UUID, ways: Sequence[cases.WaySent], actor: Actor) -> Case:
    """The person names something else to be found by.

    Nobody was checked about it yet, whether or not there is a photo: check anew, or a person known
    by their own page or photo could have a stranger's page looked up (R2, R7).
    """

    def lapse(case: Case) -> None:
        cases.identity_asked_again(case=case, actor=actor)

    return cases.add_ways(case_id=case_id, ways=ways, actor=actor, also=lapse)


# -- what must be there before a search -------------------------------------------------------


@vault.retry_stale
def record_identity(
    *,
    case_id: UUID,
    actor: Actor,
    way: str,
    element: str,
    compared: str,
    photos: str | None = None,
    ways: int | None = None,
) -> Case:
    """Record a way of R6 and the further element of R7; search when the level is now met (R2).

    `photos` names the photos the officer's page was about (`photos.token`), "" for none, `ways`
    how many things to be found by it showed: where more came meanwhile nobody was compared with
    it, and `Conflict` says so. A way that compares faces needs a photo to compare with.
    """
    with unit_of_work():
        case = cases.record_identity(
            case_id=case_id, actor=actor, way=way, element=element, compared=compared
        )
        counting = photo_set.counting(case_id)
        if photos is not None and photos != photo_set.token(counting):
            raise Conflict(
                "photo_changed",
                _("The photos changed meanwhile. Look at them, and compare with all of them."),
            )
        if ways is not None and ways != case.ways.count():
            raise Conflict(
                "ways_changed",
                _("The person named something else meanwhile. Read it, and check that too."),
            )
        if way in COMPARES_FACES and not counting:
            raise BadInput(
                "nothing_to_compare",
                _("There is no photo this way could be compared with. Choose another way."),
            )
        if way in COMPARES_FACES and not mandates.person_reached(case):
            raise Conflict(
                "person_not_reached",
                _(
                    "Somebody else sent this request, and the person was not here yet. Choose a "
                    "way that does not compare photos, or wait until they open their own page."
                ),
            )
        start_search_if_ready(case_id=case_id, actor=actor)
    case.refresh_from_db()
    return case


def confirm_origin(*, case_id: UUID, actor: Actor) -> Case:
    """Another person saw the original and the confirmed contact; then a search may start (R20)."""
    with unit_of_work():
        case = cases.confirm_origin(case_id=case_id, actor=actor)
        start_search_if_ready(case_id=case_id, actor=actor)
    case.refresh_from_db()
    return case


def choose_photos(*, case_id: UUID, actor: Actor, chosen: Collection[UUID], seen: str) -> Case:
    """Which of the photos show the person who asks, see `photos.choose`; then search when ready."""
    with unit_of_work():
        photo_set.choose(case_id=case_id, actor=actor, chosen=chosen, seen=seen)
        start_search_if_ready(case_id=case_id, actor=actor)
    return Case.objects.get(id=case_id)


@vault.retry_stale
def record_consent(*, case_id: UUID, actor: Actor, channel: str, reference: str) -> None:
    """Write down a consent that reached us on paper, by mail or by phone, and wake the photo (R8).

    `reference` says where the person's own words are kept; it lies in the case file.
    """
    require_may_enter(actor)
    words = reference_words(reference)
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
        photos = photo_set.ready(case)
        if not photos or _unseen(photos):
            return None
        if not cases.origin_confirmed(case=case):
            return None
        if mandates.in_the_way(case) or mandates.is_for_the_dead(case):
            return None
        if children.in_the_way(case) or children.photo_closed(case):
            return None
        search = Search.objects.create(
            case=case,
            kind=SearchKind.BOTH if named_ways(case) else SearchKind.FACE,
            probe=photos[-1],
            photos=photo_set.used(photos),
            threshold=policy.current("review_threshold"),
            strong_threshold=policy.current("strong_threshold"),
            started_at=clock.now(),
        )
        photo_set.begin(search, photos)
        cases.advance(case=case, action=Action.START_SEARCH, actor=actor)
        record("search.queued", actor=actor, case_id=case.id, subject_id=search.id)
        enqueue(
            kind="matching.search",
            subject=search.id,
            idempotency_key=f"matching.search:{search.id}",
        )
        return search


def _unseen(photos: Sequence[Probe]) -> bool:
    """Whether one of them came by post and no second person saw its original yet (R20)."""
    return CameIn.objects.filter(probe_id__in=[one.id for one in photos], seen_by="").exists()


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
    name: str = ""
    postal: str = ""
    phone: str = ""
    urgent: bool = False
    words: str = ""
    narrower: str = ""
    original: bytes = b""
    lock_years: int = 0
    """They want it kept locked as evidence, for so many years, instead of erased."""
    age_band: str = ""
    on_paper: bool = False
    """They want the answer on paper, by registered post (T-13)."""

    def not_taken(self) -> list[str]:
        """Rights the person's own words let one read that were not taken (law T-09)."""
        taken = set(_rights(self))
        return [right for right in reading.rights_in(self.words) if right not in taken]


@outside("Entering a request")
def enter_request(*, entered: Entered, actor: Actor) -> cases.Opened:
    """Open a case for a request that came by post, mail, phone or in person (R20, T-08).

    The photo is decoded in a confined child and kept as our own JPEG. Without the reference of a
    consent it waits, encrypted; with one it is checked, and searched only after another person
    confirmed the original. Free words are read wider first: whoever takes less writes why (T-09).
    Raises `NotAllowed`, `BadInput`, `PictureRefused`.
    """
    require_may_enter(actor)
    if entered.channel == Channel.WEB:
        raise BadInput("channel_web", _("Requests of the website come through the website."))
    if entered.not_taken() and not entered.narrower.strip():
        raise BadInput(
            "narrower_reading",
            _("Their words can be read wider (%(rights)s). Take those too, or write why not.")
            % {"rights": ", ".join(str(RightCode(one).label) for one in entered.not_taken())},
            rights=entered.not_taken(),
        )
    _check_facts(entered)
    if entered.lock_years:
        evidence_locks.require_years(entered.lock_years)
    reference = reference_words(entered.consent) if entered.consent else ""
    picture = jpeg_of(decode_picture(entered.photo)) if entered.photo else b""
    return _open(replace(entered, consent=reference, photo=picture), actor)


def _rights(entered: Entered) -> list[str]:
    """A lock as evidence is asked as the right it is (Art. 18(1)(c))."""
    asked = [str(right) for right in entered.rights]
    locks = entered.lock_years and RightCode.RESTRICTION not in asked
    return [*asked, RightCode.RESTRICTION.value] if locks else asked


"""No request under the GDPR arrived before it applied (Art. 99(2)): an earlier day is a slip."""


def _check_facts(entered: Entered) -> None:
    """What a form of the website can't get wrong, and a person who copies a letter can."""
    if entered.email:
        try:
            validate_email(entered.email)
        except ValidationError as error:
            raise BadInput(
                "email_unfit",
                _("This is no e-mail address. Write it like name@example.org, or leave it out."),
            ) from error
    if entered.on_paper and not entered.postal.strip():
        raise BadInput("no_postal", _("Write down the postal address first."))
    if entered.country and not re.fullmatch(r"[A-Za-z]{2}", entered.country):
        raise BadInput("country_unfit", _("Write the country in two letters, like NL."))
    if entered.language not in dict(settings.LANGUAGES):
        raise BadInput(
            "language_unknown",
            _("We write in these languages: %(known)s.")
            % {"known": ", ".join(dict(settings.LANGUAGES))},
        )
    if entered.received_at is not None and entered.received_at.date() < APPLIES_FROM:
        raise BadInput(
            "received_before_the_law",
            _("A request can't have arrived before 25 May 2018. Look at the year again."),
        )


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
        rights=_rights(entered),
        ways=ways,
        consents=[ConsentScope.COMPARISON] if entered.consent else [],
        contact=cases.Contact(
            email=entered.email, name=entered.name, postal=entered.postal, phone=entered.phone
        ),
        urgent=entered.urgent,
        age_band=entered.age_band,
        note=entered.words,
        narrower=entered.narrower,
        originals=[entered.original] if entered.original else [],
        language=entered.language,
        country=entered.country,
        received_at=entered.received_at,
        case_id=case_id,
        on_paper=entered.on_paper,
        also=partial(_with_photo, entered=entered, staged=staged, actor=actor),
    )


def _with_photo(case: Case, *, entered: Entered, staged: vault.Staged | None, actor: Actor) -> None:
    if entered.consent:
        vault.write_small(case.file_unit, CONSENT_REFERENCE, entered.consent.encode())
    if entered.lock_years:
        evidence_locks.write(case=case, years=entered.lock_years, actor=actor)
    if staged is not None:
        staged.save()
        add_probe(
            case=case,
            actor=actor,
            unit=staged.unit_id,
            channel=entered.channel,
            entered_by=actor.id,
        )


def require_may_enter(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in INTAKE:
        raise NotAllowed(
            "entering_role",
            _("Only officers, supervisors and the data protection officer enter requests."),
        )


def reference_words(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise BadInput("consent_reference", _("Say where the written consent is kept."))
    if len(words) > MAX_REFERENCE:
        raise BadInput("consent_reference_long", _("Use at most 120 characters."))
    return words
