"""The payoff panel."""

import numpy as np
import pytest

from kit.errors import DataError, SettingsError
from kit.evaluation.results import levels
from kit.strategies import ALL
from kit.strategies.base import words
from kit.widgets.frame.style import rupees
from kit.widgets.panels.payoff import PayoffPanel, build, parameters


@pytest.fixture(scope="module")
def chain(make_chain):
    """Return one chain for all tests here."""
    return make_chain()


@pytest.mark.parametrize("kind", ALL)
def test_every_strategy_has_a_payoff(chain, kind):
    """Each member of ALL draws without an error, and only the sliders it takes are enabled."""
    panel = PayoffPanel(chain)
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
    found = PayoffPanel.compute(chain, kind="IronCondor", strike=4, width=500, lots=2)
    assert len(found.score.breakevens) == 2
    at = np.interp(found.score.breakevens, found.level, found.expiry_inr)
    assert at == pytest.approx([0, 0], abs=1e-6)
    assert found.expiry_inr.max() == pytest.approx(found.score.max_profit_inr)


def test_lots_scale_the_amounts(chain):
    """Three lots earn three times what one lot earns."""
    one, three = (
        PayoffPanel.compute(chain, kind="BullCallSpread", strike=1, width=300, lots=lots) for lots in (1, 3)
    )
    assert three.expiry_inr == pytest.approx(3 * one.expiry_inr, abs=1e-6)
    assert three.today_inr == pytest.approx(3 * one.today_inr, abs=1e-6)


def test_nothing_is_earned_today_at_the_spot(chain):
    """With the index unmoved, the position is worth what it was entered at."""
    found = PayoffPanel.compute(chain, "ShortStrangle", 4, 0, 1)
    today = np.interp(chain.spot, found.level, found.today_inr)
    assert today == pytest.approx(0, abs=2e-4 * chain.spot)


def test_a_strike_outside_the_chain_is_explained(make_chain):
    """A slider that leaves the chain shows the error of the chain and keeps the last plot."""
    panel = PayoffPanel(make_chain(strikes=21))
    before = panel.plot.value
    panel.inputs["strike"].value = 12
    assert "role='alert'" in panel.errors.value
    assert panel.plot.value == before
    with pytest.raises(DataError):
        PayoffPanel.compute(panel.source, **panel.values)


def test_an_unknown_strategy_is_named():
    """A misspelt class name is answered with the names there are."""
    with pytest.raises(SettingsError, match=r"IronCondr.*IronCondor"):
        build("IronCondr", 1, 100, 1)


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
