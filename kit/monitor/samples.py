"""The samples of one operation, added without a lock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from threading import RLock

Sample = tuple[float, bool]  # seconds, success

_SURPLUS = 256  # samples beyond the window before the oldest become totals: their cost is shared


@dataclass(slots=True)
class Totals:
    """What is still known of samples that left the window."""

    calls: int = 0
    errors: int = 0
    seconds: float = 0.0


class Samples:
    """What an operation took: the last `window` samples one by one, the older ones as totals.

    A sample is added by one atomic step, ``recent.append((seconds, success))``, between whose parts
    neither a thread nor a signal handler can come. The lock orders readers and `trim` only. It is
    reentrant: a signal handler that needs it on the very thread that holds it goes on.
    """

    __slots__ = ("_busy", "_lock", "_past", "_window", "full", "recent")

    def __init__(self, window: int) -> None:
        self.recent: deque[Sample] = deque()
        self.full = window + _SURPLUS
        self._window = window
        self._past = Totals()
        self._lock = RLock()
        self._busy = False

    def trim(self) -> None:
        """Turn the samples older than the window into totals."""
        with self._lock:
            if self._busy:  # a signal handler came between; whoever it interrupted goes on after it
                return
            try:
                self._busy = True
                for _ in range(len(self.recent) - self._window):
                    seconds, success = self.recent.popleft()
                    self._past.calls += 1
                    self._past.errors += not success
                    self._past.seconds += seconds
            finally:
                self._busy = False

    def read(self) -> tuple[list[Sample], Totals]:
        """Return the window, oldest first, and the totals of what came before it."""
        with self._lock:
            interrupted = self._busy
            try:
                self._busy = True
                every, past = [*self.recent.copy()], replace(self._past)
            finally:
                self._busy = interrupted
        window, older = every[-self._window :], every[: -self._window]
        past.calls += len(older)
        past.errors += sum(not success for _, success in older)
        past.seconds += sum(seconds for seconds, _ in older)
        return window, past
