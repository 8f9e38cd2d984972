"""Looking for the bytes of what was erased, in this process's memory and in files (R30).

The library's scanner does both: patterns are kept masked only, so that who looks never holds what
is looked for.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsr_portal.core.transactions import outside
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import holder as holders

if TYPE_CHECKING:
    from biometrics.memory_scan import FileScanner

_CANARY = 48


@dataclass(frozen=True, slots=True)
class MemoryScan:
    """A byte scan of this process: one count per pattern, and whether a planted canary was seen."""

    counts: tuple[int, ...]
    bytes: int
    regions: int
    unreadable: int
    canary_found: bool

    @property
    def total(self) -> int:
        return sum(self.counts)


def masked(pattern: bytes) -> str:
    """A pattern as masked text, as a verification kit keeps it."""
    from biometrics.memory_scan import Needle

    return Needle.of(pattern).to_text()


def needles_of(template: bytes) -> list[str]:
    """Masked byte patterns of a template for `scan_holder`, as text for a verification kit.

    As it is stored; as it was before the turn, which is how a person is given it; and as it was
    before the mean face came off. Make them in another process than the one to be scanned.
    """
    import numpy as np

    from biometrics.memory_scan import Needle, near_needles, number_forms, template_needles
    from biometrics.models import SFACE
    from biometrics.templates import before_turn, mean_face_of

    stored = np.frombuffer(template, dtype="<f4")
    needles = template_needles(stored)
    models = (engines.entry(), SFACE)
    model = next((one for one in models if one.dimension == len(stored)), None)
    if model is None:
        # Of a model that serves no more: its frame is unknown, its stored form is not.
        return [one.to_text() for one in needles]
    plain = before_turn(stored, engines.turn(model.dimension), mean_face_of(model))
    for values in plain:
        needles += near_needles(values)
    given = [round(float(value), 7) for value in plain[0][40:43]]
    needles += [Needle.of(form) for form in number_forms(given)]
    return [one.to_text() for one in needles]


def needles_of_given(given: Sequence[float]) -> list[str]:
    """Masked patterns of a template as a person was given it (unturned, rounded).

    Rounding moved its last digits, so numbers are looked for by their first bytes: as they were
    given, turned as they are stored, and before the mean face came off.
    """
    import numpy as np

    from biometrics.memory_scan import Needle, near_needles, number_forms
    from biometrics.models import SFACE
    from biometrics.templates import before_turn, mean_face_of

    values = np.asarray(given, dtype=np.float64)
    model = next((one for one in (engines.entry(), SFACE) if one.dimension == len(values)), None)
    needles = near_needles(values)
    needles += [Needle.of(form) for form in number_forms([float(one) for one in values[40:43]])]
    if model is not None:
        turn = engines.turn(model.dimension)
        turned = turn @ values
        plain = before_turn(turned.astype(np.float32), turn, mean_face_of(model))
        needles += near_needles(turned)
        needles += near_needles(plain[1])
    return [one.to_text() for one in needles]


def text_forms(data: bytes) -> list[bytes]:
    """The forms in which bytes stand in a text: base64 wherever they begin, hex in both cases."""
    from biometrics import memory_scan

    return memory_scan.text_forms(data)


@outside("Scanning memory")
def scan_holder(*, needles: Sequence[str]) -> MemoryScan:
    """Count masked patterns in all memory of this process, which holds the index by then.

    Run it in the search worker. A canary planted for the scan must be found once, or the scan
    proves nothing (R30).
    """
    from biometrics.errors import ScanFailed
    from biometrics.memory_scan import Needle, scan_process

    with holders.holder().current():
        pass
    canary = bytearray(secrets.token_bytes(_CANARY))
    patterns = [Needle.from_text(text) for text in needles]
    try:
        report = scan_process("self", [*patterns, Needle.of(bytes(canary))])
    except ScanFailed as error:
        raise engines.plain(error) from error
    finally:
        canary[:] = bytes(_CANARY)
    return MemoryScan(
        counts=report.counts[:-1],
        bytes=report.scanned_bytes,
        regions=report.regions,
        unreadable=report.unreadable,
        canary_found=report.counts[-1] > 0,
    )


@outside("Scanning files")
@contextmanager
def file_scanner(needles: Sequence[str]) -> "Iterator[FileScanner]":
    """Looks for masked patterns in files, each as it lies on the disk when it is scanned."""
    from biometrics import memory_scan

    scanner = memory_scan.FileScanner([memory_scan.Needle.from_text(text) for text in needles])
    try:
        yield scanner
    finally:
        scanner.close()
