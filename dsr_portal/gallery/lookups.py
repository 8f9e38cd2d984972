"""Who was shown what: logs of look-ups by the controller's product, with what they cover (R16)."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import hashes, selectors
from dsr_portal.gallery.models import LookUp, LookUpLog, Recipient, Record
from dsr_portal.vault import services as vault

COLUMNS = ("recipient", "country", "date", "purpose", "record")
MORE_COLUMNS = ("reference", "way")
"""Columns a log may have: the recipient's own reference, and "shown" or "exported"."""

_PER_TRANSACTION = 200
_SHOWN_PROBLEMS = 10
_LONGEST_NAME = 200
_LONGEST_PURPOSE = 1000
_LONGEST_REFERENCE = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a log, read and checked."""

    line: int
    recipient: str
    country: str
    at: datetime
    purpose: str
    record: str
    reference: str = ""
    way: str = LookUp.Way.SHOWN


@dataclass(frozen=True, slots=True)
class LookUpReport:
    """What a log held; `unmatched` are lines whose record is not in the gallery."""

    log_id: UUID
    system: str
    covers_from: date
    covers_to: date
    rows: int
    recorded: int
    unmatched: tuple[int, ...]


@outside("Recording look-ups")
@vault.retry_stale
def record_lookups(
    *, path: Path, system: str, covers_from: date, covers_to: date, actor: Actor
) -> LookUpReport:
    """Record a log (CSV: recipient, country, date, purpose, record; where known reference, way)
    and what it covers.

    `record` is a record's id, or the address or path of a picture: then all its faces were shown.
    Raises `BadInput` with line numbers (nothing is recorded then) and `Conflict` for a log that
    is recorded already. An interrupted call goes on where it stopped.
    """
    return _recorded(_bytes(path), system, covers_from, covers_to, actor)


@outside("Recording look-ups")
@vault.retry_stale
def record_rows(
    *,
    rows: Sequence[Mapping[str, str]],
    system: str,
    covers_from: date,
    covers_to: date,
    actor: Actor,
) -> LookUpReport:
    """Record a log a system reports in rows of the same columns; checked and kept as a file is."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *MORE_COLUMNS], extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: str(row.get(name, "")) for name in [*COLUMNS, *MORE_COLUMNS]})
    return _recorded(text.getvalue().encode(), system, covers_from, covers_to, actor)


def _recorded(
    data: bytes, system: str, covers_from: date, covers_to: date, actor: Actor
) -> LookUpReport:
    if covers_from > covers_to:
        raise BadInput("log_period", _("The period of the log ends before it begins."))
    if not system.strip():
        raise BadInput("log_without_system", _("Name the system the log comes from."))
    if len(system.strip()) > _LONGEST_NAME or "\0" in system:
        raise BadInput("log_system", _("Name the system in 200 letters at most."))
    rows = _rows(data, covers_from, covers_to)
    log = _log(data, system.strip(), covers_from, covers_to, len(rows))
    done = LookUp.objects.filter(log=log).order_by("-row_number").values_list("row_number")
    last = done.values_list("row_number", flat=True).first() or 0
    waiting = [row for row in rows if row.line > last]
    for first in range(0, len(waiting), _PER_TRANSACTION):
        _record(log, waiting[first : first + _PER_TRANSACTION])
    missing = tuple(row.line for row in rows if not _matching(row.record))
    recorded = _finish(log, len(rows), missing, actor)
    return LookUpReport(log.id, log.system, covers_from, covers_to, len(rows), recorded, missing)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            "log_unreadable",
            _("%(path)s can't be read (%(why)s).") % {"path": path, "why": error.strerror or ""},
        ) from error


def _rows(data: bytes, covers_from: date, covers_to: date) -> list[Row]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("log_not_utf8", _("The log is not in UTF-8.")) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        named = reader.fieldnames or []
    except csv.Error as error:
        raise BadInput("bad_log", _("line 1: %(what)s") % {"what": error}) from error
    missing = [name for name in COLUMNS if name not in named]
    if missing:
        raise BadInput(
            "log_columns",
            _("The first line of the log names no column %(names)s.")
            % {"names": ", ".join(missing)},
        )
    rows: list[Row] = []
    problems: list[str] = []
    for line, values in _numbered(reader):
        try:
            rows.append(_row(line, values, covers_from, covers_to))
        except BadInput as error:
            problems.append(_("line %(line)s: %(what)s") % {"line": line, "what": error.message})
            if len(problems) == _SHOWN_PROBLEMS:
                break
    if problems:
        raise BadInput(
            "bad_log",
            _("Nothing was recorded, for the log has errors:") + "\n" + "\n".join(problems),
        )
    return rows


def _numbered(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput(
                "bad_log", _("line %(line)s: %(what)s") % {"line": line, "what": error}
            ) from error


def _row(line: int, values: dict[str, str], covers_from: date, covers_to: date) -> Row:
    if any(values.get(name) is None for name in COLUMNS) or "" in values:
        raise BadInput("log_row", _("not as many values as columns"))
    clean = {name: values[name].strip() for name in COLUMNS}
    if not clean["recipient"] or not clean["record"]:
        raise BadInput("log_row", _("no recipient or no record"))
    if len(clean["recipient"]) > _LONGEST_NAME:
        raise BadInput("log_recipient", _("the recipient's name is longer than 200 letters"))
    if any("\0" in (value or "") for value in values.values()):
        raise BadInput("log_row", _("a value has a character of no text (NUL)"))
    country = clean["country"].upper()
    if len(country) != 2 or not country.isascii() or not country.isalpha():
        raise BadInput("log_country", _("the country is a code of two letters"))
    if len(clean["purpose"]) > _LONGEST_PURPOSE:
        raise BadInput("log_purpose", _("the purpose is too long"))
    at = _moment(clean["date"])
    if not covers_from <= at.date() <= covers_to:
        raise BadInput("log_date", _("the date lies outside the period of the log"))
    reference = (values.get("reference") or "").strip()
    if len(reference) > _LONGEST_REFERENCE:
        raise BadInput("log_reference", _("the reference is longer than 100 letters"))
    way = (values.get("way") or "").strip().upper() or LookUp.Way.SHOWN
    if way not in LookUp.Way.values:
        raise BadInput("log_way", _("the way is shown or exported"))
    return Row(
        line, clean["recipient"], country, at, clean["purpose"], clean["record"], reference, way
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            "log_date", _("the date is not like 2024-05-31 or 2024-05-31T14:00:00Z")
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _log(data: bytes, system: str, covers_from: date, covers_to: date, rows: int) -> LookUpLog:
    log, _new = LookUpLog.objects.get_or_create(
        file_hash=hashes.of_file(data),
        defaults={
            "system": system,
            "covers_from": covers_from,
            "covers_to": covers_to,
            "rows": rows,
            "recorded_at": clock.now(),
        },
    )
    if log.state == LookUpLog.State.DONE:
        raise Conflict("log_known", _("This log is recorded already."))
    if (log.system, log.covers_from, log.covers_to) != (system, covers_from, covers_to):
        raise Conflict("log_differs", _("This log was begun with another system or period before."))
    return log


def _matching(named: str) -> list[Record]:
    try:
        return list(Record.objects.filter(id=UUID(named)).exclude(state=Record.State.ERASED))
    except ValueError:
        return selectors.by_address(named) or selectors.by_path(named)


def _record(log: LookUpLog, rows: Sequence[Row]) -> None:
    with unit_of_work():
        for row in rows:
            recipient, _new = Recipient.objects.get_or_create(
                name=row.recipient, country=row.country
            )
            for record in _matching(row.record):
                look_up, new = LookUp.objects.get_or_create(
                    log=log,
                    row_number=row.line,
                    record=record,
                    defaults={"recipient": recipient, "at": row.at, "way": row.way},
                )
                if new:
                    _seal(record.unit, selectors.purpose_field(look_up.id), row.purpose)
                    _seal(record.unit, selectors.reference_field(look_up.id), row.reference)


def _seal(unit: UUID, field: str, words: str) -> None:
    if words:
        vault.write_small(unit, field, words.encode())


def _finish(log: LookUpLog, rows: int, missing: Sequence[int], actor: Actor) -> int:
    with unit_of_work():
        log.state, log.rows, log.unmatched = LookUpLog.State.DONE, rows, len(missing)
        log.recorded_at = clock.now()
        log.save(update_fields=["state", "rows", "unmatched", "recorded_at"])
        audit_event(
            "lookups.recorded",
            actor=actor,
            subject_id=log.id,
            rows=rows,
            unmatched=len(missing),
            covers_from=log.covers_from,
            covers_to=log.covers_to,
        )
    return LookUp.objects.filter(log=log).count()
