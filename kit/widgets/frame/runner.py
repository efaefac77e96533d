"""Run, Cancel, a progress bar and a word on what happens: one row for every long piece of work."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as w

from kit.widgets.frame.job import Job, Work
from kit.widgets.frame.live import HomeLoop

_COLOURS = {"running": "", "done": "success", "failed": "danger", "cancelled": "warning"}


class Runner(w.HBox):  # type: ignore[misc]  # ipywidgets has no types
    """Starts and stops a `Job` and shows how far it is.

    Parameters
    ----------
    prepare : callable
        Called at each press of the button; returns the work, see `Job`. What it raises starts nothing.
    on_end : callable
        Gets the finished job, at home; shows its error, if it has one.
    on_error : callable
        Gets what `prepare` raised.
    tooltip : str
        What the button does.
    on_cancel : callable, optional
        Called at Cancel too, where the next step is too late: what is stuck has none.

    Attributes
    ----------
    job : Job or None
        The last run.
    """

    def __init__(
        self,
        prepare: Callable[[], Work],
        on_end: Callable[[Job], None],
        on_error: Callable[[BaseException], None],
        tooltip: str,
        on_cancel: Callable[[], object] = lambda: None,
    ) -> None:
        self.job: Job | None = None
        self._prepare, self._on_end, self._on_error, self._on_cancel = prepare, on_end, on_error, on_cancel
        self._home = HomeLoop()
        size = w.Layout(width="100px")
        self.run = w.Button(
            description="Run", button_style="primary", icon="play", tooltip=tooltip, layout=size
        )
        self.stop = w.Button(
            description="Cancel", icon="stop", disabled=True, tooltip="Stop at the next step", layout=size
        )
        self.bar = w.FloatProgress(0, min=0, max=1, layout=w.Layout(width="180px"))
        self.status = w.HTML()
        self.run.on_click(self.start)
        self.stop.on_click(self.cancel)
        super().__init__([self.run, self.stop, self.bar, self.status])
        self._say("ready")

    def start(self, _: Any = None) -> None:
        """Start the work, unless it runs."""
        if self.job is not None and self.job.state == "running":
            return
        try:
            work = self._prepare()
        except Exception as error:  # noqa: BLE001 - the last frame before Jupyter, which would hide it
            self._on_error(error)
            return
        self._switch(running=True)
        self.tell(0.0, "starting")
        self.job = Job(work, self.tell, self._ended, self._home)

    def cancel(self, _: Any = None) -> None:
        """Ask the work to stop at its next step."""
        if self.job is not None:
            self._say("cancelling")
            self.job.cancel()
        self._on_cancel()

    async def finished(self) -> Job:
        """Start the work if it does not run, and wait for its end with the page alive."""
        if self.job is None or self.job.state != "running":
            self.start()
        assert self.job is not None, "the panel shows why nothing started"
        return await self.job.finished()

    def tell(self, share: float, words: str) -> None:
        """Show how far the work is."""
        self.bar.value = min(max(share, 0.0), 1.0)  # on the worker: plain traits only
        self._say(f"{share:.0%} · {words}" if words else f"{share:.0%}")

    def _ended(self, job: Job) -> None:
        try:
            self._on_end(job)  # first: who reads "done" finds the result drawn
        finally:
            self._switch(running=False, colour=_COLOURS[job.state])
            self._say(job.state)

    def _switch(self, running: bool, colour: str = "") -> None:
        self.run.disabled, self.stop.disabled, self.bar.bar_style = running, not running, colour

    def _say(self, words: str) -> None:
        self.status.value = f"<span class='kit-status' role='status'>{escape(words)}</span>"
