"""The embedded broker: kombu's file-system transport, made safe and quick.

The stock one writes a message in place, so that a reader can meet half a message and die of it,
passes messages through the machine's temporary folder and looks once a second. Here a message is
written under a temporary name and renamed, each queue has a folder of its own (mode 0700), and
what is no message is dropped: the job's row is the truth and is sent again.

Bindings live in each process; every process declares the queues it uses.
"""

import logging
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

from django.conf import settings
from kombu.transport import filesystem, virtual
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)
ALIAS = "embedded"
POLLING_SECONDS = 0.05
WAITING_SECONDS = 0.2
_MESSAGE = ".msg"
_LEFT_OVER_SECONDS = 3600


class Channel(filesystem.Channel):
    """One folder per queue below DSR_BROKER_DIR."""

    supports_fanout = False

    def get_table(self, exchange: str) -> list[Any]:
        return list(virtual.Channel.get_table(self, exchange))

    def _folder(self, queue: str) -> Path:
        if not self._is_valid_exchange_name(queue):
            raise ValueError(f"{queue!r} is not the name of a queue")
        return Path(settings.DSR_BROKER_DIR) / queue

    def _messages(self, queue: str) -> Iterator[Path]:
        """Messages of the queue, oldest first."""
        folder = self._folder(queue)
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            return
        for name in names:
            if name.endswith(_MESSAGE):
                yield folder / name

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        folder = self._folder(queue)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.iterdir():
            if left.suffix != _MESSAGE and _age(left) > _LEFT_OVER_SECONDS:
                left.unlink(missing_ok=True)

    def _put(  # type: ignore[override]  # the two bases in kombu disagree
        self, queue: str, message: Any, **kwargs: Any
    ) -> None:
        folder = self._folder(queue)
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}"
        try:
            self._write(folder / f"{name}.new", message)
        except FileNotFoundError:
            # Somebody emptied the folder while we ran.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(folder / f"{name}.new", message)
        (folder / f"{name}.new").rename(folder / f"{name}{_MESSAGE}")

    @staticmethod
    def _write(path: Path, payload: Any) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(str_to_bytes(dumps(payload)))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        for path in self._messages(queue):
            taken = path.with_suffix(".taken")
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # another worker was quicker
            payload = _read(taken)
            taken.unlink(missing_ok=True)
            if payload is not None:
                return payload
            log.warning("a file in queue %s was no whole message and was dropped", queue)
        raise Empty

    def _purge(self, queue: str) -> int:
        purged = 0
        for path in self._messages(queue):
            path.unlink(missing_ok=True)
            purged += 1
        return purged

    def _size(self, queue: str) -> int:
        return sum(1 for _ in self._messages(queue))

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:
        self._purge(queue)


class Transport(filesystem.Transport):
    """The address `embedded://`."""

    Channel = Channel
    polling_interval = POLLING_SECONDS
    driver_type = ALIAS
    driver_name = ALIAS
    global_state = virtual.BrokerState()
    implements = virtual.Transport.implements.extend(
        asynchronous=False, exchange_type=frozenset(["direct"])
    )

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Wait for a message no longer than a moment.

        A worker asks between two waits whether it is to stop, and would wait for two seconds.
        """
        super().drain_events(connection, timeout and min(timeout, WAITING_SECONDS))


def _read(path: Path) -> dict[str, Any] | None:
    """The message in a file, None when it is not a whole one."""
    try:
        payload = loads(bytes_to_str(path.read_bytes()))
        properties = payload["properties"]
        whole = isinstance(payload["body"], str) and "delivery_tag" in properties
        whole = whole and "delivery_info" in properties and isinstance(payload["headers"], dict)
    except (ValueError, TypeError, KeyError, LookupError, OSError):
        return None
    return payload if whole else None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
