"""Profit before expiry."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from kit.errors import SettingsError, UnknownExpiry
from kit.evaluation.moved_smile import Kept, moved_volatility
from kit.evaluation.payoff import breakevens, knots, profit_at_expiry
from kit.evaluation.through_time import (
    breakevens_before_expiry,
    greeks_before_expiry,
    profit_before_expiry,
    profit_grid,
)
from kit.model import ChainSnapshot, Leg
from kit.pricing.black76 import greeks
from kit.strategies import (
    ALL,
    FAMILIES,
    CallCalendar,
    DoubleCalendar,
    IronCondor,
    LongStraddle,
    ShortStraddle,
)
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


def _calendar(make_chain: MakeChain, **chain: float) -> ChainSnapshot:
    far = make_chain(days=42.0, **chain)
    return make_chain(days=14.0, **chain).beside(replace(far, expiry=date(2026, 12, 29)))


families = pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
kept = pytest.mark.parametrize("held", ["strike", "moneyness", "delta"])


@families
@kept
def test_every_family_starts_at_zero(kind: type[Strategy], held: Kept, make_chain: MakeChain) -> None:
    """Whatever is held, no family has earned anything where neither index, time nor volatility moved."""
    chain = _calendar(make_chain)
    found = profit_before_expiry(kind().legs(chain), chain, chain.spot, held=held)
    assert float(found) == pytest.approx(0, abs=1e-6)


def test_what_is_held_is_held(make_chain: MakeChain) -> None:
    """After a move a strike, a ratio of strike to forward, or a delta has the volatility it had before."""
    chain = make_chain(ticks=False)
    up = np.array(chain.forward * 1.02)
    left = np.array(chain.t_years / 2)
    leg = chain.leg("CE", 56_100.0, 1)
    assert float(moved_volatility(leg, chain, up, left, "strike")) == chain.contracts["CE"][56_100.0].iv
    inside = float(moved_volatility(leg, chain, up, left, "moneyness"))
    assert inside == pytest.approx(chain.iv_at(56_100 / 1.02), abs=2e-4)
    moved = float(moved_volatility(leg, chain, up, left, "delta"))
    delta = float(greeks(up, leg.strike, left, moved, 1.0, True).delta)
    by_delta = [
        (
            float(greeks(chain.forward, strike, chain.t_years, chain.iv_at(strike), 1.0, True).delta),
            chain.iv_at(strike),
        )
        for strike in chain.strikes[::-1]
    ]
    assert moved == pytest.approx(np.interp(delta, *zip(*by_delta, strict=True)), abs=2e-3)


def test_shifts_of_skew_and_term(make_chain: MakeChain) -> None:
    """A skew shift is nil at the forward and a point at 10 %; by the root of time later ones move less."""
    chain = _calendar(make_chain, ticks=False)
    put, far = chain.leg("PE", 49_600.0, 1), chain.at(date(2026, 12, 29)).leg("CE", 55_000.0, 1)

    def gained(leg: Leg, **shift: Any) -> float:
        return float(profit_before_expiry([leg], chain, chain.spot, **shift))

    steep = gained(put, skew_shift=-0.01)
    alike = gained(put, iv_shift=-0.01 * np.log(49_600 / chain.forward) / np.log(1.1))
    assert steep == pytest.approx(alike)
    money = chain.leg("CE", chain.atmf_strike, 1)
    assert abs(gained(money, skew_shift=-0.01)) < 0.02 * gained(money, iv_shift=0.01)
    assert gained(far, iv_shift=0.01, term="root_time") == pytest.approx(
        gained(far, iv_shift=0.01 * (30 / 42) ** 0.5), rel=1e-9
    )


@families
def test_greeks_before_expiry_are_slopes(kind: type[Strategy], make_chain: MakeChain) -> None:
    """Delta, gamma and vega at a date are the slopes of the profit there, over any number of expiries."""
    chain = _calendar(make_chain)
    legs, spot, at = kind().legs(chain), chain.spot * 1.01, {"days": 5.0, "iv_shift": 0.01}
    found = greeks_before_expiry(legs, chain, spot, **at)
    low, here, high = profit_before_expiry(legs, chain, spot + np.array([-5.0, 0.0, 5.0]), **at)
    assert float(found.delta) == pytest.approx((high - low) / 10, abs=1e-4)
    assert float(found.gamma) == pytest.approx((high - 2 * here + low) / 25, abs=1e-6)
    fuller = profit_before_expiry(legs, chain, spot, days=5.0, iv_shift=0.0101)
    assert float(found.vega) * 0.01 == pytest.approx(float(fuller - here), rel=2e-3, abs=1e-3)


@families
def test_breakevens_before_expiry_are_zeros(kind: type[Strategy], make_chain: MakeChain) -> None:
    """At each breakeven of a date the profit is nil, and no sign changes anywhere else."""
    chain = _calendar(make_chain)
    legs = kind().legs(chain)
    for days in (3.0, 9.5, 14.0):
        found = np.array(breakevens_before_expiry(legs, chain, days))
        slope = np.abs(greeks_before_expiry(legs, chain, found, days=days).delta)
        assert np.all(np.abs(profit_before_expiry(legs, chain, found, days=days)) <= 0.02 * slope + 1e-6)
        levels = np.linspace(0.5, 1.5, 997) * chain.spot
        signs = np.sign(np.round(profit_before_expiry(legs, chain, levels, days=days), 6))
        between = signs[:-1] * signs[1:] < 0
        for low, high in zip(levels[:-1][between], levels[1:][between], strict=True):
            assert ((found >= low - 0.02) & (found <= high + 0.02)).any()


def test_breakevens_at_expiry_are_exact(make_chain: MakeChain) -> None:
    """At the expiry of all legs the breakevens are those of the payoff, to the digit."""
    chain = make_chain()
    legs = IronCondor().legs(chain)
    assert breakevens_before_expiry(legs, chain, 14.0) == breakevens(knots(legs))
    assert breakevens_before_expiry(legs, chain, 13.9) != breakevens(knots(legs))


def test_the_grid_is_the_profit_in_rupees(make_chain: MakeChain) -> None:
    """A grid has days, volatilities and levels as its axes, and every cell is the single profit in rupees."""
    chain = make_chain()
    legs = ShortStraddle().legs(chain)
    grid = profit_grid(legs, chain, [54_000, 55_000, 56_000], [0.0, 0.02], [0, 5, 10, 14], held="moneyness")
    assert grid.shape == (4, 2, 3)
    alone = profit_before_expiry(legs, chain, 56_000, days=5, iv_shift=0.02, held="moneyness")
    assert grid[1, 1, 2] == pytest.approx(chain.lot_size * float(alone))


def test_a_calendar_agrees_with_quantlib(make_chain: MakeChain) -> None:
    """The value of a calendar at a later date is that of QuantLib's Black formula, leg by leg."""
    ql = pytest.importorskip("QuantLib")
    chain = _calendar(make_chain)
    legs = DoubleCalendar().legs(chain)
    for days, spot in (
        (0.0, chain.spot),
        (6.0, chain.spot * 0.97),
        (14.0, chain.spot * 1.03),
        (20.0, 54_000.0),
    ):
        expected = 0.0
        for leg in legs:
            own = chain.at(leg.expiry)
            left = max(own.t_years - days / 365, 0.0)
            forward = spot * (own.forward / chain.spot) ** (left / own.t_years)
            side = ql.Option.Call if leg.right == "CE" else ql.Option.Put
            sd = own.contracts[leg.right][leg.strike].iv * left**0.5
            value = ql.blackFormula(side, leg.strike, forward, sd, own.discount ** (left / own.t_years))
            expected += leg.lots * (value - leg.price)
        assert float(profit_before_expiry(legs, chain, spot, days=days)) == pytest.approx(expected, abs=1e-6)


def test_a_near_leg_settles_where_the_index_is(make_chain: MakeChain) -> None:
    """After the near expiry a calendar is its intrinsic value there against the later option."""
    chain = _calendar(make_chain)
    near, far = CallCalendar().legs(chain)
    after = float(profit_before_expiry([near, far], chain, 57_000.0, days=20))
    alone = float(profit_before_expiry([far], chain, 57_000.0, days=20))
    assert after == pytest.approx(alone - (57_000 - near.strike) + near.price)


def test_wrong_names_and_missing_expiries_are_named(make_chain: MakeChain) -> None:
    """What a smile is held in, a shift's term and an expiry are refused where there are none such."""
    chain = make_chain()
    legs = ShortStraddle().legs(chain)
    with pytest.raises(SettingsError, match="strike, moneyness, delta"):
        profit_before_expiry(legs, chain, 55_000, held="gamma")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="parallel, root_time"):
        profit_before_expiry(legs, chain, 55_000, term="flat")  # type: ignore[arg-type]
    with pytest.raises(UnknownExpiry, match="beside"):
        profit_before_expiry([replace(legs[0], expiry=date(2026, 12, 29))], chain, 55_000)
