"""What time it is, always in Asia/Kolkata.

A time without a zone is exchange time, wherever the kit takes one: `in_ist` is the one place that decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from kit.arguments import like
from kit.errors import DataError

IST = ZoneInfo("Asia/Kolkata")


def in_ist(at: datetime) -> datetime:
    """Return a moment in Asia/Kolkata; one without a zone is taken as exchange time.

    Raises
    ------
    DataError
        It is no moment: something else than a datetime, pandas' NaT, or one before the first or after the
        last that Python knows in Asia/Kolkata.
    """
    if not isinstance(at, datetime) or at != at:  # noqa: PLR0124 - NaT is the one datetime unequal to itself
        raise DataError("Not a moment", at, "Give a datetime, with its zone or in exchange time.")
    try:
        return at.replace(tzinfo=IST) if at.tzinfo is None else at.astimezone(IST)
    except OverflowError:
        raise DataError("Not a moment", at, "Give one within the exchange's history.") from None


class Clock(Protocol):
    """Anything that tells the present time."""

    def now(self) -> datetime:
        """Return the present, timezone-aware in Asia/Kolkata."""


class SystemClock:
    """The machine's clock, read as Asia/Kolkata."""

    def now(self) -> datetime:
        """Return the present, timezone-aware in Asia/Kolkata."""
        return datetime.now(IST)


@dataclass(frozen=True)
class _InIst:
    """A clock that thinks in no zone, or in another."""

    told: Clock

    def now(self) -> datetime:
        return in_ist(self.told.now())


def exchange_clock(clock: Clock | None) -> Clock:
    """Return a caller's clock as one that tells the exchange's time; None: the machine's.

    Raises
    ------
    SettingsError, DataError
        It has no ``now()``, or what that returns is no moment.
    """
    if clock is None:
        return SystemClock()
    at = like(clock, "clock", "now").now()
    return clock if in_ist(at).tzinfo is at.tzinfo else _InIst(clock)


@dataclass
class ManualClock:
    """A clock that stands still until it is moved; for tests and replays.

    Parameters
    ----------
    at : datetime
        Start; without a zone it is exchange time.
    """

    at: datetime

    def now(self) -> datetime:
        """Return the set time in Asia/Kolkata."""
        return in_ist(self.at)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        self.at += timedelta(seconds=seconds)
