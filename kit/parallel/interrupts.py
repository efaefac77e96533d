"""Ctrl-C between two steps that belong together is heard after the second."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # below `signal`, in a tenth of its time: each task pays it
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_Handler = Callable[[int, FrameType | None], Any]


class _Uninterrupted:
    """A context in which the main thread notes SIGINT, and hears it when it leaves.

    Python raises KeyboardInterrupt between any two instructions of the main thread: between sending a task
    and noting that it was sent, say. Other threads are never interrupted, and pay a comparison. Nothing may
    wait for long inside.
    """

    def __init__(self) -> None:
        self._depth = 0  # of the main thread, like the others
        self._noted = False
        self._handler: _Handler | None = None

    def __enter__(self) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        if not self._depth:
            handler = _signal.getsignal(_signal.SIGINT)
            self._handler = handler if callable(handler) else None  # else it ends the process, or nothing
            if self._handler is not None:
                _signal.signal(_signal.SIGINT, self._note)
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        self._depth -= 1
        if self._depth or self._handler is None:
            return
        noted, self._noted = self._noted, False
        _signal.signal(_signal.SIGINT, self._handler)
        if noted:
            _signal.raise_signal(_signal.SIGINT)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self._noted = True


uninterrupted = _Uninterrupted()
