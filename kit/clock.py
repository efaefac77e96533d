"""Exchange time: sessions, expiries, and years to expiry, all in Asia/Kolkata.

The functions are pure: they take dates and times and look only at the dated tables. What time it is
now comes from a `Clock`, which anything that needs the present takes as an argument.

Sources: the tables in ``data/`` name theirs row by row.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from kit.errors import DataError, SettingsError
from kit.facts import in_force, table

IST = ZoneInfo("Asia/Kolkata")
Convention = Literal["calendar", "trading"]
MINUTES_PER_YEAR = 365 * 24 * 60
_WEEKDAYS = {name: number for number, name in enumerate(calendar.day_abbr)}


class Clock(Protocol):
    """Anything that tells the present time."""

    def now(self) -> datetime:
        """Return the present, timezone-aware in Asia/Kolkata."""


class SystemClock:
    """The machine's clock, read as Asia/Kolkata."""

    def now(self) -> datetime:
        """Return the present, timezone-aware in Asia/Kolkata."""
        return datetime.now(IST)


@dataclass
class ManualClock:
    """A clock that stands still until it is moved; for tests and replays.

    Parameters
    ----------
    at : datetime
        Timezone-aware start.
    """

    at: datetime

    def now(self) -> datetime:
        """Return the set time in Asia/Kolkata."""
        return self.at.astimezone(IST)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Session:
    """One trading session of the derivatives segment."""

    day: date
    open: datetime
    close: datetime


@cache
def _holidays() -> frozenset[str]:
    return frozenset(row["date"] for row in table("holidays"))


@cache
def _special() -> dict[str, tuple[str, str]]:
    return {row["date"]: (row["open"], row["close"]) for row in table("special_sessions")}


def _at(day: date, hours: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(hours), IST)


def is_session(day: date) -> bool:
    """Tell whether derivatives trade on a day (special weekend sessions included)."""
    day = parse_expiry(day)  # a datetime is its day
    text = day.isoformat()
    return text in _special() or (day.weekday() < 5 and text not in _holidays())


@cache
def session(day: date) -> Session:
    """Return the trading hours of a day.

    Raises
    ------
    DataError
        The day is a holiday or a weekend without a special session.
    """
    day = parse_expiry(day)
    if not is_session(day):
        raise DataError(
            "The exchange is closed on this day",
            day.isoformat(),
            f"The session before it is {previous_session(day)}, the next one {next_session(day)}.",
        )
    if day.isoformat() in _special():
        opens, closes = _special()[day.isoformat()]
    else:
        hours = in_force(table("fo_hours"), day)
        opens, closes = hours["open"], hours["close"]
    return Session(day, _at(day, opens), _at(day, closes))


def next_session(day: date) -> date:
    """Return the first trading day after `day`."""
    return next(found for found in _days(day, 1) if is_session(found))


def previous_session(day: date) -> date:
    """Return the last trading day before `day`."""
    return next(found for found in _days(day, -1) if is_session(found))


def sessions(start: date, end: date) -> list[date]:
    """List the trading days from `start` to `end`, both included."""
    return [day for day in _days(start - timedelta(1), 1, end) if is_session(day)]


def _days(day: date, step: int, last: date = date.max) -> Iterator[date]:
    while (day := day + timedelta(step)) <= last:
        yield day


def last_session(now: datetime) -> Session:
    """Return the session that is open at `now`, else the latest one that has opened."""
    day = now.astimezone(IST).date()
    if is_session(day) and session(day).open <= now:
        return session(day)
    return session(previous_session(day))


def is_open(now: datetime) -> bool:
    """Tell whether the market trades at `now`; the closing minute itself is outside."""
    current = last_session(now)
    return current.open <= now < current.close


def next_open(now: datetime) -> datetime:
    """Return the first session opening strictly after `now`."""
    day = now.astimezone(IST).date()
    if is_session(day) and session(day).open > now:
        return session(day).open
    return session(next_session(day)).open


def last_trading_day(day: date) -> date:
    """Return the day itself, or the session before a holiday, where the exchange moves an expiry."""
    day = parse_expiry(day)
    return day if is_session(day) else previous_session(day)


def monthly_expiry(year: int, month: int) -> date:
    """Return the monthly expiry: the month's last rule weekday, or the session before a holiday.

    Source: ``data/expiry_rules.csv``.
    """
    last = date(year, month, calendar.monthrange(year, month)[1])
    weekday = _WEEKDAYS[in_force(table("expiry_rules"), last)["monthly"]]
    return last_trading_day(last - timedelta((last.weekday() - weekday) % 7))


def _weekly_expiries(start: date, end: date) -> Iterator[date]:
    for day in _days(start - timedelta(7), 1, end + timedelta(7)):
        rule = in_force(table("expiry_rules"), day)["weekly"]
        if rule and day.weekday() == _WEEKDAYS[rule]:
            yield last_trading_day(day)


def expiries(on: date, months: int = 3, quarters: int = 4) -> list[date]:
    """List the Bank Nifty option expiries that are listed on a day, nearest first.

    Parameters
    ----------
    on : date
        The trading day; an expiry on this very day is included.
    months : int, default 3
        How many serial months are listed.
    quarters : int, default 4
        How many quarter-end months (March, June, ...) are listed, counted from `on`.

    Returns
    -------
    list of date
        Weekly expiries of the next five weeks (while the exchange lists weeklies), serial months and
        quarters, each shifted before a holiday.
    """
    ahead = [_month_after(on, number) for number in range(3 * quarters + months + 2)]
    monthly = [day for day in (monthly_expiry(*month) for month in ahead) if day >= on]
    quarterly = [day for day in monthly if day.month % 3 == 0][:quarters]
    weekly = [day for day in _weekly_expiries(on, on + timedelta(28)) if on <= day]
    return sorted({*monthly[:months], *quarterly, *weekly[:5]})


def _month_after(day: date, number: int) -> tuple[int, int]:
    months = day.year * 12 + day.month - 1 + number
    return months // 12, months % 12 + 1


def years_to_expiry(now: datetime, expiry: date, convention: Convention = "calendar") -> float:
    """Return the year fraction from `now` to the close of the expiry session.

    Parameters
    ----------
    now : datetime
        Timezone-aware.
    expiry : date
        As listed; a day that is no session, or became none, counts as the session before it.
    convention : {"calendar", "trading"}
        Calendar minutes over 365 days, or minutes of trading sessions over 252 sessions of the
        expiry day's length.

    Returns
    -------
    float
        Years; zero or negative once the expiry session has closed.

    Raises
    ------
    SettingsError
        There is no such convention.
    """
    if convention not in get_args(Convention):
        raise SettingsError("Time runs by no such convention", convention, "Say 'calendar' or 'trading'.")
    last = session(last_trading_day(expiry))
    if convention == "calendar" or now >= last.close:
        return (last.close - now).total_seconds() / 60 / MINUTES_PER_YEAR
    length = (last.close - last.open).total_seconds()
    left = sum(_left(session(day), now) for day in sessions(now.astimezone(IST).date(), last.day))
    return left / length / 252


def _left(part: Session, now: datetime) -> float:
    return max(0.0, (part.close - max(part.open, now)).total_seconds())


def parse_expiry(text: str | date) -> date:
    """Read an expiry as the broker, the exchange or ISO writes it.

    Accepts ``2026-11-23``, ``23NOV2026``, ``23-Nov-2026`` and ``23NOV26``, whatever the locale.

    Raises
    ------
    DataError
        The text is none of these.
    """
    if isinstance(text, date):
        return text.date() if isinstance(text, datetime) else text
    plain = str(text).strip().replace("-", "").upper()
    try:
        if plain.isdigit():
            return datetime.strptime(plain, "%Y%m%d").date()
        month = _MONTHS[plain[2:5]]
        year = int(plain[5:]) + (2000 if len(plain) == 7 else 0)
        return date(year, month, int(plain[:2]))
    except (ValueError, KeyError) as error:
        raise DataError("Not an expiry date", text, "Write it as 2026-11-23 or 23NOV2026.") from error


_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}


def format_expiry(day: date) -> str:
    """Write a date as the broker does: ``23NOV2026``, whatever the locale."""
    month = next(name for name, number in _MONTHS.items() if number == day.month)
    return f"{day.day:02d}{month}{day.year}"


def lot_size(underlying: str, expiry: date) -> int:
    """Return the lot of a contract by its expiry, from ``data/lot_sizes.csv``.

    Prefer the lot that the instrument master states for a live contract.
    """
    return int(in_force(table("lot_sizes"), expiry, since="expiry_from", underlying=underlying)["lot"])


def risk_free_rate(on: date) -> float:
    """Return the 91-day treasury-bill yield as an annual fraction, from ``data/rates.csv``."""
    return float(in_force(table("rates"), on)["rate"])
