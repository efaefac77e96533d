"""A few bytes of shared memory where a worker says what it is doing, and since when.

Writing it costs a worker well under a microsecond, where a message would cost a switch of processes. The
caller's watchdog reads it to tell an overrunning task from one that has not begun.
"""

from __future__ import annotations

import mmap
import struct
from enum import IntEnum
from pathlib import Path
from time import monotonic
from typing import NamedTuple

_LAYOUT = struct.Struct("<qqd")


class Phase(IntEnum):
    """What a worker does with a task."""

    IDLE = 0
    LOADING = 1  # unpickling, which may import what the operation needs
    RUNNING = 2
    SENDING = 3


class State(NamedTuple):
    """The content of a stamp; `since` is monotonic seconds, one clock for all processes."""

    key: int
    phase: int
    since: float


class Stamp:
    """The shared bytes of one worker.

    Parameters
    ----------
    path : Path
        Their file; made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_LAYOUT.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _LAYOUT.size)

    def write(self, key: int, phase: Phase) -> None:
        """State the task and the phase that begins now."""
        _LAYOUT.pack_into(self._memory, 0, key, phase, monotonic())

    def read(self) -> State:
        """Return what the worker stated last."""
        return State(*_LAYOUT.unpack_from(self._memory))
