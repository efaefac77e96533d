"""What a fork of the process must not inherit: locks held by threads that it does not have, and their work.

``multiprocessing`` forks on many systems, and a copied lock that was held at that moment is held for ever.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

Making = dict[str, Callable[[], Any]]
_PARTS: dict[int, tuple[weakref.ref[Any], Making]] = {}


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


def _renew() -> None:
    for reference, anew in list(_PARTS.values()):
        part = reference()
        for name, make in anew.items():
            setattr(part, name, make())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
