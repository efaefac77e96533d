"""Figures from finished numbers."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.image import imread

from kit import plots


@pytest.fixture
def axes():
    """Axes without pyplot's global state."""
    return plots.figure()[1]


def test_payoff_shows_line_breakevens_and_spot(axes):
    """The payoff figure carries the profit line, its breakevens and the spot."""
    plots.payoff(axes, [1, 2, 3], [-5.0, 0.0, 5.0], breakevens=[2.0], spot=2.5, title="Idea")
    lines = axes.get_lines()
    np.testing.assert_array_equal(lines[0].get_ydata(), [-5, 0, 5])
    assert list(lines[3].get_xdata()) == [2.0]
    assert axes.get_title(loc="left") == "Idea"


def test_latencies_has_one_bar_per_tier_and_operation(axes):
    """Each operation has a bar in each tier that measured it, on a logarithmic axis."""
    plots.latencies(
        axes, {"network": {"chain": 80.0, "spot": 9.0}, "hot": {"chain": 0.01}}, {"chain": 2000.0}
    )
    heights = [bar.get_height() for bar in axes.patches]
    assert heights[:3] == [80.0, 9.0, 0.01]
    assert np.isnan(heights[3])
    assert axes.get_yscale() == "log"


def test_page_image_is_self_contained_and_has_a_text():
    """A figure becomes an image inside the page, with an escaped text."""
    page, _ = plots.figure()
    html = plots.as_html(page, 'a "smile"')
    assert html.startswith('<img alt="a &quot;smile&quot;" src="data:image/png;base64,iVBOR')


def test_a_cell_shows_a_figure_that_follows_the_theme():
    """A figure at the end of a cell is a picture without a ground, at its size, with what its axes say."""
    page, axes = plots.figure(6, 3)
    axes.plot([1, 2])
    axes.set_ylabel("Profit (₹)")
    shown, _ = DisplayFormatter().format(page)
    html = shown["text/html"]
    assert 'alt="Profit (₹)"' in html
    assert "width:576px" in html
    assert "[data-jp-theme-light=false] .kit-picture{background:none" in html
    pixels = imread(BytesIO(b64decode(html.partition("base64,")[2].partition('"')[0])))
    assert pixels[0, 0, 3] == 0
