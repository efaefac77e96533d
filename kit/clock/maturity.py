"""How much time an option has left, in calendar or in trading time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from itertools import accumulate
from typing import Literal, get_args

from kit.arguments import choice
from kit.clock.expiries import last_trading_day
from kit.clock.present import in_ist
from kit.clock.sessions import session, sessions
from kit.facts import span

Convention = Literal["calendar", "trading"]
MINUTES_PER_YEAR = 365 * 24 * 60
_SESSIONS_PER_YEAR = 252


def years_to_expiry(now: datetime, expiry: date, convention: Convention = "calendar") -> float:
    """Return the year fraction from `now` to the close of the expiry session.

    Parameters
    ----------
    now : datetime
        Without a zone it is exchange time.
    expiry : date
        As listed; a day that is no business day, or became none, counts as the business day before it.
    convention : {"calendar", "trading"}
        Calendar minutes over 365 days, or minutes of trading sessions (pauses left out) over 252 sessions
        of the expiry day's length.

    Returns
    -------
    float
        Years; zero or negative once the expiry session has closed.

    Raises
    ------
    SettingsError
        There is no such convention.
    DataError
        The expiry lies outside the calendar's range.
    """
    choice(convention, get_args(Convention), "Time runs by no such convention")
    now, last = in_ist(now), session(last_trading_day(expiry))
    if convention == "calendar" or now >= last.close:
        return (last.close - now).total_seconds() / 60 / MINUTES_PER_YEAR
    left_s = _traded_s(last.close) - _traded_s(now)
    return left_s / last.length_s / _SESSIONS_PER_YEAR


def _traded_s(at: datetime) -> float:
    """Return the seconds of trading from the calendar's first day to a moment."""
    days, before = _elapsed()
    number = bisect_left(days, at.date())
    today = session(at.date()).traded_s(at) if number < len(days) and days[number] == at.date() else 0.0
    return before[number] + today


@cache
def _elapsed() -> tuple[Sequence[date], Sequence[float]]:
    """Return all sessions, and the seconds traded before each of them and after the last."""
    days = sessions(span("calendar").first, span("calendar").last)
    return days, list(accumulate((session(day).length_s for day in days), initial=0.0))
