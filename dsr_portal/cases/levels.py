"""The identity level a case needs, fixed before any search (R2).

It follows from right, way in and channel only. Nothing that was found, and nothing about the
person, can raise or lower it.
"""

from collections.abc import Collection, Iterable

from dsr_portal.cases.models import IdentityCheck, IdentityElement, IdentityWay, RightCode, WayKind
from dsr_portal.policy import selectors as policy
from dsr_portal.policy.catalogue import LEVEL_OF_RIGHT, LEVEL_OF_WAY

L0, L1, L2 = 0, 1, 2

DISCLOSURE_LEVEL = L2
"""What disclosure, an erasure and "nothing found" ask, whatever the request began as."""

OF_CHANNEL: dict[str, int] = {}
"""Channels may ask for more, never for less; none does today. Rights and ways in are policy."""

COMPARES_FACES = frozenset({IdentityWay.POSE_CHECK, IdentityWay.THREE_PHOTOS})
"""Ways of R6 that compare with a photo that was sent; they say nothing of what else was named."""


def of_right(right: str) -> int:
    """What a right asks: the value two persons set, never under the floor of R2 (R34)."""
    return int(policy.current(f"{LEVEL_OF_RIGHT}{RightCode(right)}"))


def of_way(way: str) -> int:
    """What a way in asks at least."""
    return int(policy.current(f"{LEVEL_OF_WAY}{WayKind(way)}"))


def required_level(*, rights: Collection[str], ways: Collection[str], channel: str) -> int:
    """The level of a request, at least L1: a face search never runs on a mailbox alone (R2).

    It is stored with the case: a policy that changes later leaves open cases as they are, and
    counts for what is asked from then on.
    """
    asked = [of_right(right) for right in rights]
    asked += [of_way(way) for way in set(ways)]
    asked.append(OF_CHANNEL.get(channel, L0))
    return max([L1, *asked])


def level_of(*, element: str) -> int:
    """What one recorded check reaches: a way of R6 is L1, with a further element of R7 L2."""
    return L2 if element and IdentityElement(element) else L1


def level_without_photo(checks: Iterable[IdentityCheck]) -> int:
    """What the checks in force reach when those that compare faces are left out.

    An element that leans on an earlier check counts only where that one is left too: a second way
    beside another way, a supervisor's release after another person's check.
    """
    left = [one for one in checks if one.lapsed_at is None and one.way not in COMPARES_FACES]

    def reached(check: IdentityCheck) -> int:
        if check.element == IdentityElement.SECOND_WAY:
            return L2 if any(one.way != check.way for one in left) else L1
        if check.element == IdentityElement.SUPERVISOR_RELEASE:
            return L2 if any(one.officer != check.officer for one in left) else L1
        return level_of(element=check.element)

    return max(map(reached, left), default=L0)
