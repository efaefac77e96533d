"""Profit at expiry: exact at every knot, breakeven and bound."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.evaluation.payoff import breakevens, extremes, knots, profit_at, profit_at_expiry
from kit.model import Leg

CONDOR = (
    Leg("PE", 42_000, 1, 60.0),
    Leg("PE", 42_500, -1, 110.0),
    Leg("CE", 44_000, -1, 120.0),
    Leg("CE", 44_500, 1, 70.0),
)
legs_of = st.builds(
    Leg,
    st.sampled_from(["CE", "PE"]),
    st.integers(1, 900).map(lambda number: number * 100.0),
    st.integers(-5, 5).filter(bool),
    st.integers(1, 40_000).map(lambda ticks: ticks * 0.05),
)
positions = st.lists(legs_of, min_size=1, max_size=8)


def test_condor_by_hand() -> None:
    """A condor that takes 100 points with wings of 500 keeps 100, loses 400, and breaks even 100 outside."""
    shape = knots(CONDOR)
    assert extremes(shape) == (100, -400)
    assert breakevens(shape) == (42_400, 44_100)


@pytest.mark.parametrize(
    ("legs", "best", "worst", "even"),
    [
        ((Leg("CE", 100, 1, 5.0),), inf, -5, (105,)),
        ((Leg("CE", 100, -1, 5.0),), 5, -inf, (105,)),
        ((Leg("PE", 100, 1, 5.0),), 95, -5, (95,)),
        ((Leg("PE", 100, -1, 5.0),), 5, -95, (95,)),
        ((Leg("CE", 100, 1, 5.0), Leg("PE", 100, -1, 5.0)), inf, -100, (100,)),
        ((Leg("CE", 100, 1, 0.0), Leg("CE", 110, -1, 0.0)), 10, 0, (100,)),
        ((Leg("CE", 100, 1, 5.0), Leg("CE", 110, -2, 2.5)), 10, -inf, (100, 120)),
        ((Leg("CE", 100, 1, 4.0), Leg("CE", 100, -1, 4.0)), 0, 0, ()),
        ((Leg("CE", 100, 1, 6.0), Leg("CE", 100, -1, 4.0)), -2, -2, ()),
    ],
)
def test_shapes_by_hand(legs: tuple[Leg, ...], best: float, worst: float, even: tuple[float, ...]) -> None:
    """Single legs, a synthetic future, a free spread, a ratio and two that cancel come out as by hand."""
    shape = knots(legs)
    assert extremes(shape) == (best, worst)
    assert breakevens(shape) == even


@given(positions)
def test_profit_vanishes_at_every_breakeven(legs: list[Leg]) -> None:
    """The profit at each breakeven is zero, and they ascend."""
    found = breakevens(knots(legs))
    assert list(found) == sorted(set(found))
    assert np.allclose(profit_at_expiry(legs, found), 0, atol=1e-6)


@given(positions)
def test_no_breakeven_is_missed(legs: list[Leg]) -> None:
    """Between two neighbouring breakevens the profit keeps its sign on a fine grid."""
    shape = knots(legs)
    ends = [0.0, *breakevens(shape), 200_000.0]
    for left, right in pairwise(ends):
        inner = profit_at_expiry(legs, np.linspace(left, right, 203)[1:-1])
        assert (inner > -1e-6).all() or (inner < 1e-6).all()


@given(positions, st.floats(0, 150_000))
def test_knots_are_the_whole_truth(legs: list[Leg], level: float) -> None:
    """Reading the profit from the knots agrees with adding the legs up, at any level."""
    shape = knots(legs)
    direct = profit_at_expiry(legs, level)
    assert profit_at(shape, level) == pytest.approx(float(direct), abs=1e-5)
    best, worst = extremes(shape)
    assert worst - 1e-6 <= direct <= best + 1e-6


def test_bounds_are_infinite_only_upwards() -> None:
    """An index cannot fall below zero, so a sold put has a bound and a sold call has none."""
    assert extremes(knots([Leg("PE", 40_000, -2, 100.0)]))[1] == -2 * 39_900
    assert extremes(knots([Leg("CE", 40_000, -2, 100.0)]))[1] == -inf


def test_unknown_levels_stay_unknown() -> None:
    """A settlement that is NaN gives a profit that is NaN, and leaves its neighbours alone."""
    assert np.array_equal(profit_at_expiry(CONDOR, [np.nan, 43_000]), [np.nan, 100], equal_nan=True)


def test_no_legs_earn_nothing() -> None:
    """An empty position is zero everywhere and has no breakeven."""
    shape = knots([])
    assert extremes(shape) == (0, 0)
    assert breakevens(shape) == ()
