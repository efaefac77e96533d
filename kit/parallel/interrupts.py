"""Delays Ctrl-C while steps run that belong together."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # below `signal`, in a tenth of its time: each task pays it
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_noted: list[int] = []


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay SIGINT to the end of the block; it interrupts the main thread alone, so others need nothing.

    Python raises KeyboardInterrupt between any two instructions: between sending a task and noting that it
    was sent, say. Nothing may wait for long inside.
    """
    handler = None
    if threading.get_ident() == threading.main_thread().ident:
        handler = _signal.getsignal(_signal.SIGINT)
    if handler is _note or not callable(handler):  # within another; or it ends the process, or nothing
        yield
        return
    _signal.signal(_signal.SIGINT, _note)
    try:
        yield
    finally:
        noted = _noted.copy()
        _noted.clear()
        _signal.signal(_signal.SIGINT, handler)
        if noted:
            _signal.raise_signal(_signal.SIGINT)


def _note(signum: int, _frame: FrameType | None) -> None:
    _noted.append(signum)
