"""Repeating the checks of an erasure later: what needs no biometrics, or with the person's own
answer package, opened in memory (rule R30). Nothing is written but one event in the trail.
"""

import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.erasure import patterns, places, selectors, verification
from dsr_portal.erasure.models import Plan, PlanState, StepState, VerificationState
from dsr_portal.erasure.reading import read_only
from dsr_portal.erasure.verification import Finding
from dsr_portal.gallery import selectors as gallery
from dsr_portal.recognition import absence, scanning

State = VerificationState
_MOST_BYTES = 1 << 30
_DATA = "data.json"
_FORMAT = "dsr-answer/1"


@dataclass(slots=True)
class Package:
    """What a person's answer package holds of what is to be gone; never written anywhere."""

    records: list[UUID] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    templates: list[list[float]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The result of a repeat: every store by a check made now, or said not to be repeatable."""

    plan: Plan
    at: datetime
    with_package: bool
    findings: list[Finding]

    @property
    def found(self) -> int:
        return sum(one.found for one in self.findings)


def repeat(*, case_id: UUID, actor: Actor, package: bytes | None = None) -> Repeat:
    """Check an erasure again. Raises `Conflict` before it was carried out, `BadInput` for a ZIP
    that is no answer package of this case."""
    plan = selectors.current_plan(case_id)
    if plan is None or plan.state not in {PlanState.VERIFYING, PlanState.DONE}:
        raise Conflict("not_erased", _("Nothing was erased in this case yet."))
    opened = None if package is None else read_package(package)
    if opened is not None and not _is_of(plan, opened):
        raise BadInput("package_of_other", _("This package belongs to another request."))
    with read_only():
        findings = [*_without_biometrics(plan), *_index(plan, opened), *_places(plan, opened)]
        if opened is not None:
            findings.append(_addresses(plan, opened))
    result = Repeat(plan, clock.now(), opened is not None, findings)
    _tell(result, actor)
    return result


def _tell(result: Repeat, actor: Actor) -> None:
    with unit_of_work():
        record(
            "erasure.checked_again",
            actor=actor,
            case_id=result.plan.case_id,
            subject_id=result.plan.id,
            found=result.found,
            stores=len(result.findings),
            with_package=result.with_package,
        )


def _without_biometrics(plan: Plan) -> list[Finding]:
    """Keys, rows and doors: asked now, as at the first time. The kit is gone, and says so."""
    record_ids = list(plan.records.values_list("record_id", flat=True))
    return [
        *verification.keys(plan),
        *verification.look_ups(plan, None, record_ids),
        *verification.answer(plan),
        verification.backups(plan),
    ]


def _index(plan: Plan, package: Package | None) -> list[Finding]:
    record_ids = list(plan.records.values_list("record_id", flat=True))
    templates = []
    if package is not None:
        right_size = [one for one in package.templates if len(one) == absence.dimensions()]
        templates = [absence.in_our_frame(one) for one in right_size]
    seen = absence.absent_from_files(record_ids=record_ids, templates=templates)
    method = "search_with_erased_codes" if templates else "by_number_only"
    state = State.UNVERIFIED if seen.damaged else State.VERIFIED
    return [Finding("search_index", state, method, examined=seen.rows, found=seen.found)]


def _places(plan: Plan, package: Package | None) -> list[Finding]:
    """The files: read again for what the package holds, else told when they were read."""
    if package is not None:
        seen = places.scan(plan, _needles(package))
        return [_read_again(code, one) for code, one in sorted(seen.places.items())]
    step = plan.steps.filter(store="files", state=StepState.DONE).first()
    if step is None:
        return [Finding("files", State.UNVERIFIED, "not_scanned")]
    first = [one for one in verification.files(plan) if one.at is not None]
    return [
        replace(one, state=State.UNVERIFIED, method="byte_scan_not_repeatable", found=0)
        for one in first
    ]


def _read_again(code: str, seen: places.Seen) -> Finding:
    # Nothing may be written now, so the database has no canary; that it was read is its size.
    whole = not seen.unreadable and (seen.canary or (code == places.DATABASE and seen.bytes > 0))
    return Finding(
        code,
        State.VERIFIED if whole and not seen.found else State.UNVERIFIED,
        "byte_scan_with_package" if whole else "place_not_readable",
        examined=seen.bytes,
        found=seen.found,
        canary_found=seen.canary,
    )


def _addresses(plan: Plan, package: Package) -> Finding:
    """Ask the gallery for each page and picture the package names, as for a request.

    A shared picture keeps its address with the others' records: only the plan's own count.
    """
    mine = set(plan.records.values_list("record_id", flat=True))
    found = sum(
        one.id in mine for address in package.addresses for one in gallery.by_address(address)
    )
    return Finding(
        "addresses",
        State.VERIFIED,
        "by_number_address_file",
        examined=len(package.addresses),
        found=found,
    )


# -- the package ----------------------------------------------------------------------------------


def read_package(data: bytes) -> Package:
    """Read an answer package in memory. `BadInput` says what is wrong with it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            if sum(one.file_size for one in opened.infolist()) > _MOST_BYTES:
                raise BadInput("package_too_large", _("This package is larger than we make them."))
            told = json.loads(opened.read(_DATA))
            names = set(opened.namelist())
            return _package(told, {name: opened.read(name) for name in names & _files_of(told)})
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            "no_package", _("This is not an answer package: give the ZIP file we sent.")
        ) from error


def _files_of(told: dict[str, Any]) -> set[str]:
    if told.get("format") != _FORMAT:
        raise ValueError("another format")
    return {str(one[key]) for one in told["records"] for key in ("picture", "face_picture")}


def _package(told: dict[str, Any], pictures: dict[str, bytes]) -> Package:
    package = Package(pictures=list(pictures.values()))
    for one in told["records"]:
        package.records.append(UUID(one["id"]))
        if one.get("template"):
            package.templates.append([float(value) for value in one["template"]])
        for facts in one["facts"]:
            package.addresses += [facts[key] for key in ("page_url", "image_url") if facts[key]]
            package.captions += [facts["caption"]] if facts["caption"] else []
    return package


def _is_of(plan: Plan, package: Package) -> bool:
    mine = set(plan.records.values_list("record_id", flat=True))
    return bool(package.records) and bool(mine & set(package.records))


def _needles(package: Package) -> list[str]:
    """Masked patterns of the pictures, face codes and captions in the package."""
    wanted = [patterns.masked(form) for data in package.pictures for form in
              patterns.picture_forms(data)]  # fmt: skip
    for given in package.templates:
        wanted += scanning.needles_of_given(given)
    texts = [text.encode("utf-8", "surrogateescape") for text in package.captions]
    return wanted + [patterns.masked(one) for one in texts if len(one) >= patterns.SHORTEST]
