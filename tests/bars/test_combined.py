"""Combinations of contracts bar by bar, and open interest since the last close."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kit.bars.combined import combined_premium, oi_change_from_close
from kit.errors import DataError


def _bars(times: pd.DatetimeIndex, close: list[float], volume: list[float]) -> pd.DataFrame:
    prices = np.array(close)
    return pd.DataFrame(
        {"high": prices + 1, "low": prices - 1, "close": prices, "volume": volume}, index=times
    )


MINUTES = pd.date_range("2024-01-09 09:15", periods=4, freq="min", tz="Asia/Kolkata")


def test_a_straddle_is_the_sum_and_its_vwap_the_sum_of_vwaps() -> None:
    """Premium adds the closes, a bar without a trade carries the last, and VWAPs add."""
    call = _bars(MINUTES, [100.0, 110, 120, 130], [10, 30, 0, 20])
    put = _bars(MINUTES[[0, 1, 3]], [200.0, 190, 170], [50, 50, 100])
    found = combined_premium({"CE": call, "PE": put})
    assert found["premium"].tolist() == [300, 300, 310, 300]
    assert found["vwap"].iloc[0] == 300
    assert found["vwap"].iloc[3] == pytest.approx((1000 + 3300 + 2600) / 60 + (10_000 + 9500 + 17_000) / 200)
    assert found["volume"].tolist() == [10, 30, 0, 20]


def test_lots_weigh_and_sign() -> None:
    """A spread is bought less sold, and the next day begins its own VWAP."""
    two_days = MINUTES[:2].append(MINUTES[:2] + pd.Timedelta(days=1))
    near, far = (
        _bars(two_days, [10.0, 12, 20, 22], [1, 1, 1, 1]),
        _bars(two_days, [5.0, 5, 6, 6], [1, 1, 1, 3]),
    )
    found = combined_premium({"near": near, "far": far}, {"near": 1, "far": -2})
    assert found["premium"].tolist() == [0, 2, 8, 10]
    assert found["vwap"].tolist() == [0, 1, 8, 9]


def test_before_the_first_trade_there_is_no_price() -> None:
    """Until every contract has traded that day the combination has neither price nor VWAP."""
    late = _bars(MINUTES[2:], [50.0, 51], [5, 5])
    found = combined_premium({"CE": _bars(MINUTES, [1.0, 1, 1, 1], [1, 1, 1, 1]), "PE": late})
    assert found["premium"].isna().tolist() == found["vwap"].isna().tolist() == [True, True, False, False]


def test_a_real_straddle(shared_data: Path) -> None:
    """A real straddle of January 2024 has a price in every minute, and a VWAP within the day's range."""
    folder = shared_data / "intraday" / "bnf_exp_20240110"
    bars = {}
    for name in ("47400CE", "47400PE"):
        table = pd.read_parquet(folder / f"{name}.parquet")
        bars[name] = table.set_index(pd.to_datetime(table["date"]))
    found = combined_premium(bars)
    last = found[found.index.normalize() == found.index[-1].normalize()]
    assert len(last) == 375
    assert last["vwap"].between(last["premium"].min(), last["premium"].max()).iloc[30:].all()


def test_a_combination_needs_its_contracts() -> None:
    """No contracts, or lots of others, are refused."""
    with pytest.raises(DataError, match="lots for each contract"):
        combined_premium({})
    with pytest.raises(DataError, match="lots for each contract"):
        combined_premium({"CE": _bars(MINUTES, [1.0, 1, 1, 1], [1, 1, 1, 1])}, {"PE": 1})


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda bars: pd.concat([bars, bars[:1]]), "comes twice"),
        (lambda bars: bars[["close"]], "lack: 'high, low, volume'"),
        (lambda bars: bars.reset_index(drop=True), "lack: 'times; its index is RangeIndex"),
        (lambda bars: bars.tz_localize(None), "one time zone"),
    ],
)
def test_what_are_no_bars_is_named(spoil: Callable[[pd.DataFrame], pd.DataFrame], named: str) -> None:
    """Tables that are no candles of one clock are refused with what they lack."""
    bars = _bars(MINUTES, [1.0, 1, 1, 1], [1, 1, 1, 1])
    with pytest.raises(DataError, match=named):
        combined_premium({"CE": bars, "PE": spoil(bars)})


def test_open_interest_changes_since_the_last_close() -> None:
    """The change counts from the last value of the session before, not from the day's first bar."""
    times = MINUTES[:3].append(MINUTES[:3] + pd.Timedelta(days=1))
    oi = pd.Series([100.0, 120, 150, 400, np.nan, 380], index=times)
    found = oi_change_from_close(oi)
    assert found.isna().tolist() == [True, True, True, False, True, False]
    assert found.iloc[[3, 5]].tolist() == [250, 230]
    with pytest.raises(DataError, match="order of time"):
        oi_change_from_close(oi[::-1])
    with pytest.raises(DataError, match="order of time"):
        oi_change_from_close(oi.reset_index(drop=True))
