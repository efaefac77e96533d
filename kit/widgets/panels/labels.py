"""Index levels written beside a curve, where neither a curve nor another label is in the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
_SIZE = 9.0  # of the text, points
_NEAR = 8.0  # from the mark to the label, points
_PLACES = [
    (side, height) for height in (1.0, -1.0, 2.6, -2.6, 4.2, -4.2) for side in (1.0, -1.0)
]  # of the label: right or left, and how many heights up or down


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
                "", (0, 0), (0, 0), textcoords="offset points", va="center", fontsize=_SIZE, color=colour
            )
            for _ in range(count)
        ]

    def show(self, levels: Sequence[float], curves: Sequence[Curve], taken: list[Bbox]) -> None:
        """Write the levels that are in sight; adds their boxes, in pixels, to those that are taken."""
        low, high = self._axes.get_xlim()
        shown = [level for level in levels if low < level < high][: len(self.notes)]
        lines = [self._axes.transData.transform(np.column_stack(curve)) for curve in curves]
        for note in self.notes:
            note.set_visible(False)
        for level, note in zip(shown, self.notes, strict=False):
            text = f"{level:,.0f}"
            side, up, box = self._best(level, text, lines, taken)
            taken.append(box)
            note.xy = (level, 0)
            note.set(text=text, ha="left" if side > 0 else "right", position=(side * _NEAR, up), visible=True)

    def _best(
        self, level: float, text: str, lines: Sequence[NDArray[np.float64]], taken: Sequence[Bbox]
    ) -> tuple[float, float, Bbox]:
        dot = self._axes.figure.dpi / 72
        x, y = self._axes.transData.transform((level, 0.0))
        width, height = 0.62 * _SIZE * len(text) * dot, 1.25 * _SIZE * dot
        found = []
        for side, heights in _PLACES:
            up = heights * _SIZE
            left = x + side * _NEAR * dot - (width if side < 0 else 0)
            box = Bbox.from_bounds(left, y + up * dot - height / 2, width, height)
            met = sum(_meets(line, box) for line in lines) + 2 * sum(box.overlaps(other) for other in taken)
            outside = not self._axes.bbox.contains(box.x0, box.y0) or not self._axes.bbox.contains(
                box.x1, box.y1
            )
            found.append((met + 3 * outside, side, up, box))
        _, side, up, box = min(found, key=lambda one: one[0])  # the nearest of the free ones
        return side, up, box


def _meets(line: NDArray[np.float64], box: Bbox) -> bool:
    """Tell whether a curve runs through a box, both in pixels."""
    x = np.linspace(box.x0, box.x1, 9)
    y = np.interp(x, line[:, 0], line[:, 1])
    above = y > (box.y0 + box.y1) / 2
    return bool(((y > box.y0) & (y < box.y1)).any() or (above.any() and not above.all()))
