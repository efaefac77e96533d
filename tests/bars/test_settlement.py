"""At which level expiring options are settled."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from kit.bars.settlement import settlement_level
from kit.errors import DataError

MINUTES = np.arange(9 * 60 + 15, 15 * 60 + 40)


def test_until_july_2026_it_is_the_mean_of_the_last_half_hour(shared_data):
    """On a real day the settlement must be the mean of thirty closes, and not the last of them."""
    bars = pd.read_parquet(shared_data / "intraday" / "bnf_20221230.parquet")
    index = bars[bars["symbol"] == "BANKNIFTY"].sort_values("time")
    clocks = pd.to_timedelta(index["time"].str.slice(0, 8)).dt.total_seconds() // 60
    close = index["close"].astype(float).to_numpy()
    level = settlement_level(clocks.to_numpy(int), close, date(2022, 12, 30))
    expected = close[(clocks >= 15 * 60) & (clocks < 15 * 60 + 30)]
    assert len(expected) == 30
    assert level == pytest.approx(expected.mean())
    assert level != close[-1]


@pytest.mark.parametrize("minute", [15 * 60 + 28, 15 * 60 + 29])
def test_since_august_2026_it_is_the_auctions_print(minute):
    """Neither the frozen level nor the mean counts, only the print, whichever minute it has."""
    close = np.where(MINUTES <= 15 * 60 + 15, 55_000.0, np.nan)
    close[minute == MINUTES] = 55_120.0
    assert settlement_level(MINUTES, close, date(2026, 8, 25)) == 55_120.0


def test_missing_bars_give_nothing():
    """Without a print, or without the last half hour, there is no level: NaN, never a stale one."""
    frozen = np.where(MINUTES <= 15 * 60 + 15, 55_000.0, np.nan)
    assert np.isnan(settlement_level(MINUTES, frozen, date(2026, 8, 25)))
    morning = np.where(MINUTES < 12 * 60, 55_000.0, np.nan)
    assert np.isnan(settlement_level(MINUTES, morning, date(2025, 11, 25)))


def test_a_holiday_settles_nothing():
    """A day without a session is refused."""
    with pytest.raises(DataError, match="2026-11-24"):
        settlement_level(MINUTES, np.full(MINUTES.size, 1.0), date(2026, 11, 24))
