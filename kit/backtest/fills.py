"""Prices of fills: levels, what a bar reaches first, and how much worse than that the fill is.

Plain functions of numbers, read by the plain engine as they are and by the compiled one through numba.
"""

from __future__ import annotations

from math import floor, sqrt

from kit.backtest.records import (
    BAR_CLOSE,
    EXTREME,
    NEARER_FIRST,
    NO_SLIP,
    SLIP_PERCENT,
    SLIP_RANGE,
    SLIP_TICKS,
    STOP_FIRST,
)

NOTHING, HIT_STOP, HIT_TARGET = 0, 1, 2
_HALF = 0.5 + 1e-7  # half a tick counts as a half although 1.15 is no binary number


def level(price: int, percent: float, points: float) -> int:
    """Return a price moved by percent and points, to the nearest tick (half up), never under one tick."""
    return max(1, floor(price * (100 + percent) / 100 + points + _HALF))


def steps(gain: float, every: float) -> int:
    """Return how many full steps a gain holds."""
    return max(0, floor(gain / every + 1e-7))


def beyond(sign: int, price: int, stop: int) -> bool:
    """Tell whether a price has reached a stop; a touch is a hit. `sign` is +1 bought, -1 sold."""
    return stop > 0 and sign * (price - stop) <= 0


def first_hit(sign: int, first: int, high: int, low: int, stop: int, target: int, same_bar: int) -> int:
    """Return what a bar reaches first: the open decides, then the rule for stop and target in one bar."""
    if beyond(sign, first, stop):
        return HIT_STOP
    if beyond(-sign, first, target):
        return HIT_TARGET
    worst, best = (low, high) if sign > 0 else (high, low)
    stopped, reached = beyond(sign, worst, stop), beyond(-sign, best, target)
    if stopped and reached:
        if same_bar == NEARER_FIRST:
            return HIT_STOP if abs(first - worst) <= abs(best - first) else HIT_TARGET
        return HIT_STOP if same_bar == STOP_FIRST else HIT_TARGET
    if stopped:
        return HIT_STOP
    return HIT_TARGET if reached else NOTHING


def fill_of(
    convention: int, sign: int, first: int, high: int, low: int, close: int, at: int, is_stop: bool
) -> int:
    """Return the price of a stop or a target that a bar has reached, before slippage."""
    if convention == BAR_CLOSE:
        return close
    if convention == EXTREME:
        return low if sign > 0 else high
    gapped = beyond(sign if is_stop else -sign, first, at)
    return first if gapped else at


def slipped(kind: int, amount: float, side: int, price: int, bar_range: int, lots: int) -> int:
    """Return a price after slippage, to the nearest tick; `side` is +1 when buying, -1 when selling."""
    if kind == NO_SLIP:
        return price
    if kind == SLIP_TICKS:
        worse = amount
    elif kind == SLIP_PERCENT:
        worse = price * amount / 100
    elif kind == SLIP_RANGE:
        worse = bar_range * amount
    else:
        worse = price * amount / 100 * sqrt(lots)
    return max(1, floor(price + side * worse + _HALF))
