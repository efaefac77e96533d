"""The session that the pictures of a tuning panel replay: the shipped one, or the analyst's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from kit.market.questions import Question
from kit.tuning.lifetimes import Lifetime, advise_lifetimes
from kit.tuning.trace import SESSION, read_trace
from kit.tuning.tuner import record
from kit.widgets.frame.fields import sized

if TYPE_CHECKING:
    from kit.desk import Desk

_SHIPPED, OWN = "The shipped session", "My session so far"


class ReplayedSession(w.Dropdown):  # type: ignore[misc]  # ipywidgets has no types
    """Chooses whose questions are replayed, and prices them.

    Parameters
    ----------
    desk : Desk, optional
        Has the analyst's own questions, and the candles that say how stale an answer was.
    on_choice : callable
        Called when another session is chosen.
    """

    def __init__(self, desk: Desk | None, on_choice: Callable[[Any], None]) -> None:
        self._desk, self._lifetimes = desk, dict[str, Sequence[Lifetime]]()
        super().__init__(
            options=[_SHIPPED, *([OWN] if desk else [])], description="Replayed", tooltip="Whose questions",
            **sized(260, 64),
        )  # fmt: skip
        self.observe(on_choice, "value")

    @property
    def questions(self) -> Sequence[Question]:
        """What was asked; the shipped session while there is none of yours."""
        own = self._desk.data.questions.listed() if self._desk and self.value == OWN else []
        return own or read_trace(SESSION).requests

    @property
    def lifetimes(self) -> Sequence[Lifetime]:
        """Staleness by lifetime, priced once with the desk's candles; empty while there are no prices."""
        if self._desk is None or self._desk.is_closed:
            return self._lifetimes.get(self.value, ())
        if self.value not in self._lifetimes:
            self._lifetimes[self.value] = advise_lifetimes(record(self._desk, self.questions))
        return self._lifetimes[self.value]

    def priced(self, lifetimes: Sequence[Lifetime]) -> None:
        """Take what a search found where there are no prices yet."""
        self._lifetimes.setdefault(self.value, lifetimes)
