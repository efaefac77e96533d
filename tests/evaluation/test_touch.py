"""How far, and how likely."""

from collections.abc import Callable
from dataclasses import replace
from math import exp, isnan, log, sqrt

import numpy as np
import pytest
from scipy.stats import norm

from kit.errors import DataError
from kit.evaluation.metrics import score
from kit.evaluation.through_time import profit_before_expiry
from kit.evaluation.touch import expected_move_by, probability_of_profit_by, probability_of_touch
from kit.evaluation.views import lognormal
from kit.model import ChainSnapshot
from kit.strategies import IronCondor, LongStraddle, ShortStrangle

MakeChain = Callable[..., ChainSnapshot]


def test_touch_against_walks(make_chain: MakeChain) -> None:
    """The chance of a touch is that of simulated walks, corrected for their steps."""
    chain, sigma, days, steps = make_chain(), 0.18, 10.0, 400
    years = days / 365
    drift = log(chain.forward / chain.spot) / chain.t_years - sigma**2 / 2
    steps_of = np.random.default_rng(5).standard_normal((20_000, steps)) * sigma * sqrt(years / steps)
    walk = np.cumsum(steps_of + drift * years / steps, axis=1)
    missed = 0.5826 * sigma * sqrt(years / steps)  # Broadie, Glasserman and Kou (1997)
    for level in (0.96, 0.985, 1.01, 1.03):
        away = log(level)
        seen = walk.max(axis=1) >= away - missed if away > 0 else walk.min(axis=1) <= away + missed
        chance = probability_of_touch(chain, level * chain.spot, days, sigma=sigma)
        assert chance == pytest.approx(seen.mean(), abs=0.012)


def test_touch_is_more_likely_than_being_beyond(make_chain: MakeChain) -> None:
    """A level is touched at least as often as passed at the end, about twice as often, always at the spot."""
    chain = make_chain()
    levels = chain.spot * np.array([0.9, 0.97, 1.0, 1.03, 1.1, -1.0])
    touched = probability_of_touch(chain, levels)
    sd = chain.iv_at(chain.forward) * sqrt(chain.t_years)
    beyond = norm.sf((log(1.03 * chain.spot / chain.forward) + sd * sd / 2) / sd)
    assert touched[2] == 1
    assert touched[5] == 0
    assert touched[3] == pytest.approx(2 * beyond, rel=0.1)
    assert (np.diff(touched[:3]) > 0).all()
    assert (np.diff(touched[2:]) < 0).all()


def test_the_expected_move_is_one_deviation(make_chain: MakeChain) -> None:
    """It is forward times volatility times the root of time, to the expiry and on the way."""
    chain = make_chain()
    whole, half = expected_move_by(chain), expected_move_by(chain, 7.0)
    assert whole.points == pytest.approx(chain.forward * chain.iv_at(chain.forward) * sqrt(14 / 365))
    assert half.points / half.forward == pytest.approx(whole.points / whole.forward / sqrt(2))
    assert (whole.low + whole.high) / 2 == pytest.approx(chain.forward)
    assert half.forward == pytest.approx(sqrt(chain.forward * chain.spot))


def test_at_expiry_the_chance_is_that_of_the_score(make_chain: MakeChain) -> None:
    """On the day of expiry the chance of profit under one lognormal is the score's under it."""
    chain = make_chain()
    for idea in (IronCondor(), LongStraddle(), ShortStrangle()):
        legs = idea.legs(chain)
        found = probability_of_profit_by(legs, chain, 14.0, sigma=0.17)
        assert found == pytest.approx(
            score(legs, chain, view=lognormal(0.17)).probability_of_profit, abs=1e-9
        )


def test_before_expiry_the_chance_is_that_of_sampling(make_chain: MakeChain) -> None:
    """On a date before it the chance is the share of lognormal levels at which there is a profit."""
    chain, sigma, days = make_chain(), 0.16, 6.0
    legs = IronCondor().legs(chain)
    sd = sigma * sqrt(days / 365)
    forward = expected_move_by(chain, days, sigma=sigma).forward
    levels = forward * np.exp(sd * norm.ppf((np.arange(40_000) + 0.5) / 40_000) - sd * sd / 2)
    share = (profit_before_expiry(legs, chain, levels, days=days) > 0).mean()
    assert probability_of_profit_by(legs, chain, days, sigma=sigma) == pytest.approx(share, abs=1e-4)


def test_no_volatility_and_no_future(make_chain: MakeChain) -> None:
    """Without a volatility all is NaN; a date that is not ahead is refused."""
    chain = make_chain()
    legs = IronCondor().legs(chain)
    blank = replace(chain, frame=chain.table.assign(iv=np.nan), others=())
    assert isnan(probability_of_touch(blank, 56_000.0))
    assert isnan(probability_of_profit_by(legs, blank, 3.0))
    assert isnan(expected_move_by(blank).points)
    with pytest.raises(DataError, match="ahead"):
        probability_of_profit_by(legs, chain, 0.0)
    with pytest.raises(DataError, match="ahead"):
        expected_move_by(chain, -1.0)
    assert exp(0) == probability_of_touch(chain, chain.spot)
