"""Alert callbacks, called so that none of them can harm the measured code."""

from __future__ import annotations

import logging
from contextlib import suppress
from inspect import iscoroutinefunction
from threading import local

from kit.errors import KitError
from kit.monitor.measurement import is_kind
from kit.monitor.requirements import AlertCallback, Violation

_log = logging.getLogger(__name__)


class Alerts:
    """The callbacks of one monitor, in the order in which they were added."""

    def __init__(self) -> None:
        self._callbacks: list[AlertCallback] = []
        self._reported: set[int] = set()  # by identity: a callback may have no hash
        self._thread = local()

    def add(self, callback: AlertCallback) -> None:
        """Call `callback` with each violation from now on.

        Raises
        ------
        KitError
            It cannot be called, or it is asynchronous.
        """
        if not callable(callback) or is_kind(iscoroutinefunction, callback):
            raise KitError(
                "An alert callback is a plain function of one violation",
                callback,
                "Pass a function; to reach a coroutine, call loop.call_soon_threadsafe in it.",
            )
        self._callbacks.append(callback)

    def tell(self, violation: Violation) -> None:
        """Call every callback with a copy of its own.

        What a callback raises is reported once, SystemExit included; a KeyboardInterrupt is the user's
        and goes through. A callback that is itself too slow by its own measure calls no callback.
        """
        if getattr(self._thread, "telling", False):
            return
        self._thread.telling = True
        try:
            for callback in self._callbacks.copy():
                try:
                    callback(violation.copy())
                except KeyboardInterrupt:
                    raise
                except BaseException:  # noqa: BLE001  whatever it raises, the measured code goes on
                    self._report(callback)
        finally:
            self._thread.telling = False

    def _report(self, callback: AlertCallback) -> None:
        if id(callback) in self._reported:
            return
        self._reported.add(id(callback))
        with suppress(Exception):  # a broken log handler is no reason to harm the measured code either
            name = getattr(callback, "__qualname__", type(callback).__qualname__)
            _log.exception("The alert callback %s failed; its further failures are not reported", name)
