"""The library's own errors: callers translate them by ``code``, the text is for logs."""

from __future__ import annotations


class BiometricsError(Exception):
    """Base of every error of this library; ``code`` is stable and holds nothing about a person."""

    code = "biometrics_error"

    def __init__(self, detail: str = "", *, code: str | None = None) -> None:
        super().__init__(detail or code or self.code)
        if code is not None:
            self.code = code


class BadPicture(BiometricsError):
    """An array that is not a usable RGB picture (type, shape or size)."""

    code = "bad_picture"


class BadVector(BiometricsError):
    """An embedding or template with a wrong shape, a value that is not finite, or no length."""

    code = "bad_vector"


class EngineFailed(BiometricsError):
    """The recognition engine could not start, or gave numbers that can't be right."""

    code = "engine_failed"


class EngineTaken(EngineFailed):
    """This process already runs DeepFace on its other engine, or was forked after it began."""

    code = "engine_taken"


class DetectorFailed(BiometricsError):
    """The face detector could not be loaded or broke on a picture."""

    code = "detector_failed"


class FaceIndexError(BiometricsError):
    """Base of the errors of the face index."""

    code = "index_error"


class IndexDamaged(FaceIndexError):
    """Bytes of a shard or graph that fail a check made before anything else reads them."""

    code = "index_damaged"


class IndexMismatch(FaceIndexError):
    """Sound bytes that belong to another model, dimension or shard."""

    code = "index_mismatch"


class IndexOutOfMemory(FaceIndexError):
    """No memory for more rows; the index is as it was before."""

    code = "index_out_of_memory"


class DuplicateFace(FaceIndexError):
    """An id that the index already holds."""

    code = "duplicate_face"


class ScanFailed(BiometricsError):
    """A process's memory or a file that could not be read for the byte scan."""

    code = "scan_failed"
