"""The plain engine: the rules as Python runs them, so that Python rules can stand among them."""

from __future__ import annotations

from kit.backtest.encode import most_rows
from kit.backtest.records import POSITION, STATE, TRADE, Position, Records, records
from kit.backtest.tape import Holding, Loaded
from kit.backtest.walk import walk


def position_on(loaded: Loaded, terms: Records, legs: Records) -> Position:
    """Return a position of these legs on a tape, not yet begun."""
    states, totals = records(STATE, len(legs)), records(POSITION, 1)
    states.start = loaded.holding.starts
    return Position(loaded.tape, terms, legs, states, totals, records(TRADE, most_rows(legs, terms)))


def play(position: Position, holding: Holding) -> Records:
    """Play a position and return the rows it wrote."""
    walk(position, holding.first, holding.last)
    return position.trades[: position.totals[0].count]
