"""Those who wait for something that changes under a lock."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import TIMEOUT_MAX, Condition, RLock

from kit.parallel.pool import check_may_wait


class Waiters:
    """A condition that costs a comparison where nobody waits; every method is called under its lock."""

    def __init__(self, lock: RLock) -> None:
        self._changed = Condition(lock)
        self._number = 0

    def sleep(self, until: Callable[[], bool], seconds: float = inf) -> None:
        """Wait until something holds, or for so long.

        Raises
        ------
        TaskError
            See `kit.parallel.pool.check_may_wait`.
        """
        if until():
            return
        check_may_wait()
        self._number += 1
        try:
            self._changed.wait_for(until, min(max(seconds, 0.0), TIMEOUT_MAX))
        finally:
            self._number -= 1

    def wake(self) -> None:
        """Have all look again."""
        if self._number:
            self._changed.notify_all()
