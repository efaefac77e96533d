"""The pictures of a backtest: what is stored, what was earned, what fell, what the parameters make of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from kit.backtest.sweep_result import SweepResult
from kit.clock import sessions
from kit.plots import GAIN, LOSS, PLAIN
from kit.widgets.panels.labels import HALO

_QUALITY = LinearSegmentedColormap.from_list("quality", [LOSS, "#e0a030", GAIN])
_PROFIT = LinearSegmentedColormap.from_list("profit", [LOSS, "#ffffff", GAIN])
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def calendar(axes: Axes, scores: Mapping[date, float]) -> None:
    """Draw what is stored: a square per session by its quality, a dot where one is missing.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    scores : mapping of date to float
        Quality from 0 to 1 of the sessions that are stored, one at least.
    """
    axes.set_title("Minutes in the store, by quality; a dot is a session that is missing")
    first = min(scores) - timedelta(min(scores).weekday())
    place = {day: ((day - first).days // 7, day.weekday()) for day in sessions(min(scores), max(scores))}
    there = {day: spot for day, spot in place.items() if day in scores and spot[1] < 5}
    gone = [spot for day, spot in place.items() if day not in scores and spot[1] < 5]
    weeks, rows = zip(*there.values(), strict=True)
    drawn = axes.scatter(
        weeks, rows, c=[scores[day] for day in there], cmap=_QUALITY, vmin=0, vmax=1, marker="s", s=60
    )
    if gone:
        axes.plot(*zip(*gone, strict=True), ".", color=PLAIN, ms=4)
    count = max(week for week, _ in place.values()) + 1
    axes.set(yticks=range(5), yticklabels=_DAYS, ylim=(4.6, -0.6), xlim=(-0.8, max(count, 12)))
    marks = np.unique(np.linspace(0, count - 1, min(count, 8)).astype(int))
    axes.set_xticks(marks, [f"{first + timedelta(7 * int(week)):%d %b %y}" for week in marks])
    axes.grid(visible=False)
    axes.figure.colorbar(drawn, ax=axes, label="Quality", pad=0.01)


def heat(axes: Axes, found: SweepResult) -> None:
    """Draw net profit by the first two parameters of a sweep; of one, as bars."""
    every = [str(name) for name in found.parameters]
    names = [name for name in every if found.parameters[name].astype(str).nunique() > 1] or every
    if len(names) == 1:
        mean = found.table.groupby(names[0], sort=True)["net_inr"].mean()
        colours = [GAIN if value >= 0 else LOSS for value in mean]
        axes.bar([*map(_named, mean.index)], mean.to_numpy(), color=colours)
        axes.set(xlabel=names[0], ylabel="Net profit (₹)")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        return
    table = found.heat(names[0], names[1])
    most = max(float(np.nanmax(np.abs(table.to_numpy()))), 1.0)
    drawn = axes.imshow(table.to_numpy(), cmap=_PROFIT, vmin=-most, vmax=most, aspect="auto", origin="lower")
    axes.set_xticks(range(table.shape[1]), [*map(_named, table.columns)])
    axes.set_yticks(range(table.shape[0]), [*map(_named, table.index)])
    axes.grid(visible=False)
    if table.size <= 60:
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            axes.text(column, row, f"{value:,.0f}", ha="center", va="center", fontsize=8,
                      path_effects=[HALO])  # fmt: skip
    axes.set(xlabel=names[1], ylabel=names[0])
    axes.set_title("Net profit by parameters, mean over the others")
    axes.figure.colorbar(drawn, ax=axes, label="Net profit (₹)", format="{x:,.0f}", pad=0.01)


def _named(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
