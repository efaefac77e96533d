"""Candles: ranges cut at fixed calendar boundaries, bars checked, coverage measured.

Every question is cut into the same weeks-long pieces, whoever asks, so overlapping questions share what is
stored; the running day is a piece of its own. Longest spans: SmartAPI's page on getCandleData, 2026-08.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.bars.coverage import Coverage
from kit.clock import IST, Segment, in_ist, previous_session, session, sessions
from kit.errors import ProtocolError, UnknownInterval
from kit.facts import span, within

COLUMNS = ("open", "high", "low", "close", "volume")
_LAST_MINUTE = time(23, 59)
_DAY = 1440  # minutes
_YEARS = np.array(["1990-01-01", "2200-01-01"], dtype="datetime64[s]")
_OFFSET, _AHEAD = "+05:30", np.timedelta64(330, "m")  # of Asia/Kolkata from UTC, all year
Nanoseconds = NDArray[np.datetime64]
_NONE: Nanoseconds = np.array([], dtype="datetime64[ns]")


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
        Interval("ONE_DAY", _DAY, 285),
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


def interval(name: str) -> Interval:
    """Return an interval by the broker's name.

    Raises
    ------
    UnknownInterval
        There is none of this name; lists the eight.
    """
    if not isinstance(name, str) or name not in INTERVALS:
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
    within("calendar", first)
    days = 7 * length.weeks
    found = []
    for number in range((first.toordinal() - 1) // days, (min(last, today).toordinal() - 1) // days + 1):
        start = date.fromordinal(number * days + 1)  # day 1 of the calendar is a Monday
        closed = min(start + timedelta(days - 1), previous_session(today))
        found += [Piece(start, closed)] if start <= closed and first <= closed else []
    found += [Piece(today, today)] if first <= today <= last else []
    known = span("calendar").first  # a piece may begin before it: what was asked for does not
    return [piece for piece in found if sessions(max(piece.first, known), piece.last)]


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
        times = _times([str(row[0]) for row in listed])
        cells = [[row[at] for row in listed] for at in range(1, 6)]
        if any(bool in set(map(type, column)) for column in cells):
            raise TypeError("true and false are no prices")
        columns = [np.array(column, dtype=np.float64) for column in cells]
        if any(column.ndim != 1 for column in columns):
            raise TypeError("a list is no price")
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise ProtocolError("A candle cannot be read", str(error), "Try again; else report it.") from error
    table = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=times)
    if times.is_monotonic_increasing and times.is_unique:
        return table
    return table[~times.duplicated()].sort_index()


def _times(texts: list[str]) -> pd.DatetimeIndex:
    """Read ISO times; those in the exchange's own offset, which all should be, the quick way."""
    if texts and all(text[19:] == _OFFSET for text in texts):
        local = np.array([text[:19] for text in texts], dtype="datetime64[s]")
        if not ((_YEARS[0] < local) & (local < _YEARS[1])).all():  # nanoseconds would overflow in silence
            raise ValueError("a bar of another century")
        index = pd.DatetimeIndex(local.astype("datetime64[ns]") - _AHEAD).tz_localize("UTC").tz_convert(IST)
    else:
        index = pd.to_datetime(pd.Index(texts, dtype=object), format="ISO8601", utc=True).tz_convert(IST)
    if index.hasnans:
        raise ValueError("a bar without a time")
    return pd.DatetimeIndex(index, name="time").as_unit("ns")


def broken(bars: pd.DataFrame) -> pd.Series:
    """Tell for each bar whether it contradicts itself; such a bar is set aside, never repaired."""
    opened, high, low, close, volume = (bars[name].to_numpy() for name in COLUMNS)
    sound = (high >= np.maximum(opened, close)) & (low <= np.minimum(opened, close)) & (high >= low)
    can_be = (low > 0) & (high < np.inf) & (volume >= 0) & (volume < np.inf)
    return pd.Series(~(sound & can_be), index=bars.index)  # NaN compares as unsound


def starts(
    length: Interval, first: date, last: date, now: datetime, segment: Segment = "derivatives"
) -> pd.DatetimeIndex:
    """Return the starts of all bars that have begun between two days, by the calendar of a segment.

    A pause has no bars, and a closing auction promises none: what it prints is welcome and never missed.
    """
    each = _begun(length, sessions(first, min(last, in_ist(now).date())), now, segment)
    return pd.DatetimeIndex(np.concatenate([_NONE, *each]), tz="UTC").tz_convert(IST)


def _begun(length: Interval, days: Sequence[date], now: datetime, segment: Segment) -> list[Nanoseconds]:
    """Return the bar starts of each session up to now, as UTC nanoseconds."""
    until, today = _utc(now), in_ist(now).date()
    each = [_session_starts(length.minutes, day, segment) for day in days]
    return [bars if day < today else bars[bars < until] for day, bars in zip(days, each, strict=True)]


@lru_cache(maxsize=20_000)
def _session_starts(minutes: int, day: date, segment: Segment) -> Nanoseconds:
    """Return where bars begin that hold a minute of continuous trading, counted from the session's open."""
    hours = session(day, segment)
    if minutes == _DAY:
        return np.array([_utc(datetime.combine(day, time.min, IST))])
    step, opening = np.timedelta64(minutes, "m"), _utc(hours.open)
    spans = [(_utc(part.open), _utc(part.close)) for part in hours.continuous]
    each = [np.arange(opening + (begin - opening) // step * step, end, step) for begin, end in spans]
    return np.unique(np.concatenate(each))


def _utc(moment: datetime) -> np.datetime64:
    return np.datetime64(in_ist(moment).astimezone(UTC).replace(tzinfo=None), "ns")


def coverage(
    bars: pd.DataFrame,
    length: Interval,
    first: date,
    last: date,
    now: datetime,
    broken_bars: int = 0,
    outside_bars: int = 0,
    *,
    segment: Segment = "derivatives",
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
        How many were set aside because they contradict themselves; they count as missing as well.
    outside_bars : int, default 0
        How many were set aside because they lie outside the session.
    segment : {"derivatives", "cash"}, default "derivatives"
        Whose hours count.
    """
    days = sessions(first, min(last, in_ist(now).date()))
    each = _begun(length, days, now, segment)
    expected = np.concatenate([_NONE, *each])
    present = np.isin(
        expected.view(np.int64), pd.DatetimeIndex(bars.index).as_unit("ns").asi8, assume_unique=True
    )
    counts = np.array([len(bars_of_day) for bars_of_day in each], dtype=np.intp)
    lacking = np.bincount(np.repeat(np.arange(len(days)), counts)[~present], minlength=len(days))
    whole = tuple(days[at] for at in np.flatnonzero((lacking == counts) & (counts > 0)))
    partly = tuple((days[at], int(lacking[at])) for at in np.flatnonzero((lacking > 0) & (lacking < counts)))
    return Coverage(len(expected), int(present.sum()), whole, partly, broken_bars, outside_bars)


def forming(
    bars: pd.DataFrame, length: Interval, now: datetime, segment: Segment = "derivatives"
) -> pd.Series:
    """Tell for each bar whether it is still being made: a session's last bar ends with the session."""
    ends, now = pd.Series(pd.DatetimeIndex(bars.index) + length.step, index=bars.index), in_ist(now)
    if sessions(now.date(), now.date()):
        close = session(now.date(), segment).close
        ends = ends.mask((bars.index < close) & (ends > close), pd.Timestamp(close))
    return ends > now
