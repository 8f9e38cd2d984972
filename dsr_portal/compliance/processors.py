"""The register of processors, and that nothing is configured without an entry (P-15; Art. 28 GDPR).

Each server this installation is set to use (database, broker, mail relay) stands in the register by
its host: with its contract, or as the controller's own. In production mail does not leave over a
relay without an entry, and `manage.py check --deploy --database default` stops.
"""

from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.compliance.processor_models import Processor, ProcessorRole
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.registries import processor_lists

MAY_ENTER = frozenset({Role.SUPERVISOR, Role.DIRECTOR})
MAIL, DATABASE, BROKER = "DSR_MAIL_URL", "DATABASE_URL", "CELERY_BROKER_URL"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written down of one processor."""

    name: str
    role: str
    hosts: str
    country: str = ""
    contract_on: date | None = None
    terms: str = ""
    safeguard: str = ""
    """For a transfer outside the EEA (Art. 46)."""


def enter(*, entry: Entry, actor: Actor) -> Processor:
    """Write a processor down; without the day of its contract and its terms only as one's own.

    Raises `NotAllowed`, `BadInput` with processor_name, processor_role, no_host, contract_missing.
    """
    _require(actor)
    if not entry.name.strip():
        raise BadInput("processor_name", _("Write who it is."))
    if entry.role not in ProcessorRole.values:
        raise BadInput("processor_role", _("Choose among the choices."))
    hosts = sorted({one.lower().rstrip(".") for one in entry.hosts.split()})
    if any("/" in one or ":" in one for one in hosts):
        raise BadInput(
            "no_host", _("Write hosts only, like mail.example.org, with spaces between.")
        )
    own = entry.role == ProcessorRole.OWN
    if not own and not (entry.contract_on and entry.terms.strip()):
        raise BadInput(
            "contract_missing",
            _("A processor needs the day of its contract and its terms (Art. 28)."),
        )
    if entry.contract_on and entry.contract_on > clock.today():
        raise BadInput("contract_missing", _("The contract is signed before it counts."))
    with unit_of_work():
        row = Processor.objects.create(
            name=entry.name.strip(),
            role=entry.role,
            hosts=" ".join(hosts),
            country=entry.country.strip().upper(),
            contract_on=None if own else entry.contract_on,
            terms=entry.terms.strip(),
            safeguard=entry.safeguard.strip(),
            entered_by=actor.id,
            entered_at=clock.now(),
        )
        record("processor.entered", actor=actor, subject_id=row.id, role=row.role)
    return row


def end(*, processor_id: UUID, actor: Actor) -> Processor:
    """It works for us no more; a host it stood for has no entry from now on."""
    _require(actor)
    with unit_of_work():
        row = Processor.objects.select_for_update().filter(id=processor_id).first()
        if row is None:
            raise NotFound("no_processor", _("There is no such entry."))
        if row.ended_at is not None:
            raise Conflict("over_already", _("This has ended already."))
        row.ended_by, row.ended_at = actor.id, clock.now()
        row.save(update_fields=["ended_by", "ended_at"])
        record("processor.ended", actor=actor, subject_id=row.id, role=row.role)
    return row


def register() -> list[Processor]:
    """Those that work for us first."""
    rows = Processor.objects.order_by("name", "entered_at")
    return sorted(rows, key=lambda one: one.ended_at is not None)


def is_entered(host: str) -> bool:
    """Whether a host stands in the register now; this machine itself needs no entry."""
    if _is_here(host):
        return True
    rows = Processor.objects.filter(ended_at=None).values_list("hosts", flat=True)
    wanted = host.lower().rstrip(".")
    return any(wanted in hosts.split() for hosts in rows)


def without_entry() -> list[tuple[str, str]]:
    """Settings that name a host nobody entered: the setting and the host."""
    return [(name, host) for name, host in configured() if not is_entered(host)]


def configured() -> list[tuple[str, str]]:
    """The servers of other machines this installation is set to use."""
    found = [
        (MAIL, urlsplit(settings.DSR_MAIL_URL).hostname or ""),
        (DATABASE, str(settings.DATABASES["default"].get("HOST") or "")),
        (BROKER, _host(settings.CELERY_BROKER_URL)),
    ]
    return [(name, host) for name, host in found if host]


def _host(url: str) -> str:
    return "" if url.startswith("embedded:") else urlsplit(url).hostname or ""


def _is_here(host: str) -> bool:
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _require(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_ENTER:
        raise NotAllowed("processor_role", _("Your role does not include this."))


processor_lists.register("compliance.processors", is_entered)
