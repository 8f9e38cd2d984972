"""Uploads stay in memory: no byte a person sends touches the disk in clear (design, section 5)."""

import os
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from dsr_portal.vault.confined import PictureRefused

_PATIENCE = 4
"""A body of more than so many times the limit is cut off instead of read to its end."""


class MemoryUpload(UploadedFile):
    """An uploaded file in memory; `too_large` when it was over the limit and not kept."""

    def __init__(self, *args: Any, too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.too_large = too_large


class MemoryOnlyUploadHandler(FileUploadHandler):
    """Keeps files up to DSR_MAX_UPLOAD bytes in a memfd: named nowhere, gone when closed.

    What is larger is read and thrown away, so that the page can say so in plain words instead of
    a broken connection; far above the limit the connection is closed.
    """

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any
    ) -> None:
        self._received = 0
        self._hopeless = content_length > _PATIENCE * self._limit

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        if self._hopeless:
            raise StopUpload(connection_reset=True)
        super().new_file(*args, **kwargs)
        self._file: BinaryIO = open_memory()
        self._size = 0
        self._too_large = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._received += len(raw_data)
        if self._received > _PATIENCE * self._limit:
            self._file.close()
            raise StopUpload(connection_reset=True)
        self._size += len(raw_data)
        if self._size > self._limit and not self._too_large:
            self._too_large = True
            self._file.close()
            self._file = open_memory()
        if not self._too_large:
            self._file.write(raw_data)

    def file_complete(self, file_size: int) -> MemoryUpload:
        self._file.seek(0)
        return MemoryUpload(
            file=self._file,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
            too_large=self._too_large,
        )

    def upload_interrupted(self) -> None:
        file = getattr(self, "_file", None)
        if file is not None:
            file.close()

    @property
    def _limit(self) -> int:
        return int(settings.DSR_MAX_UPLOAD)


def open_memory() -> BinaryIO:
    """An unnamed file in memory only, closed in children."""
    return os.fdopen(os.memfd_create("upload", os.MFD_CLOEXEC), "w+b")


def picture_bytes(upload: UploadedFile | None) -> bytes:
    """The bytes of an uploaded picture; `PictureRefused` when there are none or too many."""
    if upload is None:
        raise PictureRefused("empty")
    if getattr(upload, "too_large", False) or (upload.size or 0) > settings.DSR_MAX_UPLOAD:
        raise PictureRefused("too_many_bytes", size=upload.size)
    data = upload.read()
    upload.close()
    if not data:
        raise PictureRefused("empty")
    return bytes(data)
