"""The block list's one question; it is compared with and never read out (law E-13)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsr_portal.core.errors import BadInput
from dsr_portal.gallery import hashes
from dsr_portal.gallery.models import BlockEntry


def any_blocked(hashes_by_kind: Iterable[tuple[str, str]]) -> bool:
    """Whether one of these is on the list: each a kind and the hash as the gallery keeps it."""
    wanted = {hashes.for_block(kind, hashed) for kind, hashed in hashes_by_kind if hashed}
    return BlockEntry.objects.filter(hash__in=wanted).exists()


@dataclass(frozen=True, slots=True)
class Asked:
    """What must not be collected (again): addresses in clear, the file as its hash."""

    page: str = ""
    image: str = ""
    file_hash: str = ""

    def hashes(self) -> set[str]:
        """As the list keeps them; an address that is none is on no list."""
        wanted = set()
        for kind, address in (
            (BlockEntry.Kind.PAGE, self.page),
            (BlockEntry.Kind.IMAGE, self.image),
        ):
            if address:
                try:
                    wanted.add(hashes.for_block(kind, hashes.of_address(address)))
                except BadInput:
                    continue
        if self.file_hash:
            wanted.add(hashes.for_block(BlockEntry.Kind.FILE, self.file_hash))
        return wanted


def which_blocked(asked: Sequence[Asked]) -> list[bool]:
    """For each whether something of it is on the list, by one question for all."""
    wanted = [one.hashes() for one in asked]
    together = set().union(*wanted)
    if not together:
        return [False] * len(asked)
    rows = BlockEntry.objects.filter(hash__in=together)
    on_list = set(rows.values_list("hash", flat=True))
    return [bool(one & on_list) for one in wanted]


def blocked(*, page: str = "", image: str = "", file_hash: str = "") -> bool:
    """Whether this must not be collected (again): addresses in clear, the file as its hash."""
    return which_blocked([Asked(page, image, file_hash)])[0]
