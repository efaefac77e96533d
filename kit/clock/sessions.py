"""Trading sessions: on which days, and from when to when, by segment.

A session is a list of intervals with a kind: most have one, a day with a halt or a drill has two with a pause
between, and since August 2026 the cash segment ends in a closing auction. Sources: ``data/hours.csv`` and
``data/special_sessions.csv``, row by row.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Literal, cast, get_args

from kit.arguments import choice
from kit.clock.dates import parse_day
from kit.clock.holidays import is_business_day, is_provisional
from kit.clock.present import IST, in_ist
from kit.errors import DataError
from kit.facts import Row, fact, span, table, within

Segment = Literal["derivatives", "cash"]
SessionKind = Literal["normal", "special", "muhurat", "auction"]
_SEGMENTS = get_args(Segment)


@dataclass(frozen=True, slots=True)
class TradingInterval:
    """An unbroken piece of a session; it ends before `close`.

    Parameters
    ----------
    open, close : datetime
        Asia/Kolkata.
    kind : {"normal", "special", "muhurat", "auction"}
        In an auction orders are collected, and one price is made.
    price_at : datetime or None
        When an auction makes its price, about; None otherwise.
    """

    open: datetime
    close: datetime
    kind: SessionKind
    price_at: datetime | None = None

    @property
    def length_s(self) -> float:
        """Seconds."""
        return (self.close - self.open).total_seconds()


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of a segment.

    Parameters
    ----------
    day : date
        The day.
    segment : {"derivatives", "cash"}
        Futures and options, or shares and indices.
    intervals : tuple of TradingInterval
        In order; between two of them trading pauses.
    provisional : bool
        The circular of the year is not out: the day may yet become a holiday.
    """

    day: date
    segment: Segment
    intervals: tuple[TradingInterval, ...]
    provisional: bool

    @property
    def open(self) -> datetime:
        """When the first interval opens."""
        return self.intervals[0].open

    @property
    def close(self) -> datetime:
        """When the last interval closes."""
        return self.intervals[-1].close

    @property
    def kind(self) -> SessionKind:
        """Kind of the first interval."""
        return self.intervals[0].kind

    @property
    def continuous(self) -> tuple[TradingInterval, ...]:
        """The intervals in which trades are made all the time: no auction."""
        return tuple(part for part in self.intervals if part.kind != "auction")

    @property
    def auction(self) -> TradingInterval | None:
        """The closing auction; None where there is none."""
        return next((part for part in self.intervals if part.kind == "auction"), None)

    @property
    def length_s(self) -> float:
        """Seconds of continuous trading, pauses left out."""
        return sum(part.length_s for part in self.continuous)

    def traded_s(self, at: datetime) -> float:
        """Return the seconds of continuous trading that have passed at a moment."""
        return sum(min(max((at - part.open).total_seconds(), 0.0), part.length_s) for part in self.continuous)

    def is_open(self, at: datetime) -> bool:
        """Tell whether an interval is under way; the moment it closes is outside."""
        return any(part.open <= at < part.close for part in self.intervals)


@cache
def _special() -> dict[date, tuple[Row, ...]]:
    found: dict[date, tuple[Row, ...]] = {}
    for row in table("special_sessions"):
        day = date.fromisoformat(row["date"])
        found[day] = (*found.get(day, ()), row)
    return found


@cache
def _calendar() -> tuple[date, ...]:
    """Return every session of the calendar's range, in order."""
    first, _, last = span("calendar")
    days = (first + timedelta(number) for number in range((last - first).days + 1))
    return tuple(day for day in days if _trades(day))


def _trades(day: date) -> bool:
    return day in _special() or is_business_day(day)


def is_session(day: date) -> bool:
    """Tell whether there is trading on a day, special and Muhurat sessions included.

    Raises
    ------
    DataError
        The day lies outside the calendar's range.
    """
    day = parse_day(day)  # a datetime is its day
    within("calendar", day)
    return _trades(day)  # not from the calendar: that takes a third of a restart's first chain to make


def session(day: date, segment: Segment = "derivatives") -> Session:
    """Return the intervals of a trading day.

    Parameters
    ----------
    day : date
        A session.
    segment : {"derivatives", "cash"}, default "derivatives"
        Futures and options, or shares and indices.

    Raises
    ------
    DataError
        The exchange is closed on this day, or it lies outside the calendar's range.
    SettingsError
        There is no such segment.
    """
    return _session(parse_day(day), cast("Segment", choice(segment, _SEGMENTS, "No such segment")))


@lru_cache(maxsize=16_384)
def _session(day: date, segment: Segment) -> Session:
    if not is_session(day):
        raise DataError(
            "The exchange is closed on this day",
            day.isoformat(),
            f"The session before it is {previous_session(day)}, the next one {next_session(day)}.",
        )
    parts = tuple(_interval(day, row) for row in _hours(day, segment))
    return Session(day, segment, parts, is_provisional(day))


def _interval(day: date, row: Row) -> TradingInterval:
    price_at = row.get("price_at")
    return TradingInterval(
        _at(day, row["open"]),
        _at(day, row["close"]),
        cast("SessionKind", row["kind"]),
        _at(day, price_at) if price_at else None,
    )


def _hours(day: date, segment: Segment) -> tuple[Row, ...]:
    if special := tuple(row for row in _special().get(day, ()) if row["segment"] in ("all", segment)):
        return special
    rows = [row for row in table("hours") if row["segment"] == segment and row["from"] <= day.isoformat()]
    latest = max(row["from"] for row in rows)
    return tuple(row for row in rows if row["from"] == latest)


def _at(day: date, hours: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(hours), IST)


def sessions(start: date, end: date) -> list[date]:
    """List the trading days from `start` to `end`, both included; none where `end` is before `start`.

    Raises
    ------
    DataError
        The days reach beyond the calendar's range.
    """
    start, end = parse_day(start), parse_day(end)
    if end < start:
        return []
    within("calendar", start)
    within("calendar", end)
    days = _calendar()
    return list(days[bisect_left(days, start) : bisect_right(days, end)])


def next_session(day: date) -> date:
    """Return the first trading day after `day`.

    Raises
    ------
    DataError
        The calendar does not reach that far.
    """
    day = parse_day(day)
    return _numbered(bisect_right(_calendar(), day), day)


def previous_session(day: date) -> date:
    """Return the last trading day before `day`.

    Raises
    ------
    DataError
        The calendar does not reach that far.
    """
    day = parse_day(day)
    return _numbered(bisect_left(_calendar(), day) - 1, day)


def _numbered(number: int, day: date) -> date:
    days = _calendar()
    if not 0 <= number < len(days):
        within("calendar", day)
        raise DataError("The calendar ends here", day.isoformat(), f"It runs from {days[0]} to {days[-1]}.")
    return days[number]


def last_session(now: datetime, segment: Segment = "derivatives") -> Session:
    """Return the session that is open at `now`, or pauses, else the latest one that has opened."""
    now = in_ist(now)
    if is_session(now.date()) and (today := session(now.date(), segment)).open <= now:
        return today
    return session(previous_session(now.date()), segment)


def is_open(now: datetime, segment: Segment = "derivatives") -> bool:
    """Tell whether the market trades at `now`; the closing minute itself is outside, and so is a pause."""
    return last_session(now, segment).is_open(in_ist(now))


def next_open(now: datetime, segment: Segment = "derivatives") -> datetime:
    """Return when trading next opens, or goes on after a pause, strictly after `now`."""
    now = in_ist(now)
    today = session(now.date(), segment).intervals if is_session(now.date()) else ()
    ahead = (part.open for part in today if part.open > now)
    return next(ahead, None) or session(next_session(now.date()), segment).open


def square_off(day: date, segment: Segment = "derivatives") -> datetime:
    """Return when the broker begins to close what is held for the day only (``INTRADAY``).

    Raises
    ------
    DataError
        The day is no session, or a table does not reach to it.
    """
    before = timedelta(minutes=int(fact("square_off", parse_day(day))["minutes_before_close"]))
    return session(day, segment).continuous[-1].close - before


def spot_is_frozen(now: datetime) -> bool:
    """Tell whether derivatives trade while the index stands still: from its closing auction on.

    The level shown then is that of the auction's beginning, until its print, and the print itself after it.
    """
    if not is_open(now):
        return False
    cash = last_session(now, "cash")
    return cash.auction is not None and in_ist(now) >= cash.auction.open
