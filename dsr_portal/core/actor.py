"""Who did something, as plain values: the audit trail knows no user model (design, section 3)."""

from dataclasses import dataclass, field
from typing import Literal

ActorKind = Literal["staff", "person", "regulator", "operator", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One doer.

    `id` is a staff number for staff and regulators, a case id for a data subject, a
    mandate's id for who acts for one (their account's where it is about no case), the name of a
    process for `system` and "operator" for commands run on the machine. It is never a name.
    """

    id: str
    role: str
    kind: ActorKind
    acts_now: bool = field(default=True, compare=False)
    """False where the portal finishes what this person decided earlier (`decided_by`)."""

    @classmethod
    def decided_by(cls, staff_no: str, role: str) -> "Actor":
        """Who decided something earlier that is done now: the trail names them, no right of today
        is asked of them."""
        return cls(id=staff_no, role=role, kind="staff", acts_now=False)

    @classmethod
    def system(cls, name: str) -> "Actor":
        return cls(id=name, role="system", kind="system")

    @classmethod
    def operator(cls) -> "Actor":
        return cls(id="operator", role="operator", kind="operator")

    @classmethod
    def person(cls, case_id: object) -> "Actor":
        return cls(id=str(case_id), role="data_subject", kind="person")

    @classmethod
    def representative(cls, known_by: object) -> "Actor":
        """Who acts for a data subject (R11): by the mandate or their account, never the person."""
        return cls(id=str(known_by), role="representative", kind="person")

    @property
    def is_human_staff(self) -> bool:
        return self.kind == "staff"
