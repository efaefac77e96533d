"""The first line of a panel: whose prices these are, how old, and what can be done with them."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from pathlib import Path
from time import thread_time
from typing import Any

import anywidget
import ipywidgets as w
import traitlets as t

from kit.market.live import LiveChain
from kit.model import ChainSnapshot, Venue, origin
from kit.model.derived import mark
from kit.widgets.frame.context import CLOSED, REOPEN, Context
from kit.widgets.frame.grid import NUMBERS
from kit.widgets.frame.job import Job
from kit.widgets.frame.live import HomeLoop

PACE = "How often the quotes are asked for again, or followed as they tick"
_STREAM_S = 0.25  # between two chains that follow the stream
_EVERY_S = {"by hand": 0, "every 5 s": 5, "every 15 s": 15, "every minute": 60, "as it ticks": _STREAM_S}
_AGAIN = "Ask for the quotes again; within their lifetime (see Tuning) memory answers"
_DRAWING_SHARE = 4  # it asks no sooner than so many times as long as drawing took: the kernel has other work
_VENUES = {"live": "LIVE", "simulated": "SIMULATED", "file": "FILE"}


@dataclass(frozen=True)
class SavedFile:
    """A file to hand over: its name, media type and content."""

    name: str
    mime: str
    content: bytes


@dataclass(frozen=True)
class Action:
    """A button: its label, what it does in a sentence, and what makes a file or a text to copy."""

    label: str
    help: str
    make: Callable[[], SavedFile | str]


class Toolbar(anywidget.AnyWidget):
    """Buttons whose outcome the page takes: a file to save, a text to copy.

    Parameters
    ----------
    actions : mapping of str to Action
        By name.
    on_error : callable
        Gets what an action raised.
    """

    _esm = Path(__file__).with_name("toolbar.js")
    actions: t.List[Any] = t.List().tag(sync=True)

    def __init__(self, actions: Mapping[str, Action], on_error: Callable[[BaseException], None]) -> None:
        self._actions, self._on_error = actions, on_error
        listed = [{"name": name, "label": one.label, "help": one.help} for name, one in actions.items()]
        super().__init__(actions=listed)
        self.on_msg(self._pressed)

    def _pressed(self, _: Any, message: dict[str, Any], __: Any) -> None:
        try:
            made = self._actions[message["action"]].make()
        except Exception as error:  # noqa: BLE001 - the last frame before Jupyter, which would hide it
            self._on_error(error)
            return
        if isinstance(made, str):
            self.send({"text": made})
        else:
            content = b64encode(made.content).decode()
            self.send({"name": made.name, "mime": made.mime, "base64": content})


def venue_line(venue: Venue, told: str) -> str:
    """Return whose prices are shown as a badge, and what is told of them."""
    return (
        f"<span class='kit-venue kit-venue-{venue}'>{_VENUES[venue]}</span> "
        f"<span class='kit-quoted' role='status'>{escape(told)}</span>"
    )


class Header(w.HBox):  # type: ignore[misc]  # ipywidgets has no types
    """Whose prices, how old, Refresh, and the toolbar.

    Parameters
    ----------
    context : Context
        Whose chain is shown and refreshed.
    actions : mapping of str to Action
        Of the toolbar.
    on_error : callable
        Gets what went wrong.
    """

    def __init__(
        self, context: Context, actions: Mapping[str, Action], on_error: Callable[[BaseException | str], None]
    ) -> None:
        self.context, self._on_error = context, on_error
        self._home, self._asking = HomeLoop(), False
        self._live: LiveChain | None = None
        self._drawings_s = deque([0.0], maxlen=2)  # a panel may draw more now and then: the quicker counts
        self.badge = w.HTML()
        self.refresh = w.Button(description="Refresh", icon="refresh", layout=w.Layout(width="96px"))
        self.auto = w.Dropdown(options=_EVERY_S, tooltip=PACE, **_look())
        self.numbers = w.Dropdown(options=NUMBERS, tooltip="How numbers are written", **_look())
        t.link((context, "numbers"), (self.numbers, "value"))
        self.toolbar = Toolbar(actions, on_error)
        self.refresh.on_click(self.ask)
        self.auto.observe(lambda _: self._tick(), "value")
        context.observe(lambda _: self.tell(), "chain")
        super().__init__([self.badge, self.refresh, self.auto, self.numbers, self.toolbar])
        self.add_class("kit-header")
        self.tell()

    def tell(self) -> None:
        """Say whose quotes are shown and how old they are."""
        chain, can = self.context.chain, self.context.can_refresh
        age = "" if self.context.age is None else f", {_ago(self.context.age)}"
        words = f"{chain.underlying} {chain.expiry:%d %b %Y}, quoted {chain.taken_at:%d %b %Y %H:%M:%S} IST"
        words += mark(chain.derived, "taken_at")
        self.badge.value = venue_line(self.context.venue, f"{words}{age}, from {origin(chain.source)}")
        self.refresh.disabled = self.auto.disabled = not can
        self.refresh.tooltip = _AGAIN if can else self._why_not()

    def _why_not(self) -> str:
        if self.context.desk is None:
            return "This panel was made from a chain; give it an open desk to refresh"
        return f"{CLOSED}. {REOPEN}"

    def ask(self, _: Any = None) -> None:
        """Ask for the quotes again, on a thread."""
        if self._asking:
            return
        if not self.context.can_refresh:
            self.tell()
            self._on_error(self._why_not())
            return
        self._asking = True
        Job(lambda *_: self._asked_again(), lambda *_: None, self._asked, self._home)

    def _asked_again(self) -> list[ChainSnapshot]:
        """Ask for the shown expiry, which follows the stream first where that was chosen."""
        if self.auto.value == _STREAM_S:
            expiry = self.context.chain.expiry
            if self._live is None or self._live.is_closed or self._live.expiry != expiry:
                earlier, self._live = self._live, self.context.followed(expiry)
                if earlier is not None:
                    earlier.close()
        return self.context.asked_again()

    def _asked(self, job: Job) -> None:
        self._asking = False
        began_s = thread_time()  # a busy machine makes drawing later, not longer
        if job.error is not None:
            self._on_error(job.error)
        else:
            self.context.take(job.result)
        self._drawings_s.append(thread_time() - began_s)
        if self._live is not None and self.auto.value != _STREAM_S:
            self._live.close()
        self.tell()

    def _tick(self) -> None:
        """Ask now and again after the chosen seconds; stops when that is by hand or the desk is closed."""
        if self.auto.value and self.context.can_refresh:
            self.ask()
            self._home.later(max(self.auto.value, _DRAWING_SHARE * min(self._drawings_s)), self._tick)
        else:
            if self._live is not None and not self._asking:
                self._live.close()
            self.tell()


def _look() -> dict[str, Any]:
    return {"style": {"description_width": "0"}, "layout": w.Layout(width="112px")}


def _ago(age: timedelta) -> str:
    seconds = age.total_seconds()
    if seconds < 90:
        return f"{max(0.0, seconds):.0f} s ago"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} days ago"
