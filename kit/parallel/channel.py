"""How messages travel between the caller and a worker process: over pipes, each with its length in front."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

_BURST = 1024 * 1024
_LENGTH = struct.Struct("<Q")


def write_frame(file: int, body: bytes) -> None:
    """Write a body with its length in front, however many writes it takes."""
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        rest = rest[os.write(file, rest) :]


def frames(file: int, begun: Callable[[], None] = lambda: None) -> Iterator[bytes]:
    """Yield the bodies that arrive until the writer has gone; one cut short by its death is dropped.

    `begun` is called while a long one arrives.
    """
    rest = bytearray()
    while chunk := os.read(file, _BURST):
        rest += chunk
        while len(rest) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(rest)[0]
            if end > len(rest):
                break
            body = bytes(memoryview(rest)[_LENGTH.size : end])
            del rest[:end]
            yield body
        if rest:
            begun()
