"""What the trail says of staff: numbers, roles and codes, never names (R19, R29)."""

from dsr_portal.accounts.models import ProposalKind, Role
from dsr_portal.audit.schema import Code, Day, EventType, Flag, Id, StaffNo
from dsr_portal.core.registries import event_types

_role = Code(choices=tuple(Role.values))
_site = Code(choices=("desk", "oversight", "public", "api"))

for _event in (
    EventType(
        "staff.created",
        {
            "staff": StaffNo(),
            "role": _role,
            "how": Code(choices=("command", "two_persons", "demo")),
        },
        ("L-16",),
    ),
    EventType(
        "staff.proposed",
        {"proposal": Id(), "kind": Code(choices=tuple(ProposalKind.values)), "staff": StaffNo()},
        ("L-16",),
    ),
    EventType(
        "staff.proposal_decided",
        {
            "proposal": Id(),
            "kind": Code(choices=tuple(ProposalKind.values)),
            "staff": StaffNo(),
            "proposed_by": StaffNo(),
            "approved": Flag(),
        },
        ("L-16",),
    ),
    EventType("staff.role_changed", {"staff": StaffNo(), "old": _role, "new": _role}, ("L-16",)),
    EventType("staff.trained", {"staff": StaffNo(), "until": Day()}, ("L-16", "P-17")),
    EventType("staff.deactivated", {"staff": StaffNo()}, ("L-16",)),
    EventType("staff.name_ended", {}, ("L-13", "L-23")),
    EventType("staff.factor_reset", {"staff": StaffNo()}, ("L-16",)),
    EventType("staff.password_set", {"staff": StaffNo()}, ("L-14", "X-15")),
    EventType(
        "staff.signed_in",
        {
            "staff": StaffNo(),
            "site": _site,
            "how": Code(choices=("password_code", "password_first", "demo_ticket")),
        },
        ("L-14", "X-15"),
    ),
    EventType("staff.signed_out", {"staff": StaffNo(), "site": _site}, ("L-14", "X-15")),
    EventType(
        "staff.sign_in_refused",
        {
            "staff": StaffNo(optional=True),
            "site": _site,
            "reason": Code(choices=("password", "code", "closed", "ticket")),
        },
        ("L-14", "X-15"),
    ),
    EventType("mfa.enrolled", {"staff": StaffNo()}, ("L-14", "X-15")),
):
    event_types.register(_event)
