"""Mandates that come together: a list and its papers, checked before anything is made (R11).

Every line becomes a case of its own with its own clock, from the day the batch arrived. Nothing is
made while a line is wrong, unless whoever sent it wants the good ones made. There is no limit on
how many people one representative asks for.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import INTAKE
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import mandates
from dsr_portal.cases import services as cases
from dsr_portal.cases.mandate_models import AnswerTo, Batch, Mandate, MandateKind
from dsr_portal.cases.models import Case, Channel, RightCode, WayKind
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.gallery import hashes
from dsr_portal.gallery.addresses import canonical
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

COLUMNS = (
    "name",
    "email",
    "postal",
    "rights",
    "pages",
    "language",
    "answer_to",
    "until",
    "mandate",
)
NEEDED = ("rights", "mandate")
PURPOSE = "mandate-batch"


@dataclass(frozen=True, slots=True)
class Line:
    """One person of the list, and the paper that lets somebody act for them."""

    number: int
    contact: cases.Contact = field(repr=False)
    rights: tuple[str, ...]
    pages: tuple[str, ...] = field(repr=False)
    language: str
    answer_to: str
    until: date | None
    document: bytes = field(repr=False)


class Problem(NamedTuple):
    """What is wrong with a line, in words; line 1 is the header."""

    line: int
    words: str


@dataclass(frozen=True, slots=True)
class Checked:
    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]
    content_hash: str


# -- checking -----------------------------------------------------------------------------------


def check(*, listed: bytes, papers: Mapping[str, bytes]) -> Checked:
    """Read the list against its papers; makes nothing. Raises `BadInput` for what is no list."""
    rows = _rows(listed)
    lines, problems = [], []
    used: set[str] = set()
    for number, row in rows:
        wrong: list[str] = []
        line = _line(number, row, papers, used, wrong)
        problems += [Problem(number, words) for words in wrong]
        if not wrong:
            lines.append(line)
    problems += [
        Problem(1, _("The file %(name)s is named in no line.") % {"name": name})
        for name in sorted(set(papers) - used)
    ]
    return Checked(tuple(lines), tuple(problems), _hash(listed, papers))


def _rows(listed: bytes) -> list[tuple[int, dict[str, str]]]:
    try:
        text = listed.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput("list_encoding", _("Save the list as CSV in UTF-8.")) from error
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ","
    )
    names = [(name or "").strip().casefold() for name in reader.fieldnames or []]
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing or unknown:
        raise BadInput(
            "list_columns",
            _("The first line names the columns: %(known)s. Here it does not fit: %(wrong)s.")
            % {"known": ", ".join(COLUMNS), "wrong": ", ".join([*missing, *unknown]) or "-"},
        )
    reader.fieldnames = names
    rows = []
    try:
        for row in reader:
            told = {name: str(row.get(name) or "").strip() for name in COLUMNS}
            rows.append((reader.line_num, told))
    except csv.Error as error:
        raise BadInput("list_unreadable", _("This is no CSV file we can read.")) from error
    if not rows:
        raise BadInput("list_empty", _("The list has no line below its first."))
    return rows


def _line(
    number: int,
    row: Mapping[str, str],
    papers: Mapping[str, bytes],
    used: set[str],
    wrong: list[str],
) -> Line:
    return Line(
        number=number,
        contact=_contact(row, wrong),
        rights=_rights(row["rights"], wrong),
        pages=_pages(row["pages"], wrong),
        language=_one_of(row["language"] or "en", dict(settings.LANGUAGES), wrong),
        answer_to=_one_of(row["answer_to"] or AnswerTo.PERSON, AnswerTo.values, wrong),
        until=_until(row["until"], wrong),
        document=_paper(row["mandate"], papers, used, wrong),
    )


def _contact(row: Mapping[str, str], wrong: list[str]) -> cases.Contact:
    if not row["email"] and not row["postal"]:
        wrong.append(_("Write an e-mail or postal address of the person: they get a link too."))
    if row["email"]:
        try:
            validate_email(row["email"])
        except ValidationError:
            wrong.append(_("The e-mail address is none. It looks like name@example.org."))
    return cases.Contact(email=row["email"], name=row["name"], postal=row["postal"])


def _rights(text: str, wrong: list[str]) -> tuple[str, ...]:
    asked = text.replace(",", " ").replace(";", " ").casefold().split()
    unknown = [one for one in asked if one not in RightCode.values]
    if not asked or unknown:
        wrong.append(
            _("Name one or more rights: %(known)s.") % {"known": ", ".join(RightCode.values)}
        )
    return tuple(right for right in RightCode.values if right in asked)


def _pages(text: str, wrong: list[str]) -> tuple[str, ...]:
    pages = text.split()
    for page in pages:
        try:
            canonical(page)
        except BadInput:
            wrong.append(_("A page address is none. It looks like example.org/page."))
            break
    return tuple(pages)


def _one_of(text: str, known: Sequence[str] | Mapping[str, object], wrong: list[str]) -> str:
    if text not in known:
        wrong.append(_("Choose one of these: %(known)s.") % {"known": ", ".join(known)})
    return str(text)


def _until(text: str, wrong: list[str]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        wrong.append(_("Write the last day as year-month-day, like 2027-01-31."))
        return None


def _paper(name: str, papers: Mapping[str, bytes], used: set[str], wrong: list[str]) -> bytes:
    data = papers.get(name, b"")
    if not data:
        wrong.append(_("Its mandate is not among the files: name the file as it is called."))
    elif name in used:
        wrong.append(_("Another line names the same file: each person has a mandate of their own."))
    elif not data.startswith(b"%PDF-"):
        wrong.append(_("The mandate is no PDF."))
    used.add(name)
    return data


def _hash(listed: bytes, papers: Mapping[str, bytes]) -> str:
    parts = [listed, *(name.encode() + b"\0" + papers[name] for name in sorted(papers))]
    return vault.keyed_hash(PURPOSE, b"".join(len(one).to_bytes(8, "big") + one for one in parts))


# -- making -------------------------------------------------------------------------------------


def open_batch(
    *,
    actor: Actor,
    who: mandates.Representative,
    kind: str,
    received_at: datetime | None,
    checked: Checked,
    only_good: bool = False,
) -> Batch:
    """Make a case for each line, and the receipt with every reference for who sent them.

    The same list and papers again make nothing twice: what was not made yet is made. Raises
    `BadInput("batch_problems")` while a line is wrong and not only the good ones are wanted.
    """
    require_outside_transaction("Opening a batch")
    if not actor.is_human_staff or actor.role not in INTAKE:
        raise NotAllowed("entering_role", _("Your role does not include this."))
    if kind not in MandateKind.values or kind in {MandateKind.PARENT, MandateKind.HEIR}:
        raise BadInput("no_such_choice", _("Children and the dead are entered one by one."))
    known = who.cleaned()
    if checked.problems and not only_good:
        raise BadInput("batch_problems", _("Mend these lines first, or have the good ones made."))
    if not checked.lines:
        raise BadInput("batch_empty", _("No line can be made."))
    batch = _begun(actor, received_at, checked)
    made = set(batch.mandates.values_list("line", flat=True))
    for line in checked.lines:
        if line.number not in made:
            _open(batch=batch, line=line, who=known, kind=kind, actor=actor)
    if known.email:
        queue_effect(kind="mail.batch", subject_id=batch.id, unique_key=f"mail.batch:{batch.id}")
    return batch


def _begun(actor: Actor, received_at: datetime | None, checked: Checked) -> Batch:
    with unit_of_work():
        batch, new = Batch.objects.get_or_create(
            content_hash=checked.content_hash,
            defaults={
                "made_by": actor.id,
                "made_at": clock.now(),
                "received_at": received_at or clock.now(),
                "lines": len(checked.lines),
                "left_out": len({one.line for one in checked.problems}),
            },
        )
        if new:
            record(
                "batch.opened",
                actor=actor,
                subject_id=batch.id,
                lines=batch.lines,
                left_out=batch.left_out,
            )
    return batch


@vault.retry_stale
def _open(
    *, batch: Batch, line: Line, who: mandates.Representative, kind: str, actor: Actor
) -> None:
    case_id: UUID = new_id()
    proof = mandates.staged_proof(case_id, line.document)
    row = Mandate(
        kind=kind,
        answer_to=line.answer_to,
        until=line.until,
        written_by=actor.id,
        batch=batch,
        line=line.number,
    )

    def also(case: Case) -> None:
        mandates.keep(row=row, case=case, actor=actor, who=who, rights=line.rights, proof=proof)

    cases.open_case(
        actor=actor,
        channel=Channel.REPRESENTATIVE,
        rights=line.rights,
        ways=[
            cases.WaySent(WayKind.PAGE, page, keyed_hash=hashes.of_address(page))
            for page in line.pages
        ],
        contact=line.contact,
        language=line.language,
        received_at=batch.received_at,
        case_id=case_id,
        also=also,
    )
