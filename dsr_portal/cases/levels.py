"""The identity level a case needs, fixed before any search (R2).

It follows from right, way in and channel only. Nothing that was found, and nothing about the
person, can raise or lower it.
"""

from collections.abc import Collection

from dsr_portal.cases.models import IdentityElement, RightCode

L0, L1, L2 = 0, 1, 2

OF_RIGHT: dict[str, int] = {
    RightCode.ACCESS: L2,
    RightCode.ERASURE: L2,
    RightCode.RECTIFICATION: L2,
    RightCode.RESTRICTION: L1,
    RightCode.OBJECTION: L1,
}
"""Disclosure, a confirmed erasure and "nothing found" ask L2; restriction asks L1."""

OF_WAY: dict[str, int] = {}
OF_CHANNEL: dict[str, int] = {}
"""Ways in and channels may ask for more, never for less; none does today."""


def required_level(*, rights: Collection[str], ways: Collection[str], channel: str) -> int:
    """The level of a request, at least L1: a face search never runs on a mailbox alone (R2)."""
    asked = [OF_RIGHT[RightCode(right)] for right in rights]
    asked += [OF_WAY.get(way, L0) for way in ways]
    asked.append(OF_CHANNEL.get(channel, L0))
    return max([L1, *asked])


def level_of(*, element: str) -> int:
    """What one recorded check reaches: a way of R6 is L1, with a further element of R7 L2."""
    return L2 if element and IdentityElement(element) else L1
