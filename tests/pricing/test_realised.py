"""Realised volatility, against its formulas and against prices whose volatility is known."""

import math

import numpy as np
import pandas as pd
import pytest

from kit.errors import DataError
from kit.pricing.realised import (
    close_volatility,
    parkinson_volatility,
    realised_volatility,
    yang_zhang_volatility,
)


def _days(sigma: float, night: float, count: int = 3000) -> pd.DataFrame:
    """Return days of 400 steps each, with a night between them, whose volatility is known."""
    random = np.random.default_rng(11)
    steps = random.standard_normal((count, 400)) * sigma / math.sqrt(252 * 400)
    gaps = random.standard_normal(count) * night / math.sqrt(252)
    inside = np.cumsum(steps, axis=1)
    opened = np.concatenate([[0.0], np.cumsum(inside[:-1, -1])]) + np.cumsum(gaps)
    path = opened[:, None] + np.concatenate([np.zeros((count, 1)), inside], axis=1)
    logs = {"open": path[:, 0], "high": path.max(axis=1), "low": path.min(axis=1), "close": path[:, -1]}
    return pd.DataFrame({name: 50_000 * np.exp(values) for name, values in logs.items()})


def test_each_finds_the_volatility_it_can_see() -> None:
    """Closes and Yang-Zhang find day and night, Parkinson the day alone; steps hide some of a range."""
    found = realised_volatility(_days(0.15, 0.08), 2999).iloc[-1]
    whole = math.hypot(0.15, 0.08)
    assert found["close"] == pytest.approx(whole, rel=0.03)
    assert found["yang_zhang"] == pytest.approx(whole, rel=0.05)
    assert found["parkinson"] == pytest.approx(0.15, rel=0.06)


def test_against_the_formulas() -> None:
    """On a week of prices each is its published formula, written out."""
    o, h = np.array([100.0, 102, 101, 104, 103]), np.array([103.0, 104, 105, 106, 104])
    low, c = np.array([99.0, 101, 100, 102, 100]), np.array([102.0, 101, 104, 103, 101])
    returns = np.diff(np.log(c))
    assert close_volatility(c, 4)[-1] == pytest.approx(math.sqrt(252 * returns.var(ddof=1)))
    parkinson = (np.log(h / low) ** 2)[-4:].mean() / (4 * math.log(2))
    assert parkinson_volatility(h, low, 4)[-1] == pytest.approx(math.sqrt(252 * parkinson))
    night, day = np.log(o[1:] / c[:-1]), np.log(c / o)[1:]
    up, down = np.log(h / o)[1:], np.log(low / o)[1:]
    k = 0.34 / (1.34 + 5 / 3)
    inside = (up * (up - day) + down * (down - day)).mean()
    variance = night.var(ddof=1) + k * day.var(ddof=1) + (1 - k) * inside
    assert yang_zhang_volatility(o, h, low, c, 4)[-1] == pytest.approx(math.sqrt(252 * variance))


def test_nan_until_there_are_enough_days() -> None:
    """A window needs its days: one more for what looks at the close before."""
    bars = _days(0.2, 0.0, 30)
    found = realised_volatility(bars, 20)
    assert found["parkinson"].isna().sum() == 19
    assert found["close"].isna().sum() == found["yang_zhang"].isna().sum() == 20
    assert realised_volatility(bars, 40).isna().all(axis=None)


def test_a_price_that_is_none_makes_no_number() -> None:
    """A zero among the prices is NaN while the window holds it, and no warning."""
    close = np.array([100.0, 101, 0, 102, 103, 104, 105])
    assert np.isnan(close_volatility(close, 2)).tolist() == [True, True, True, True, True, False, False]


def test_bad_input_is_named() -> None:
    """A missing column, several bars of one day and a window of one are refused."""
    bars = _days(0.2, 0.0, 30)
    with pytest.raises(DataError, match=r"needs columns: \['high'\]"):
        realised_volatility(bars.drop(columns="high"))
    with pytest.raises(DataError, match="at least two days: 1"):
        realised_volatility(bars, 1)
    bars.index = pd.date_range("2026-01-01", periods=30)
    with pytest.raises(DataError, match="from old to new"):
        realised_volatility(bars[::-1])
    bars.index = pd.date_range("2026-01-01", periods=30, freq="6h")
    with pytest.raises(DataError, match="Several bars are of one day"):
        realised_volatility(bars)
