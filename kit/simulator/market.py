"""The simulated market: prices, volumes and open interest as a pure function of seed and time.

One representation serves quotes and candles: the day of a contract is a matrix of fair prices on the
knots of its underlying's path (`kit.simulator.paths`). A quote is the line between two knots, a bar is the
span of its knots, so the two agree; both are rounded to the tick at the very end, which keeps order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kit.clock import last_session, risk_free_rate, tick_inr
from kit.simulator import activity, smile
from kit.simulator.contracts import DayListing, ListedContract, Series, last_moment_s
from kit.simulator.listings import Listings
from kit.simulator.paths import DayPath, Moment, Paths, calendar, moment, position
from kit.simulator.randomness import Floats
from kit.simulator.tape import Course, Quote, Tape, of_knots, to_tick
from kit.simulator.underlyings import BANKNIFTY, Underlying

SECONDS_PER_YEAR = 365 * 24 * 3600.0
_TAPES_KEPT = 2048  # days of contracts, about 20 KB each


class Market:
    """Everything that has a price, fixed by a seed.

    Parameters
    ----------
    seed : int, default 7
        Two markets of one seed are the same in every process, in any order of questions.
    """

    def __init__(self, seed: int = 7) -> None:
        self.seed = seed
        self.paths = Paths(seed)
        self.listings = Listings(self.paths)
        self._tapes: LRUCache[tuple[date, str], Tape] = LRUCache(_TAPES_KEPT)
        self._lock = Lock()

    def listing(self, now: datetime) -> DayListing:
        """Return what is listed at `now`: on the running session, else the latest one."""
        return self.listings.on(last_session(now).day)

    def spot(self, now: datetime) -> float:
        """Return the level of Bank Nifty, rupees."""
        path, at = self.at(BANKNIFTY, now)
        return float(to_tick(at.of(path.shown(path.spot)), tick_inr(path.day, "index")))

    def at(self, underlying: Underlying, now: datetime) -> tuple[DayPath, Moment]:
        """Return the running day of an underlying, else the latest one, and where `now` lies on it."""
        path = self.paths.day(underlying, last_session(now).day)
        return path, moment(path, now)

    def quotes(self, contracts: Sequence[ListedContract], now: datetime) -> list[Quote]:
        """Return one quote per contract, in order, as of `now` or the last close."""
        days = self._day_of(contracts, last_session(now).day)
        if not days:
            return []
        at = moment(days[0][1].path, now)  # every path of a day has the same knots
        return [self._quote(contract, tape, at) for contract, tape in days]

    def _quote(self, contract: ListedContract, tape: Tape, at: Moment) -> Quote:
        fair = at.of(tape.fair)
        ltp, opened, low, high = to_tick([fair, tape.fair[0, 0], *tape.span(at)], tape.tick).tolist()
        volume = tape.traded(at)
        average = min(max(tape.paid(at) / volume, low), high) if volume else 0.0
        bid, ask = _touch(contract, fair, at.of(tape.path.spot), tape)
        return Quote(
            contract,
            ltp,
            opened,
            high,
            low,
            tape.previous,
            bid,
            ask,
            int(volume),
            round(average, 2),
            int(tape.held(at)),
            int(tape.interest[0]),
            _reference(contract, tape, at, ltp),
        )

    def course(self, contract: ListedContract, day: date, at_s: NDArray[np.int64]) -> Course:
        """Return what one contract shows at many seconds of a day; agrees with `quotes` at each.

        Parameters
        ----------
        contract : ListedContract
            Listed on that day.
        day : date
            The session.
        at_s : ndarray of int, shape (seconds,)
            Epoch seconds within the session, rising.
        """
        tape = self.tape(contract, day)
        knots_s = tape.path.at_s.ravel()
        fair = np.interp(at_s, knots_s, tape.fair.ravel())
        bid, ask = _touch(contract, fair, np.interp(at_s, knots_s, tape.path.spot.ravel()), tape)
        ends_s = tape.path.opens_s + 60.0 * np.append(tape.path.offsets, tape.path.offsets[-1] + 1)
        return Course(at_s, to_tick(fair, tape.tick), bid, ask, np.interp(at_s, ends_s, tape.volume))

    def tape(self, contract: ListedContract, day: date) -> Tape:
        """Return the whole day of one contract."""
        return next(iter(self._day_of([contract], day)))[1]

    def _day_of(self, contracts: Sequence[ListedContract], day: date) -> list[tuple[ListedContract, Tape]]:
        """Pair contracts with their day, pricing what is not remembered one expiry at a time."""
        with self._lock:  # a test may look at the market while the server answers
            kept = ((contract.token, self._tapes.get((day, contract.token))) for contract in contracts)
            found = {token: tape for token, tape in kept if tape}
            missing: dict[tuple[str, str, date | None], list[ListedContract]] = {}
            for contract in {
                contract.token: contract for contract in contracts
            }.values():  # one may come twice
                if contract.token not in found:
                    missing.setdefault((contract.name, contract.kind, contract.expiry), []).append(contract)
            for group in missing.values():
                for contract, tape in zip(group, self._tapes_of(Series(group), day), strict=True):
                    found[contract.token] = self._tapes[day, contract.token] = tape
        return [(contract, found[contract.token]) for contract in contracts]

    def _tapes_of(self, series: Series, day: date) -> Iterator[Tape]:
        """Yield the days of a series' contracts, in order."""
        underlying = series.first.underlying
        path = self.paths.day(underlying, day)
        earlier = self.paths.day(underlying, calendar()[max(position(day) - 1, 0)])
        fair = fair_prices(series, path.spot, path.vol, path.at_s, _rate(day))
        last = (earlier.spot[-1:, -1:], earlier.vol[-1:, -1:], earlier.at_s[-1:, -1:])
        tick = tick_inr(day, "derivatives" if series.first.kind in ("FUTURE", "OPTION", "SHARE") else "index")
        previous = to_tick(fair_prices(series, *last, _rate(earlier.day)), tick)[:, 0, 0].tolist()
        auction = None if series.first.expiry else path.auction
        fair = path.shown(fair) if auction else fair
        volume = activity.cumulative_volume(
            self.seed, series, day, float(path.spot[0, 0]), path.minutes, auction
        )
        turnover = np.zeros_like(volume)
        np.cumsum(np.diff(volume) * (fair[:, :, 0] + fair[:, :, -1]) / 2, axis=1, out=turnover[:, 1:])
        ordinals = np.array([earlier.day.toordinal(), day.toordinal()])
        closes = np.array([earlier.spot[-1, -1], path.spot[-1, -1]])
        held = activity.closing_interest(self.seed, series, ordinals, closes).tolist()
        wiggles = activity.wiggles(self.seed, series.numbers, day.toordinal()).tolist()
        high = np.maximum.accumulate(of_knots(np.maximum, fair), axis=1)
        low = np.minimum.accumulate(of_knots(np.minimum, fair), axis=1)
        for row, contract in enumerate(series.contracts):
            yield Tape(
                path,
                fair[row],
                high[row],
                low[row],
                volume[row],
                turnover[row],
                (held[row][0], held[row][1], wiggles[row]),
                previous[row],
                contract.lot,
                auction,
                tick,
            )


def _touch(contract: ListedContract, fair: Any, spot: Any, tape: Tape) -> tuple[Any, Any]:
    """Return best bid and ask, at least a tick outside the fair price: crossing them is never free."""
    if contract.is_index or not tape.volume[-1]:
        return 0.0 * fair, 0.0 * fair
    tick, rupee = tape.tick, round(1 / tape.tick)
    half = tick + fair * 3e-5
    if contract.kind == "OPTION" and contract.expiry:
        years = years_left(contract.expiry, tape.path.opens_s)
        half = tick + fair * (0.0008 + 0.004 * years) + 0.0004 * abs(spot - contract.strike)
    if isinstance(fair, float):  # one of a chain's: NumPy takes four times as long for it
        return max(math.floor((fair - half) / tick), 0) / rupee, math.ceil((fair + half) / tick) / rupee
    return np.maximum(np.floor((fair - half) / tick), 0) / rupee, np.ceil((fair + half) / tick) / rupee


def _reference(contract: ListedContract, tape: Tape, at: Moment, ltp: float) -> float:
    if contract.kind != "SHARE":
        return 0.0 if contract.is_index else ltp
    if tape.auction is None or at.minute < tape.auction[0]:
        return tape.previous
    return float(to_tick(tape.fair[tape.auction[0], 0], tape.tick))


_rate = cache(risk_free_rate)


def fair_prices(series: Series, spot: Any, vol: Any, at_s: Any, rate: float) -> Floats:
    """Return prices before rounding.

    Parameters
    ----------
    series : Series
        What is priced.
    spot, vol, at_s : ndarray, shape (minutes, knots)
        Level in rupees, short volatility as an annualised fraction, epoch seconds.
    rate : float
        Annual rate.

    Returns
    -------
    ndarray, shape (contracts, minutes, knots)
        Rupees.
    """
    first = series.first
    ratio = first.underlying.vol_ratio
    if first.kind == "VIX":
        return smile.vix(vol, ratio)[None]
    if first.expiry is None:
        return np.asarray(spot)[None]
    surface = smile.QuotedSmile(spot, years_left(first.expiry, at_s), vol, rate, ratio)
    if first.kind == "FUTURE":
        return surface.forward[None]
    priced = np.empty((len(series.contracts), *np.shape(spot)))
    calls: dict[int, Floats] = {}  # one at a time, so that the temporaries stay in the processor's cache
    for row, contract in enumerate(series.contracts):
        strike = contract.strike
        call = calls[strike] if strike in calls else calls.setdefault(strike, surface.call(float(strike)))
        priced[row] = call if contract.right == "CE" else surface.put(strike, call)
    return priced


def years_left(expiry: date, at_s: Any) -> Any:
    """Return calendar years from epoch seconds to the close of the expiry session."""
    return (last_moment_s(expiry) - at_s) / SECONDS_PER_YEAR
