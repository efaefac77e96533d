"""Shorter bars to longer ones, without a bar that spans a pause, an auction or a night.

Bars count from the session's opening, as the broker's do: after a pause the first one may bear a name within
the pause. What trades on both sides of a pause, or freely and in the closing auction, is never mixed: where
one bar would hold both, the second part is a bar of its own that begins with its interval. A day's bar holds
the whole session, and closes at the auction's price.
"""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.arguments import checked
from kit.bars import candles
from kit.bars.candles import INTERVALS
from kit.clock import IST, Segment, is_session, session
from kit.errors import DataError, UnknownInterval

_RULES = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "oi": "last"}
_DAY, _MINUTE_NS = INTERVALS["ONE_DAY"].minutes, 60 * 10**9


@checked
def resample(bars: pd.DataFrame, length: str | int, *, segment: Segment = "derivatives") -> pd.DataFrame:
    """Return longer bars of the same trading.

    Parameters
    ----------
    bars : DataFrame
        As `DataManager.candles` gives them: columns ``open, high, low, close, volume`` and perhaps ``oi``;
        index the bar's start, timezone-aware, each once, ascending.
    length : str or int
        One of `kit.bars.candles.INTERVALS`, minutes, or a length as pandas writes it, ``"75min"``:
        a multiple of the bars' own length.
    segment : {"derivatives", "cash"}, default "derivatives"
        Whose hours count: ``"cash"`` for an index or a share.

    Returns
    -------
    DataFrame
        The same columns; index the start of each bar, midnight for a day's. Where nothing traded is no bar.
        ``attrs`` says how many bars were set aside: ``broken_bars`` contradict themselves, ``outside_bars``
        hold no minute of a session. A bar that begins in a pause and reaches beyond it belongs behind it.

    Raises
    ------
    DataError
        The index is no ascending one with a time zone, a column is missing or not of numbers, or the length
        is no multiple of the bars' up to a day.
    UnknownInterval
        There is no interval of this name.
    """
    minutes = _minutes(length)
    own = _own_minutes(bars, minutes)
    wrong = candles.broken(bars)
    sound = bars[~wrong]
    local = pd.DatetimeIndex(sound.index).tz_convert(IST)
    labels = np.full(len(sound), np.datetime64("NaT", "ns"), dtype="datetime64[ns]")
    for first, last, day in _days(local):
        labels[first:last] = _labels(local[first:last], day, minutes, own, segment)
    kept = ~np.isnat(labels)
    rules = {name: rule for name, rule in _RULES.items() if name in bars.columns}
    index = pd.DatetimeIndex(labels[kept], name="time").tz_localize(IST)
    found: pd.DataFrame = sound[kept].set_axis(index).groupby(level=0).agg(rules)
    found.attrs = {"broken_bars": int(wrong.sum()), "outside_bars": int((~kept).sum())}
    return found


def _minutes(length: str | int) -> int:
    """Return a length in minutes, as the broker, a number or pandas has it."""
    if not isinstance(length, str):
        return length
    if length in INTERVALS:
        return INTERVALS[length].minutes
    try:
        span = pd.Timedelta(length)
    except ValueError:
        span = pd.Timedelta(0)
    whole, rest = divmod(span, pd.Timedelta(minutes=1))  # of NaT: NaN and NaT
    if rest or not whole > 0:
        remedy = f"Use {', '.join(INTERVALS)}, or minutes: 75 or '75min'."
        raise UnknownInterval("Bars cannot have this length", length, remedy)
    return int(whole)


def _own_minutes(bars: pd.DataFrame, minutes: int) -> float:
    """Return the length of the bars, checked."""
    kinds = bars.columns.isin(candles.COLUMNS)
    numbers = bars.loc[:, kinds].select_dtypes("number").columns.tolist()
    missing = [name for name in candles.COLUMNS if numbers.count(name) != 1]
    index = bars.index
    if missing or not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise DataError(
            "Not a table of bars", missing or str(index.dtype), "Use one as DataManager.candles gives it."
        )
    if not (index.is_monotonic_increasing and index.is_unique):
        raise DataError("The bars are not in order, each once", len(index), "Sort them, drop duplicates.")
    own_ns = int(np.gcd.reduce(np.diff(index.as_unit("ns").asi8))) if len(index) > 1 else _MINUTE_NS
    own = own_ns / _MINUTE_NS
    if not 1 <= minutes <= _DAY or (minutes != _DAY and minutes * _MINUTE_NS % own_ns) or own > minutes:
        raise DataError(
            f"Bars of {own:g} minutes do not add up to this length", minutes, "Use a multiple, a day at most."
        )
    return own


def _days(local: pd.DatetimeIndex) -> list[tuple[int, int, date]]:
    """Return where each day's bars begin and end, and the day."""
    days = local.normalize().asi8
    edges = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)] if len(days) else [0]
    return [(first, last, local[first].date()) for first, last in pairwise(edges)]


def _labels(
    starts: pd.DatetimeIndex, day: date, minutes: int, own: float, segment: Segment
) -> NDArray[np.datetime64]:
    """Return for each bar of some minutes the start of the longer bar it belongs to; NaT: outside."""
    labels = np.full(len(starts), np.datetime64("NaT", "ns"), dtype="datetime64[ns]")
    if not is_session(day):
        return labels
    wall = starts.tz_localize(None).to_numpy("datetime64[ns]")
    hours = session(day, segment)
    step, first, before = np.timedelta64(minutes, "m"), _wall(hours.open), _wall(hours.open)
    for part in hours.intervals:
        opening, closing = _wall(part.open), _wall(part.close)
        reach = np.timedelta64(int(own * 60), "s")  # a shorter bar, too, may begin within the pause
        inside = np.isnat(labels) & (wall + reach > opening) & (wall < closing)
        counted = first + (wall[inside] - first) // step * step
        counted[counted < before] = opening  # begun on the other side of a pause, or before the auction
        labels[inside] = _wall(datetime.combine(day, time.min)) if minutes == _DAY else counted
        before = closing
    return labels


def _wall(at: datetime) -> np.datetime64:
    return np.datetime64(at.replace(tzinfo=None), "ns")
