"""The picture of a scan: what was kept by two figures, and what none of it beats in both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from kit.evaluation.scan.columns import PLACES
from kit.evaluation.scan.filters import pareto, rank
from kit.evaluation.scan.result import ScanResult
from kit.plots import CALL, LOSS, PLAIN
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
    across, up = rows[:, PLACES[x]], rows[:, PLACES[y]]
    axes.plot(across, up, ".", color=PLAIN, ms=5, alpha=0.55, label=f"Kept ({len(rows):,})")
    if len(rows):
        front = pareto(rank((y, x)).keys(rows))
        order = front[np.argsort(across[front], kind="stable")]
        axes.plot(across[order], up[order], "o-", color=CALL, ms=5, lw=1.2, label=f"Front ({front.size:,})")
        axes.plot(across[:1], up[:1], "D", color=LOSS, ms=8, mec="white", label="First")
    if own is not None and np.isfinite([own[x], own[y]]).all():
        axes.plot(own[x], own[y], "*", color="#8a5fbf", ms=14, mec="white", label="The idea chosen")
    axes.set(xlabel=_title(x), ylabel=_title(y))
    axes.set_title("What gives way to what")
    for axis, name in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_major_formatter(FuncFormatter(partial(_written, 100 if name in _SHARES else 1)))
    axes.locator_params(axis="x", nbins=6)
    axes.legend(loc="lower right", ncols=4, bbox_to_anchor=(1, 1), borderaxespad=0.3, handlelength=1.4)


def _title(name: str) -> str:
    return f"{TITLES[name]} (%)" if name in _SHARES else TITLES[name]


def _written(factor: float, value: float, _: int) -> str:
    return f"{factor * value:,.5g}"
