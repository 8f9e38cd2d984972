"""Cases for tests, made by the services and nothing else."""

from collections.abc import Sequence
from typing import Any

from dsr_portal.audit import services as audit
from dsr_portal.cases import services
from dsr_portal.cases.models import Case, Channel, ConsentScope, RightCode, WayKind
from dsr_portal.cases.states import Action
from dsr_portal.core.actor import Actor
from dsr_portal.matching import probes
from dsr_portal.vault import services as vault

OFFICER = Actor("S-1001", "officer", "staff")
SECOND = Actor("S-1002", "officer", "staff")
SUPERVISOR = Actor("S-2001", "supervisor", "staff")
MACHINE = Actor.system("search-worker")


def opened(
    rights: Sequence[str] = (RightCode.ACCESS, RightCode.ERASURE),
    *,
    email: str = "mina@example.org",
    consents: Sequence[str] = (ConsentScope.COMPARISON,),
    **more: Any,
) -> Case:
    case = services.open_case(
        channel=more.pop("channel", Channel.WEB),
        rights=rights,
        ways=more.pop("ways", [services.WaySent(WayKind.SELFIE)]),
        consents=consents,
        contact=services.Contact(email=email),
        **more,
    ).case
    case.refresh_from_db()
    return case


def unusable(case: Case) -> Case:
    """A photo came and shows no face: the person is asked for another one (T-07)."""
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
    staged.add("picture", b"no face")
    with audit.unit_of_work():
        staged.save()
        probe = probes.add_probe(
            case=Case.objects.select_for_update().get(id=case.id),
            actor=person(case),
            unit=staged.unit_id,
            channel=Channel.WEB,
        )
        probes.probe_judged(probe_id=probe.id, verdict="no_face", findings=(), actor=MACHINE)
    case.refresh_from_db()
    return case


def identified(case: Case) -> Case:
    return services.record_identity(
        case_id=case.id,
        actor=OFFICER,
        way="call",
        element="mailbox_in_record",
        compared="Face on the call and in the photo are alike.",
    )


def decided(case: Case) -> Case:
    identified(case)
    services.advance(case=case, action=Action.START_SEARCH, actor=MACHINE)
    services.advance(case=case, action=Action.SEARCH_DONE, actor=MACHINE)
    services.advance(case=case, action=Action.FIRST_DONE, actor=OFFICER)
    services.advance(case=case, action=Action.REVIEW_DONE, actor=SECOND)
    return case


def delivered(case: Case, *, unit: Any = None) -> Any:
    """Decide and release an answer whose one part is a field of the case file."""
    decided(case)
    delivery = services.make_delivery(
        case=case,
        kind="answer",
        actor=SECOND,
        parts=[
            services.Part(
                name="answer.txt", media_type="text/plain", unit=case.file_unit, field="intake"
            )
        ],
    )
    services.release_batch(actor=SECOND)
    case.refresh_from_db()
    delivery.refresh_from_db()
    return delivery


def person(case: Case) -> Actor:
    return Actor.person(case.id)


def renewed(case: Case, *, actor: Actor = OFFICER) -> str:
    """A new receipt code after a check on the phone."""
    return services.renew_code(
        case_id=case.id, actor=actor, way="call", compared="Face on the call and their photo."
    )
