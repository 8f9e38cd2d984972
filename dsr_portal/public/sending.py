"""From a draft to a case: the photo and the request arrive together or not at all (R14)."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.cases import drafts, evidence_locks, mandates, page_wishes, services
from dsr_portal.cases.child_models import AgeBand
from dsr_portal.cases.models import Case, Channel, ConsentScope, Draft, RightCode, WayKind
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.gallery import hashes
from dsr_portal.matching import services as matching
from dsr_portal.public.forms import MAIL, ME, MY_CHILD, POST
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind


@vault.retry_stale
def send(*, draft_id: UUID, language: str) -> services.Opened:
    """Open the case of a draft. The same draft sent twice gives the same case."""
    draft = Draft.objects.filter(id=draft_id).first()
    if draft is None:
        existing = Case.objects.filter(draft_id=draft_id).select_related("receipt").first()
        if existing is None:
            raise Conflict(
                "draft_over", _("This request was open too long and is gone. Start again.")
            )
        return services.Opened(existing, existing.receipt, False)
    given = drafts.answers(draft)
    case_id = new_id()
    photos = [drafts.photo_bytes(photo) for photo in drafts.photos_of(draft)]
    probes = [_stage_probe(case_id, photo) for photo in photos]

    contact = given.get("contact", {})
    who = given.get("who", ME)

    def also(case: Case) -> None:
        if who == MY_CHILD:
            mandates.write_for_child(case=case, name=contact["guardian"])
        if {RightCode.ERASURE, RightCode.RESTRICTION} <= set(given["rights"]):
            # What was erased can't be locked: asked for both, the lock comes first (Art. 18(1)(c)).
            evidence_locks.write(
                case=case, years=evidence_locks.DEFAULT_YEARS, actor=Actor.person(case.id)
            )
        for probe in probes:
            probe.save()
            matching.add_probe(
                case=case,
                actor=Actor.person(case.id),
                unit=probe.unit_id,
                channel=str(Channel.WEB),
            )

    return services.open_case(
        channel=Channel.WEB,
        rights=given["rights"],
        ways=_ways(given, drafts.file_of(draft), has_photo=bool(photos)),
        consents=_consents(given, has_photo=bool(photos)),
        consent_language=given.get("consent_language", language),
        contact=services.Contact(
            email=contact.get("email", "") if contact.get("how") == MAIL else "",
            postal=contact.get("postal", "") if contact.get("how") == POST else "",
        ),
        on_paper=bool(contact.get("paper")) and contact.get("how") == POST,
        language=contact.get("language", language),
        country=contact.get("country", ""),
        urgent=bool(given.get("urgent")),
        age_band=_age_band(who, contact),
        draft_id=draft.id,
        case_id=case_id,
        also=also,
    )


def _age_band(who: str, contact: dict[str, Any]) -> str:
    """As the person said it: nobody asks for a date of birth (law C-01)."""
    if who != ME:
        return AgeBand.UNDER_16
    return AgeBand.UNDER_18 if contact.get("under_18") else ""


@vault.retry_stale
def add_photo(
    *, case: Case, photo: bytes, agreed: bool, language: str, instead: UUID | None = None
) -> None:
    """Another photo for an open case, with consent where it was given now (R8).

    It counts with those that are there, or takes the place of one of them.
    """
    require_outside_transaction("Keeping a photo")
    probe = _stage_probe(case.id, photo)
    actor = Actor.person(case.id)

    def also(locked: Case) -> None:
        if agreed:
            services.record_consent(
                case_id=locked.id, scope=ConsentScope.COMPARISON, actor=actor, language=language
            )
            matching.consent_given(case=locked, actor=actor)
        probe.save()
        matching.add_probe(
            case=locked,
            actor=actor,
            unit=probe.unit_id,
            channel=str(Channel.WEB),
            instead=instead,
        )

    services.receive_message(case_id=case.id, actor=actor, also=also)


def _stage_probe(case_id: UUID, photo: bytes) -> vault.Staged:
    staged = vault.stage_unit(kind=UnitKind.PROBE, owner=case_id)
    staged.add("picture", photo)
    return staged


def _ways(given: dict[str, Any], file: bytes | None, *, has_photo: bool) -> list[services.WaySent]:
    ways = []
    if has_photo:
        ways.append(services.WaySent(WayKind.SELFIE))
    ways += _named(given, file)
    if given.get("other"):
        ways.append(services.WaySent(WayKind.OTHER, given["other"]))
    return ways


def _named(given: dict[str, Any], file: bytes | None) -> list[services.WaySent]:
    """What records can be looked up by: addresses, the very file, an account name."""
    ways = [
        services.WaySent(WayKind.PAGE, page, keyed_hash=hashes.of_address(page))
        for page in given.get("pages", [])
    ]
    if file is not None:
        ways.append(services.WaySent(WayKind.FILE, data=file, keyed_hash=hashes.of_file(file)))
    if given.get("account"):
        name = given["account"]
        known = vault.keyed_hash("account-name", name.strip().casefold().encode())
        ways.append(services.WaySent(WayKind.ACCOUNT, name, keyed_hash=known))
    return ways


def add_ways(*, case: Case, given: dict[str, Any]) -> None:
    """Name something else in an open case, or open one again that could not be identified."""
    ways = _named(given, given.get("file"))
    matching.add_ways(case_id=case.id, ways=ways, actor=Actor.person(case.id))


def one_page(*, case: Case, way_id: UUID | None, page: str) -> None:
    """Ask that one page or file be dealt with without showing who asks; a new address is named."""
    actor = Actor.person(case.id)
    if way_id is None:
        before = {way.id for way in page_wishes.ways_to_choose(case)}
        matching.add_ways(case_id=case.id, ways=_named({"pages": [page]}, None), actor=actor)
        case.refresh_from_db()
        way_id = next(way.id for way in page_wishes.ways_to_choose(case) if way.id not in before)
    page_wishes.ask(case_id=case.id, way_id=way_id, actor=actor)


def _consents(given: dict[str, Any], *, has_photo: bool) -> list[str]:
    """Consent counts only for a photo that is there."""
    agreed = given.get("consents", []) if has_photo else []
    return [scope for scope in agreed if scope in ConsentScope.values]
