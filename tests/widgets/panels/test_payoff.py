"""The payoff panel."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from kit.errors import DataError, SettingsError
from kit.evaluation.results import levels
from kit.model import Position
from kit.shown import rupees
from kit.strategies import ALL, CALENDARS, FAMILIES, BullCallSpread, IronCondor, ShortStrangle
from kit.strategies.base import words
from kit.strategies.strikes import Offset
from kit.widgets.frame.context import Context
from kit.widgets.panels.payoff import PayoffPanel, moved, parameters, steps_out


@pytest.fixture(scope="module")
def chain(make_chain):
    """Return one chain for all tests here."""
    return make_chain()


@pytest.fixture(scope="module")
def chains(make_chain):
    """Return two expiries."""
    return make_chain(), replace(make_chain(days=45), expiry=date(2026, 12, 29))


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_strategy_has_a_payoff(chains, kind):
    """Each family draws without an error, and only the sliders it takes are enabled."""
    panel = PayoffPanel(chains)
    panel.inputs["kind"].value = kind.__name__
    assert panel.errors.value == ""
    for name in ("strike", "width"):
        assert panel.inputs[name].disabled == (name not in parameters(kind))
    assert words(kind.__name__).capitalize() in panel.words.value


def test_a_slider_moves_the_picture_and_the_figures(chain):
    """A step of a slider changes plot, tiles and words."""
    panel = PayoffPanel(chain)
    before = panel.plot.value, panel.tiles.value, panel.words.value
    panel.inputs["strike"].value += 1
    after = panel.plot.value, panel.tiles.value, panel.words.value
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_the_curve_is_zero_at_the_breakevens(chain):
    """The plotted profit passes zero where the figures say it does."""
    found = PayoffPanel.compute(chain, IronCondor(Offset(4), 500, lots=2))
    assert len(found.score.breakevens) == 2
    at = np.interp(found.score.breakevens, found.level, found.expiry_inr)
    assert at == pytest.approx([0, 0], abs=1e-6)
    assert found.expiry_inr.max() == pytest.approx(found.score.max_profit_inr)


def test_lots_scale_the_amounts(chain):
    """Three lots earn three times what one lot earns."""
    one, three = (PayoffPanel.compute(chain, BullCallSpread(Offset(1), 300, lots=lots)) for lots in (1, 3))
    assert three.expiry_inr == pytest.approx(3 * one.expiry_inr, abs=1e-6)
    assert three.today_inr == pytest.approx(3 * one.today_inr, abs=1e-6)


def test_nothing_is_earned_today_at_the_spot(chain):
    """With the index unmoved, the position is worth what it was entered at."""
    found = PayoffPanel.compute(chain, ShortStrangle(Offset(4)))
    today = np.interp(chain.spot, found.level, found.today_inr)
    assert today == pytest.approx(0, abs=2e-4 * chain.spot)


def test_a_strike_outside_the_chain_is_explained(make_chain):
    """A slider that leaves the chain shows the error of the chain and keeps the last plot."""
    panel = PayoffPanel(make_chain(strikes=21))
    before = panel.plot.value
    panel.inputs["strike"].value = 16
    assert "role='alert'" in panel.errors.value
    assert panel.plot.value == before
    with pytest.raises(DataError):
        PayoffPanel.compute(panel.source, **panel.values)


def test_an_unknown_strategy_is_named():
    """A misspelt class name is answered with the names there are."""
    with pytest.raises(SettingsError, match=r"IronCondr.*IronCondor"):
        moved(IronCondor(), "kind", "IronCondr")


@pytest.mark.parametrize(
    ("amount", "written"),
    [(12345.4, "₹ 12,345"), (-9.6, "−₹ 10"), (-0.2, "₹ 0"), (np.inf, "unlimited"), (np.nan, "unknown")],
)
def test_amounts_are_written_with_their_unit(amount, written):
    """Rupees carry their sign, and no figure is shown where there is none."""
    assert rupees(amount) == written


def test_no_breakeven_is_said():
    """A position that is never zero says so."""
    assert levels(()) == "none"


@pytest.mark.parametrize("kind", ALL)
def test_an_idea_is_the_one_of_the_ranking_until_it_is_moved(chain, kind):
    """A strategy chosen here has its own parameters; sliders stand where those are, and then replace them."""
    panel = PayoffPanel(chain)
    panel.inputs["kind"].value = kind.__name__
    assert panel.idea == kind()
    if "strike" in parameters(kind):
        assert panel.inputs["strike"].value == steps_out(kind(), chain)
        panel.inputs["strike"].value += 1
        assert Offset(panel.inputs["strike"].value) in vars(panel.idea).values()
        assert panel.context.idea == panel.idea


def test_an_idea_of_another_panel_is_shown(chain):
    """A strategy moves the controls, a position is its own legs; a change goes back to the others."""
    context = Context(chains=(chain,))
    panel = PayoffPanel(context)
    context.idea = ShortStrangle(Offset(7), lots=3)
    shown = {name: control.value for name, control in panel.inputs.items() if name != "width"}
    assert shown == {"kind": "ShortStrangle", "strike": 7, "lots": "3"}
    context.idea = Position.parse("-1 55000CE +1 55400CE")
    assert panel.errors.value == ""
    assert panel.inputs["kind"].value == "OwnLegs"
    assert "55,400" in panel.words.value
    panel.inputs["kind"].value = "LongStraddle"
    assert type(context.idea).__name__ == "LongStraddle"


@pytest.mark.parametrize("text", ["", "letters", "-1", "0", "2.7", "1e9"])
def test_wrong_lots_are_named_and_keep_the_picture(chain, text):
    """A wrong number of lots is told by its label and moves nothing until it is mended."""
    panel = PayoffPanel(chain)
    before = panel.plot.value
    panel.inputs["lots"].value = text or " "
    assert "Lots" in panel.errors.value
    panel.inputs["strike"].value += 1
    assert (panel.plot.value, "lots" in panel.errors.value) == (before, True)
    panel.inputs["lots"].value = "2"
    assert panel.errors.value == ""
    assert panel.idea.lots == 2


def test_labels_stand_beside_the_line(chain):
    """No label of a breakeven meets the curve, the marks of the others, or leaves the plot."""
    panel = PayoffPanel(chain)
    renderer = panel.plot.canvas.get_renderer()
    notes = [note for note in panel._lines._labels.notes if note.get_visible()]
    assert len(notes) == 2
    line = panel._lines._curve
    curve = panel._lines._axes.transData.transform(line.get_xydata())
    for note in notes:
        box = note.get_window_extent(renderer)
        x = np.linspace(box.x0, box.x1, 20)
        y = np.interp(x, curve[:, 0], curve[:, 1])
        assert not ((y > box.y0) & (y < box.y1)).any()
        assert panel._lines._axes.bbox.contains(box.x0, box.y0)


def test_the_code_scores_what_is_shown(chain):
    """What is copied is Python with every name imported."""
    panel = PayoffPanel(chain)
    compile(panel.code(), "cell", "exec")
    assert "import Delta" in panel.code()


@pytest.mark.parametrize("kind", CALENDARS)
def test_a_calendar_ends_at_its_first_expiry(chains, kind):
    """The curve at the first expiry passes zero at the breakevens, and a slider draws on the same axes."""
    panel = PayoffPanel(chains)
    panel.inputs["kind"].value = kind.__name__
    found = panel.compute(panel.source, **panel.values)
    shown = [level for level in found.score.breakevens if found.level[0] < level < found.level[-1]]
    at = np.interp(shown, found.level, found.expiry_inr)
    assert len(at) > 0
    assert at == pytest.approx(np.zeros(len(at)), abs=2e-3 * np.ptp(found.expiry_inr))
    assert found.expiry_inr.max() == pytest.approx(found.score.max_profit_inr, rel=0.02)
    lines, before = panel._lines, panel.plot.value
    panel.inputs["strike"].value += 1
    assert panel._lines is lines
    assert panel.plot.value != before
    assert panel.errors.value == ""
    compile(panel.code(), "cell", "exec")


def test_a_calendar_needs_a_later_expiry(chain):
    """With one chain and no desk, a calendar says what is missing and the last plot stays."""
    panel = PayoffPanel(chain)
    before = panel.plot.value
    panel.inputs["kind"].value = "CallCalendar"
    assert "UnknownExpiry" in panel.errors.value
    assert panel.plot.value == before
