"""The plots of the tuning panel: latency, hit rate, speed-up, score, memory and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from kit.benchmark.results import BenchmarkResults
from kit.plots import CALL, GAIN, PLAIN, PUT, latencies, speed_up
from kit.settings import CacheConfig
from kit.tuning.lifetimes import SOURCES, Lifetime, served_from
from kit.tuning.trace import analyst_requests
from kit.tuning.tuner import Advice
from kit.widgets.frame.live import LiveFigure
from kit.widgets.panels.bench_plot import Memory, Runs, draw_empty, draw_history, draw_memory, draw_score
from kit.widgets.panels.tune_tasks import Measured, Outcome

_SESSION_S = 3600.0
_LIFETIMES_S = np.geomspace(0.5, 3600, 25)
_SHOWN = {
    "ltp": ("last price", CALL),
    "options_chain": ("option chain", PUT),
    "historical_data": ("candles", GAIN),
}
_TIERS = {"cold": "network", "warm": "sqlite", "hot": "hot"}
_LEGEND = {"network": "cold: network", "sqlite": "warm: SQLite", "hot": "hot: memory"}
_TITLES = {"ltp": "last price", "atm": "at the money"}


@cache
def _asked(kind: str) -> tuple[NDArray[np.float64], ...]:
    """Question times of one data type in an hour of an analyst's habits, one array per key."""
    found: dict[str, list[float]] = {}
    for request in analyst_requests(_SESSION_S):
        if request.kind == kind:
            found.setdefault(request.key, []).append(request.at_s)
    return tuple(np.array(times) for times in found.values())


def hit_rate(kind: str, lifetime_s: float) -> float:
    """Return the share of an hour's requests of a data type that a lifetime answers from memory, percent."""
    asked = _asked(kind)
    fetched = sum(len(np.unique(served_from(times, lifetime_s))) for times in asked)
    return 100 * (1 - fetched / sum(map(len, asked)))


@cache
def _curve(kind: str) -> NDArray[np.float64]:
    return np.array([hit_rate(kind, lifetime_s) for lifetime_s in _LIFETIMES_S])


class TunePlot:
    """Six axes in one figure; the marks on the hit-rate curves follow the controls.

    Parameters
    ----------
    plot : LiveFigure
        Where to draw.
    """

    def __init__(self, plot: LiveFigure) -> None:
        self._plot = plot
        (self._tiers, self._hits, self._workers), below = plot.figure.subplots(
            2, 3, width_ratios=(5, 4, 4), height_ratios=(5, 4)
        )
        self._score, self._memory, self._history = below
        draw_empty(self._tiers, "Latency by tier", "Press Run to measure")
        draw_empty(self._workers, "Speed-up by workers", "Press Run to measure")
        draw_score(self._score, None)
        draw_memory(self._memory, Memory())
        self._marks = _hit_curves(self._hits)
        plot.moving = list(self._marks.values())

    def choose(self, lifetimes: CacheConfig) -> None:
        """Mark the chosen lifetimes on their curves."""
        for kind, mark in self._marks.items():
            lifetime_s = getattr(lifetimes, SOURCES[kind].setting)
            mark.set_data([max(lifetime_s, _LIFETIMES_S[0])], [hit_rate(kind, lifetime_s)])
        self._plot.step()

    def remember(self, runs: Runs) -> None:
        """Show the scores of earlier runs."""
        _clear(self._history)
        draw_history(self._history, runs)
        self._plot.redraw()

    def show(self, found: Outcome, memory: Memory, runs: Runs) -> None:
        """Show what a task found, the memory it took, and the earlier runs."""
        if isinstance(found, Measured):
            self._measured(found)
        if isinstance(found, Advice):
            _clear(self._tiers)
            price_errors(self._tiers, found.lifetimes)
        if isinstance(found, BenchmarkResults):
            _clear(self._score)
            draw_score(self._score, found)
        _clear(self._memory)
        draw_memory(self._memory, memory)
        self.remember(runs)

    def _measured(self, result: Measured) -> None:
        _clear(self._tiers)
        limits = {line.name: line.limit for line in result.results["lines"]}
        budgets = {
            _TITLES.get(name, name): limit.limit
            for name in ("chain", "atm")  # the operations that have a latency budget
            if (limit := limits.get(f"{name}_cold"))
        }
        latencies(self._tiers, by_tier(result), budgets).yaxis.set_major_formatter("{x:g}")
        for text in self._tiers.get_legend().get_texts():
            text.set_text(_LEGEND.get(text.get_text(), text.get_text()))
        self._hits.set_title(f"Hit rate by lifetime ({result.hit_rate_percent:.0f} % now)")
        if result.speedup:
            _clear(self._workers)
            speed_up(self._workers, list(result.speedup), list(result.speedup.values()))


def _clear(axes: Axes) -> None:
    axes.clear()
    axes.spines[["left", "bottom"]].set_visible(True)  # an empty plot hides them
    axes.grid(visible=True)


def by_tier(result: Measured) -> Mapping[str, Mapping[str, float]]:
    """Return milliseconds by tier and operation, in the names that the figures use."""
    return {
        name: {_TITLES.get(operation, operation): ms for operation, ms in result.latency_ms(tier).items()}
        for tier, name in _TIERS.items()
    }


def price_errors(axes: Axes, lifetimes: Sequence[Lifetime]) -> None:
    """Draw what a lifetime costs: the P95 error of the served price, with the recommended lifetimes."""
    for one in lifetimes:
        name, colour = _SHOWN.get(one.kind, (_TITLES.get(one.kind, one.kind), PLAIN))
        at_s, errors = [point.lifetime_s for point in one.curve], [point.p95_bps for point in one.curve]
        axes.plot(at_s, errors, color=colour, lw=1.6, label=name)
        if one.chosen:
            axes.plot(
                one.chosen.lifetime_s, one.chosen.p95_bps, "o", color=colour, ms=9, mec="white", mew=1.5
            )
    _time_axis(axes)
    axes.set(ylabel="P95 price error (basis points)")
    axes.set_title("Price error by lifetime")
    axes.legend(loc="upper left", title="marked: recommended")


def _time_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xticks([1, 10, 60, 600, 3600], ["1 s", "10 s", "1 min", "10 min", "1 h"])
    axes.minorticks_off()
    axes.set_xlabel("Lifetime")


def _hit_curves(axes: Axes) -> dict[str, Line2D]:
    marks: dict[str, Line2D] = {}
    for kind, (name, colour) in _SHOWN.items():
        axes.plot(_LIFETIMES_S, _curve(kind), color=colour, lw=1.6, label=name)
        (marks[kind],) = axes.plot([], [], "o", color=colour, ms=9, mec="white", mew=1.5)
    _time_axis(axes)
    axes.set(ylabel="Requests answered from memory (%)", ylim=(-4, 104))
    axes.set_title("Hit rate by lifetime")
    axes.legend(loc="lower right")
    return marks
