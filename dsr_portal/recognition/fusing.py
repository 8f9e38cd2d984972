"""The template a search is made with: of a person's photos, and of faces an officer confirmed.

Everything a template is copied to here is a padded buffer that is overwritten at the end of the
search; nothing of it is stored, and it dies with the call (R8, R9).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.transactions import outside
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.analysis import pixels
from dsr_portal.vault.confined import Picture

_LEAST_ROWS = 256


class PhotosApart(Conflict):
    """The photos of a probe are too unlike to be fused before a person said they show one."""


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPhotos:
    """Templates of photos, float32 (n, 128), and how much each counts (n numbers over zero)."""

    templates: Any
    weights: tuple[float, ...]


@outside("Embedding a probe")
def embed_probes(pictures: Sequence[Picture | bytes]) -> EmbeddedPhotos:
    """The one face of each picture; `BadInput` with the finding where a picture has none."""
    from biometrics.fusion import weight_of
    from biometrics.quality import judge_probe

    crops, weights = [], []
    with engines.answering():
        pipeline = engines.pipeline()
        for picture in pictures:
            rgb = pixels(picture)
            verdict = judge_probe(rgb, engines.config())
            if verdict.face is None or verdict.quality is None:
                raise BadInput(verdict.code, "")
            crops.append(pipeline.crop(rgb, verdict.face))
            weights.append(weight_of(verdict.quality))
        return EmbeddedPhotos(pipeline.templates(crops), tuple(weights))


@dataclass(slots=True, eq=False)
class ProbeTemplate:
    """A context manager around one search: gives the fused template, float32 (128,), to search
    with, and overwrites it and all it was made of at the end.

    `pictures` are fused by quality; of more than five the best five count. With `alike` any two
    of them less alike than that raise `PhotosApart`: nothing is fused unseen. Faces of `confirmed`
    records then widen the probe, but none that lies far from it (`drifted`) unless it stands in
    `approved`: that takes the second officer (design.md, section 4).
    """

    pictures: Sequence[Picture | bytes]
    confirmed: Sequence[UUID] = ()
    approved: frozenset[UUID] = frozenset()
    alike: float | None = None
    drifted: tuple[UUID, ...] = field(default=(), init=False)
    used: tuple[UUID, ...] = field(default=(), init=False)
    _buffers: list[Any] = field(default_factory=list, init=False)

    def __enter__(self) -> Any:
        try:
            return self._made()
        except BaseException:
            self._wipe()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wipe()

    def _made(self) -> Any:
        from biometrics.fusion import apart, fuse_photos, widen

        photos = embed_probes(self.pictures)
        self._buffers.append(photos.templates)
        if self.alike is not None and apart(photos.templates, below=self.alike):
            raise PhotosApart("photos_apart", _("These photos are too unlike to be one person's."))
        probe = self._padded(1, photos.templates.shape[1])[0]
        probe[:] = fuse_photos(photos.templates, photos.weights)
        known = self._confirmed_faces(probe)
        if len(known):
            probe[:] = widen(probe, known)
        return probe

    def _confirmed_faces(self, probe: Any) -> Any:
        """Templates of the confirmed records that may widen the probe, float32 (k, 128)."""
        import numpy as np

        from biometrics.fusion import drift

        if not self.confirmed:
            return self._padded(0, len(probe))[:0]
        stored = holders.templates_of(engines.model_row(), self.confirmed)
        rows = self._padded(len(stored), len(probe))
        used: list[UUID] = []
        drifted: list[UUID] = []
        for record_id, raw in stored.items():
            row = np.frombuffer(raw, dtype="<f4")
            if record_id not in self.approved and drift(probe, row):
                drifted.append(record_id)
                continue
            rows[len(used)] = row
            used.append(record_id)
        self.used, self.drifted = tuple(used), tuple(drifted)
        return rows[: len(used)]

    def _padded(self, rows: int, dimension: int) -> Any:
        buffer = padded(rows, dimension)
        self._buffers.append(buffer)
        return buffer

    def _wipe(self) -> None:
        from biometrics.memory import wipe

        wipe(*self._buffers)
        self._buffers.clear()


def padded(rows: int, dimension: int) -> Any:
    """A zeroed float32 buffer of at least `rows` rows, large enough that freeing it gives its
    pages back: numpy keeps small freed arrays, with what is in them (biometrics.memory)."""
    import numpy as np

    return np.zeros((max(rows, _LEAST_ROWS), dimension), dtype=np.float32)
