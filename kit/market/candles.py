"""Candles: ranges cut at fixed calendar boundaries, bars checked, coverage measured.

Every question is cut into the same weeks-long pieces, whoever asks, so overlapping questions share
what is stored; the running day is a piece of its own, because it alone still changes.

Source: SmartAPI documentation of getCandleData (longest spans), as of 2026-08.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd

from kit.clock import IST, previous_session, session, sessions
from kit.errors import ProtocolError, UnknownInterval

COLUMNS = ("open", "high", "low", "close", "volume")
_LAST_MINUTE = time(23, 59)


@dataclass(frozen=True, slots=True)
class Interval:
    """A length of candle that the broker knows.

    Parameters
    ----------
    name : str
        The broker's name.
    minutes : int
        Length of a bar; a day's bar has the minutes of a day.
    weeks : int
        Whole weeks in one piece: the most that stays below the broker's longest span, beyond which it
        silently drops the oldest days.
    """

    name: str
    minutes: int
    weeks: int

    @property
    def step(self) -> timedelta:
        """Length of a bar."""
        return timedelta(minutes=self.minutes)


INTERVALS = {
    found.name: found
    for found in (
        Interval("ONE_MINUTE", 1, 4),
        Interval("THREE_MINUTE", 3, 8),
        Interval("FIVE_MINUTE", 5, 14),
        Interval("TEN_MINUTE", 10, 14),
        Interval("FIFTEEN_MINUTE", 15, 28),
        Interval("THIRTY_MINUTE", 30, 28),
        Interval("ONE_HOUR", 60, 56),
        Interval("ONE_DAY", 1440, 285),
    )
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Days asked for in one request, both included."""

    first: date
    last: date

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The first and last minute of the piece."""
        return (
            datetime.combine(self.first, time.min, IST),
            datetime.combine(self.last, _LAST_MINUTE, IST),
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what should be there is there.

    Parameters
    ----------
    expected, found : int
        Bars of the sessions that have begun, and those that came.
    missing_sessions : tuple of date
        Sessions without a single bar.
    missing_bars : tuple of (date, int)
        Sessions that lack some bars, and how many.
    broken_bars : int
        Bars set aside: high below low, a price that is none, or a negative volume.
    """

    expected: int
    found: int
    missing_sessions: tuple[date, ...]
    missing_bars: tuple[tuple[date, int], ...]
    broken_bars: int

    def __str__(self) -> str:
        missing = sum(count for _, count in self.missing_bars)
        return (
            f"{self.found} of {self.expected} bars; {len(self.missing_sessions)} sessions missing, "
            f"{missing} bars missing in {len(self.missing_bars)} sessions, {self.broken_bars} broken"
        )


def interval(name: str) -> Interval:
    """Return an interval by the broker's name.

    Raises
    ------
    UnknownInterval
        There is none of this name; lists the eight.
    """
    if name not in INTERVALS:
        raise UnknownInterval("There are no candles of this length", name, f"Use {', '.join(INTERVALS)}.")
    return INTERVALS[name]


def pieces(length: Interval, first: date, last: date, today: date) -> list[Piece]:
    """Cut a range of days into the pieces that everybody asks for.

    Parameters
    ----------
    length : Interval
        Decides how long a piece is.
    first, last : date
        Days, both included.
    today : date
        The exchange's day; nothing later is asked for.

    Returns
    -------
    list of Piece
        In order; none without a session. A piece of closed days begins and ends on the same dates
        whatever range was asked for; the piece that the present falls into ends with its last closed
        session, and today is a piece of its own.
    """
    days = 7 * length.weeks
    found = []
    for number in range((first.toordinal() - 1) // days, (min(last, today).toordinal() - 1) // days + 1):
        start = date.fromordinal(number * days + 1)  # day 1 of the calendar is a Monday
        closed = min(start + timedelta(days - 1), previous_session(today))
        found += [Piece(start, closed)] if start <= closed and first <= closed else []
    found += [Piece(today, today)] if first <= today <= last else []
    return [piece for piece in found if sessions(piece.first, piece.last)]


def frame(rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Return the broker's rows as a table, sorted, each bar once.

    Parameters
    ----------
    rows : iterable of sequence
        ``[time, open, high, low, close, volume]``.

    Returns
    -------
    DataFrame
        Columns `COLUMNS` in rupees and units; index ``time``: the bar's start, Asia/Kolkata.

    Raises
    ------
    ProtocolError
        A row holds something else.
    """
    listed = list(rows)
    try:
        times = pd.DatetimeIndex(
            pd.to_datetime([str(row[0]) for row in listed], format="ISO8601"), name="time"
        )
        values = np.array([row[1:6] for row in listed], dtype=np.float64).reshape(-1, 5)
        zoned = times.tz_localize(IST) if times.tz is None else times.tz_convert(IST)
    except (TypeError, ValueError, IndexError) as error:
        raise ProtocolError("A candle cannot be read", str(error), "Try again; else report it.") from error
    table = pd.DataFrame(values, index=zoned.as_unit("ns"), columns=list(COLUMNS))
    return table[~table.index.duplicated()].sort_index()


def broken(bars: pd.DataFrame) -> pd.Series:
    """Tell for each bar whether it contradicts itself; such a bar is set aside, never repaired."""
    prices = bars[["open", "high", "low", "close"]]
    top, bottom = prices.max(axis=1), prices.min(axis=1)
    wrong = (bars["high"] < top) | (bars["low"] > bottom) | (bottom <= 0) | (bars["volume"] < 0)
    return wrong | bars.isna().any(axis=1)


def starts(length: Interval, first: date, last: date, now: datetime) -> pd.DatetimeIndex:
    """Return the starts of all bars that have begun between two days, by the exchange's calendar."""
    found: list[pd.DatetimeIndex] = []
    for day in sessions(first, min(last, now.date())):
        hours = session(day)
        if length.minutes == 1440:
            begun = pd.DatetimeIndex([datetime.combine(day, time.min, IST)]) if hours.open <= now else None
        else:
            begun = pd.date_range(hours.open, min(hours.close, now), freq=length.step, inclusive="left")
        found += [begun] if begun is not None and len(begun) else []
    return pd.DatetimeIndex(found[0].append(found[1:])) if found else pd.DatetimeIndex([], tz=IST)


def coverage(
    bars: pd.DataFrame, length: Interval, first: date, last: date, now: datetime, broken_bars: int = 0
) -> Coverage:
    """Compare bars with the exchange's calendar.

    Parameters
    ----------
    bars : DataFrame
        As from `frame`, broken bars already set aside.
    length : Interval
        Length of the bars.
    first, last : date
        Days that were asked for, both included.
    now : datetime
        The present; bars that begin later are not expected.
    broken_bars : int, default 0
        How many were set aside; they count as missing as well.
    """
    expected = starts(length, first, last, now)
    absent = expected.difference(pd.DatetimeIndex(bars.index))
    wanted, lacking = Counter(expected.date), Counter(absent.date)
    whole = tuple(day for day, count in lacking.items() if count == wanted[day])
    partly = tuple((day, count) for day, count in lacking.items() if count < wanted[day])
    return Coverage(len(expected), len(expected) - len(absent), whole, partly, broken_bars)


def forming(bars: pd.DataFrame, length: Interval, now: datetime) -> pd.Series:
    """Tell for each bar whether it is still being made: a session's last bar ends with the session."""
    ends = pd.Series(pd.DatetimeIndex(bars.index) + length.step, index=bars.index)
    if sessions(now.date(), now.date()):
        close = session(now.date()).close
        ends = ends.mask((bars.index < close) & (ends > close), pd.Timestamp(close))
    return ends > now
