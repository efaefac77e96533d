"""What a leg does: enter, wait, follow its price, go out, come back. One reading for both engines.

Every function takes the `kit.backtest.records.HeldPosition` and the number of a leg. A bar is a column of the
tape; what happens at the close of a bar holds from the next bar on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kit.backtest.fills import HIT_STOP, NOTHING, beyond, fill_of, first_hit, level, slipped, steps
from kit.backtest.records import (
    AT_COST,
    BREAK_EVEN,
    COST,
    DISTANCE,
    EXPIRY,
    LAST_TRIES,
    LEAVING,
    MOMENTUM,
    NEXT_OPEN,
    NO_REENTRY,
    NO_STRIKE,
    NO_TRADE,
    NO_TRAIL,
    OPEN,
    OUT,
    REFUSED,
    STEPPED,
    STOP,
    TARGET,
    TRAIL,
    WAITING,
    WANTED,
    HeldPosition,
)


def ticks_at(cells: NDArray[np.int32], row: int, bar: int) -> int:
    """Return one price of a tape as a whole machine word, so that the rules compile for one type."""
    return np.int64(cells[row, bar])  # type: ignore[return-value]


def open_of(position: HeldPosition, i: int, bar: int) -> int:
    """Return the open of a leg's contract in a bar, ticks."""
    return ticks_at(position.tape.open, position.states[i].row, bar)


def close_of(position: HeldPosition, i: int, bar: int) -> int:
    """Return the last close of a leg's contract up to a bar, ticks."""
    return ticks_at(position.tape.last, position.states[i].row, bar)


def want(position: HeldPosition, i: int, bar: int, percent: float, points: float, by_close: int) -> None:
    """Let a leg look for a contract from the close of a bar on; with an amount, wait for its move first."""
    state = position.states[i]
    state.phase = WANTED if percent == 0 and points == 0 else WAITING
    state.row = -1
    state.cost = 0
    state.tries_end = bar + LAST_TRIES
    state.by_close = by_close
    state.wait = 0
    state.wait_percent = percent
    state.wait_points = points


def last_try(position: HeldPosition, i: int) -> int:
    """Return the last bar at whose close a leg may look for a contract, in the session in which it began."""
    tries_end = position.states[i].tries_end
    return int(min(tries_end, position.tape.ends[max(0, tries_end - LAST_TRIES)]))


def has_tried(position: HeldPosition, i: int, bar: int) -> bool:
    """Tell whether a leg has looked for a contract that trades at the close of an earlier bar, in vain."""
    state = position.states[i]
    looks = state.phase == WANTED or (state.phase == WAITING and state.wait == 0)
    return bool(looks and state.tries_end - LAST_TRIES < bar)


def enter(position: HeldPosition, i: int, price: int, bar: int, watch: int) -> None:
    """Open a leg at a price of a bar; its bars are examined from `watch` on."""
    leg, state = position.legs[i], position.states[i]
    state.phase = OPEN
    state.number += 1
    state.raw = price
    state.price = _slip(position, i, leg.sign, price, bar)
    state.bar = bar
    state.watch, state.due = watch, 0
    state.best = price
    state.cost = price if state.cost == 0 else state.cost
    state.stop_reason = STOP
    has_stop = leg.stop_percent + leg.stop_points > 0
    state.stop = level(price, -leg.sign * leg.stop_percent, -leg.sign * leg.stop_points) if has_stop else 0
    state.first_stop = state.stop
    has_target = leg.target_percent + leg.target_points > 0
    state.target = (
        level(price, leg.sign * leg.target_percent, leg.sign * leg.target_points) if has_target else 0
    )
    if leg.trail == DISTANCE:
        _tighten(position, i)


def leave(position: HeldPosition, i: int, price: int, bar: int, reason: int, stale: bool) -> None:
    """Close a leg at a price of a bar and write its row."""
    leg, state, totals = position.legs[i], position.states[i], position.totals
    paid = price if reason == EXPIRY else _slip(position, i, -leg.sign, price, bar)
    row = _row(position, i, reason)
    row.entry_bar, row.entry = state.bar, state.price
    row.exit_bar, row.exit, row.stale = bar, paid, stale
    units = position.tape.contracts[state.row].units * leg.lots * position.terms.multiple
    totals.realised += leg.sign * (paid - state.price) * units
    totals.left = max(totals.left, bar)
    state.phase = OUT


def refuse(position: HeldPosition, i: int, why: int) -> None:
    """Give an entry up and write why."""
    position.states[i].number += 1
    row = _row(position, i, REFUSED)
    row.entry_bar, row.exit_bar, row.why = -1, -1, why
    position.states[i].phase = OUT


def _row(position: HeldPosition, i: int, reason: int):  # type: ignore[no-untyped-def]  # one of the records
    totals, state = position.totals, position.states[i]
    row = position.trades[totals.count]
    totals.count += 1
    row.leg, row.number, row.row = i, state.number, state.row
    row.entry, row.exit, row.reason, row.stale, row.why = 0, 0, reason, 0, 0
    return row


def _slip(position: HeldPosition, i: int, side: int, price: int, bar: int) -> int:
    terms, tape, row = position.terms, position.tape, position.states[i].row
    bar_range = max(0, ticks_at(tape.high, row, bar) - ticks_at(tape.low, row, bar))
    lots = position.legs[i].lots * terms.multiple
    return slipped(terms.slippage, terms.slip, side, price, bar_range, lots)


def at_open(position: HeldPosition, i: int, bar: int) -> None:
    """Fill at the open what the bar before has decided: a leg that leaves, a leg that enters."""
    tape, state = position.tape, position.states[i]
    at_next_open = position.terms.entry == NEXT_OPEN and not state.by_close
    if state.phase == LEAVING:
        if tape.high[state.row, bar] > 0:
            go_out(position, i, open_of(position, i, bar), bar, state.reason)
    elif at_next_open and state.phase == WANTED and state.row >= 0:
        until = last_try(position, i)
        if tape.high[state.row, bar] > 0 and tape.ends[bar] == tape.ends[until]:
            enter(position, i, open_of(position, i, bar), bar, bar)
        elif bar > until:
            refuse(position, i, NO_TRADE)


def examine(position: HeldPosition, i: int, bar: int) -> None:
    """Look for a leg's stop and target, or for its first price again, within one bar."""
    tape, state = position.tape, position.states[i]
    if not (state.phase == OPEN or state.phase == AT_COST) or bar < state.watch:  # noqa: PLR1714 - for numba
        return
    if tape.high[state.row, bar] == 0:
        return
    if state.phase == AT_COST:
        _take_again(position, i, bar)
        return
    leg, terms, row = position.legs[i], position.terms, state.row
    first, high, low = open_of(position, i, bar), ticks_at(tape.high, row, bar), ticks_at(tape.low, row, bar)
    hit = first_hit(leg.sign, first, high, low, state.stop, state.target, terms.same_bar)
    if hit == NOTHING:
        state.best = max(state.best, high) if leg.sign > 0 else min(state.best, low)
        if leg.trail != NO_TRAIL:
            _tighten(position, i)
        return
    is_stop = hit == HIT_STOP
    if is_stop:
        position.totals.hit = bar
    reason = state.stop_reason if is_stop else TARGET
    convention = terms.stop if is_stop else terms.target
    if convention == NEXT_OPEN:
        state.phase, state.reason = LEAVING, reason
        return
    at = state.stop if is_stop else state.target
    price = fill_of(convention, leg.sign, first, high, low, close_of(position, i, bar), at, is_stop)
    go_out(position, i, price, bar, reason)


def _take_again(position: HeldPosition, i: int, bar: int) -> None:
    tape, state, sign = position.tape, position.states[i], position.legs[i].sign
    row, cost = state.row, state.cost
    first = open_of(position, i, bar)
    gapped = sign * (tape.last[row, bar - 1] - cost) > 0 and sign * (first - cost) < 0
    if gapped or tape.low[row, bar] <= cost <= tape.high[row, bar]:
        enter(position, i, first if gapped else cost, bar, bar + 1)


def go_out(position: HeldPosition, i: int, price: int, bar: int, reason: int) -> None:
    """Close a leg by one of its own rules, and let it come back where the plan says so."""
    leave(position, i, price, bar, reason, False)
    leg, state = position.legs[i], position.states[i]
    if reason == TARGET:
        kind, left = leg.target_reentry, state.targets_left
        percent, points = leg.target_move_percent, leg.target_move_points
    else:
        kind, left = leg.stop_reentry, state.stops_left
        percent, points = leg.stop_move_percent, leg.stop_move_points
    if kind == NO_REENTRY or left == 0 or position.terms.complete:
        return
    if reason == TARGET:
        state.targets_left -= 1
    else:
        state.stops_left -= 1
    if kind == COST:
        state.phase, state.watch = AT_COST, bar + 1
    else:
        moves = 1 if kind == MOMENTUM else 0
        want(position, i, bar, percent * moves, points * moves, 1)


def _tighten(position: HeldPosition, i: int) -> None:
    """Let the stop follow the best price; it never goes back."""
    leg, state = position.legs[i], position.states[i]
    percent, points = leg.move_percent, leg.move_points
    if leg.trail == STEPPED:
        every = state.raw * leg.every_percent / 100 + leg.every_points
        count = steps(1.0 * leg.sign * (state.best - state.raw), every)
        moved = leg.sign * count * (state.raw * percent / 100 + points)
        at = level(state.first_stop, 0.0, moved)
    else:
        at = level(state.best, -leg.sign * percent, -leg.sign * points)
    _move_stop(position, i, at, TRAIL)


def _move_stop(position: HeldPosition, i: int, at: int, reason: int) -> None:
    state = position.states[i]
    if state.stop == 0 or position.legs[i].sign * (at - state.stop) > 0:
        state.stop = at
        state.stop_reason = reason


def to_break_even(position: HeldPosition, i: int, bar: int, only_in_profit: bool) -> None:
    """Move the stop of an open leg to its entry price; a leg without a stop gets one."""
    state = position.states[i]
    if state.phase != OPEN:
        return
    gain = position.legs[i].sign * (position.tape.last[state.row, bar] - state.raw)
    if gain > 0 or not only_in_profit:
        _move_stop(position, i, state.raw, BREAK_EVEN)
        state.due = 0


def try_entry(position: HeldPosition, i: int, bar: int) -> None:
    """Choose a contract at the close of a bar and enter where it traded; give up after the last try."""
    tape, state = position.tape, position.states[i]
    if state.row < 0:
        state.row = tape.picks[i, bar]
    chosen = state.row >= 0
    traded = chosen and tape.high[state.row, bar] > 0
    close = close_of(position, i, bar) if chosen else 0
    waits = state.phase == WAITING
    known = waits and state.wait > 0
    later = position.terms.entry == NEXT_OPEN and not waits and not state.by_close
    if traded and waits and not known:
        state.wait = level(close, state.wait_percent, state.wait_points)
        state.wait_up = 1 if state.wait_percent + state.wait_points > 0 else 0
    elif traded and not later and (not known or beyond(-1 if state.wait_up else 1, close, state.wait)):
        enter(position, i, close, bar, bar + 1)
    elif bar >= last_try(position, i) and not known and not (later and chosen):
        refuse(position, i, NO_TRADE if chosen else NO_STRIKE)
