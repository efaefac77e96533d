"""How far a position can be left alone: the next bar at which any of its rules may act."""

from __future__ import annotations

from math import floor

from kit.backtest.fills import steps
from kit.backtest.records import DISTANCE, IDLE, OPEN, OUT, STEPPED, UNREACHED, HeldPosition


def next_bar(position: HeldPosition, bar: int, last: int) -> int:
    """Return the first bar after `bar` at which something may happen, at most `last`."""
    if position.terms.overall or position.totals.adjusts_left > 0:
        return bar + 1
    nearest = last
    for i in range(len(position.legs)):
        state = position.states[i]
        phase = state.phase
        if phase == OPEN:
            nearest = _quiet_until(position, i, bar + 1, nearest)
        elif phase == IDLE:
            nearest = min(nearest, max(state.start, bar + 1))
        elif phase != OUT:
            return bar + 1
    return nearest


def _quiet_until(position: HeldPosition, i: int, bar: int, last: int) -> int:
    """Return the first bar from `bar` on that leaves the range in which an open leg has nothing to do."""
    state, sign = position.states[i], position.legs[i].sign
    high, low = position.tape.high[state.row], position.tape.low[state.row]
    best = min(_reach(state.target, sign), _reach(_trail_trigger(position, i), sign))
    worst = state.stop if state.stop > 0 else (0 if sign > 0 else UNREACHED)
    upper, lower = (best, worst) if sign > 0 else (worst, -best)
    last = min(last, position.tape.contracts[state.row].ends)
    if state.due >= last:  # known to be quiet for longer than another leg is
        return last
    bar = max(bar, state.due)
    while bar < last and high[bar] < upper and low[bar] > lower:
        bar += 1
    state.due = bar
    return bar


def _reach(price: int, sign: int) -> int:
    """Return a price in the direction of the gain; one that is not there is never reached."""
    if price > 0:
        return sign * price
    return UNREACHED if sign > 0 else 0


def _trail_trigger(position: HeldPosition, i: int) -> int:
    """Return a price not beyond that at which the stop moves next; 0 where it never does."""
    leg, state = position.legs[i], position.states[i]
    sign, trigger = leg.sign, 0
    if leg.trail == STEPPED:
        every = state.raw * leg.every_percent / 100 + leg.every_points
        count = steps(1.0 * sign * (state.best - state.raw), every) + 1
        trigger = state.raw + sign * floor(count * every - 1e-6)
    if leg.trail == DISTANCE:
        trigger = state.best + sign
    return max(trigger, 0)
