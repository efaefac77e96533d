"""One thread that removes what has expired, for all caches of the process."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Protocol

from kit.forks import renew_in_fork

INTERVAL_S = 1.0


class Cleanable(Protocol):
    """Whatever has something to remove."""

    def clean(self) -> None:
        """Remove it."""


class Cleaner:
    """One daemon thread for all managers of the process; it ends when the last manager is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._managers: weakref.WeakSet[Cleanable] = weakref.WeakSet()
        self._thread: threading.Thread | None = None
        renew_in_fork(self, _lock=threading.Lock)

    def watch(self, manager: Cleanable) -> None:
        """Clean a manager every second for as long as somebody else holds it."""
        with self._lock:
            self._managers.add(manager)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="kit-cache-cleaner", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._pass():
            time.sleep(INTERVAL_S)

    def _pass(self) -> bool:
        """Clean every manager once; False: none is left, and the thread ends."""
        with self._lock:
            managers = list(self._managers)
            if not managers:
                self._thread = None
                return False
        for manager in managers:
            manager.clean()
        return True


CLEANER = Cleaner()
