"""The plain engine: the rules as Python runs them, so that Python rules can stand among them."""

from __future__ import annotations

from kit.backtest.encode import most_rows
from kit.backtest.records import POSITION, STATE, TRADE, Position, Records, Tape, records
from kit.backtest.walk import walk


def position_on(tape: Tape, terms: Records, legs: Records) -> Position:
    """Return a position of these legs on a tape, not yet begun."""
    states, totals = records(STATE, len(legs)), records(POSITION, 1)
    return Position(tape, terms, legs, states, totals, records(TRADE, most_rows(legs, terms)))


def play(position: Position, first: int, last: int) -> Records:
    """Play a position and return the rows it wrote."""
    walk(position, first, last)
    return position.trades[: position.totals[0].count]
