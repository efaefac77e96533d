"""A few bytes of shared memory where a worker says what it is doing, and since when.

Writing it costs a worker well under a microsecond, where a message would cost a switch of processes. The
caller's watchdog reads it to tell an overrunning task from one that has not begun.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from time import monotonic
from typing import NamedTuple

_STATE = struct.Struct("@dqq")  # native, so that each field is written at once; the phase comes last
_PHASE = struct.Struct("@q")
_PHASE_AT = _STATE.size - _PHASE.size
NOTHING = -1  # in place of a key


class Phase(IntEnum):
    """What a worker does with a task."""

    IDLE = 0  # it waits for one; the key is that of its last
    LOADING = 1  # unpickling it
    IMPORTING = 2  # a module that it needs, which is not on its time
    RUNNING = 3  # the operation, and pickling what it returned
    SENDING = 4  # as fast as the caller reads


class State(NamedTuple):
    """What a worker states; `since` is monotonic seconds, one clock for all processes."""

    since: float
    key: int
    phase: int


class WorkerState:
    """The shared bytes of one worker.

    Parameters
    ----------
    path : Path
        Their file; made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_STATE.pack(0.0, NOTHING, Phase.IDLE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _STATE.size)

    def begin(self, key: int) -> None:
        """State that a task begins now (the worker)."""
        _STATE.pack_into(self._memory, 0, monotonic(), key, Phase.LOADING)

    def enter(self, phase: Phase) -> None:
        """State the next phase of the task (the worker)."""
        _PHASE.pack_into(self._memory, _PHASE_AT, phase)

    @contextmanager
    def importing(self) -> Iterator[None]:
        """State that a module is imported, during which a task that is loaded does not age (the worker)."""
        since, key, phase = self.read()
        if phase != Phase.LOADING:
            yield
            return
        started = monotonic()
        _STATE.pack_into(self._memory, 0, started, key, Phase.IMPORTING)
        try:
            yield
        finally:
            _STATE.pack_into(self._memory, 0, since + monotonic() - started, key, Phase.LOADING)

    def clear(self) -> None:
        """State nothing, while the worker waits (the caller)."""
        _STATE.pack_into(self._memory, 0, 0.0, NOTHING, Phase.IDLE)

    def read(self) -> State:
        """Return what the worker stated last."""
        return State(*_STATE.unpack_from(self._memory))

    def close(self) -> None:
        """Let the memory and its descriptor go."""
        self._memory.close()


def trace_path(state: Path) -> Path:
    """Return the file where a worker writes where it is when it is asked, beside that of its state."""
    return state.with_suffix(".trace")
