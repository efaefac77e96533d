"""The one form of all panels: `controls`, a pure `compute`, a `draw`; and how errors show.

A panel is one file in this folder::

    class Smile(Panel):
        heading = "Smile"

        def controls(self):
            return {"around": w.IntSlider(10, 3, 40)}

        @staticmethod
        def compute(snapshot, around):
            return snapshot.wide(around)

        def draw(self, result):
            ...

`compute` sees its arguments and nothing else, so a test calls it without a kernel or a browser.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, ClassVar

import ipywidgets as w
import pandas as pd

from kit.widgets.frame import exports
from kit.widgets.frame.awaiting import keep_answering
from kit.widgets.frame.context import Context
from kit.widgets.frame.header import Action, Header, Toolbar
from kit.widgets.frame.live import HomeLoop, LiveFigure, PageSense
from kit.widgets.frame.style import SHEET

HANDED = ("code", "csv", "png", "html")  # by a panel with a plot


class ErrorBox(w.HTML):  # type: ignore[misc]  # ipywidgets has no types
    """Where a panel shows its errors; JupyterLab hides those of callbacks in a log."""

    def show(self, error: BaseException | str) -> None:
        """Show an error and announce it to a screen reader."""
        kind = "" if isinstance(error, str) else f"<b>{type(error).__name__}</b> "
        self.value = f"<div role='alert' class='kit-error'>{kind}{escape(str(error))}</div>"

    def clear(self) -> None:
        """Take the error away."""
        self.value = ""


def shown(callback: Callable[..., Any]) -> Callable[..., None]:
    """Decorate a panel's callback: its error appears in the panel, and goes with the next success."""

    @functools.wraps(callback)
    def inner(panel: Any, *args: Any) -> None:
        try:
            callback(panel, *args)
        except Exception as error:  # noqa: BLE001 - the last frame before Jupyter, which would hide it
            panel.errors.show(error)
        else:
            panel.errors.clear()

    return inner


@contextmanager
def quietly(owner: Any) -> Iterator[None]:
    """Change controls while their owner, whose `quiet` is set meanwhile, listens to none of them."""
    owner.quiet = True
    try:
        yield
    finally:
        owner.quiet = False


def figures_in(widget: Any) -> Iterator[LiveFigure]:
    """Yield the figures of a widget and of what it holds."""
    if isinstance(widget, LiveFigure):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from figures_in(child)


class Panel(w.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Base of every panel.

    Parameters
    ----------
    source : object
        What the panel looks at: a snapshot, a desk, settings. Handed to `compute` first.

    Attributes
    ----------
    heading, lead : str
        The title, and one sentence of what the panel is for.
    hands_over : tuple of str
        What its first line hands over: ``code``, ``csv``, ``png``, ``html``; nothing unless a panel says so.
    quoted : Context or None
        Whose quotes it shows, and refreshes in its first line; None unless it is a panel of quotes.
    inputs : dict of str to Widget
        What `controls` gave; their values are the keyword arguments of `compute`.
    compute : callable
        A static method ``compute(source, **values)`` of each panel; pure.
    errors : ErrorBox
        Shows what went wrong, empty otherwise.
    words : HTML
        The text beside the plot: what it shows, for those who cannot see it.
    """

    heading: ClassVar[str] = ""
    lead: ClassVar[str] = ""
    hands_over: ClassVar[tuple[str, ...]] = ()
    quoted: Context | None = None
    compute: ClassVar[Callable[..., Any]]

    def __init__(self, source: Any) -> None:
        keep_answering()
        self.source = source
        self.home = HomeLoop()
        self.errors = ErrorBox()
        self.words = w.HTML()
        self.inputs = self.controls()
        head = f"{SHEET}<h3>{escape(self.heading)}</h3><p class='kit-lead'>{escape(self.lead)}</p>"
        self.page = PageSense()
        self.page.observe(self._fit, "rooms")
        super().__init__([w.HTML(head), self.page, *self.top(), *self.body()])
        self.add_class("kit-panel")
        self.add_class(f"kit-{type(self).__name__.removesuffix('Panel').lower()}")
        for control in self.inputs.values():
            control.observe(self.refresh, getattr(control, "tells", "value"))
        self.refresh()

    def _fit(self, change: Any) -> None:
        """Draw each figure as wide as the page has room for it; an error that is told stays."""
        try:
            for figure in figures_in(self):
                if figure.place in change.new:
                    figure.fit(change.new[figure.place])
        except Exception as error:  # noqa: BLE001 - as in `shown`
            self.errors.show(error)

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values by name."""
        return {name: control.value for name, control in self.inputs.items()}

    def controls(self) -> dict[str, Any]:
        """Return the controls by the names of `compute`'s arguments."""
        raise NotImplementedError

    def top(self) -> list[Any]:
        """Return the first line: whose prices, and the buttons of what is handed over."""
        made = self.actions()
        chosen = {name: made[name] for name in self.hands_over}
        if self.quoted is not None:
            self.header = Header(self.quoted, chosen, self.errors.show)
            self.toolbar = self.header.toolbar
            return [self.header]
        self.toolbar = Toolbar(chosen, self.errors.show)
        self.badge = w.HTML(self.whose())
        line = w.HBox([self.badge, self.toolbar])
        line.add_class("kit-first")
        return [line] if chosen else []

    def actions(self) -> dict[str, Action]:
        """Return the buttons that hand over what is shown, by the names of `hands_over`."""
        return {
            "code": Action("Copy as code", "The cell that gives what is shown", self.code),
            "csv": Action("CSV", "What is shown, as a table", lambda: exports.csv(self)),
            "png": Action("PNG", "The plot", lambda: exports.png(self)),
            "html": Action("HTML", "What is shown, as a page of its own", lambda: exports.html(self)),
        }

    def whose(self) -> str:
        """Return whose prices are shown where no chain says it, as HTML; empty where there are none."""
        return ""

    def code(self) -> str:
        """Return Python that gives what is shown."""
        raise NotImplementedError

    def data(self) -> pd.DataFrame:
        """Return what is shown as a table."""
        raise NotImplementedError

    def picture(self) -> bytes:
        """Return the plot as PNG."""
        return exports.pixels(next(figures_in(self)))

    def body(self) -> list[Any]:
        """Return what stands below the first line; the controls in one row unless a panel says otherwise."""
        return [w.HBox(list(self.inputs.values())), self.errors, self.words]

    def draw(self, result: Any) -> None:
        """Show a result of `compute`."""
        raise NotImplementedError

    @shown
    def refresh(self, _: Any = None) -> None:
        """Compute and draw with the controls as they stand."""
        self.draw(self.compute(self.source, **self.values))


class MarketPanel(Panel):
    """A panel of quotes: says whose they are, refreshes them, shares its choices, hands over what it shows.

    Parameters
    ----------
    source : Desk, Context, ChainSnapshot or sequence of ChainSnapshot
        Where chains come from. Panels that are given the same `Context` follow each other.

    Attributes
    ----------
    context : Context
        The shared choices; `source` is its present chain.
    header : Header
        Stands above the controls.
    """

    hands_over = HANDED

    def __init__(self, source: Any) -> None:
        self.context = self.quoted = Context.around(source)
        super().__init__(self.context.chain)
        self.context.observe(self._another_chain, "chain")

    @shown
    def _another_chain(self, change: Any) -> None:
        self.source = change.new
        self.refresh()
