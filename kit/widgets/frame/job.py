"""Work on a thread of its own, with progress and Cancel; the kernel stays free."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from kit.widgets.frame.live import HomeLoop

State = Literal["running", "done", "failed", "cancelled"]
OnProgress = Callable[[float, str], None]
ShouldStop = Callable[[], bool]
Work = Callable[[OnProgress, ShouldStop], Any]


class Job:
    """One run of ``work(on_progress, should_stop)`` on a worker thread.

    Parameters
    ----------
    work : callable
        Takes a progress callback (share from 0 to 1, words) and a callable that is True once the
        analyst cancelled; returns the result, which may be partial after a cancel.
    on_progress : callable
        Gets the progress on the worker thread, at most `rate_hz` times a second, so that a bar moves
        while a cell runs. It may set plain widget traits and nothing else.
    on_end : callable
        Gets the finished job at home, where drawing is safe.
    home : HomeLoop, optional
        Default: where the job is made.
    rate_hz : float, default 20
        Progress calls per second.

    Attributes
    ----------
    state : {"running", "done", "failed", "cancelled"}
        What became of it.
    result : object
        What the work returned; None before the end and after a failure.
    error : Exception or None
        What it raised.
    """

    def __init__(
        self,
        work: Work,
        on_progress: OnProgress,
        on_end: Callable[[Job], None],
        home: HomeLoop | None = None,
        rate_hz: float = 20,
    ) -> None:
        self.state: State = "running"
        self.result: Any = None
        self.error: Exception | None = None
        self._work, self._on_progress, self._on_end = work, on_progress, on_end
        self._home = home or HomeLoop()
        self._every_s, self._reported = 1 / rate_hz, 0.0
        self._stop, self._ended = threading.Event(), threading.Event()
        run = contextvars.copy_context().run  # the kernel routes widget messages by context
        self._thread = threading.Thread(target=run, args=(self._run,), name="kit-job", daemon=True)
        self._thread.start()

    def outcome(self) -> Any:
        """Return what the work returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self.result

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, in tests and scripts; in a cell this blocks the page.

        Returns
        -------
        bool
            Whether it ended in time.
        """
        return self._ended.wait(timeout_s)

    async def finished(self) -> Job:
        """Wait for the end in a cell, with the page alive: ``await job.finished()``."""
        while not self._ended.is_set():
            await asyncio.sleep(0.02)
        return self

    def _progress(self, share: float, words: str = "") -> None:
        now = time.monotonic()
        if share >= 1 or now - self._reported >= self._every_s:
            self._reported = now
            self._on_progress(share, words)

    def _run(self) -> None:
        try:
            self.result = self._work(self._progress, self._stop.is_set)
            self.state = "cancelled" if self._stop.is_set() else "done"
        except Exception as error:  # noqa: BLE001 - shown in the panel; a thread has nobody else to tell
            self.error, self.state = error, "failed"
        self._home.call(self._end)

    def _end(self) -> None:
        try:
            self._on_end(self)
        finally:
            self._ended.set()
