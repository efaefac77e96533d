"""What a fork of the process must not inherit: locks held by threads that it does not have, and their work.

``multiprocessing`` forks on many systems, and a copied lock that was held at that moment is held for ever.
A lock of ours is made anew in the copy; those inside SQLite cannot be, so a fork waits until no thread is
in there.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

Making = dict[str, Callable[[], Any]]
_PARTS: dict[int, tuple[weakref.ref[Any], Making]] = {}
_BUSY: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
_TAKEN = threading.local()
_PATIENCE_S = 2.0  # for all parts together: a thread that holds a lock for longer is waiting, not at work


def renew_in_fork(part: Any, **anew: Callable[[], Any]) -> None:
    """Let every fork of this process make some attributes of a part anew.

    Parameters
    ----------
    part : object
        Whatever has locks; it is not kept alive.
    **anew : callable
        What makes each attribute.

    Examples
    --------
    >>> import threading
    >>> class Part:
    ...     def __init__(self) -> None:
    ...         self._lock = threading.Lock()
    ...         renew_in_fork(self, _lock=threading.Lock)
    """
    number = id(part)
    _PARTS[number] = (weakref.ref(part, lambda _gone: _PARTS.pop(number, None)), anew)


def fork_outside(part: Any, lock: str) -> None:
    """Let forks of this process wait for the end of what a part does with a library's own locks.

    Parameters
    ----------
    part : object
        Whatever uses SQLite, or imports in the background; it is not kept alive.
    lock : str
        Its attribute that is held meanwhile.
    """
    _BUSY[part] = lock


def _wait() -> None:
    _TAKEN.locks = []
    until = time.monotonic() + _PATIENCE_S
    for part, name in list(_BUSY.items()):
        lock = getattr(part, name)
        if lock.acquire(timeout=max(0.0, until - time.monotonic())):
            _TAKEN.locks.append(lock)


def _go_on() -> None:
    while _TAKEN.locks:
        _TAKEN.locks.pop().release()


def _renew() -> None:
    _go_on()
    for reference, anew in list(_PARTS.values()):
        part = reference()
        for name, make in anew.items():
            setattr(part, name, make())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_renew)
