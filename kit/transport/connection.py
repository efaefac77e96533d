"""Connections that send in one piece and read by one deadline.

http.client sends head and body apart, and the host wakes up twice. Its time-out is for one read: a head
that comes byte by byte, endless ``100 Continue`` or a trickling body would hold a socket for ever. Here
everything read of one answer, from its first byte, takes at most six time-outs.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

_SLOW = 6  # time-outs that a whole answer may take
_BUFFER = 2**16


class _Reader(io.RawIOBase):
    """Reads a socket: each read ends at the time-out, and all of them at the deadline."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, patience_s: float) -> None:
        self._raw, self._sock, self._patience_s = raw, sock, patience_s
        self._deadline = time.monotonic() + _SLOW * patience_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left_s, self._patience_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _HTTPResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        patience_s = sock.gettimeout()
        if patience_s is not None:
            self.fp: Any = io.BufferedReader(_Reader(self.fp.detach(), sock, patience_s), _BUFFER)

    def _read_status(self) -> tuple[str, int, str]:
        """Return the status line of the answer itself; http.client skips 100 and takes 103 for the answer."""
        found: tuple[str, int, str]
        while (found := super()._read_status())[1] in range(102, 200):  # type: ignore[misc]
            http.client.parse_headers(self.fp)
        return found


class _OnePiece:
    """Mixed into a connection of urllib3."""

    response_class: Any = _HTTPResponse
    sock: socket.socket

    def request(self, *args: Any, **more: Any) -> None:
        """Send a request, head and body together."""
        pieces: list[bytes] = []
        self.send: Any = pieces.append
        try:
            super().request(*args, **more)  # type: ignore[misc]
        finally:
            del self.send
        self.sock.sendall(b"".join(pieces))


class PlainConnection(_OnePiece, HTTPConnection):
    """A connection of urllib3 over TCP."""


class SecureConnection(_OnePiece, HTTPSConnection):
    """A connection of urllib3 over TLS."""
