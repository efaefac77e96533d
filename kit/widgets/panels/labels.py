"""Index levels written beside their marks, where no curve, mark or other label is in the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from kit.model import ChainSnapshot
from kit.model.derived import mark
from kit.plots import CALL, PLAIN

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
_SIZE = 9.0  # of the text, points
_MARK = 4.0  # half of a mark, points
_NEAR = 8.0  # from the mark to the label, points
_PLACES = [
    (side, sign * height) for height in (1.0, 2.6, 4.2, 5.8) for sign in (1.0, -1.0) for side in (1.0, -1.0)
]  # of the label: right or left, and how many heights up or down
_FAR = 0.3  # how bad each height is
_ASTRAY = 2  # how bad it is that the mark of another is nearer; to meet a curve is 1
_NOWHERE = 9  # upon a mark or a label, or outside: rather no label, the words beside have the level
HALO = withStroke(linewidth=2.5, foreground="white")  # a figure stays readable upon a curve or a colour


def level_axes(axes: Axes, snapshot: ChainSnapshot, reach: float) -> None:
    """Prepare axes of profit by index level: the zero line, the spot, and as far as a share of it around."""
    spot = snapshot.spot
    axes.axhline(0, color=PLAIN, lw=0.9)
    axes.axvline(spot, color=CALL, lw=1, ls="--", label=f"Spot{mark(snapshot.derived, 'spot')} {spot:,.0f}")
    axes.set(xlabel=f"{snapshot.underlying} (index level)", ylabel="Profit (₹)")
    axes.set_xlim(spot * (1 - reach), spot * (1 + reach))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")


class LevelLabels:
    """The labels of levels on the zero line.

    Parameters
    ----------
    axes : Axes
        Where they stand.
    count : int
        As many at most.
    colour : str
        Of the text.

    Attributes
    ----------
    notes : list of Annotation
        The artists; those that are not needed are invisible.
    """

    def __init__(self, axes: Axes, count: int, colour: str) -> None:
        self._axes = axes
        self.notes: list[Annotation] = [
            axes.annotate(
                "", (0, 0), (0, 0), textcoords="offset points", va="center", fontsize=_SIZE, color=colour,
                path_effects=[HALO],
            )
            for _ in range(count)
        ]  # fmt: skip

    def show(
        self,
        levels: Sequence[float],
        curves: Sequence[Curve],
        marks: Sequence[tuple[float, float]],
        taken: list[Bbox],
    ) -> None:
        """Write the levels in sight where there is room.

        Parameters
        ----------
        levels : sequence of float
            On the zero line.
        curves : sequence of (ndarray, ndarray)
            Not to be met.
        marks : sequence of (float, float)
            Of every level and whatever else is marked: not to be covered, and none nearer than a level's own.
        taken : list of Bbox
            Of other labels, in pixels; those that are written are added.
        """
        low, high = self._axes.get_xlim()
        shown = [level for level in levels if low < level < high][: len(self.notes)]
        lines = [self._axes.transData.transform(np.column_stack(curve)) for curve in curves]
        spots = self._axes.transData.transform(np.reshape(marks, (-1, 2)))
        for note in self.notes:
            note.set_visible(False)
        for level, note in zip(shown, self.notes, strict=False):
            text = f"{level:,.0f}"
            bad, side, up, box = self._best(level, text, lines, spots, taken)
            if bad >= _NOWHERE:
                continue
            taken.append(box)
            note.xy = (level, 0)
            note.set(text=text, ha="left" if side > 0 else "right", position=(side * _NEAR, up), visible=True)

    def _best(
        self,
        level: float,
        text: str,
        lines: Sequence[NDArray[np.float64]],
        spots: NDArray[np.float64],
        taken: Sequence[Bbox],
    ) -> tuple[float, float, float, Bbox]:
        dot = self._axes.figure.dpi / 72
        here = self._axes.transData.transform([(level, 0.0)])
        (x, y) = here[0]
        width, height = 0.62 * _SIZE * len(text) * dot, 1.25 * _SIZE * dot
        found = []
        for side, heights in _PLACES:
            up = heights * _SIZE
            left = x + side * _NEAR * dot - (width if side < 0 else 0)
            box = Bbox.from_bounds(left, y + up * dot - height / 2, width, height)
            within = self._axes.bbox.contains(box.x0, box.y0) and self._axes.bbox.contains(box.x1, box.y1)
            own, others = _apart(box, here)[0], _apart(box, spots[_apart(Bbox([*here, *here]), spots) > 1])
            nearest = min([*others, np.inf])
            upon = nearest < _MARK * dot or any(box.overlaps(other) for other in taken)
            bad = sum(_meets(line, box) for line in lines) + _ASTRAY * (nearest < 1.15 * own)
            bad += _FAR * abs(heights)
            found.append((bad + _NOWHERE * (upon or not within), side, up, box))
        return min(found, key=lambda one: one[0])  # the nearest of the best


def upright(axes: Axes, level: float) -> Curve:
    """Return the line upright at a level as a curve."""
    return level * np.array([1.0, 1.0 + 1e-9]), np.array(axes.get_ylim())


def _apart(box: Bbox, spots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far points are from a box, all in pixels."""
    beyond = np.maximum(np.maximum(box.min - spots, spots - box.max), 0.0)
    found: NDArray[np.float64] = np.hypot(beyond[:, 0], beyond[:, 1])
    return found


def _meets(line: NDArray[np.float64], box: Bbox) -> bool:
    """Tell whether a curve runs through a box, both in pixels."""
    x = np.linspace(box.x0, box.x1, 9)
    y = np.interp(x, line[:, 0], line[:, 1])
    above = y > (box.y0 + box.y1) / 2
    return bool(((y > box.y0) & (y < box.y1)).any() or (above.any() and not above.all()))
