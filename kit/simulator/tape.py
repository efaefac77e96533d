"""The day of one contract, and what it shows at a moment of that day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.simulator import activity
from kit.simulator.contracts import ListedContract
from kit.simulator.paths import DayPath, Moment
from kit.simulator.randomness import Floats


def to_tick(price: Any, tick: float) -> Any:
    """Round to the tick, at least one; a rising function, so it keeps every order of prices."""
    return np.maximum(np.rint(np.asarray(price) / tick), 1) / round(1 / tick)


@dataclass(frozen=True)
class Tape:
    """The day of one contract.

    Parameters
    ----------
    path : DayPath
        Of its underlying.
    fair : ndarray, shape (minutes, knots)
        Prices before rounding, rupees.
    high, low : ndarray, shape (minutes,)
        Highest and lowest fair price up to the end of each minute.
    volume, turnover : ndarray, shape (minutes + 1,)
        Units and rupees traded since the open.
    interest : tuple of float
        Units held at the previous close and at this close, and the wiggle between.
    previous : float
        Last price of the previous session, rupees.
    lot : int
        Units in one lot.
    auction : tuple of int, or None
        As in `DayPath`, for what is traded in the cash segment; None for derivatives.
    tick : float
        Smallest step of its prices on that day, rupees.
    """

    path: DayPath
    fair: Floats
    high: Floats
    low: Floats
    volume: Floats
    turnover: Floats
    interest: tuple[float, float, float]
    previous: float
    lot: int
    auction: tuple[int, int] | None
    tick: float

    def span(self, at: Moment) -> tuple[float, float]:
        """Return the lowest and the highest fair price up to a moment, rupees."""
        seen = [at.of(self.fair), *self.fair[at.minute, : at.knot + 1].tolist()]
        if at.minute:
            seen += [float(self.low[at.minute - 1]), float(self.high[at.minute - 1])]
        return min(seen), max(seen)

    def paid(self, at: Moment) -> float:
        """Return the rupees traded up to a moment."""
        before, after = self.turnover[at.minute], self.turnover[at.minute + 1]
        return float(before + (after - before) * at.minute_share)

    def traded(self, at: Moment) -> float:
        """Return the units traded up to a moment, whole lots."""
        before, after = self.volume[at.minute], self.volume[at.minute + 1]
        return float(math.floor((before + (after - before) * at.minute_share) / self.lot) * self.lot)

    def held(self, at: Moment) -> float:
        """Return the units held at a moment, whole lots."""
        return float(activity.interest_within(*self.interest, at.session_share(self.path), self.lot))


@dataclass(frozen=True, slots=True)
class Quote:
    """One contract at one moment; rupees and units.

    ``bid`` or ``ask`` is 0 where nobody quotes; ``previous`` is the previous session's last price.
    ``reference`` is the price that bounds a closing auction: of a share its level at the auction's beginning,
    before it the previous close; 0 for an index, the last price for a contract.
    """

    contract: ListedContract
    ltp: float
    open: float
    high: float
    low: float
    previous: float
    bid: float
    ask: float
    volume: int
    average: float
    interest: int
    interest_before: int
    reference: float


@dataclass(frozen=True, slots=True)
class Course:
    """One contract at many seconds of a day.

    Parameters
    ----------
    at_s : ndarray of int, shape (seconds,)
        Epoch seconds.
    ltp, bid, ask : ndarray, shape (seconds,)
        Rupees; 0 where nobody quotes.
    volume : ndarray, shape (seconds,)
        Units traded since the open, parts of a lot included.
    """

    at_s: NDArray[np.int64]
    ltp: Floats
    bid: Floats
    ask: Floats
    volume: Floats


def of_knots(ufunc: np.ufunc, fair: Floats) -> Floats:
    """Reduce the last axis; column by column, which for so short an axis is several times faster."""
    return reduce(ufunc, (fair[..., knot] for knot in range(fair.shape[-1])))
