"""How messages travel between the caller and one worker process.

Tasks go to the worker's standard input. On Linux that is a socket that keeps messages apart, so that the
caller can take back, atomically, what the worker has not begun; elsewhere it is a plain pipe, and the
caller sends one task at a time. Outcomes come back through a pipe on the worker's standard output, each
with its length in front.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from itertools import chain

SEPARATE = sys.platform == "linux"  # elsewhere no local socket keeps long messages apart
_LONGEST = 64 * 1024
_BURST = 1024 * 1024
_LENGTH = struct.Struct("<Q")


class TaskSocket:
    """The caller's end of a task channel that can take messages back (Linux)."""

    takes_back = True

    def __init__(self) -> None:
        self._ours, self._child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)

    def child_file(self) -> int:
        """Return the worker's end as a file descriptor."""
        return self._child.fileno()

    def send(self, message: bytes) -> bool:
        """Send a message; False when the socket is full."""
        try:
            self._ours.send(message)
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True  # the worker has died; whoever buries it finds the task among its unfinished ones
        return True

    def take_back(self) -> bytes | None:
        """Return the oldest message that the worker has not read, None when there is none."""
        try:
            return self._child.recv(_LONGEST, socket.MSG_DONTWAIT) or None
        except (BlockingIOError, ConnectionResetError):
            return None

    def close(self) -> None:
        """Close both ends."""
        self._ours.close()
        self._child.close()


class TaskPipe:
    """The caller's end of a task channel anywhere: what is sent is gone."""

    takes_back = False

    def __init__(self) -> None:
        self._child, self._ours = os.pipe()

    def child_file(self) -> int:
        """Return the worker's end as a file descriptor."""
        return self._child

    def send(self, message: bytes) -> bool:
        """Send a message."""
        try:
            os.write(self._ours, _LENGTH.pack(len(message)) + message)
        except BrokenPipeError:
            return True  # as above
        return True

    def take_back(self) -> None:
        """Return None."""

    def close(self) -> None:
        """Close both ends."""
        os.close(self._ours)
        os.close(self._child)


def incoming(file: int) -> Iterator[bytes]:
    """Yield the messages that reach the worker's end until the caller hangs up."""
    if not stat.S_ISSOCK(os.fstat(file).st_mode):
        yield from chain.from_iterable(bursts(file))
        return
    tasks = socket.socket(fileno=file)
    while message := tasks.recv(_LONGEST):
        yield message


def write_frame(file: int, body: bytes) -> None:
    """Write a body with its length in front, however many writes it takes."""
    rest = memoryview(_LENGTH.pack(len(body)) + body)
    while rest:
        rest = rest[os.write(file, rest) :]


def bursts(file: int) -> Iterator[list[bytes]]:
    """Yield the bodies that arrive together; one cut short by the writer's death is dropped."""
    rest = bytearray()
    while chunk := os.read(file, _BURST):
        rest += chunk
        bodies, start = [], 0
        while start + _LENGTH.size <= len(rest):
            end = start + _LENGTH.size + _LENGTH.unpack_from(rest, start)[0]
            if end > len(rest):
                break
            bodies.append(bytes(memoryview(rest)[start + _LENGTH.size : end]))
            start = end
        del rest[:start]
        if bodies:
            yield bodies
