"""Prices of the underlyings: daily levels and paths within a day, continuous from close to open.

The daily series are drawn for every calendar day of a fixed range, so a corrected holiday does not
change the numbers of other days. Within a day the path is a Brownian bridge from the open to the close,
livelier at both ends of the session, on knots of ten seconds; between knots it is a straight line, so
any bar of it is bounded by its knots.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from kit.clock import session, sessions
from kit.errors import DataError
from kit.simulator.randomness import Floats, generator
from kit.simulator.underlyings import Underlying

FIRST_DAY, LAST_DAY = date(2015, 1, 2), date(2028, 12, 31)  # the years that the dated tables know
ANCHOR = date(2026, 11, 18)  # the day at whose close the levels of `underlyings` hold
KNOTS = 6  # per minute
BASE_VOL = 0.14  # annualised, about, of Bank Nifty on the anchor day
FULL_SESSION_MIN = 375
_OVERNIGHT_SHARE = 0.25  # of a day's variance
_REALISED = 0.95  # realised over implied volatility
_DRIFT = 0.00037  # a day, 10 % a year
_VOL_PERSISTENCE, _VOL_SHOCK, _LEVERAGE = 0.97, 0.05, -0.7


@cache
def calendar() -> tuple[date, ...]:
    """Return every session from `FIRST_DAY` to `LAST_DAY`."""
    return tuple(sessions(FIRST_DAY, LAST_DAY))


@cache
def _positions() -> dict[date, int]:
    return {day: number for number, day in enumerate(calendar())}


def position(day: date) -> int:
    """Return the number of a session in the calendar.

    Raises
    ------
    DataError
        The day is no session, or outside the simulated range.
    """
    try:
        return _positions()[day]
    except KeyError:
        raise outside(day) from None


def outside(day: date) -> DataError:
    """Return the error for a day that the simulated market does not have."""
    return DataError(
        "The simulated market has no session on", day.isoformat(), f"Ask within {FIRST_DAY} to {LAST_DAY}."
    )


@dataclass(frozen=True)
class DayPath:
    """One underlying on one day.

    Parameters
    ----------
    day : date
        The session.
    opens_s : float
        Epoch seconds of the open.
    minutes : int
        Minutes of trading.
    offsets : ndarray of int, shape (minutes,)
        Start of each, minutes since the open: where trading pauses they jump.
    auction : tuple of int, or None
        The minutes in which the cash segment's closing auction begins and makes its price.
    spot : ndarray, shape (minutes, KNOTS + 1)
        Rupees; the last knot of a minute is the first of the next.
    vol : ndarray, shape (minutes, KNOTS + 1)
        Short-dated volatility, annualised fraction.
    """

    day: date
    opens_s: float
    minutes: int
    offsets: NDArray[np.int64]
    auction: tuple[int, int] | None
    spot: Floats
    vol: Floats

    @property
    def at_s(self) -> Floats:
        """Epoch seconds of the knots."""
        return self.opens_s + 60 * (self.offsets[:, None] + np.arange(KNOTS + 1) / KNOTS)

    def shown(self, fair: Floats) -> Floats:
        """Return what the cash segment shows of prices: its auction's beginning, then the auction's price."""
        if self.auction is None:
            return fair
        begins, made = self.auction
        seen = fair.copy()
        seen[..., begins:made, :] = fair[..., begins : begins + 1, :1]
        seen[..., made:, :] = fair[..., -1:, -1:]
        return seen


@dataclass(frozen=True)
class Moment:
    """A place on the knots of a day: minute, knot within it, and the way from there to the next knot."""

    minute: int
    knot: int
    way: float

    def of(self, matrix: Floats) -> float:
        """Return the value of a (minutes, KNOTS + 1) matrix at this moment, on the line between knots."""
        left, right = matrix[self.minute, self.knot], matrix[self.minute, self.knot + 1]
        return float(left + (right - left) * self.way)

    @property
    def minute_share(self) -> float:
        """Return how much of the minute has passed."""
        return (self.knot + self.way) / KNOTS

    def session_share(self, path: DayPath) -> float:
        """Return how much of the session has passed."""
        return (self.minute + self.minute_share) / path.minutes


def moment(path: DayPath, now: datetime) -> Moment:
    """Place `now` on a day's knots: the first before the open, the end of a minute in the pause after it."""
    elapsed_min = (now.timestamp() - path.opens_s) / 60
    minute = max(int(np.searchsorted(path.offsets, elapsed_min, side="right")) - 1, 0)
    knots = min(max(elapsed_min - float(path.offsets[minute]), 0.0), 1.0) * KNOTS
    knot = min(int(knots), KNOTS - 1)
    return Moment(minute, knot, knots - knot)


class Paths:
    """Every underlying's levels and paths, fixed by a seed.

    Parameters
    ----------
    seed : int
        Not negative.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        days = np.array([day.toordinal() - FIRST_DAY.toordinal() for day in calendar()])
        length = LAST_DAY.toordinal() - FIRST_DAY.toordinal() + 1
        shocks = generator(seed, 0).standard_normal((length, 3))[days]
        self._overnight, self._daily = shocks[:, 0], shocks[:, 1]
        self.vol = _volatility(self._daily, shocks[:, 2])
        self._days, self._length = days, length
        self._levels = lru_cache(maxsize=None)(self._draw_levels)
        self.day = lru_cache(maxsize=640)(self._draw_day)

    def closes(self, underlying: Underlying) -> Floats:
        """Return the closing level of every session of the calendar, rupees."""
        return self._levels(underlying)[1]

    def _draw_levels(self, underlying: Underlying) -> tuple[Floats, Floats]:
        """Return opens and closes of every session."""
        own = generator(self.seed, underlying.key).standard_normal((self._length, 2))[self._days]
        with_market, alone = underlying.correlation, np.sqrt(1 - underlying.correlation**2)
        before = np.concatenate([self.vol[:1], self.vol[:-1]])
        daily_sd = before * underlying.vol_ratio * _REALISED / np.sqrt(252)
        minutes = np.array([_minutes(day) for day in calendar()])
        share = np.sqrt((1 - _OVERNIGHT_SHARE) * np.minimum(1, minutes / FULL_SESSION_MIN))
        gaps = (
            daily_sd * np.sqrt(_OVERNIGHT_SHARE) * (with_market * self._overnight + alone * own[:, 0])
            + _DRIFT
        )
        moves = daily_sd * share * (with_market * self._daily + alone * own[:, 1])
        closes = np.cumsum(gaps + moves)
        closes += np.log(underlying.level) - closes[position(ANCHOR)]
        return np.exp(closes - moves), np.exp(closes)

    def _draw_day(self, underlying: Underlying, day: date) -> DayPath:
        number = position(day)
        opens, closes = self._levels(underlying)
        minutes = _minutes(day)
        offsets, auction = _clockwork(day)
        lively, clock = _pace(minutes, auction[1] if auction else minutes)
        walk = np.zeros(clock.size)
        np.cumsum(self._shocks(underlying, day, lively.size) * lively, out=walk[1:])
        before, after = self.vol[max(number - 1, 0)], self.vol[number]
        share = np.sqrt((1 - _OVERNIGHT_SHARE) * min(1, minutes / FULL_SESSION_MIN) / 252)
        bridge = before * underlying.vol_ratio * _REALISED * share * (walk - clock * walk[-1])
        spot = opens[number] * np.exp(np.log(closes[number] / opens[number]) * clock + bridge)
        vol = before + (after - before) * np.linspace(0, 1, clock.size)
        opens_s = session(day).open.timestamp()
        return DayPath(day, opens_s, minutes, offsets, auction, _by_minute(spot), _by_minute(vol))

    def _shocks(self, underlying: Underlying, day: date, size: int) -> Floats:
        market = generator(self.seed, 0, day.toordinal()).standard_normal(size)
        if underlying.correlation == 1:
            return market
        own = generator(self.seed, underlying.key, day.toordinal()).standard_normal(size)
        mixed: Floats = underlying.correlation * market + np.sqrt(1 - underlying.correlation**2) * own
        return mixed


def _volatility(daily: Floats, own: Floats) -> Floats:
    """Return the short volatility at every close: log-autoregressive, up when prices fall."""
    shocks = _VOL_SHOCK * (_LEVERAGE * daily + np.sqrt(1 - _LEVERAGE**2) * own)
    logs = np.empty_like(shocks)
    level = 0.0
    for number, shock in enumerate(shocks.tolist()):
        level = _VOL_PERSISTENCE * level + shock
        logs[number] = level
    anchor = position(ANCHOR)
    away = np.abs(np.arange(logs.size) - anchor)
    return np.asarray(BASE_VOL * np.exp(logs - logs[anchor] * _VOL_PERSISTENCE**away))


def _by_minute(knots: Floats) -> Floats:
    """Shape the knots of a day as (minutes, KNOTS + 1), sharing the knot between two minutes."""
    return np.column_stack([knots[:-1].reshape(-1, KNOTS), knots[KNOTS::KNOTS]])


@cache
def _pace(minutes: int, until: int) -> tuple[Floats, Floats]:
    """Return the deviation of every step of a day of unit variance, and the variance passed at every knot.

    From the minute `until` on nothing moves: the cash segment's auction has made the closing price.
    """
    fraction = np.linspace(0, 1, minutes * KNOTS, endpoint=False)
    lively = 0.75 + 1.25 * (2 * fraction - 1) ** 4 + 0.9 * np.exp(-fraction * 18)
    lively[until * KNOTS :] = 0.0
    lively /= np.sqrt(np.sum(lively**2))
    return lively, np.concatenate([[0.0], np.cumsum(lively**2)])


@cache
def _minutes(day: date) -> int:
    return int(session(day).length_s) // 60


def trading_minutes(day: date) -> NDArray[np.int64]:
    """Return the start of every minute of trading, minutes since the open; a pause is a jump."""
    return _clockwork(day)[0]


@lru_cache(maxsize=640)
def _clockwork(day: date) -> tuple[NDArray[np.int64], tuple[int, int] | None]:
    """Return the start of every trading minute since the open, and where the cash auction begins and ends."""
    hours, cash = session(day), session(day, "cash").auction
    spans = [(part.open - hours.open, part.close - hours.open) for part in hours.continuous]
    offsets = np.concatenate([np.arange(first.seconds // 60, last.seconds // 60) for first, last in spans])
    if cash is None or cash.price_at is None:
        return offsets, None
    begins, made = ((at - hours.open).seconds // 60 for at in (cash.open, cash.price_at))
    return offsets, (int(np.searchsorted(offsets, begins)), int(np.searchsorted(offsets, made)))
