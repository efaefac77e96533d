"""Where the levels of breakevens are written."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kit.widgets.panels.labels import LevelLabels

LEVELS = st.lists(st.floats(49_000, 59_000), min_size=1, max_size=6, unique=True)


@pytest.fixture(scope="module")
def axes():
    """Return axes of a plot of profit by index level."""
    figure = Figure((7, 4), dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set(xlim=(50_000, 58_000), ylim=(-20_000, 20_000))
    return axes


def written(axes, levels, marks=()):
    """Return the labels of levels, as they are drawn."""
    labels = LevelLabels(axes, 6, "#000000")
    labels.show(levels, [], [*((level, 0.0) for level in levels), *marks], [])
    return [note for note in labels.notes if note.get_visible()]


def test_a_label_turns_away_from_the_mark_of_another(axes):
    """Right of its mark where there is room, left of it where another mark stands on the right."""
    (alone,) = written(axes, [54_000.0])
    (beside,) = written(axes, [54_000.0], [(54_150.0, 100.0)])
    assert (alone.get_ha(), beside.get_ha()) == ("left", "right")


@settings(deadline=None)
@given(LEVELS, st.floats(50_000, 58_000), st.floats(-3_000, 3_000))
def test_no_label_lies_on_a_label_or_mark_or_outside(axes, levels, at, profit):
    """However near the breakevens are to each other and to the mark of the scenario."""
    notes = written(axes, levels, [(at, profit)])
    renderer = axes.figure.canvas.get_renderer()
    boxes = [note.get_window_extent(renderer) for note in notes]
    marks = axes.transData.transform([*((level, 0.0) for level in levels), (at, profit)])
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert not any(box.contains(x, y) for box in boxes for x, y in marks)
    assert all(axes.bbox.contains(*corner) for box in boxes for corner in (box.min, box.max))
