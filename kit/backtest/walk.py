"""What a position does from bar to bar: opens, bars, closes, and the end of all legs."""

from __future__ import annotations

from kit.backtest.fills import steps
from kit.backtest.quiet import next_bar
from kit.backtest.records import (
    ADJUST,
    ENDED,
    EXPIRY,
    IDLE,
    LEAVING,
    LOCK,
    NEXT_OPEN,
    OPEN,
    OUT,
    OVERALL_STOP,
    OVERALL_TARGET,
    SQUARE_OFF,
    TIME,
    WAITING,
    WANTED,
    HeldPosition,
)
from kit.backtest.rules import (
    at_open,
    close_of,
    examine,
    has_tried,
    leave,
    open_of,
    refuse,
    to_break_even,
    try_entry,
    want,
)

NO_REASON = -1


def begin(position: HeldPosition) -> None:
    """Set a position to where nothing has happened yet."""
    totals, terms = position.totals, position.terms
    totals.realised, totals.peak, totals.left, totals.hit, totals.count = 0, 0, -1, -1, 0
    totals.adjusts_left = terms.adjust_times
    for i in range(len(position.legs)):
        leg, state = position.legs[i], position.states[i]
        state.phase, state.row, state.number, state.cost = IDLE, -1, 0, 0
        state.stops_left, state.targets_left = leg.stop_times, leg.target_times


def within(position: HeldPosition, bar: int, last: int) -> bool:
    """Play a bar up to, not including, its close; True when the plan's exit at this open ends it all."""
    terms = position.terms
    if bar == last and terms.exit == NEXT_OPEN:
        leave_all(position, bar, TIME, True)
        return True
    for i in range(len(position.legs)):
        at_open(position, i, bar)
        examine(position, i, bar)
    if terms.break_even > 0 and position.totals.hit == bar:
        for i in range(len(position.legs)):
            to_break_even(position, i, bar, terms.break_even > 1)
    return False


def at_close(position: HeldPosition, bar: int, last: int) -> bool:
    """Play the close of a bar; True when the position has ended."""
    terms, totals = position.terms, position.totals
    reason = SQUARE_OFF if terms.complete and totals.left == bar else NO_REASON
    if reason == NO_REASON and terms.overall:
        reason = _limit(position, bar)
    if reason == NO_REASON and totals.settles:
        _settle(position, bar)
    if reason == NO_REASON and bar >= last:
        reason = TIME
    if reason != NO_REASON:
        leave_all(position, bar, reason, False)
        return True
    at_next_open = terms.exit == NEXT_OPEN and position.tape.ends[bar] >= last  # no night before it
    moment = last if at_next_open else last + 1
    if bar + 1 < moment:
        if totals.adjusts_left > 0 and (bar - position.states[0].start) % terms.adjust_every == 0:
            _adjust(position, bar)
        _enter_wanted(position, bar)
    return all_out(position)


def leave_all(position: HeldPosition, bar: int, reason: int, on_open: bool) -> None:
    """End the position: all legs leave at the close, or open, of a bar; without one at their last close."""
    tape = position.tape
    for i in range(len(position.legs)):
        state = position.states[i]
        row = state.row
        if state.phase == OPEN or state.phase == LEAVING:  # noqa: PLR1714 - numba knows no tuples of these
            known = bar
            while tape.high[row, known] == 0:
                known -= 1
            opens = on_open and known == bar
            price = open_of(position, i, bar) if opens else close_of(position, i, known)
            leave(position, i, price, known, reason, known < bar)
        elif has_tried(position, i, bar - 1 if on_open else bar):
            refuse(position, i, ENDED)
        state.phase = OUT


def value_of(position: HeldPosition, bar: int) -> int:
    """Return what the position has earned at the close of a bar, ticks times units, before charges."""
    worth: int = position.totals.realised
    for i in range(len(position.legs)):
        leg, state = position.legs[i], position.states[i]
        if state.phase == OPEN or state.phase == LEAVING:  # noqa: PLR1714
            units = position.tape.contracts[state.row].units * leg.lots * position.terms.multiple
            worth += leg.sign * (close_of(position, i, bar) - state.price) * units
    return worth


def _limit(position: HeldPosition, bar: int) -> int:
    """Return by which limit in rupees the position ends at a close; what it has locked rises afterwards."""
    terms, totals = position.terms, position.totals
    worth, peak = value_of(position, bar), totals.peak
    totals.peak = max(peak, worth)
    if terms.stop_inr > 0:
        raised = steps(peak, terms.trail_every) * terms.trail_move if terms.trail_every > 0 else 0.0
        if worth <= raised - terms.stop_inr:
            return OVERALL_STOP
    if 0 < terms.target_inr <= worth:
        return OVERALL_TARGET
    if 0 < terms.lock_at <= peak:
        every = terms.lock_every
        raised = steps(peak - terms.lock_at, every) * terms.lock_move if every > 0 else 0.0
        if worth <= terms.lock_keep + raised:
            return LOCK
    return NO_REASON


def _settle(position: HeldPosition, bar: int) -> None:
    for i in range(len(position.legs)):
        state = position.states[i]
        held = state.phase == OPEN or state.phase == LEAVING  # noqa: PLR1714
        if held and position.tape.contracts[state.row].ends == bar:
            leave(position, i, position.tape.contracts[state.row].settled, bar, EXPIRY, False)


def _adjust(position: HeldPosition, bar: int) -> None:
    tape, net = position.tape, 0.0
    for i in range(len(position.legs)):
        if position.states[i].phase == OPEN:
            net += position.legs[i].sign * position.legs[i].lots * tape.delta[position.states[i].row, bar]
    if not abs(net) > position.terms.adjust_delta:
        return
    for i in range(len(position.legs)):
        state = position.states[i]
        if state.phase == OPEN and tape.high[state.row, bar] > 0:
            leave(position, i, close_of(position, i, bar), bar, ADJUST, False)
            want(position, i, bar, 0.0, 0.0, 1)
    position.totals.adjusts_left -= 1


def _enter_wanted(position: HeldPosition, bar: int) -> None:
    for i in range(len(position.legs)):
        leg, state = position.legs[i], position.states[i]
        if state.phase == IDLE and state.start <= bar:  # before the first bar: its first tries are over
            want(position, i, state.start, leg.wait_percent, leg.wait_points, 0)
        if state.phase == WANTED or state.phase == WAITING:  # noqa: PLR1714
            try_entry(position, i, bar)


def all_out(position: HeldPosition) -> bool:
    """Tell whether every leg has left for good."""
    for i in range(len(position.legs)):  # noqa: SIM110 - numba compiles loops
        if position.states[i].phase != OUT:
            return False
    return True


def walk(position: HeldPosition, first: int, last: int) -> None:
    """Play a position from the close of its first bar to its exit, over the bars at which it may act."""
    begin(position)
    bar = first
    while not ((bar > first and within(position, bar, last)) or at_close(position, bar, last)):
        bar = next_bar(position, bar, last)
