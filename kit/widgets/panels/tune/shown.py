"""What the pictures of the tuning panel are drawn from, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from matplotlib.axes import Axes

from kit.market.questions import Question
from kit.plots import CALL, GAIN, PUT
from kit.settings import Settings
from kit.tuning.lifetimes import Lifetime
from kit.tuning.replay import Replay, replay
from kit.widgets.panels.tune.tasks import Measured

COLOURS = {"ltp": CALL, "atm": "#8a5fbf", "options_chain": PUT, "historical_data": GAIN}
NAMES = {
    "ltp": "last price",
    "atm": "at the money",
    "options_chain": "option chain",
    "historical_data": "candles",
}


@dataclass(frozen=True)
class Shown:
    """What the pictures are drawn from.

    Parameters
    ----------
    settings : Settings
        The controls'.
    questions : sequence of Question
        The session that is replayed.
    lifetimes : sequence of Lifetime
        Staleness by lifetime; empty until there are prices.
    measured : mapping of str to Measured
        Runs to overlay, by their label, the newest last.
    budgets_ms, latest_ms : mapping of str to float
        Latency budgets, and the P95 that the open desk's monitor has seen.
    """

    settings: Settings
    questions: Sequence[Question]
    lifetimes: Sequence[Lifetime] = ()
    measured: Mapping[str, Measured] = field(default_factory=dict)
    budgets_ms: Mapping[str, float] = field(default_factory=dict)
    latest_ms: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def replayed(self) -> Replay:
        """What the session would have met under these settings."""
        return replay(self.settings, self.questions)


def mark(axes: Axes, x: float, y: float, colour: str) -> None:
    """Mark where the controls stand on a curve."""
    axes.plot([x], [y], "o", color=colour, ms=9, mec="white", mew=1.5, zorder=5)


def short(label: str) -> str:
    """Return what a legend calls a run: its number, which leads its label."""
    return f"run {label.partition(':')[0]}"


def styles(count: int) -> list[dict[str, Any]]:
    """Return line styles: earlier runs paler."""
    return [{"alpha": 1.0 if place == count - 1 else 0.45} for place in range(count)]


def log_axis(axes: Axes, ticks: Mapping[float, str]) -> None:
    """Let the x axis grow by factors, with these ticks alone."""
    axes.set_xscale("log")
    axes.set_xticks([*ticks], [*ticks.values()])
    axes.minorticks_off()
