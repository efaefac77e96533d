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
        There are no contracts, or `lots` names others.
    """
    weights = dict.fromkeys(bars, 1) if lots is None else lots
    if not bars or set(weights) != set(bars):
        raise DataError(
            "A combination needs lots for each contract", sorted(weights), f"There are {sorted(bars)}."
        )
    times = pd.DatetimeIndex(sorted(set().union(*(table.index for table in bars.values()))), name="time")
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
        The times are not ascending.
    """
    instance(oi, pd.Series, "oi")
    times = pd.DatetimeIndex(oi.index)
    if not times.is_monotonic_increasing:
        raise DataError("Open interest must be in order of time", str(times[0]), "Sort it by its index.")
    day = times.normalize()
    closes = oi.groupby(day).last()
    return oi - closes.shift(1).reindex(day).to_numpy()
