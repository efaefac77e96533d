"""Bars and open-interest history of the simulated market, in agreement with its quotes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kit.clock import last_session, session
from kit.simulator import activity
from kit.simulator.contracts import ListedContract
from kit.simulator.market import Market
from kit.simulator.paths import FIRST_DAY, calendar, moment, trading_minutes
from kit.simulator.randomness import Floats
from kit.simulator.tape import Tape, of_knots, to_tick

DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class BarLength:
    """A length of bars.

    Parameters
    ----------
    minutes : int
        Length; a whole day is `DAY_MIN`.
    max_days : int
        Calendar days of one request; a longer one is cut to its most recent days, in silence.
    """

    minutes: int
    max_days: int


# Source: the broker's page on historical data.
INTERVALS = {
    "ONE_MINUTE": BarLength(1, 30),
    "THREE_MINUTE": BarLength(3, 60),
    "FIVE_MINUTE": BarLength(5, 100),
    "TEN_MINUTE": BarLength(10, 100),
    "FIFTEEN_MINUTE": BarLength(15, 200),
    "THIRTY_MINUTE": BarLength(30, 200),
    "ONE_HOUR": BarLength(60, 400),
    "ONE_DAY": BarLength(DAY_MIN, 2000),
}


@dataclass(frozen=True)
class Bars:
    """Bars in order of time.

    Parameters
    ----------
    stamps : list of str
        Start of each bar, ISO 8601 with +05:30; midnight for daily bars.
    prices : ndarray, shape (bars, 4)
        Open, high, low, close, rupees.
    volume, interest : ndarray of int, shape (bars,)
        Units traded within the bar, and held at its end.
    """

    stamps: list[str]
    prices: Floats
    volume: NDArray[np.int64]
    interest: NDArray[np.int64]


class History:
    """The past of a market up to a moment, with daily bars remembered.

    Parameters
    ----------
    market : Market
        Whose past.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._daily: LRUCache[tuple[date, str], Bars] = LRUCache(20_000)

    def bars(
        self, contract: ListedContract, interval: BarLength, start: datetime, end: datetime, now: datetime
    ) -> Bars:
        """Return the bars that start within a span and not after `now`; the running bar included.

        Parameters
        ----------
        contract : ListedContract
            Whose bars; before its listing there are none.
        interval : BarLength
            Their length.
        start, end : datetime
            Timezone-aware, both included; cut to the interval's most recent `max_days`.
        now : datetime
            The market's present.
        """
        if end.date() <= FIRST_DAY:
            return _joined([])
        start = max(start, end - timedelta(interval.max_days))
        days = [self._of_day(contract, interval, day, now) for day in _days(contract, start, end, now)]
        bars = _joined(days)
        if interval.minutes == DAY_MIN:
            return bars
        first, last = _stamp(start), _stamp(end)
        kept = slice(bisect_left(bars.stamps, first), bisect_right(bars.stamps, last))
        return Bars(bars.stamps[kept], bars.prices[kept], bars.volume[kept], bars.interest[kept])

    def _of_day(self, contract: ListedContract, interval: BarLength, day: date, now: datetime) -> Bars:
        if interval.minutes != DAY_MIN or session(day).close > now:
            return _day_bars(self._market.tape(contract, day), interval.minutes, now)
        key = (day, contract.token)
        if key not in self._daily:
            self._daily[key] = _day_bars(self._market.tape(contract, day), DAY_MIN, now)
        return self._daily[key]


def _days(contract: ListedContract, start: datetime, end: datetime, now: datetime) -> Iterator[date]:
    """Yield the sessions of a span on which the contract was listed."""
    first, last = start.date(), min(end.date(), last_session(now).day)
    if contract.expiry:
        first, last = max(first, contract.since or first), min(last, contract.expiry)
    opening = calendar()[1]  # the very first session has no previous close
    yield from calendar()[bisect_left(calendar(), max(first, opening)) : bisect_right(calendar(), last)]


def _day_bars(tape: Tape, minutes: int, now: datetime) -> Bars:
    """Return the bars of one session that have started, the last one as far as it has come."""
    at = moment(tape.path, now)
    known = tape.fair[: at.minute + 1].copy()
    known[-1, at.knot + 1 :] = at.of(tape.fair)
    volume = tape.volume[: at.minute + 2].copy()
    volume[-1] = tape.traded(at)
    grid = _grid(tape.path.day, minutes, tape.auction)
    starts = grid.starts[grid.starts < known.shape[0]]
    ends = np.append(starts[1:], known.shape[0])
    rows = np.flatnonzero(grid.printed[: known.shape[0]])
    first, behind = np.searchsorted(rows, starts), np.searchsorted(rows, ends)
    kept = behind > first
    first, behind = first[kept], behind[kept]
    prices = np.empty((first.size, 4))
    prices[:, 0], prices[:, 3] = known[rows[first], 0], known[rows[behind - 1], -1]
    prices[:, 1] = np.maximum.reduceat(of_knots(np.maximum, known)[rows], first)
    prices[:, 2] = np.minimum.reduceat(of_knots(np.minimum, known)[rows], first)
    share = np.minimum(ends / tape.path.minutes, at.session_share(tape.path))
    interest = activity.interest_within(*tape.interest, share, tape.lot)
    traded = volume[ends] - volume[starts]
    stamps = [stamp for stamp, is_kept in zip(grid.stamps, kept.tolist(), strict=False) if is_kept]
    return Bars(
        stamps, to_tick(prices, tape.tick), traded[kept].astype(np.int64), interest[kept].astype(np.int64)
    )


def _joined(days: list[Bars]) -> Bars:
    if not days:
        return Bars([], np.empty((0, 4)), np.empty(0, np.int64), np.empty(0, np.int64))
    return Bars(
        [stamp for day in days for stamp in day.stamps],
        np.concatenate([day.prices for day in days]),
        np.concatenate([day.volume for day in days]),
        np.concatenate([day.interest for day in days]),
    )


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}:00+05:30"


class _Grid(NamedTuple):
    """The bars of a day: the trading minute each starts with, its time; which minutes are printed."""

    starts: NDArray[np.intp]
    stamps: list[str]
    printed: NDArray[np.bool_]


@lru_cache(maxsize=4096)
def _grid(day: date, minutes: int, auction: tuple[int, int] | None) -> _Grid:
    """Lay bars over a day; ISO text sorts as time does.

    While an auction collects orders nothing is printed but its reference at the beginning and its price.
    """
    offsets = trading_minutes(day)
    if minutes == DAY_MIN:
        return _Grid(np.zeros(1, np.intp), [f"{day}T00:00:00+05:30"], np.ones(offsets.size, np.bool_))
    number = offsets // minutes
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    opening = session(day).open
    at = (opening + timedelta(minutes=minutes * int(number[start])) for start in starts)
    shown = np.ones(offsets.size, np.bool_)
    if auction:
        shown[auction[0] + 1 :] = False
        shown[auction[1]] = True
    return _Grid(starts, [_stamp(each) for each in at], shown)
