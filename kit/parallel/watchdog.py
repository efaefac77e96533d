"""One thread that calls back when a moment has come."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from threading import TIMEOUT_MAX, Condition, Thread
from time import monotonic


class Watchdog:
    """Calls functions at monotonic moments; sleeps in between, and starts on first use."""

    def __init__(self) -> None:
        self._wakes = Condition()
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._thread: Thread | None = None
        self._closed = False

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Call `action` once, at or soon after a moment (monotonic seconds)."""
        with self._wakes:
            heapq.heappush(self._due, (moment, next(self._order), action))
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="kit-watchdog", daemon=True)
                self._thread.start()
            if self._due[0][0] == moment:
                self._wakes.notify()

    def close(self) -> None:
        """End the thread; what was due is forgotten."""
        with self._wakes:
            self._closed = True
            self._due.clear()
            self._wakes.notify()

    def _watch(self) -> None:
        while True:
            with self._wakes:
                if self._closed:
                    return
                wait = self._due[0][0] - monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._wakes.wait(None if wait is None else min(wait, TIMEOUT_MAX))
                    continue
                action = heapq.heappop(self._due)[2]
            action()
