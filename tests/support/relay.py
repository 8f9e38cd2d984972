"""A mail relay of the test: enough of SMTP over TLS for one mail at a time."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from tests.support.endpoints import Authority


@dataclass
class Relay:
    """What the relay got, and what it says to a recipient ("250 ok" when all is well)."""

    port: int
    reply: str = "250 ok"
    starttls: bool = True
    mails: list[EmailMessage] = field(default_factory=list)
    clear: list[bytes] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def relaying(
    authority: Authority, *, wrapped: bool = True, name: str = "localhost"
) -> Iterator[Relay]:
    """A relay on 127.0.0.1: TLS from the first byte, or STARTTLS."""
    chain, key = authority.certify(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.secure = wrapped
            if wrapped:
                self.request = context.wrap_socket(self.request, server_side=True)
            self._use()
            self._say("220 relay")
            while line := self.lines.readline():
                if not self._take(line.strip()):
                    return

        def _use(self) -> None:
            self.request.settimeout(10)
            self.lines = self.request.makefile("rb")

        def _say(self, words: str) -> None:
            self.request.sendall(words.encode() + b"\r\n")

        def _take(self, line: bytes) -> bool:
            verb = line.split(b" ")[0].upper()
            if not self.secure and verb not in (b"EHLO", b"STARTTLS", b"QUIT"):
                relay.clear.append(line)
            if verb == b"EHLO":
                offers = "250-relay\r\n"
                offers += "" if self.secure or not relay.starttls else "250-STARTTLS\r\n"
                self._say(offers + "250 AUTH PLAIN")
            elif verb == b"STARTTLS":
                self._say("220 go on")
                self.request = context.wrap_socket(self.request, server_side=True)
                self.secure = True
                self._use()
            elif verb == b"AUTH":
                relay.logins.append(line.split(b" ")[2].decode())
                self._say("235 ok")
            elif verb == b"RCPT":
                self._say(relay.reply)
            elif verb == b"DATA":
                self._say("354 go on")
                self._data()
                self._say("250 ok")
            elif verb == b"QUIT":
                self._say("221 bye")
                return False
            else:
                self._say("250 ok")
            return True

        def _data(self) -> None:
            lines = []
            while (line := self.lines.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b"."))
            mail = message_from_bytes(b"".join(lines), policy=policy.default)
            relay.mails.append(cast(EmailMessage, mail))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_args: Any) -> None:
            """A client that does not trust the certificate is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    relay = Relay(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
