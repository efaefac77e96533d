"""Profit before expiry."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kit.evaluation.payoff import profit_at_expiry
from kit.evaluation.scenario import profit_before_expiry
from kit.model import ChainSnapshot, Leg
from kit.strategies import ALL, LongStraddle, ShortStraddle
from kit.strategies.base import Strategy

MakeChain = Callable[..., ChainSnapshot]
every = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)


@every
def test_nothing_is_earned_where_nothing_changed(kind: type[Strategy], make_chain: MakeChain) -> None:
    """At today's spot, time and volatility the profit is zero."""
    chain = make_chain()
    assert float(profit_before_expiry(kind().legs(chain), chain, chain.spot)) == pytest.approx(0, abs=1e-7)


@every
def test_at_expiry_it_is_the_payoff(kind: type[Strategy], make_chain: MakeChain) -> None:
    """At the day of expiry and after it the profit is that at expiry, at every level."""
    chain = make_chain(days=14)
    legs, spots = kind().legs(chain), np.linspace(48_000, 62_000, 57)
    for days in (14.0, 30.0):
        assert np.allclose(profit_before_expiry(legs, chain, spots, days=days), profit_at_expiry(legs, spots))


def test_small_moves_follow_the_greeks(make_chain: MakeChain) -> None:
    """For a small move the profit is delta, gamma, vega and theta times the move."""
    chain = make_chain(ticks=False)
    legs = LongStraddle().legs(chain)
    greek = {
        name: sum(leg.lots * getattr(chain.contracts[leg.right][leg.strike], name) for leg in legs)
        for name in ("delta", "gamma", "vega", "theta")
    }
    up = 20 * chain.forward / chain.spot
    moved = float(profit_before_expiry(legs, chain, chain.spot + 20))
    assert moved == pytest.approx(greek["delta"] * up + greek["gamma"] * up**2 / 2, rel=1e-3)
    assert float(profit_before_expiry(legs, chain, chain.spot, iv_shift=0.001)) == pytest.approx(
        greek["vega"] * 0.1, rel=1e-3
    )
    later = float(profit_before_expiry(legs, chain, chain.forward, days=0.01))
    now = float(profit_before_expiry(legs, chain, chain.forward))
    assert later < now
    assert (later - now) / 0.01 == pytest.approx(greek["theta"], rel=0.2)


def test_a_grid_is_one_call(make_chain: MakeChain) -> None:
    """Days, shifts and levels broadcast to one array whose cells are the single calls."""
    chain = make_chain()
    legs = ShortStraddle().legs(chain)
    days, shifts, spots = np.array([0, 7.0]), np.array([-0.02, 0, 0.02]), np.linspace(50_000, 60_000, 5)
    grid = profit_before_expiry(legs, chain, spots, days=days[:, None, None], iv_shift=shifts[:, None])
    assert grid.shape == (2, 3, 5)
    assert grid[1, 2, 3] == profit_before_expiry(legs, chain, spots[3], days=7.0, iv_shift=0.02)


def test_volatility_never_falls_below_zero(make_chain: MakeChain) -> None:
    """A shift below zero volatility prices every leg at its discounted intrinsic value."""
    chain = make_chain()
    legs = LongStraddle().legs(chain)
    paid = sum(leg.price for leg in legs)
    inside = chain.discount * abs(chain.forward - 55_000)
    assert float(profit_before_expiry(legs, chain, chain.spot, iv_shift=-9.0)) == pytest.approx(inside - paid)


def test_a_leg_between_strikes_uses_the_smile(make_chain: MakeChain) -> None:
    """A leg that the chain does not list is valued at the smile's volatility there."""
    chain = make_chain(skew=0.0, ticks=False)
    neighbours = [chain.price(strike, "CE") for strike in (55_000.0, 55_100.0)]
    value = float(profit_before_expiry([Leg("CE", 55_050.0, 1, 0.0)], chain, chain.spot))
    assert min(neighbours) < value < max(neighbours)


def test_an_unknown_volatility_gives_nan(make_chain: MakeChain) -> None:
    """Where the chain has no volatility at all the profit before expiry is NaN."""
    chain = make_chain()
    blank = replace(chain, frame=chain.table.assign(iv=np.nan))
    assert np.isnan(profit_before_expiry(ShortStraddle().legs(blank), blank, 55_000.0))
