"""The block list's one question; it is compared with and never read out (law E-13)."""

from collections.abc import Iterable

from dsr_portal.core.errors import BadInput
from dsr_portal.gallery import hashes
from dsr_portal.gallery.models import BlockEntry


def any_blocked(hashes_by_kind: Iterable[tuple[str, str]]) -> bool:
    """Whether one of these is on the list: each a kind and the hash as the gallery keeps it."""
    wanted = {hashes.for_block(kind, hashed) for kind, hashed in hashes_by_kind if hashed}
    return BlockEntry.objects.filter(hash__in=wanted).exists()


def blocked(*, page: str = "", image: str = "", file_hash: str = "") -> bool:
    """Whether this must not be collected (again): addresses in clear, the file as its hash."""
    wanted = []
    for kind, address in ((BlockEntry.Kind.PAGE, page), (BlockEntry.Kind.IMAGE, image)):
        if address:
            try:
                wanted.append(hashes.for_block(kind, hashes.of_address(address)))
            except BadInput:
                continue
    if file_hash:
        wanted.append(hashes.for_block(BlockEntry.Kind.FILE, file_hash))
    return bool(wanted) and BlockEntry.objects.filter(hash__in=wanted).exists()
