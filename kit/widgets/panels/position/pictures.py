"""The pictures of the position builder: profit now, then and at expiry, and a heat map beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from kit.evaluation.outlook import REACH, Outlook
from kit.model import ChainSnapshot
from kit.plots import GAIN, LOSS, PLAIN
from kit.widgets.frame.live import LiveFigure
from kit.widgets.panels.labels import LevelLabels, level_axes, upright

Heat = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
_INK, _THEN = "#2b3339", "#8a5fbf"
_COLOURS = LinearSegmentedColormap.from_list("kit", [LOSS, "#ffffff", GAIN])
_TITLES = {"volatility": "Profit by volatility", "date": "Profit by date"}
_SIDES = {"volatility": ("Shift of volatility (points)", 100.0), "date": ("Days ahead", 1.0)}


class PositionPlot:
    """The artists: made once per chain, moved with every step.

    Parameters
    ----------
    plot : LiveFigure
        Where to draw.
    snapshot : ChainSnapshot
        Gives the spot.
    """

    def __init__(self, plot: LiveFigure, snapshot: ChainSnapshot) -> None:
        self._plot, self._snapshot, self._drawn = plot, snapshot, ("", "")
        self._found: Outlook | None = None
        plot.arrange = self._label
        self._axes, self._map = plot.figure.subplots(1, 2, width_ratios=(1.75, 1))
        axes, nothing = self._axes, list[float]()
        level_axes(axes, snapshot, REACH)
        axes.set_title("Profit by index level")
        self._gain = axes.fill_between(nothing, nothing, color=GAIN, alpha=0.2, lw=0)
        self._loss = axes.fill_between(nothing, nothing, color=LOSS, alpha=0.2, lw=0)
        (self._expiry,) = axes.plot(nothing, nothing, color=_INK, lw=2, label="At expiry")
        (self._now,) = axes.plot(nothing, nothing, color=PLAIN, lw=1.3, ls=":", label="Now")
        (self._then,) = axes.plot(nothing, nothing, color=_THEN, lw=1.8, label="Scenario")
        mark: dict[str, Any] = {"marker": "o", "ls": "", "ms": 6, "mfc": "white", "mew": 1.6}
        (self._zeros,) = axes.plot(nothing, nothing, color=_INK, **mark)
        (self._zeros_then,) = axes.plot(nothing, nothing, color=_THEN, **mark)
        (self._here,) = axes.plot(
            nothing, nothing, "D", color=_THEN, ms=7, mec="white", label="Scenario's level"
        )
        self._labels, self._labels_then = LevelLabels(axes, 6, _INK), LevelLabels(axes, 6, "#6a3fa0")
        axes.legend(
            loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.16), columnspacing=1.2, handlelength=1.6
        )
        self._prepare_map()

    def _prepare_map(self) -> None:
        self._image = self._map.imshow(
            np.zeros((2, 2)), origin="lower", aspect="auto", cmap=_COLOURS, interpolation="nearest"
        )
        self._map.grid(visible=False)
        self._title = self._map.set_title(" ")
        self._map.set_xlabel("Index level")
        self._map.xaxis.set_major_formatter("{x:,.0f}")
        self._map.locator_params(axis="x", nbins=3)
        (self._at,) = self._map.plot([], [], "D", color=_THEN, ms=7, mec="white")
        (self._border,) = self._map.plot([], [], ".", color=_INK, ms=3)
        self._plot.figure.colorbar(
            self._image, ax=self._map, extend="both", format="{x:,.0f}", label="Profit (₹)", pad=0.02
        )

    def show(self, found: Outlook, heat: Heat, by: str) -> None:
        """Put a result on the plot; axes and colours move only when they no longer fit."""
        held = found.standing
        x = held.level
        for line, y in (
            (self._expiry, held.expiry_inr), (self._now, held.now_inr), (self._then, found.then_inr)
        ):  # fmt: skip
            line.set_data(x, y)
        self._gain.set_data(x, np.maximum(held.expiry_inr, 0), 0)
        self._loss.set_data(x, np.minimum(held.expiry_inr, 0), 0)
        self._zeros.set_data(held.breakevens, np.zeros(len(held.breakevens)))
        self._zeros_then.set_data(found.breakevens, np.zeros(len(found.breakevens)))
        here = self._snapshot.spot * (1 + found.scenario.spot_shift)
        self._here.set_data([here], [found.profit_inr])
        anew = self._fit(found, by)
        self._draw_map(found, heat, by, here)
        self._found = found
        self._plot.moving = [
            self._gain, self._loss, self._now, self._then, self._expiry, self._zeros, self._zeros_then,
            self._here, *self._labels.notes, *self._labels_then.notes, self._image, self._border, self._at,
        ]  # fmt: skip
        if anew:
            self._plot.redraw()
        else:
            self._label()
            self._plot.step()

    def _label(self) -> None:
        """Write the breakevens where there is room, once the axes have their places."""
        if (found := self._found) is None:
            return
        held, x = found.standing, found.standing.level
        spot, taken = self._snapshot.spot, list[Bbox]()
        curves = [(x, held.expiry_inr), (x, found.then_inr), (x, held.now_inr), upright(self._axes, spot)]
        marks = [(level, 0.0) for level in (*held.breakevens, *found.breakevens)]
        marks.append((spot * (1 + found.scenario.spot_shift), found.profit_inr))
        self._labels.show(held.breakevens, curves, marks, taken)
        self._labels_then.show(found.breakevens, curves, marks, taken)

    def _fit(self, found: Outlook, by: str) -> bool:
        """Choose limits and colours where those there are do not fit; says whether they are new."""
        low, high = self._axes.get_ylim()
        every = np.concatenate([found.standing.expiry_inr, found.then_inr, found.standing.now_inr])
        least, most = float(every.min()), float(every.max())
        fits = low <= least and most <= high and most - least >= 0.4 * (high - low)
        if fits and self._drawn == (str(found.standing.position), by):
            return False
        self._drawn = (str(found.standing.position), by)
        room = 0.15 * max(most - least, 1.0)
        self._axes.set_ylim(min(least, 0) - room, max(most, 0) + room)
        largest = max(float(np.abs(every).max()), 1.0)
        self._image.set_clim(-largest, largest)
        return True

    def _draw_map(self, found: Outlook, heat: Heat, by: str, here: float) -> None:
        level, other, profit = heat
        name, factor = _SIDES[by]
        side = factor * other
        self._image.set_data(profit)
        self._image.set_extent((level[0], level[-1], side[0], side[-1]))
        self._map.set_ylabel(name)
        self._title.set_text(_TITLES[by])
        row, at = np.nonzero(profit[:, :-1] * profit[:, 1:] < 0)  # the zero line, not by colour alone
        share = profit[row, at] / (profit[row, at] - profit[row, at + 1])
        self._border.set_data(level[at] + share * (level[at + 1] - level[at]), side[row])
        there = found.scenario.iv_shift if by == "volatility" else found.scenario.days
        self._at.set_data([here], [factor * there])
