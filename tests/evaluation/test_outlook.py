"""A position as it stands, under a scenario, and on a grid."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from kit.errors import DataError
from kit.evaluation.attribution import attribute_scenario
from kit.evaluation.margin import Margin, margin
from kit.evaluation.metrics import score
from kit.evaluation.outlook import Scenario, heat, outlook, standing, target_dates
from kit.evaluation.scored import Score
from kit.evaluation.through_time import breakevens_before_expiry, profit_before_expiry
from kit.model import Leg, Position
from kit.strategies import CallCalendar, IronCondor


@pytest.fixture(scope="module")
def chain(make_chain):
    """Return a chain of 30 days with a later one beside it."""
    near = replace(make_chain(days=39), expiry=date(2026, 12, 29))
    return near.beside(replace(make_chain(days=66), expiry=date(2027, 1, 25)))


def test_a_standing_position_has_the_figures_of_its_parts(chain):
    """Score, margin, breakevens and curves are those of the functions that define them."""
    legs = IronCondor().legs(chain)
    held = standing(legs, chain)
    assert isinstance(held.score, Score)
    assert isinstance(held.margin, Margin)
    assert held.score == score(legs, chain)
    assert held.margin == margin(held.position, chain)
    assert held.premium_inr == pytest.approx(held.score.premium_inr)
    assert held.breakevens == pytest.approx(held.score.breakevens)
    assert np.interp(held.breakevens, held.level, held.expiry_inr) == pytest.approx([0, 0], abs=1e-6)


def test_several_expiries_stand_at_the_first(chain):
    """A calendar has its margin, its score and its breakevens at the first expiry."""
    held = standing(CallCalendar().legs(chain), chain)
    assert isinstance(held.score, Score)
    assert isinstance(held.margin, Margin)
    assert held.breakevens == pytest.approx(held.score.breakevens, rel=1e-4)
    assert held.first_days == pytest.approx(39)


@pytest.mark.parametrize("idea", [IronCondor(), CallCalendar()])
def test_the_parts_of_a_scenario_sum_to_the_whole(chain, idea):
    """Legs sum to the profit, which is that of the position; the attribution sums to its change."""
    held, told = standing(idea.legs(chain), chain), Scenario(5.0, -0.02, 0.015)
    found = outlook(held, told)
    spot = chain.spot * 0.98
    whole = profit_before_expiry(held.position, chain, spot, days=5.0, iv_shift=0.015)
    assert found.profit_inr == pytest.approx(chain.lot_size * float(whole))
    parts = found.attribution.row()
    assert sum(parts.values()) - parts["change_inr"] == pytest.approx(parts["change_inr"])
    assert parts["change_inr"] == pytest.approx(found.profit_inr - held.profit_now_inr, rel=0.02, abs=5)
    assert found.breakevens == breakevens_before_expiry(held.position, chain, 5.0, iv_shift=0.015)


def test_nothing_is_earned_where_nothing_moves(chain):
    """Without a scenario every part of the attribution is zero and then is now."""
    found = outlook(standing(IronCondor().legs(chain), chain))
    assert found.attribution.row() == pytest.approx(dict.fromkeys(found.attribution.row(), 0.0), abs=1e-6)
    assert found.then_inr == pytest.approx(found.standing.now_inr)
    assert 0 < found.probability_of_profit < 1


def test_a_small_move_is_explained_by_its_greeks(chain):
    """The rest of a small scenario is a small part of it, and delta has the sign of the move."""
    legs = (chain.leg("CE", chain.atmf_strike, 1),)
    found = attribute_scenario(legs, chain, chain.spot * 1.002, days=0.5, iv_shift=0.002)
    assert abs(found.remainder_inr) < 0.01 * abs(found.change_inr)
    assert found.delta_inr > 0 > found.theta_inr
    assert found.vega_inr > 0


def test_a_future_moves_by_delta_alone(chain):
    """What has no premium has no other part."""
    found = attribute_scenario((chain.leg("FUT", 0.0, 1),), chain, chain.spot + 100)
    assert found.change_inr == found.delta_inr == pytest.approx(100 * chain.lot_size, rel=0.01)


@pytest.mark.parametrize(("by", "rows"), [("volatility", 41), ("date", 25)])
def test_the_grid_agrees_with_the_profit_at_its_points(chain, by, rows):
    """Each cell of a heat map is the profit there; what it does not run over stays as the scenario says."""
    held, told = standing(IronCondor().legs(chain), chain), Scenario(days=7.0, iv_shift=0.01)
    level, other, profit = heat(held, told, by)
    assert profit.shape == (rows, len(level)) == (len(other), len(level))
    days, shift = (7.0, other[3]) if by == "volatility" else (other[3], 0.01)
    at = profit_before_expiry(held.position, chain, level[5], days=days, iv_shift=shift)
    assert profit[3, 5] == pytest.approx(chain.lot_size * float(at))


def test_dates_run_from_now_to_the_first_expiry(chain):
    """The first moment is the chain's, the last the close of the expiry; days ascend to its time left."""
    moments = target_dates(chain, chain.expiry)
    days = [ahead for _, ahead in moments]
    assert moments[0] == (chain.taken_at, 0.0)
    assert moments[-1][0].date() == chain.expiry
    assert days == sorted(days)
    assert days[-1] <= 365 * chain.t_years


def test_a_short_way_has_hours(make_chain):
    """Within two sessions of the expiry the hours of trading can be looked at too."""
    near = make_chain(days=3.18)
    hours = [moment.hour for moment, _ in target_dates(near, near.expiry)]
    assert hours.count(14) == 2
    assert 9 not in hours


def test_an_own_price_stays_and_the_others_are_entered_at_the_touch(chain):
    """A leg with a price keeps it; one without buys at the ask."""
    strike = chain.atmf_strike
    own = Position((Leg("CE", strike, 1, 123.0), Leg("PE", strike, 1, float("nan"))))
    call, put = standing(own, chain).position
    assert call.price == 123.0
    assert put.price == chain.quote(strike, "PE")["ask"]
    assert put.expiry == chain.expiry


@pytest.mark.parametrize(
    "told", [{"spot_shift": -1.0}, {"spot_shift": float("nan")}, {"iv_shift": float("inf")}]
)
def test_a_scenario_that_cannot_be_is_refused(chain, told):
    """An index at nothing, and what is no number, are refused before anything is drawn."""
    with pytest.raises(DataError, match=r"above nothing|shift of volatility"):
        outlook(standing(IronCondor().legs(chain), chain), Scenario(**told))


def test_no_legs_are_no_position(chain):
    """Nothing held is an error that says so."""
    with pytest.raises(DataError, match="at least one leg"):
        standing((), chain)
