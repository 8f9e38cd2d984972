"""Checking an erasure with code of its own: it believes no shredder (rule R30, law E-04).

Runs in a process that began after the erasure. Memory is scanned first, with masked patterns
only; then the index is asked with the erased templates in clear, so this process ends too. A
process that holds the index keeps its own row of itself; everything else is read through a
connection that can't write.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from dsr_portal.audit.services import record
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import IntegrityFailure, NotFound
from dsr_portal.documents.models import Document
from dsr_portal.erasure import kit as kits
from dsr_portal.erasure import places, services, steps
from dsr_portal.erasure.kit import Kit
from dsr_portal.erasure.models import (
    Plan,
    PlanRecord,
    PlanState,
    PlanUnit,
    Step,
    StepState,
    Verification,
    VerificationState,
)
from dsr_portal.erasure.outcome import note_failure
from dsr_portal.erasure.reading import read_only
from dsr_portal.erasure.retirement_models import RetiredUnit
from dsr_portal.gallery import blocks, connector, statements
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent, Transient
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import leaving, processes
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import files as vault_files
from dsr_portal.vault import keys as vault_keys
from dsr_portal.vault import selectors as vault_rows
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture, decode_picture
from dsr_portal.vault.models import Blob, UnitKey
from dsr_portal.vault.ring import RingFile, overwrite

ACTOR = Actor.system("erasure-check")
State = VerificationState
_FLAT = 12
"""A covered area of solid grey differs by a few steps after JPEG, a face by far more."""
_AT_ONCE = 500
"""Units asked for in one statement."""
_LEAST = 16
"""Pixels across of a part of a face that can be measured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one store; `found` counts what should not be there any more."""

    store: str
    state: VerificationState
    method: str
    examined: int = 0
    found: int = 0
    canary_found: bool = False
    until: datetime | None = None
    at: datetime | None = None


def run(ctx: JobContext) -> None:
    """Job erasure.verify: every store, each by a check made now; then the certificate is due."""
    plan = Plan.objects.select_related("case").filter(id=ctx.subject_id).first()
    if plan is None or plan.state != PlanState.VERIFYING or plan.verified_at is not None:
        return
    _check_and_write(ctx, plan)
    with ctx.complete():
        plan.verified_at = clock.now()
        plan.save(update_fields=["verified_at"])
        _record_states(plan)
        jobs.enqueue(
            kind=services.CERTIFY,
            subject=plan.id,
            idempotency_key=f"{services.CERTIFY}:{plan.id}",
        )


def _check_and_write(ctx: JobContext, plan: Plan) -> None:
    _wait_for_a_fresh_process(ctx, plan)
    findings = check(plan, kits.open_kit(plan))
    leaving.after_this_job()
    steps.fault("checked.stores")
    failed = [one for one in findings if one.found]
    with ctx.checkpoint():
        services.lock_case_of(plan.id)
        write(plan, findings)
        if failed:
            total = sum(one.found for one in failed)
            note_failure(plan, stores=[one.store for one in failed], found=total, during="check")
    if failed:
        raise Permanent("erasure_not_verified", "A check found what was to be erased.")


def check(plan: Plan, kit: Kit | None) -> list[Finding]:
    """Every check, in this order: memory before any template is opened in clear."""
    record_ids = list(plan.records.values_list("record_id", flat=True))
    searched = _index_and_memory(plan, kit, record_ids)
    with read_only():
        return [*searched, *_stores(plan, kit, record_ids)]


def _stores(plan: Plan, kit: Kit | None, record_ids: list[UUID]) -> list[Finding]:
    return [
        *keys(plan),
        *_vault_files(plan, kit),
        *_covered(plan, kit),
        *look_ups(plan, kit, record_ids),
        *_block_list(plan, kit),
        *files(plan),
        *answer(plan),
        *_recipients(plan),
        backups(plan),
        *_not_checked(),
        Finding("kit", State.PENDING, "key_destroyed", examined=1, until=plan.kit_until),
    ]


def _wait_for_a_fresh_process(ctx: JobContext, plan: Plan) -> None:
    """This process ends if it ever held what was erased; another that did is waited for."""
    own = processes.own_row()
    held = own is not None and own.loaded_change < plan.change_number
    if held or kits.seen_in_clear(plan):
        if leaving.after_this_job():
            raise Transient("process_not_replaced")
        return
    if not recognition.holders_recycled(plan.change_number) and not ctx.is_last_attempt:
        raise Transient("holders_not_replaced")


# -- memory and index -----------------------------------------------------------------------------


def _index_and_memory(plan: Plan, kit: Kit | None, record_ids: list[UUID]) -> list[Finding]:
    memory = _memory(plan, kit)
    templates = kits.open_templates(plan)
    gone = recognition.absent(record_ids=record_ids, templates=templates)
    left = (
        gone.ids_in_memory + gone.templates_in_memory + gone.ids_in_files + gone.templates_in_files
    )
    settled = recognition.erasure_settled(plan.change_number)
    index = Finding(
        "search_index",
        State.VERIFIED if settled and templates else State.UNVERIFIED,
        "search_with_erased_codes" if templates else "by_number_only",
        examined=gone.rows,
        found=left + int(not settled),
    )
    return [index, memory]


def _memory(plan: Plan, kit: Kit | None) -> Finding:
    """Every process that held the index is gone, and the one that took over holds nothing of it."""
    if not recognition.holders_applied(plan.change_number):
        return Finding("search_memory", State.UNVERIFIED, "holders_behind")
    if kits.seen_in_clear(plan) or not recognition.holders_recycled(plan.change_number):
        return Finding("search_memory", State.UNVERIFIED, "process_not_replaced")
    if kit is None:
        return Finding("search_memory", State.UNVERIFIED, "kit_expired")
    seen = recognition.scan_holder(needles=kit.memory)
    whole = seen.canary_found
    return Finding(
        "search_memory",
        State.VERIFIED if whole else State.UNVERIFIED,
        "byte_scan_of_new_process" if whole else "canary_missed",
        examined=seen.bytes,
        found=seen.total,
        canary_found=whole,
    )


# -- keys -----------------------------------------------------------------------------------------


_STORE_OF = {
    PlanUnit.Holds.PICTURE: "pictures",
    PlanUnit.Holds.FACE: "face_codes",
    PlanUnit.Holds.PROBE: "request_photo",
    PlanUnit.Holds.SHARD: "index_files",
    PlanUnit.Holds.CUT_OUT: "neighbours_cut_outs",
}


def keys(plan: Plan) -> list[Finding]:
    """Each unit must not open, each old bucket key must be in neither of the two places."""
    places = _buckets_in_each_place()
    findings = []
    for holds, store in _STORE_OF.items():
        units = list(plan.units.filter(holds=holds))
        if not units:
            continue
        left = sum(_still_there(units, places))
        findings.append(
            Finding(store, State.VERIFIED, "key_destroyed", examined=len(units), found=left)
        )
    return findings


def units_left(units: Sequence[PlanUnit] | Sequence[RetiredUnit]) -> int:
    """Of how many units a key, a row or a part is left, asked of rows and of both key files."""
    return sum(_still_there(units, _buckets_in_each_place()))


def _still_there(
    units: Sequence[PlanUnit] | Sequence[RetiredUnit], places: list[set[UUID]]
) -> Iterator[bool]:
    """Of each unit whether anything is left: a row, a blob, a run that is not done, a key."""
    for first in range(0, len(units), _AT_ONCE):
        some = units[first : first + _AT_ONCE]
        ids = [one.unit for one in some]
        there = set(UnitKey.objects.filter(id__in=ids).values_list("id", flat=True))
        there |= set(Blob.objects.filter(unit__in=ids).values_list("unit_id", flat=True))
        gone = vault_rows.shredded(ids)
        for one in some:
            has_key = one.bucket is not None and any(one.bucket in held for held in places)
            yield one.unit in there or one.unit not in gone or has_key


def _buckets_in_each_place() -> list[set[UUID]]:
    """Ids of keys as each file has them, read anew: a key left in one of two places is left."""
    found = []
    for path in vault_keys.keeper().ring.paths:
        data = bytearray(path.read_bytes())
        ring = RingFile.from_bytes(data)
        found.append(ring.ids())
        ring.wipe()
        overwrite(data)
    return found


def _vault_files(plan: Plan, kit: Kit | None) -> list[Finding]:
    if kit is None:
        return []
    left = sum(vault_files.path_of(name).exists() for name in kit.blobs)
    return [
        Finding("vault_files", State.VERIFIED, "file_absent", examined=len(kit.blobs), found=left)
    ]


# -- pictures and look-ups ------------------------------------------------------------------------


def _covered(plan: Plan, kit: Kit | None) -> list[Finding]:
    """In shared pictures that stay, and in the cut-outs of who is in them, the place of the face
    is one flat colour."""
    if not plan.records.exclude(picture=PlanRecord.Picture.WHOLE).exists():
        return []
    if kit is None:
        return [Finding("shared_pictures", State.UNVERIFIED, "kit_expired")]
    held = connector.current()
    left = examined = 0
    for new in SourceImage.objects.filter(covered_from__in=[UUID(one) for one in kit.covered]):
        if new.state == SourceImage.State.ERASED:
            continue
        picture = decode_picture(held.unseen(new.id))
        boxes = kit.covered[str(new.covered_from_id)]
        parts = [(picture, box) for box in boxes]
        for one in Record.objects.filter(image=new).exclude(state=Record.State.ERASED):
            parts += _parts_of_cut_out(held.face(one.id), picture, boxes)
        examined += len(parts)
        left += sum(not _is_flat(shown, box) for shown, box in parts)
    return [Finding("shared_pictures", State.VERIFIED, "covered_area_is_flat", examined, left)]


def _parts_of_cut_out(
    face: connector.FaceFacts, picture: Picture, boxes: Sequence[Sequence[int]]
) -> list[tuple[Picture, list[int]]]:
    """Where the covered faces lie in the cut-out of another face, with the decoded cut-out."""
    size = (picture.width, picture.height)
    box = _in_size([*face.box, *face.of], size)
    left, top, right, bottom = recognition.area_of_cut_out(box, *size)
    parts = []
    for other in boxes:
        x, y, width, height = _in_size(other, size)
        # The middle of the face only: its edge in so small a picture is blurred.
        x, y, width, height = x + width // 10, y + height // 10, width * 8 // 10, height * 8 // 10
        across = (max(x, left), min(x + width, right))
        down = (max(y, top), min(y + height, bottom))
        if across[1] - across[0] < _LEAST or down[1] - down[0] < _LEAST:
            continue
        place = [across[0] - left, down[0] - top, across[1] - across[0], down[1] - down[0]]
        parts.append([*place, right - left, bottom - top])
    if not parts:
        return []
    cut_out = decode_picture(face.unseen_crop())
    return [(cut_out, part) for part in parts]


def _in_size(box: Sequence[int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box (x, y, width, height, and the size it refers to) in pixels of another size."""
    x, y, width, height, of_width, of_height = box
    across, down = size[0] / of_width, size[1] / of_height
    return (round(x * across), round(y * down), round(width * across), round(height * down))


def _is_flat(picture: Picture, box: Sequence[int]) -> bool:
    """True where the inner part of a box holds one colour (`box` with the size it refers to)."""
    x, y, width, height, across, down = box
    import numpy as np

    pixels = np.frombuffer(picture.rgb, dtype=np.uint8)
    pixels = pixels.reshape(picture.height, picture.width, 3)
    right, low = picture.width / across, picture.height / down
    top, bottom = round((y + height * 0.1) * low), round((y + height * 0.9) * low)
    left, end = round((x + width * 0.1) * right), round((x + width * 0.9) * right)
    area = pixels[max(0, top) : bottom, max(0, left) : end]
    return bool(area.size) and int(np.ptp(area)) <= _FLAT


def look_ups(plan: Plan, kit: Kit | None, record_ids: list[UUID]) -> list[Finding]:
    """Ask every door of the gallery for what was erased: by number, by address, by exact file."""
    found = Record.objects.filter(id__in=record_ids).exclude(state=Record.State.ERASED).count()
    found += sum(_opens(record_id) for record_id in record_ids)
    asked = 2 * len(record_ids)
    mine = set(record_ids)
    if kit is not None:
        for address in kit.addresses:
            found += sum(one.id in mine for one in gallery.by_address(address))
        found += SourceImage.objects.filter(file_hash__in=kit.file_hashes).count()
        asked += len(kit.addresses) + len(kit.file_hashes)
    method = "by_number_address_file" if kit is not None else "by_number_only"
    return [Finding("look_ups", State.VERIFIED, method, examined=asked, found=found)]


def _opens(record_id: UUID) -> bool:
    try:
        connector.current().face(record_id)
    except (NotFound, IntegrityFailure):
        return False
    return True


def _block_list(plan: Plan, kit: Kit | None) -> list[Finding]:
    """What was erased must be refused at the next import (E-12); the entries stay on purpose."""
    if kit is None:
        return [Finding("block_list", State.UNVERIFIED, "kit_expired")]
    missing = sum(not blocks.blocked(file_hash=one) for one in kit.file_hashes)
    missing += sum(
        not (blocks.blocked(page=one) or blocks.blocked(image=one)) for one in kit.addresses
    )
    entries = len(kit.file_hashes) + len(kit.addresses)
    state = State.NEEDS_PERSON if missing else State.VERIFIED
    return [Finding("block_list", state, "asked_like_an_import", examined=entries)]


# -- files, answer, recipients, the rest ----------------------------------------------------------


def files(plan: Plan) -> list[Finding]:
    """The byte scan was made by the run, with the record's own bytes (R30); its time is printed."""
    step = plan.steps.filter(store="files", state=StepState.DONE).first()
    if step is None:
        return [Finding("files", State.UNVERIFIED, "not_scanned")]
    findings = [_place(code, seen, step) for code, seen in sorted(step.result["places"].items())]
    there = {one.store for one in findings}
    if places.DATABASE not in there:
        findings.append(Finding("database_server", State.UNVERIFIED, "server_files_not_scanned"))
    if places.TEMPORARY not in there and places.own_temporary_folder() is None:
        findings.append(Finding(places.TEMPORARY, State.UNVERIFIED, "shared_temporary_folder"))
    return findings


def _place(code: str, seen: Mapping[str, int], step: Step) -> Finding:
    """VERIFIED where the scan read everything of a place, and found in it its own canary only."""
    whole = bool(seen["canary"]) and not seen["unreadable"] and not seen["found"]
    return Finding(
        code,
        State.VERIFIED if whole else State.UNVERIFIED,
        "byte_scan_of_files" if whole else "place_not_readable",
        examined=seen["bytes"],
        found=seen["found"],
        canary_found=bool(seen["canary"]),
        at=step.finished_at,
    )


def answer(plan: Plan) -> list[Finding]:
    """The sealed answer holds copies until its own end (R4)."""
    kept = []
    # Our own decision about a named page disclosed nothing, so nothing sealed has a copy of it.
    for delivery in [] if plan.own else services.answers_kept(plan.case):
        for part in delivery.parts.all():
            unit = part.unit
            if part.document_id is not None:
                unit = Document.objects.values_list("unit", flat=True).get(id=part.document_id)
            if unit is not None and vault.unit_state(unit) == vault.UnitState.LIVE:
                kept.append(delivery)
    if not kept:
        return []
    days = timedelta(days=int(policy.current("package_days")))
    last = max((one.released_at or one.created_at) + days for one in kept)
    return [
        Finding("answer_package", State.PENDING, "sealed_until", examined=len(kept), until=last)
    ]


def _recipients(plan: Plan) -> list[Finding]:
    """Told once the certificate left; where no address is listed, a person must act (Art. 19)."""
    told = gallery.recipients_told(plan.case_id)
    if told:
        unlisted = sum(not one.reachable for one in told)
        if unlisted:
            return [Finding("recipients", State.NEEDS_PERSON, "no_address_listed", unlisted)]
        return [Finding("recipients", State.PENDING, "told_after_release", examined=len(told))]
    if gallery.lookup_coverage():
        return [Finding("recipients", State.VERIFIED, "none_in_logs")]
    return [Finding("recipients", State.UNVERIFIED, "no_logs")]


def backups(plan: Plan) -> Finding:
    """Backups older than the keys' end hold what was erased, sealed, until their own end (R31)."""
    known = vault_rows.backups()
    destroyed = plan.steps.filter(store="keys", state=StepState.DONE).first()
    moment = destroyed.finished_at if destroyed is not None else None
    kept = vault_rows.backups_holding(moment or clock.now())
    if kept:
        last = kept[0].ends_at
        return Finding("backups", State.PENDING, "sealed_without_keys", len(kept), until=last)
    if known:
        return Finding("backups", State.VERIFIED, "no_older_backup", examined=len(known))
    return Finding("backups", State.UNVERIFIED, "none_registered")


def _not_checked() -> list[Finding]:
    """What no check covers is printed as such."""
    stated = "stated_by_controller" if statements.current() is not None else "nothing_stated"
    return [
        Finding("source_system", State.NEEDS_PERSON, "stated_by_controller"),
        Finding("query_pictures", State.NEEDS_PERSON, stated),
        Finding("other_processes", State.UNVERIFIED, "not_tested"),
        Finding("disk_remanence", State.UNVERIFIED, "not_tested"),
    ]


# -- results --------------------------------------------------------------------------------------


def write(plan: Plan, findings: list[Finding]) -> None:
    moment = clock.now()
    for one in findings:
        Verification.objects.update_or_create(
            plan=plan,
            store=one.store,
            defaults={
                "state": State.NEEDS_PERSON if one.found else one.state,
                "method": one.method,
                "examined": one.examined,
                "found": one.found,
                "canary_found": one.canary_found,
                "until": one.until,
                "checked_at": one.at or moment,
            },
        )


def _record_states(plan: Plan) -> None:
    rows = list(plan.verifications.order_by("store"))
    record(
        "erasure.verified",
        actor=ACTOR,
        case_id=plan.case_id,
        subject_id=plan.id,
        stores=[row.store for row in rows],
        states=[row.state for row in rows],
        backups_until=next((row.until for row in rows if row.store == "backups"), None),
        **{state.value: sum(row.state == state for row in rows) for state in State},
    )
