"""Between which forwards the quotes of an expiry leave no certain profit.

Buying a call and selling its put at one strike buys the forward; selling the call and buying the put sells
it. Each strike thus bounds the forward from both sides, by what is bid and asked there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kit.pricing.arrays import Bools, Floats

AGREE = 0.001  # of the forward; settlements that contradict each other by more are wrong
NEAR = 0.01  # of the forward; settlements further than this from everything else known are wrong


class Bounds(NamedTuple):
    """What each strike allows the forward to be.

    Parameters
    ----------
    low, high : ndarray, shape (n,)
        Rupees, by strike; infinite where nobody quotes.
    settled : ndarray of bool, shape (n,)
        Whether neither call nor put has a spread: prices of the past at which nobody trades now.
    """

    low: Floats
    high: Floats
    settled: Bools

    @property
    def common(self) -> tuple[float, float]:
        """The stretch that every quoted strike allows, rupees; infinite where two contradict each other."""
        low, high = self._quoted()
        lowest, highest = low.max(initial=-np.inf), high.min(initial=np.inf)
        return (float(lowest), float(highest)) if lowest <= highest else (-np.inf, np.inf)

    def most_agreed(self, guess: float) -> tuple[float, float]:
        """Return the stretch that most quoted strikes allow, rupees; of several the nearest to a guess."""
        low, high = self._quoted()
        edge = np.concatenate([low, high])
        opens = np.repeat([True, False], low.size)
        order = np.lexsort((~opens, edge))
        depth = np.cumsum(np.where(opens[order], 1, -1))
        left = np.flatnonzero(depth == depth.max(initial=0))
        if not left.size:
            return -np.inf, np.inf
        starts, ends = edge[order[left]], edge[order[left + 1]]
        best = np.argmin(np.abs(np.clip(guess, starts, ends) - guess))
        return float(starts[best]), float(ends[best])

    def _quoted(self) -> tuple[Floats, Floats]:
        kept = ~self.settled & (self.low <= self.high) & (np.isfinite(self.low) | np.isfinite(self.high))
        return self.low[kept], self.high[kept]


def parity_bounds(
    strike: Floats, call_bid: Floats, call_ask: Floats, put_bid: Floats, put_ask: Floats, discount: float
) -> Bounds:
    """Return what each strike's quotes allow the forward to be.

    Parameters
    ----------
    strike, call_bid, call_ask, put_bid, put_ask : ndarray, shape (n,)
        Rupees; NaN or zero: no quote. What nobody bids for can be sold for nothing.
    discount : float
        Discount factor to the expiry.
    """
    high = strike + (_or(call_ask, np.inf) - _or(put_bid, 0.0)) / discount
    low = strike + (_or(call_bid, 0.0) - _or(put_ask, np.inf)) / discount
    return Bounds(low, high, _spreadless(call_bid, call_ask) & _spreadless(put_bid, put_ask))


def held(guess: float, bounds: Bounds) -> float:
    """Return a guessed forward, moved as little as the quotes demand.

    Where live quotes contradict each other, most of them decide. Settlements decide where nothing is quoted
    live: in their middle, if they agree to a thousandth and are within a hundredth of the guess.
    """
    moved = float(np.clip(guess, *bounds.most_agreed(guess)))
    settled = bounds.low[bounds.settled & (bounds.low == bounds.high)]
    if moved != guess or not settled.size or np.ptp(settled) > AGREE * guess:
        return moved
    middle = float(np.median(settled))
    return middle if abs(middle - guess) <= NEAR * guess else guess


def _spreadless(bid: Floats, ask: Floats) -> Bools:
    none: Bools = (bid == ask) | (np.isnan(bid) & np.isnan(ask))
    return none


def _or(side: Floats, otherwise: float) -> Floats:
    return np.where(side > 0, side, otherwise)
