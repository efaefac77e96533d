"""The picture of a scan: what was kept by two figures, and what none of it beats in both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from kit.evaluation.scan.columns import PLACES
from kit.evaluation.scan.filters import pareto, rank
from kit.evaluation.scan.result import ScanResult
from kit.plots import CALL, LOSS, PLAIN
from kit.widgets.panels.bench_plot import draw_empty
from kit.widgets.panels.scan.wanted import TITLES

_SHARES = ("probability_of_profit", "return_on_margin", "return_on_risk", "cost_on_risk")
_ACROSS = ("max_loss_inr", "probability_of_profit", "margin_inr", "cost_inr")


def beside(found: ScanResult, y: str) -> str:
    """Return a figure to draw another against: one that most positions have; a loss may be unbounded."""
    known = {
        name: int(np.isfinite(found.kept.figures[:, PLACES[name]]).sum()) for name in _ACROSS if name != y
    }
    return max(known, key=lambda name: known[name])


def trade_off(axes: Axes, found: ScanResult, x: str, y: str, own: Mapping[str, float] | None = None) -> None:
    """Draw what a scan kept, the front of both figures, and the idea chosen.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    found : ScanResult
        Of `scan`.
    x, y : str
        Two figures.
    own : mapping of str to float, optional
        The figures of the idea chosen in another panel.
    """
    rows = found.kept.figures
    rows = rows[np.isfinite(rows[:, [PLACES[x], PLACES[y]]]).all(axis=1)]
    points = rows[:, [PLACES[x], PLACES[y]]] * (scale := np.array([_scale(x), _scale(y)]))
    if not len(rows):
        unlimited = f"{TITLES[y]} or {TITLES[x]} is unlimited or unknown of every position kept"
        draw_empty(axes, "What gives way to what", unlimited)
        return
    first = f"Kept ({len(rows):,})"
    ends = _ends(points)
    near = np.clip(points, *ends)
    if far := int((near != points).any(axis=1).sum()):
        first += f", {far:,} of them at the edge lie beyond"
    axes.plot(*near.T, ".", color=PLAIN, ms=5, alpha=0.55, label=first)
    front = pareto(rank((y, x)).keys(rows))
    order = front[np.argsort(points[front, 0], kind="stable")]
    axes.plot(*near[order].T, "o-", color=CALL, ms=5, lw=1.2, label=f"Front ({front.size:,})")
    axes.plot(*near[:1].T, "D", color=LOSS, ms=8, mec="white", label="First")
    if own is not None and np.isfinite(idea := np.array([own[x], own[y]]) * scale).all():
        shown = np.clip(idea, *ends)
        beyond = (
            "" if (shown == idea).all() else f", beyond the edge: {_told(x, idea[0])}, {_told(y, idea[1])}"
        )
        axes.plot(*shown, "*", color="#8a5fbf", ms=14, mec="white", label=f"The idea chosen{beyond}")
    axes.legend(loc="lower left", ncols=4, bbox_to_anchor=(0, 1), borderaxespad=0.3, handlelength=1.4)
    axes.set(xlabel=_title(x), ylabel=_title(y))
    axes.set_title("What gives way to what", pad=26)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(partial(_written, axis)))
    axes.locator_params(axis="x", nbins=6)


def _ends(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is shown of either figure: the middle nine tenths and as much again on either side."""
    low, high = np.quantile(points, [0.05, 0.95], axis=0)
    wide = np.where(high > low, high - low, np.inf)
    return np.array([np.maximum(points.min(axis=0), low - wide), np.minimum(points.max(axis=0), high + wide)])


def _scale(name: str) -> float:
    return 100.0 if name in _SHARES else 1.0


def _told(name: str, value: float) -> str:
    return f"{value:,.2f} %" if name in _SHARES else f"{value:,.0f}"


def _title(name: str) -> str:
    return f"{TITLES[name]} (%)" if name in _SHARES else TITLES[name]


def _written(axis: Axis, value: float, _: int) -> str:
    """Write a tick with the digits that tell it from the next."""
    low, high = axis.get_view_interval()
    digits = max(0, int(np.ceil(-np.log10(abs(high - low) / 5))))
    return f"{value:,.{digits}f}"
