"""What a combination of contracts cost over the day, and its open interest against the last close."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kit.arguments import checked, instance
from kit.errors import DataError


@checked
def combined_premium(bars: Mapping[str, pd.DataFrame], lots: Mapping[str, int] | None = None) -> pd.DataFrame:
    """Return the price of a straddle, strangle or any spread bar by bar, with its VWAP of the day.

    A bar in which a contract did not trade carries its last close of that day; before its first trade the
    combination has no price. The VWAP is the sum of the contracts' own: what the average buyer of the
    combination has paid so far today.

    Parameters
    ----------
    bars : mapping of str to DataFrame
        Per contract, candles of one interval: ``high``, ``low``, ``close``, ``volume`` by time.
    lots : mapping of str to int, optional
        Of each contract, negative where sold; default one of each, as of a straddle.

    Returns
    -------
    DataFrame
        By time: ``premium`` and ``vwap`` in rupees per unit, ``volume`` in units of the contract that traded
        least in the bar.

    Raises
    ------
    DataError
        There are no contracts, `lots` names others, or a table is none of candles by time: a column is
        missing, a time comes twice, or zones differ.
    """
    weights = dict.fromkeys(bars, 1) if lots is None else lots
    if not bars or set(weights) != set(bars):
        raise DataError(
            "A combination needs lots for each contract",
            sorted(weights),
            f"There are {', '.join(sorted(bars))}.",
        )
    for name, table in bars.items():
        _check_bars(name, table)
    every = [table.index for table in bars.values()]
    if len({str(pd.DatetimeIndex(index).tz) for index in every}) > 1:
        raise DataError("Bars of a combination have one time zone", sorted(bars), "Use Asia/Kolkata for all.")
    times = pd.DatetimeIndex(sorted(set().union(*every)), name="time")
    day = times.normalize()
    premium, vwap = np.zeros(len(times)), np.zeros(len(times))
    traded = []
    for name, table in bars.items():
        own = table.reindex(times)
        volume = own["volume"].fillna(0.0)
        typical = (own["high"] + own["low"] + own["close"]) / 3
        money = (typical * volume).fillna(0.0).groupby(day).cumsum()
        premium += weights[name] * own["close"].groupby(day).ffill().to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            vwap += weights[name] * (money / volume.groupby(day).cumsum()).to_numpy()
        traded.append(volume.to_numpy())
    return pd.DataFrame({"premium": premium, "vwap": vwap, "volume": np.min(traded, axis=0)}, index=times)


def _check_bars(name: str, table: pd.DataFrame) -> None:
    missing = {"high", "low", "close", "volume"} - {*table.columns}
    if missing or not isinstance(table.index, pd.DatetimeIndex):
        what = ", ".join(sorted(missing)) or f"times; its index is {type(table.index).__name__}"
        raise DataError(f"The bars of {name} lack", what, "Pass candles by time, as kit.bars has them.")
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise DataError(f"A bar of {name} comes twice", str(twice), "Pass each bar once.")


def oi_change_from_close(oi: pd.Series[float]) -> pd.Series[float]:
    """Return the change of open interest since the last value of the session before.

    That is the daily change that tables of the exchange show. The change since the day's first bar, or from
    bar to bar, is another number: positions opened before the first bar are missing from it.

    Parameters
    ----------
    oi : Series
        Units, by time, over two sessions or more; NaN where a bar has none.

    Returns
    -------
    Series
        Units, NaN over the first session and where `oi` is.

    Raises
    ------
    DataError
        It is not by time, or the times are not ascending.
    """
    instance(oi, pd.Series, "oi")
    times = oi.index
    if not isinstance(times, pd.DatetimeIndex) or not times.is_monotonic_increasing:
        raise DataError(
            "Open interest must be in order of time", str(times[0]), "Sort it by its index of times."
        )
    day = times.normalize()
    closes = oi.groupby(day).last()
    return oi - closes.shift(1).reindex(day).to_numpy()
