"""The scanner panel."""

from dataclasses import replace
from datetime import date
from threading import Event

import numpy as np
import pytest
from matplotlib.figure import Figure

from kit.errors import DataError, SettingsError
from kit.evaluation.scan import scan
from kit.strategies import IronButterfly
from kit.widgets.frame import exports
from kit.widgets.panels.position.panel import PositionPanel
from kit.widgets.panels.scan.panel import ScanPanel
from kit.widgets.panels.scan.pictures import trade_off
from kit.widgets.panels.scan.wanted import LABELS, RANKS, Wanted, where, widths_of


@pytest.fixture(scope="module")
def chain(make_chain):
    """Return a small chain for all tests here."""
    return make_chain(strikes=25, days=21)


@pytest.fixture
def panel(chain):
    """Return a panel whose Run has ended."""
    made = ScanPanel(chain)
    made.runner.start()
    assert made.runner.job.wait(120)
    return made


def test_compute_is_the_scan(chain):
    """Bounds, typed filters, widths and order mean what they mean in a scan."""
    bounds = Wanted(probability_pct=40, max_loss_inr=20_000, top=7)
    found = ScanPanel.compute(chain, ("iron_condor",), bounds, "theta_inr > 0", "300, 500", "max_profit_inr")
    tests = ["probability_of_profit >= 0.4", "max_loss_inr <= 20000", "theta_inr > 0"]
    same = scan(chain, "iron_condor", where=tests, top=7, widths=(300, 500), rank_by="max_profit_inr")
    assert found.table.equals(same.table)
    assert list(found.removed) == ["tradable == 1", *tests]


def test_a_front_is_ranked_by_two(chain):
    """Against a second figure only the Pareto front is kept; against itself or none it is an order."""
    front = ScanPanel.compute(chain, ("bull_put_spread",), rank_by="max_profit_inr", against="max_loss_inr")
    assert front.order.names == ("max_profit_inr", "max_loss_inr")
    alone = ScanPanel.compute(chain, ("bull_put_spread",), rank_by="max_profit_inr", against="max_profit_inr")
    assert alone.order.names == ("max_profit_inr",)


def test_nothing_left_says_which_filter_removed_how_many(chain):
    """An impossible bound is an error with the count of every filter, and the panel shows it."""
    with pytest.raises(DataError, match=r"max_loss_inr <= 1 removed [1-9]"):
        ScanPanel.compute(chain, ("iron_condor",), Wanted(max_loss_inr=1))
    panel = ScanPanel(chain)
    panel.inputs["max_loss_inr"].value = "1"
    panel.runner.start()
    assert panel.runner.job.wait(120)
    assert "removed" in panel.errors.value


def test_run_shows_the_best_and_what_was_removed(panel):
    """Table, picture, tiles and words show the scan; every row can be opened."""
    assert panel.errors.value == ""
    assert len(panel.table.rows) == len(panel.result) == 100
    assert panel.plot.value[:4] == b"\x89PNG"
    assert "Removed: not tradable" in panel.tiles.value
    assert "First:" in panel.words.value


def test_a_row_opens_in_the_position_builder(panel):
    """A click on a position makes it the idea of the context, and the builder shows its legs."""
    builder = PositionPanel(panel.context)
    panel.table.clicked = {"key": 3, "column": "legs", "group": "", "count": 1}
    assert panel.errors.value == ""
    wanted = {(leg.right, leg.strike, leg.lots) for leg in panel.result.legs(3)}
    assert {(leg.right, leg.strike, leg.lots) for leg in builder.builder.position} == wanted
    assert builder.errors.value == ""


def test_a_calendar_is_scanned_with_the_next_expiry(chain, make_chain):
    """A family over two expiries takes the next chain of the page, and its rows open with both expiries."""
    later = replace(make_chain(strikes=25, days=49), expiry=date(2026, 12, 29))
    panel = ScanPanel([chain, later])
    panel.inputs["families"].value = ["put_calendar"]
    panel.runner.start()
    assert panel.runner.job.wait(120)
    assert panel.errors.value == ""
    builder = PositionPanel(panel.context)
    panel.table.clicked = {"key": 0, "column": "legs", "group": "", "count": 1}
    assert {leg.expiry for leg in builder.builder.position} == {chain.expiry, later.expiry}
    assert f'.beside(desk.data.option_chain("{chain.underlying}", "{later.expiry}"))' in panel.code()


def test_a_calendar_without_a_later_chain_says_so(chain):
    """Where the page has one expiry only, a family over two is refused in words."""
    panel = ScanPanel(chain)
    panel.inputs["families"].value = ["put_calendar"]
    panel.runner.start()
    assert panel.runner.job.wait(120)
    assert "later expiries" in panel.errors.value


def test_the_idea_chosen_elsewhere_is_marked(panel):
    """Another idea of the context moves the picture and nothing else."""
    before, rows = panel.plot.value, panel.table.rows
    panel.context.idea = IronButterfly(width=300)
    assert panel.plot.value != before
    assert panel.table.rows == rows


def test_cancel_keeps_the_best_so_far(chain):
    """A scan that is stopped at once is not complete and has the rows of what was scored."""
    seen, stop = [], Event()

    def best(found):
        seen.append(found)
        stop.set()

    found = ScanPanel.compute(chain, on_best=best, stop=stop)
    assert len(seen) == 1
    assert not found.complete
    assert found.kept.scored < found.enumerated


def test_moved_controls_are_said(panel):
    """After a change the result is said to be of other controls, until the next run."""
    panel.inputs["rank_by"].value = "theta_inr"
    assert "press Run" in panel.words.value
    panel.runner.start()
    assert panel.runner.job.wait(120)
    assert panel.result.order.names == ("theta_inr",)


@pytest.mark.parametrize("name", list(LABELS))
@pytest.mark.parametrize("text", ["letters", "-1", "1e400", "nan"])
def test_wrong_bounds_are_named_and_stop_run(chain, name, text):
    """What is no number of its kind is told by its label and disables Run until it is mended."""
    panel = ScanPanel(chain)
    panel.inputs[name].value = text
    assert LABELS[name].split("(")[0].strip().replace("≥", "≥") in panel.errors.value
    assert panel.runner.run.disabled
    panel.inputs[name].value = "5"
    assert panel.errors.value == ""
    assert not panel.runner.run.disabled


@pytest.mark.parametrize(
    ("name", "text"),
    [("top", ""), ("top", "2.7"), ("top", "1e9"), ("probability_pct", "1e9"), ("size_lots", "2.7")],
)
def test_out_of_range_is_wrong(chain, name, text):
    """Rows are whole and bounded, a probability is at most all."""
    panel = ScanPanel(chain)
    panel.inputs[name].value = text
    assert panel.runner.run.disabled


@pytest.mark.parametrize(("name", "label", "text"), [
    ("further", "And", "abc > 2"), ("further", "And", "theta_inr"), ("widths", "Widths (₹)", "abc"),
    *(("widths", "Widths (₹)", text) for text in ("-500", "1e9", "2.7", "500, 150", "nan")),
])  # fmt: skip
def test_wrong_words_are_named_and_stop_run(chain, name, label, text):
    """A filter of no figure and widths that are none are told by their label."""
    panel = ScanPanel(chain)
    panel.inputs[name].value = text
    assert f"{label}:" in panel.errors.value
    assert panel.runner.run.disabled
    panel.inputs[name].value = ""
    assert not panel.runner.run.disabled


def test_what_is_shown_can_be_taken_along(panel):
    """The table has every figure, the code is Python, and before a run there is nothing to hand over."""
    made = {name: action.make() for name, action in panel.header.toolbar._actions.items()}
    assert made["csv"].content.decode().count("\n") == 101
    assert made["png"].content.startswith(b"\x89PNG")
    compile(made["code"], "cell", "exec")
    with pytest.raises(DataError, match="Nothing has been scanned"):
        ScanPanel(panel.context).data()


def test_one_far_idea_does_not_squeeze_the_picture(chain):
    """What was kept fills the picture; an idea far away stands at the edge, its figures in the legend."""
    found, axes = ScanPanel.compute(chain, ("iron_condor",)), Figure().subplots()
    own = {"max_loss_inr": 9e9, "return_on_margin": 0.0}
    trade_off(axes, found, "max_loss_inr", "return_on_margin", own)
    low, high = axes.get_xlim()
    assert high - low < 1.2 * np.ptp(found.table["max_loss_inr"])
    assert "the edge: 9,000,000,000, 0.00 %" in [text.get_text() for text in axes.get_legend().texts][-1]


def test_words_become_filters():
    """Unset bounds are no filters, percent become fractions, empty widths are the scan's own."""
    assert where(Wanted()) == []
    assert where(Wanted(probability_pct=70, spread_pct=5)) == [
        "probability_of_profit >= 0.7", "spread_pct <= 5",
    ]  # fmt: skip
    assert widths_of(" 500, 1000 ") == [500.0, 1000.0]
    assert widths_of("") is None
    with pytest.raises(SettingsError):
        widths_of("0")


def test_every_figure_has_a_name_of_its_own():
    """No two figures share a title in the order's list."""
    assert len(set(RANKS.values())) == len(RANKS) > 20


def test_there_is_no_picture_to_save_before_a_run(chain):
    """PNG of a panel that has drawn nothing says so, instead of handing over an empty picture."""
    with pytest.raises(DataError, match="no picture yet"):
        exports.pixels(ScanPanel(chain).plot)
