"""Figures that follow a slider, and the thread they are drawn on.

Where a widget's callback runs depends on the kernel: ipykernel 7.0 to 7.3 run it on a thread of its
own, beside a running cell. matplotlib may be used from one thread only, so drawing goes home first.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import numpy as np
import traitlets as t
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kit.widgets.frame.png import png
from kit.widgets.frame.style import PLOT_STYLE

Painter = Callable[[Axes], object]
_PLACES = count()
_WIDEST = 1560  # CSS pixels; wider ones make the eye travel
_PICTURE = 380  # CSS pixels that one of several pictures needs at least
_SCALE = 1.5  # drawn pixels per CSS pixel; more is sharper and slower
_SAME = 12  # CSS pixels that are not worth a new drawing
_STYLING = threading.RLock()
_BETWEEN = 0.08  # inches above and below each of several pictures


class HomeLoop:
    """The thread and event loop that built a panel; runs callables there, whichever thread asks.

    Without an event loop (tests, scripts) callables run at once, on the thread that asks.
    """

    def __init__(self) -> None:
        self._thread = threading.current_thread()
        self._context = contextvars.copy_context()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._next: asyncio.TimerHandle | None = None

    @property
    def is_here(self) -> bool:
        """Whether the caller may draw directly."""
        return self._loop is None or threading.current_thread() is self._thread

    def call(self, do: Callable[..., Any], *args: Any) -> None:
        """Run `do` at home: now when the caller is there, else as soon as the loop is free."""
        if self._loop is None or self.is_here:
            do(*args)
        else:
            self._loop.call_soon_threadsafe(do, *args, context=self._context)

    def later(self, seconds: float, do: Callable[[], Any]) -> None:
        """Run `do` at home after so many seconds, instead of what waits; without an event loop, never."""
        self.call(self._wait, seconds, do)

    def _wait(self, seconds: float, do: Callable[[], Any]) -> None:
        if self._next is not None:
            self._next.cancel()
        if self._loop is not None:
            self._next = self._loop.call_later(seconds, do)


class PageSense(anywidget.AnyWidget):
    """What only the page knows: how wide the places of a panel's figures are.

    Attributes
    ----------
    rooms : dict of str to int
        CSS pixels by the `place` of each figure in sight; empty while nothing is displayed.
    """

    _esm = Path(__file__).with_name("page.js")

    rooms = t.Dict().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout=w.Layout(display="none"))


class LiveFigure(w.Image):  # type: ignore[misc]  # ipywidgets has no types
    """A matplotlib figure as an image: no toolbar, no flicker, and quick enough to follow a slider.

    Parameters
    ----------
    width, height : int
        Size on the page, CSS pixels: the width until the page tells how much room there is, the height of a
        row of pictures.
    least : int, default 640
        As narrow as it is drawn; where there is less room the page scales it.

    Attributes
    ----------
    figure : Figure
        Draw here; it belongs to no pyplot state.
    moving : list of Artist
        Artists that `step` redraws; everything else is drawn once and kept as background.
    arrange : callable
        Called when the axes have their places, before the moving artists are drawn.
    place : str
        The class by which the page tells its room.
    """

    def __init__(self, width: int = 720, height: int = 360, least: int = 640) -> None:
        self.home = HomeLoop()
        self.moving: list[Artist] = []
        self.arrange: Callable[[], None] = lambda: None
        self.place = f"kit-figure-{next(_PLACES)}"
        self._least, self._row = least, height
        self._painters: Sequence[Painter] = ()
        self._most = 0
        self._columns = 0
        self.figure = Figure(
            (width / 100, height / 100), dpi=100 * _SCALE, layout="constrained", facecolor="none"
        )
        self.canvas: Any = FigureCanvasAgg(self.figure)
        self._background: Any = None
        super().__init__(format="png", width=width, height=height)
        self.add_class("kit-figure")
        self.add_class(self.place)
        self.layout.display = "none"  # an image without bytes shows a broken-image icon

    def paint(self, *painters: Painter, most: int = 3) -> None:
        """Draw everything anew, as many pictures beside each other as there is room for.

        Parameters
        ----------
        *painters : callable
            One per picture: gets its axes; called again when there is room for more beside each other.
        most : int
            Beside each other.
        """
        self._painters, self._most = painters, most
        wide = self.figure.get_size_inches()[0]
        self._columns = columns = self._beside(wide)
        rows = -(-len(painters) // columns)
        self.height = str(rows * self._row)
        self.figure.set_size_inches(wide, rows * self._row / 100)
        self.figure.clear()
        with styled():
            axes = list(self.figure.subplots(rows, columns, squeeze=False).ravel())
            for spare in axes[len(painters) :]:
                spare.remove()
            for painter, place in zip(painters, axes, strict=False):
                painter(place)
        self.redraw()

    def _beside(self, wide: float) -> int:
        return max(1, min(self._most, len(self._painters), int(100 * wide) // _PICTURE))

    def fit(self, room: int) -> None:
        """Be as wide as there is room, and drawn anew if that is another width."""
        width = min(max(room, self._least), _WIDEST)
        wide, high = self.figure.get_size_inches()
        if abs(width - 100 * wide) <= _SAME:
            return
        self.width = str(width)
        self.figure.set_size_inches(width / 100, high)
        if self._painters and self._beside(width / 100) != self._columns:
            self.paint(*self._painters, most=self._most)
        elif self._background is not None:
            self.redraw()

    def redraw(self) -> None:
        """Draw everything and lay it out; after new axes, limits, ticks or titles."""
        self.home.call(self._redraw)

    def step(self) -> None:
        """Draw the moving artists over the kept background; after changed data."""
        self.home.call(self._step if self._background is not None else self._redraw)

    def _redraw(self) -> None:
        for artist in self.moving:
            artist.set_animated(True)  # left out of the background
        self.figure.set_layout_engine("constrained", h_pad=_BETWEEN)
        self.canvas.draw()
        self.arrange()
        self.figure.set_layout_engine("none")  # laying out again would double the time of a step
        self._background = self.canvas.copy_from_bbox(self.figure.bbox)
        self._step()

    def _step(self) -> None:
        self.canvas.restore_region(self._background)
        for artist in sorted(self.moving, key=Artist.get_zorder):
            artist.draw(self.canvas.get_renderer())
        self.value = png(np.asarray(self.canvas.buffer_rgba()))
        self.layout.display = None


@contextmanager
def styled() -> Iterator[None]:
    """Make a panel's axes in this context, so that all panels look alike.

    One thread at a time: matplotlib's parameters are the process's, and two contexts that overlap leave the
    style of the first behind.
    """
    with _STYLING, rc_context(PLOT_STYLE):
        yield
