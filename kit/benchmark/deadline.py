"""Runs a row on a thread of its own, so that a row that hangs ends itself and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from time import monotonic
from typing import TypeVar

from kit.benchmark.run import Overrun
from kit.monitor.progress import Stopped

T = TypeVar("T")
_LOOK_S = 0.1  # between two looks at the clock and at Cancel
_GRACE_S = 0.7  # for a row to unwind, and again for what it opened to be closed


def bounded(
    call: Callable[[], T], deadline_s: float, should_stop: Callable[[], bool], close: Callable[[], object]
) -> T:
    """Return what the call returns, or give it up when it takes too long or `should_stop` says so.

    It runs on a thread and gets an exception wherever its Python code is. When it is stuck in a wait that no
    exception reaches, `close` closes what it opened.

    Raises
    ------
    Stopped
        The user cancelled or pressed Ctrl-C.
    Overrun
        The deadline is over.
    """
    ended: Future[T] = Future()
    thread = threading.Thread(target=copy_context().run, args=(_settle, ended, call), daemon=True)
    thread.start()
    why = _reason(ended, monotonic() + deadline_s, should_stop)
    if why is None:
        return ended.result()
    _raise_in(thread, why)
    wait([ended], _GRACE_S)
    if not ended.done():
        closing: Future[object] = Future()
        threading.Thread(target=_settle, args=(closing, close), daemon=True).start()
        wait([closing], _GRACE_S)
    raise why


def _settle(ended: Future[T], call: Callable[[], T]) -> None:
    with contextlib.suppress(Stopped, Overrun):  # one may arrive after the end
        try:
            value = call()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
            ended.set_exception(error)
        else:
            ended.set_result(value)


def _reason(
    ended: Future[T], until: float, should_stop: Callable[[], bool]
) -> type[Stopped] | type[Overrun] | None:
    """Wait for the end; return why to wait no longer, if there is a reason."""
    try:
        while not ended.done():
            wait([ended], _LOOK_S)
            if should_stop():
                return Stopped if not ended.done() else None
            if monotonic() > until:
                return Overrun if not ended.done() else None
    except KeyboardInterrupt:
        return Stopped
    return None


def _raise_in(thread: threading.Thread, error: type[BaseException]) -> None:
    """Let a thread raise at its next Python instruction; a wait in C goes on."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error))
