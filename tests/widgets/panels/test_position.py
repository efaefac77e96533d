"""The position builder."""

from dataclasses import replace
from datetime import date
from math import nan

import numpy as np
import pytest

from kit.errors import DataError
from kit.evaluation.outlook import standing
from kit.model import Leg, Position
from kit.strategies import CALENDARS, FAMILIES, IronCondor, ShortStraddle
from kit.widgets.frame.context import Context
from kit.widgets.panels.position.builder import PRESETS
from kit.widgets.panels.position.holding import added, ladder_rows, leg_words
from kit.widgets.panels.position.panel import PositionPanel

LATER = date(2027, 1, 25)


@pytest.fixture(scope="module")
def chains(make_chain):
    """Return two expiries, a month and two ahead."""
    near = replace(make_chain(days=39), expiry=date(2026, 12, 29))
    return near, replace(make_chain(days=66), expiry=LATER)


@pytest.fixture
def panel(chains):
    """Return a fresh panel."""
    return PositionPanel(chains)


def click(panel, strike, column, group):
    """Click a price of the ladder, as the page tells it."""
    count = panel.builder.ladder.clicked.get("count", 0) + 1
    panel.builder.ladder.clicked = {"key": strike, "column": column, "group": group, "count": count}


def test_it_starts_with_a_position_and_its_picture(panel):
    """An iron condor stands there at first, with picture, figures, legs, causes and words."""
    assert panel.errors.value == ""
    assert len(panel.legs.rows) == 4
    assert len(panel.causes.rows) == 1
    assert panel.plot.value[:4] == b"\x89PNG"
    assert "Margin" in panel.tiles.value
    assert "breaks even" in panel.words.value
    assert panel.context.idea == IronCondor()


def test_compute_needs_no_panel(chains):
    """Later, further and at another volatility is a pure function of position and scenario."""
    held = standing(ShortStraddle().legs(chains[0]), chains[0])
    later = chains[0].taken_at.replace(day=30)
    still, moved = (
        PositionPanel.compute(held, later, spot_pct, iv_points) for spot_pct, iv_points in ((0, 0), (3, 2))
    )
    assert still.found.scenario.days == pytest.approx(10)
    assert still.found.profit_inr > 0 > moved.found.profit_inr
    assert moved.heat[2].shape == (41, 81)


@pytest.mark.parametrize("name", ["spot_pct", "iv_points"])
def test_a_slider_moves_picture_figures_and_causes(panel, name):
    """A step of a slider changes plot, tiles, words and the attribution."""
    before = panel.plot.value, panel.tiles.value, panel.words.value, panel.causes.rows
    panel.inputs[name].value = 1.5
    after = panel.plot.value, panel.tiles.value, panel.words.value, panel.causes.rows
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_the_date_moves_the_profit(panel):
    """At the last date the scenario's curve is the one of the expiry; the chance names its date."""
    assert "Probability of profit at the first expiry (lognormal)" in panel.tiles.value
    panel.inputs["date"].index = len(panel.inputs["date"].options) - 1
    found = panel.result.found
    assert found.then_inr == pytest.approx(found.standing.expiry_inr, abs=60)
    assert "Probability of profit by then (lognormal)" in panel.tiles.value
    assert panel.errors.value == ""


@pytest.mark.parametrize("by", ["volatility", "date"])
@pytest.mark.parametrize("kept", ["strike", "moneyness", "delta"])
def test_every_choice_draws(panel, by, kept):
    """Each map and each way to hold the smile draws without an error."""
    panel.inputs["by"].value, panel.inputs["kept"].value = by, kept
    assert panel.errors.value == ""
    assert panel.result.found.scenario.kept == kept


def test_a_click_adds_a_leg_and_another_takes_it_away(panel):
    """Buy and Sell of the ladder add lots of the contract; what sums to nothing is no leg."""
    panel.builder.clear.click()
    strike = panel.source.atmf_strike
    click(panel, strike, "sell", "Puts")
    click(panel, strike, "sell", "Puts")
    assert str(panel.builder.position) == f"-2 {strike:g}PE 29DEC2026"
    assert panel.builder.preset.value == "Own legs"
    held = next(row for row in panel.builder.ladder.rows if row["key"] == strike)
    assert -2 in held["cells"]
    panel.builder.lots.value = "2"
    click(panel, strike, "buy", "Puts")
    assert panel.builder.position is None
    assert "no legs yet" in panel.words.value
    assert panel.plot.layout.display == "none"


def test_the_next_leg_is_of_the_expiry_chosen(panel):
    """Another expiry changes the ladder, not the legs; a click then makes a calendar."""
    panel.builder.clear.click()
    click(panel, 55_000, "sell", "Calls")
    panel.builder.expiry.value = LATER
    click(panel, 55_000, "buy", "Calls")
    assert str(panel.builder.position) == "-1 55000CE 29DEC2026 +1 55000CE 25JAN2027"
    assert panel.errors.value == ""
    assert panel.source.expiries == [date(2026, 12, 29), LATER]
    assert "Maximum profit" in panel.tiles.value


def test_legs_can_be_changed_one_by_one(panel):
    """A leg's buttons buy one more, sell one more and remove it; Undo takes each back."""
    before = str(panel.builder.position)
    for column, legs in (("more", 4), ("out", 3)):
        panel.legs.clicked = {"key": 0, "column": column, "group": "", "count": legs}
        assert len(panel.legs.rows) == legs
    panel.builder.undo.click()
    assert panel.builder.position[0].lots == 2
    panel.builder.undo.click()
    assert str(panel.builder.position) == before


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_is_a_preset(panel, kind):
    """Each family of strategies, several expiries too, draws with as many lots as are chosen."""
    name = next(word for word, one in PRESETS.items() if one is kind)
    panel.builder.lots.value = "3"
    panel.builder.preset.value = name
    assert panel.errors.value == ""
    assert {abs(leg.lots) % 3 for leg in panel.builder.position} == {0}
    assert (len(panel.source.expiries) == 2) == (kind in CALENDARS)


@pytest.mark.parametrize("text", ["", "letters", "-1", "0", "2.7", "1e9", "inf", "nan"])
def test_wrong_lots_are_named_and_stop_what_they_size(panel, text):
    """A wrong number of lots is told by its label and disables ladder and presets until it is mended."""
    panel.builder.lots.value = text or " "
    assert "Lots" in panel.errors.value
    assert "kit-wrong" in panel.builder.lots._dom_classes
    assert not panel.builder.ladder.clickable
    assert panel.builder.preset.disabled
    panel.builder.lots.value = "2"
    assert panel.errors.value == ""
    assert panel.builder.ladder.clickable
    assert not panel.builder.preset.disabled


@pytest.mark.parametrize(
    "text", ["-1 55000", "55000CE", "-1 abc", "+1 55001CE", "-1 55000CE 30DEC2026", "0 55000CE"]
)
def test_wrong_legs_are_told_and_keep_the_picture(panel, text):
    """Text that is no position, or of no contract, shows its error and leaves the position alone."""
    before = panel.builder.position, panel.plot.value
    panel.builder.text.value = text
    assert "role='alert'" in panel.errors.value
    assert "kit-wrong" in panel.builder.text._dom_classes
    assert (panel.builder.position, panel.plot.value) == before
    panel.builder.text.value = "+1 55000CE"
    assert panel.errors.value == ""
    assert "kit-wrong" not in panel.builder.text._dom_classes


def test_entered_prices_stay_when_quotes_move(chains, make_chain):
    """After Enter, newer quotes show what was earned since and what each Greek contributed."""
    context = Context(chains=chains)
    panel = PositionPanel(context, "-1 55000CE -1 55000PE")
    panel.enter.click()
    assert "@" in panel.builder.text.value
    newer = replace(make_chain(days=38, atm_iv=0.12), expiry=chains[0].expiry)
    context.take([newer])
    assert panel.errors.value == ""
    assert panel.result.found.standing.profit_now_inr > 0
    change, *parts = panel.causes.rows[1]["cells"][1:]
    assert sum(parts) == pytest.approx(change)
    assert "Since the entry" in panel.causes.rows[1]["cells"][0]


def test_an_idea_of_another_panel_opens_here(chains):
    """What another panel opens is shown, and what is built here is there for the others."""
    context = Context(chains=chains)
    panel = PositionPanel(context)
    context.open(ShortStraddle())
    assert [leg.right for leg in panel.builder.position] == ["PE", "CE"]
    context.open(Position.parse("+1 56000CE"))
    assert str(panel.builder.position) == "+1 56000CE 29DEC2026"
    assert context.opened == 2


def test_a_strategy_follows_an_expiry_that_is_chosen_elsewhere(chains):
    """Another panel's expiry takes a preset along; the builder's own leaves the legs where they are."""
    panel = PositionPanel(chains)
    panel.context.choose(LATER)
    assert {leg.expiry for leg in panel.builder.position} == {LATER}
    assert panel.context.idea == IronCondor()
    panel.builder.expiry.value = chains[0].expiry
    assert {leg.expiry for leg in panel.builder.position} == {LATER}
    assert panel.context.idea is panel.builder.position
    assert panel.errors.value == ""


def test_what_is_shown_can_be_taken_along(panel):
    """Table, picture and page hold what is shown; the code gives the same profit."""
    made = {name: action.make() for name, action in panel.header.toolbar._actions.items()}
    assert made["csv"].content.decode().startswith("level,now_inr,scenario_inr,expiry_inr")
    assert made["png"].content.startswith(b"\x89PNG")
    assert "Position.parse" in made["code"]
    compile(made["code"], "cell", "exec")
    panel.builder.clear.click()
    with pytest.raises(DataError, match="no position"):
        panel.code()


def test_the_same_contract_is_one_leg():
    """Lots of one contract add up, entered prices stand apart, and nothing is left of a closed one."""
    leg = Leg("CE", 55_000.0, 1, nan)
    assert added(None, leg, "X").legs == (leg,)
    assert added(Position((leg,)), replace(leg, lots=2), "X")[0].lots == 3
    assert added(Position((leg,)), replace(leg, lots=-1), "X") is None
    assert len(added(Position((replace(leg, price=9.0),)), leg, "X")) == 2


def test_a_ladder_without_quotes_sells_at_the_last_price(chains):
    """Where nobody bids the price is the last one; without any price there is nothing to click."""
    frame = chains[0].table
    frame["bid"] = frame["ask"] = np.nan
    frame.loc[frame["strike"] == 55_000, "ltp"] = np.nan
    rows = {row.key: row.cells for row in ladder_rows(replace(chains[0], frame=frame), None)}
    assert rows[55_100][2] == rows[55_100][3] > 0
    assert rows[55_000][2] is None


def test_legs_are_written_as_an_analyst_reads_them():
    """Sign, lots, strike with commas, right and expiry."""
    assert leg_words(Leg("PE", 54_900.0, -2, nan, LATER)) == "−2 54,900 PE 25 Jan 27"
    assert leg_words(Leg("FUT", 0.0, 1, nan, LATER)) == "+1 FUT 25 Jan 27"


def test_a_chain_without_rules_of_margin_says_so(chains):
    """On a day whose margin is not known everything else is shown, with the reason in words."""
    old = replace(chains[0], underlying="XYZ")
    panel = PositionPanel(old, IronCondor())
    assert panel.errors.value == ""
    assert "Margin" not in panel.tiles.value
    assert "No margin" in panel.words.value
