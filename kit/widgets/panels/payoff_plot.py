"""The plot of the payoff panel: artists that are made once and moved with every step of a slider."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.curve import Payoff
from kit.model import ChainSnapshot
from kit.plots import GAIN, LOSS
from kit.widgets.frame.live import LiveFigure
from kit.widgets.panels.labels import LevelLabels, level_axes, upright

REACH = 0.08  # of the spot, shown on either side
_MARKERS = 6  # breakevens that get a label
_INK = "#2b3339"


class PayoffPlot:
    """The artists of the plot: made once, moved with every step.

    Parameters
    ----------
    plot : LiveFigure
        Where to draw.
    snapshot : ChainSnapshot
        Gives the spot and the range of levels.
    """

    def __init__(self, plot: LiveFigure, snapshot: ChainSnapshot) -> None:
        self._plot, self._name = plot, ""
        self._axes = axes = plot.figure.subplots()
        level_axes(axes, snapshot, REACH)
        nothing: list[float] = []
        self._gain = axes.fill_between(nothing, nothing, color=GAIN, alpha=0.25, lw=0)
        self._loss = axes.fill_between(nothing, nothing, color=LOSS, alpha=0.25, lw=0)
        end = "At the first expiry" if snapshot.others else "At expiry"
        (self._curve,) = axes.plot(nothing, nothing, color=_INK, lw=2, label=end)
        (self._today,) = axes.plot(nothing, nothing, color="#8a5fbf", lw=1.5, label="Today")
        (self._zeros,) = axes.plot(
            nothing, nothing, "o", color=_INK, ms=6, mfc="white", mew=1.6, label="Breakeven"
        )
        self._labels = LevelLabels(axes, _MARKERS, _INK)
        self._spot = snapshot.spot
        axes.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.5, -0.14), borderaxespad=0.3)
        self._title = axes.set_title(" ")
        self._until = f"expiry {snapshot.expiry:%d %b %Y}"
        self._shown: Payoff | None = None
        plot.arrange = self._label
        plot.moving = [self._gain, self._loss, self._today, self._curve, self._zeros, *self._labels.notes]

    def show(self, result: Payoff) -> None:
        """Put the result on the plot; the axes move only when they no longer fit."""
        x, y = result.level, result.expiry_inr
        self._curve.set_data(x, y)
        self._today.set_data(x, result.today_inr)
        self._gain.set_data(x, np.maximum(y, 0), 0)
        self._loss.set_data(x, np.minimum(y, 0), 0)
        self._zeros.set_data(result.score.breakevens, np.zeros(len(result.score.breakevens)))
        anew = not (self._fits(y) and result.name == self._name)
        if anew:
            self._name = result.name
            self._title.set_text(f"{result.name} · {self._until}")
            self._axes.set_ylim(*_room(y))
        self._shown = result
        if anew:
            self._plot.redraw()
        else:
            self._label()
            self._plot.step()

    def _label(self) -> None:
        """Write the breakevens where there is room, once the axes have their places."""
        if (result := self._shown) is None:
            return
        curves = [
            (result.level, result.expiry_inr),
            (result.level, result.today_inr),
            upright(self._axes, self._spot),
        ]
        levels = result.score.breakevens
        self._labels.show(levels, curves, [(level, 0.0) for level in levels], [])

    def _fits(self, y: NDArray[np.float64]) -> bool:
        low, high = self._axes.get_ylim()
        return bool(low <= y.min() and y.max() <= high and np.ptp(y) >= 0.45 * (high - low))


def _room(y: NDArray[np.float64]) -> tuple[float, float]:
    """Return limits with room to move in before the next change."""
    slack = 0.25 * max(float(np.ptp(y)), 1.0)
    return min(float(y.min()), 0) - slack, max(float(y.max()), 0) + slack
