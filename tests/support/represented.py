"""Requests somebody else sent, for tests: made by the services and nothing else."""

from collections.abc import Sequence
from typing import Any

from dsr_portal.cases import mandates, services
from dsr_portal.cases.mandate_models import Addressee, Invitation, Mandate
from dsr_portal.cases.models import Case, Channel, RightCode
from dsr_portal.core.actor import Actor
from dsr_portal.gallery import hashes
from dsr_portal.jobs.models import Effect

PAPER = b"%PDF-1.7 I let Lena Voss act for me. " + b"canary-mandate-91c " * 12
LENA = mandates.Representative(name="Lena Voss", organisation="Voss Law", email="lena@voss.example")
PAGE = "https://site.example/page"


def sent_for_somebody(
    writer: Actor,
    *,
    rights: Sequence[str] = (RightCode.ACCESS, RightCode.ERASURE),
    email: str = "mina@example.org",
    document: bytes = PAPER,
    who: mandates.Representative = LENA,
    kind: str = "lawyer",
    channel: str = Channel.REPRESENTATIVE,
    **more: Any,
) -> tuple[Case, Mandate]:
    """A letter of a representative, entered by a person of staff with its mandate."""
    opened = {name: more.pop(name) for name in ("received_at", "age_band") if name in more}
    case = services.open_case(
        actor=writer,
        channel=channel,
        rights=rights,
        ways=[services.WaySent("page", PAGE, keyed_hash=hashes.of_address(PAGE))],
        contact=services.Contact(email=email),
        **opened,
    ).case
    mandate = mandates.write_down(
        case_id=case.id,
        actor=writer,
        who=who,
        kind=kind,
        rights=more.pop("covers", rights),
        document=document,
        **more,
    )
    return case, mandate


def invitation(case: Case, to: str) -> Invitation:
    return Invitation.objects.filter(case=case, addressee=Addressee(to)).latest("made_at")


def mails(kind: str) -> int:
    return Effect.objects.filter(kind=kind).count()
