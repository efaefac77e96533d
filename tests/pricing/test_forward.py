from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.pricing.black76 import price
from kit.pricing.forward import carried_forward, implied_forward

STRIKES = np.arange(40_000.0, 46_100.0, 100.0)


def quotes(forward: float, discount: float, years: float, half_spread: float) -> list[np.ndarray]:
    """Return strike, call bid and ask, put bid and ask around exact prices on a skewed smile."""
    sigma = 0.14 - 0.3 * np.log(STRIKES / forward)
    call, put = price(forward, STRIKES, years, sigma, discount, np.array([[True], [False]]))
    return [STRIKES, call - half_spread, call + half_spread, put - half_spread, put + half_spread]


@settings(max_examples=60, deadline=None)
@given(st.floats(42_000, 44_000), st.floats(0.003, 0.5), st.floats(0.0, 0.09))
def test_exact_quotes_give_the_exact_forward(forward: float, years: float, rate: float) -> None:
    """From prices without noise come the forward to a paisa and the discount factor to 1e-3."""
    discount = np.exp(-rate * years)
    found = implied_forward(*quotes(forward, discount, years, 0.0), years, spot=np.nan, rate=0.065)
    assert found.source == "parity"
    assert found.value == pytest.approx(forward, abs=0.01)
    assert found.discount == pytest.approx(discount, abs=1e-3)


def test_wild_quotes_do_not_move_it() -> None:
    """Three quotes that are wrong by hundreds of rupees move the forward by less than its standard error."""
    columns = quotes(43_322.0, 0.995, 0.05, 0.5)
    clean = implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068)
    for side, row, error in ((1, 32, 300.0), (2, 32, 300.0), (3, 35, -60.0), (4, 35, -60.0)):
        columns[side][row] += error
    columns[1][30], columns[2][30] = 1.0, 5_000.0  # somebody's joke
    dirty = implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068)
    assert abs(dirty.value - clean.value) < 0.5


def test_wide_quotes_weigh_less_than_tight_ones() -> None:
    """A biased but wide quote hardly matters; the same bias in a tight quote does."""
    columns = quotes(43_322.0, 0.995, 0.05, 0.25)
    shifted = [column.copy() for column in columns]
    for row in range(0, 61, 2):  # every second strike is wrong by 20 rupees, and 40 wide
        shifted[1][row], shifted[2][row] = shifted[1][row], shifted[2][row] + 40.0
    found = implied_forward(*shifted, 0.05, spot=43_312.7, rate=0.068)
    assert found.value == pytest.approx(43_322.0, abs=1.0)


def test_it_falls_back_to_the_future_and_then_to_the_spot() -> None:
    """With fewer than three pairs the future is used, without a future the spot grown at the rate."""
    columns = [column[30:32] for column in quotes(43_322.0, 0.995, 0.05, 0.5)]
    columns[2][:] = columns[4][:] = np.nan  # nobody sells, so nothing says what the forward is worth at most
    future = implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068, future=43_330.0)
    assert (future.value, future.source, future.pairs) == (43_330.0, "future", 0)
    assert future.discount == pytest.approx(np.exp(-0.068 * 0.05))
    spot = implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068, future=np.nan)
    assert spot.source == "spot"
    assert spot.value == pytest.approx(43_312.7 * np.exp(0.068 * 0.05))
    assert np.isnan(spot.error_inr)


def test_a_spot_is_held_within_what_the_quotes_allow() -> None:
    """Two pairs are no parity, but say to a few rupees what the forward can be; a crossed one none."""
    columns = [column[30:32] for column in quotes(43_322.0, 0.995, 0.05, 0.5)]
    above = implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068)
    below = implied_forward(*columns, 0.05, spot=43_100.0, rate=0.0)
    assert (above.source, below.source) == ("spot", "spot")
    assert 43_322.0 < above.value < 43_324.0
    assert 43_319.0 < below.value < 43_322.0
    future = implied_forward(*columns, 0.05, spot=43_312.7, rate=0.0, future=43_330.0)
    assert future.source == "future"
    assert future.value == pytest.approx(below.value + 1.5, abs=1.0)  # the pair's other bound
    assert future.value > below.value
    columns[2][0] = 1.0  # a call offered for a rupee
    assert 43_322.0 < implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068).value < 43_324.0


def test_bounds_that_miss_each_other_by_little_are_met_in_the_middle() -> None:
    """Two settlements that contradict each other by 16 rupees still say better than the spot where it is."""
    call, put = np.array([1_024.10, 503.00]), np.array([532.00, 1_001.00])
    strike = np.array([57_700.0, 58_700.0])
    found = implied_forward(strike, call, call, put, put, 0.0, spot=58_080.0, rate=0.0)
    assert found.source == "spot"
    assert found.value == pytest.approx((strike + call - put).mean())
    far = implied_forward(strike, call, call, put - [0, 100], put - [0, 100], 0.0, spot=58_080.0, rate=0.0)
    assert far.value == 58_080.0
    live = (strike, call - 0.5, call + 0.5, put - 0.5, put + 0.5)
    quoted = implied_forward(*live, 0.0, spot=58_080.0, rate=0.0)
    assert quoted.value == pytest.approx(58_191.1)  # what the pair nearer the spot allows
    traded = implied_forward(strike, call, call, put, put, 0.0, spot=58_080.0, rate=0.0, future=58_150.0)
    assert (traded.value, traded.source) == (58_150.0, "future")


def test_most_quotes_decide_where_one_contradicts_them() -> None:
    """A thin chain with one mad pair keeps the forward where the other pairs want it."""
    columns = [column[[10, 20, 50]] for column in quotes(43_322.0, 1.0, 0.05, 25.0)]
    columns[1][1] += 2_000.0
    columns[2][1] += 2_000.0
    found = implied_forward(*columns, 0.05, spot=44_500.0, rate=0.0)
    assert 43_272.0 <= found.value <= 43_372.0


@pytest.mark.parametrize(
    ("years", "spot", "logarithm"),
    [(0.05, 43_000.0, 0.001), (0.15, 43_000.0, 0.004), (0.4, 43_000.0, 0.012), (0.3, np.nan, 0.010)],
)
def test_a_forward_is_carried_from_its_neighbours(years: float, spot: float, logarithm: float) -> None:
    """Between neighbours the logarithm is linear in time, beyond the last the carry to there goes on."""
    known = 43_000 * np.exp([0.002, 0.006])
    assert carried_forward(years, [0.1, 0.2], known, spot, 0.07) == pytest.approx(43_000 * np.exp(logarithm))


def test_the_last_two_neighbours_carry_on_where_there_is_no_spot() -> None:
    """Of three neighbours without a spot the last two say how it goes on; one that expires now is no spot."""
    known = 43_000 * np.exp([0.002, 0.006, 0.007])
    found = carried_forward(0.5, [0.1, 0.2, 0.3], known, np.nan, 0.07)
    assert found == pytest.approx(43_000 * np.exp(0.009))
    halfway = carried_forward(0.1, [0.0, 0.2], [43_000.0, 43_400.0], 42_000.0, 0.07)
    assert halfway == pytest.approx(np.sqrt(43_000.0 * 43_400.0))


def test_one_neighbour_without_a_spot_is_carried_at_the_rate() -> None:
    """With one forward alone the bill rate takes it further, and with none nothing is known."""
    assert carried_forward(0.3, [0.1], [43_000.0], np.nan, 0.07) == pytest.approx(43_000 * np.exp(0.014))
    assert np.isnan(carried_forward(0.3, [], [], 43_000.0, 0.07))


def test_missing_crossed_and_empty_quotes_are_left_out() -> None:
    """NaN, zero and crossed quotes never count as pairs."""
    columns = quotes(43_322.0, 0.995, 0.05, 0.5)
    columns[1][::3] = np.nan
    columns[3][1::3] = 0.0
    crossed = slice(2, None, 6)
    columns[1][crossed], columns[2][crossed] = columns[2][crossed].copy(), columns[1][crossed].copy()
    found = implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068)
    assert found.source == "parity"
    assert found.pairs <= 10
    assert found.value == pytest.approx(43_322.0, abs=0.1)


def test_the_nearest_two_dozen_pairs_count_and_no_more() -> None:
    """Of a whole chain 24 pairs are used, and a side without a bid makes none, whichever it is."""
    columns = quotes(43_322.0, 0.995, 0.05, 0.5)
    assert implied_forward(*columns, 0.05, spot=np.nan, rate=0.068).pairs == 24
    for side in (1, 3):
        few = [column[30:35].copy() for column in columns]
        few[side][:2] = 0.0
        assert implied_forward(*few, 0.05, spot=np.nan, rate=0.068).pairs == 3


def test_cheap_options_count_like_dear_ones() -> None:
    """Calls of half a rupee, each with its put, make the forward as well."""
    strike = np.array([44_000.0, 44_100.0, 44_200.0])
    call, put = np.full(3, 0.5), strike - 43_322.0 + 0.5
    found = implied_forward(strike, call, call, put, put, 0.0, spot=np.nan, rate=0.0)
    assert (found.source, found.pairs) == ("parity", 3)
    assert found.value == pytest.approx(43_322.0)


def traded(scatter_inr: float, half_spread: float) -> list[np.ndarray]:
    """Return the quotes of 61 strikes whose calls are off by so much, up and down in turn."""
    columns = quotes(43_322.0, 1.0, 0.05, half_spread)
    for side in (1, 2):
        columns[side] += scatter_inr * np.where(STRIKES / 100 % 2, 1, -1)
    return columns


def test_trades_of_different_moments_are_as_doubtful_as_they_scatter() -> None:
    """However many pairs of trades there are, they err by their scatter; quotes average it away."""
    trades = implied_forward(*traded(10.0, 0.0), 0.05, spot=np.nan, rate=0.0)
    live = implied_forward(*traded(10.0, 0.0125), 0.05, spot=np.nan, rate=0.0)  # one tick in all
    assert trades.source == live.source == "parity"
    assert 1.4826 * 10 <= trades.error_inr < 1.4826 * 10 * 1.1
    assert live.error_inr < 5


def test_a_traded_future_is_better_than_trades_that_scatter() -> None:
    """Trades that err by a thousandth give way to a future that trades; quotes, or no future, do not."""
    scattered = traded(30.0, 0.0)
    assert implied_forward(*scattered, 0.05, spot=np.nan, rate=0.0).source == "parity"
    with_future = implied_forward(*scattered, 0.05, spot=np.nan, rate=0.0, future=43_300.0)
    assert with_future.source == "future"
    scattered[2][30] += 0.05  # somebody quotes: these are no mere trades
    quoted = implied_forward(*scattered, 0.05, spot=np.nan, rate=0.0, future=43_300.0)
    assert quoted.source == "parity"


def test_quotes_that_contradict_each_other_are_not_a_forward() -> None:
    """Where pairs scatter by thousands of rupees the fallback is used instead."""
    columns = quotes(43_322.0, 0.995, 0.05, 0.5)
    noise = np.random.default_rng(3).normal(0, 3_000, STRIKES.size)
    columns[1], columns[2] = columns[1] + 5_000 + noise, columns[2] + 5_000 + noise
    assert implied_forward(*columns, 0.05, spot=43_312.7, rate=0.068).source == "spot"
