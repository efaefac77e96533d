"""How uncertain an implied forward says it is: by spreads, by scatter, and by trades without spreads."""

from __future__ import annotations

import numpy as np
import pytest

from kit.pricing.forward import CARRY_DOUBT, MAX_ERROR, NEAR, TRADES_APART, WINDOW, Forward, implied_forward

FORWARD = 50_000.0
SOON = 1e-4  # years: the discount factor is certain


def implied(
    away: np.ndarray, half_spread: float | np.ndarray, *, off: float | np.ndarray = 0.0, years: float = SOON
) -> Forward:
    """Imply the forward from pairs so many rupees away from it, with `off` added to call minus put."""
    strike = FORWARD + away
    call = np.full(strike.size, 2_000.0) + np.maximum(-away, 0.0) + off
    put = np.full(strike.size, 2_000.0) + np.maximum(away, 0.0)
    sides = (side + half_spread * sign for side in (call, put) for sign in (-1, 1))
    return implied_forward(strike, *sides, years, spot=np.nan, rate=0.0, step_inr=0.05)


def steps(count: int, apart: float = 10.0) -> np.ndarray:
    """Return distances from the forward, as many below it as above."""
    return apart * (np.arange(count) - (count - 1) / 2)


@pytest.mark.parametrize("apart", [1.0, 150.0])
@pytest.mark.parametrize("half_spread", [0.5, 4.0])
def test_independent_quotes_err_by_their_half_widths(half_spread: float, apart: float) -> None:
    """Without scatter each pair errs by half its width, the more the further away it is, and all average."""
    away = steps(20, apart)
    doubt = 2 * half_spread * (1 + (away / (NEAR * FORWARD)) ** 2)  # call and put have a spread each
    assert implied(away, half_spread).error_inr == pytest.approx((doubt**-2).sum() ** -0.5, rel=0.02)


def test_unequal_quotes_weigh_by_the_square_of_their_widths() -> None:
    """A pair of thrice the width adds a ninth of what a narrow one tells."""
    away = steps(20, 1.0)
    half_spread = np.where(np.arange(20) % 4 == 0, 6.0, 2.0)
    told = ((2 * half_spread) ** -2).sum()
    assert implied(away, half_spread).error_inr == pytest.approx(told**-0.5, rel=0.02)


def test_scatter_beyond_the_widths_adds_to_them() -> None:
    """Live pairs that scatter more than their widths err by that scatter, as robustly measured."""
    off = 20.0 * np.where(np.arange(24) % 2, 1, -1)
    found = implied(steps(24, 1.0), 0.5, off=off)
    assert found.error_inr == pytest.approx(1.4826 * 20 / 24**0.5, rel=0.05)
    assert found.value == pytest.approx(FORWARD, abs=1.0)


@pytest.mark.parametrize("count", [3, 6, 24])
def test_trades_on_a_line_may_be_so_by_chance(count: int) -> None:
    """Trades without any scatter still err by what one pair is believed to miss, averaged over the others."""
    line = TRADES_APART * FORWARD / (count - 1) ** 0.5
    tick = 0.05 / 2 / count**0.5  # of the regression, beside it
    assert implied(steps(count, 1.0), 0.0).error_inr == pytest.approx(np.hypot(line, tick), rel=1e-3)


@pytest.mark.parametrize("count", [6, 24])
def test_the_scatter_of_trades_is_theirs_in_common(count: int) -> None:
    """However many trades there are, they err by their scatter, less the two numbers fitted to them."""
    off = 15.0 * np.where(np.arange(count) % 2, 1, -1)
    apart = ((1.4826 * 15) ** 2 * (count - 2) + (TRADES_APART * FORWARD) ** 2) / (count - 1)
    regression = (1.4826 * 15) ** 2 / count
    found = implied(steps(count, 1.0), 0.0, off=off)
    assert found.error_inr == pytest.approx((apart + regression) ** 0.5, rel=0.1)


def test_trades_of_far_months_err_by_their_carry() -> None:
    """How far trades err for their time to expiry grows with its square, up to half of what is accepted."""

    def carry(years: float) -> float:
        near, far = (implied(steps(24, 1.0), 0.0, years=at).error_inr for at in (SOON, years))
        return float((far**2 - near**2) ** 0.5)

    assert carry(0.2) == pytest.approx(CARRY_DOUBT * 0.2**2 * FORWARD, rel=0.02)
    assert carry(0.1) == pytest.approx(carry(0.2) / 4, rel=0.02)
    assert carry(0.4) == pytest.approx(MAX_ERROR / 2 * FORWARD, rel=0.02)


def test_pairs_beyond_the_window_do_not_count() -> None:
    """Pairs count within a tenth of the forward, either way, and no further."""
    inside, outside = 0.99 * WINDOW * FORWARD, 1.01 * WINDOW * FORWARD
    assert WINDOW == 0.1
    assert implied(np.array([-inside, -10.0, 0.0, 10.0, inside]), 0.5).pairs == 5
    assert implied(np.array([-outside, -10.0, 0.0, 10.0, outside]), 0.5).pairs == 3


@pytest.mark.parametrize(("scatter_inr", "source"), [(270.0, "parity"), (400.0, "spot")])
def test_a_parity_that_errs_by_more_than_a_five_hundredth_is_no_forward(
    scatter_inr: float, source: str
) -> None:
    """At 50,000 a standard error of 80 rupees is a forward, one of 120 gives way to the spot."""
    strike = FORWARD + steps(24, 1.0)
    gap = FORWARD - strike + scatter_inr * np.where(np.arange(24) % 2, 1, -1)
    sides = (side + sign for side in (3_000 + gap, np.full(24, 3_000.0)) for sign in (-0.5, 0.5))
    assert implied_forward(strike, *sides, SOON, spot=49_000.0, rate=0.0).source == source
