"""How a plan, a position and its trades lie in memory: plain records that both engines read and write.

Prices are whole ticks of 0.05 rupees, bars are columns of the tape. The records are NumPy's, so that the
plain engine reads them as objects and the compiled one as machine words.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Why a leg went out; the names of the trade log, in this order.
REASONS: tuple[str, ...] = (
    *("time", "stop", "trail", "target", "break_even", "overall_stop", "overall_target", "lock"),
    *("square_off", "expiry", "refused", "adjust", "rule"),
)
TIME, STOP, TRAIL, TARGET, BREAK_EVEN, OVERALL_STOP, OVERALL_TARGET, LOCK = range(8)
SQUARE_OFF, EXPIRY, REFUSED, ADJUST, RULE = range(8, 13)

# Named conventions, as numbers.
FILLS = ("level", "bar_close", "next_open", "extreme")
LEVEL, BAR_CLOSE, NEXT_OPEN, EXTREME = range(4)
SAME_BAR = ("nearer_first", "stop_first", "target_first")
NEARER_FIRST, STOP_FIRST, TARGET_FIRST = range(3)
BREAK_EVENS = ("none", "all", "in_profit")
SLIPPAGES = ("none", "ticks", "percent", "bar_range", "sqrt_lots")
NO_SLIP, SLIP_TICKS, SLIP_PERCENT, SLIP_RANGE, SLIP_SQRT = range(5)
TRAILS = ("none", "stepped", "distance")
NO_TRAIL, STEPPED, DISTANCE = range(3)
REENTRIES = ("none", "asap", "cost", "momentum")
NO_REENTRY, ASAP, COST, MOMENTUM = range(4)

# What a leg is doing.
IDLE, WANTED, WAITING, AT_COST, OPEN, LEAVING, OUT = range(7)

# Why an entry was refused.
WHYS = ("", "no strike could be chosen", "no trade in its first six minutes", "the position ended first")
NO_STRIKE, NO_TRADE, ENDED = range(1, 4)

UNREACHED = 2**30  # ticks above every price
LAST_TRIES = 5  # minutes after the first at which an entry is tried again

LEG = np.dtype(
    [
        ("sign", "i8"),  # +1 bought, -1 sold
        ("lots", "i8"),
        ("stop_percent", "f8"),
        ("stop_points", "f8"),  # all points are ticks
        ("target_percent", "f8"),
        ("target_points", "f8"),
        ("trail", "i8"),
        ("every_percent", "f8"),
        ("every_points", "f8"),
        ("move_percent", "f8"),
        ("move_points", "f8"),
        ("wait_percent", "f8"),
        ("wait_points", "f8"),
        ("stop_reentry", "i8"),
        ("stop_times", "i8"),
        ("stop_move_percent", "f8"),
        ("stop_move_points", "f8"),
        ("target_reentry", "i8"),
        ("target_times", "i8"),
        ("target_move_percent", "f8"),
        ("target_move_points", "f8"),
    ],
    align=True,
)

TERMS = np.dtype(
    [
        ("entry", "i8"),
        ("exit", "i8"),
        ("stop", "i8"),
        ("target", "i8"),
        ("same_bar", "i8"),
        ("complete", "i8"),
        ("break_even", "i8"),
        ("slippage", "i8"),
        ("slip", "f8"),
        ("overall", "i8"),  # whether any limit in rupees is set
        ("stop_inr", "f8"),
        ("target_inr", "f8"),
        ("trail_every", "f8"),
        ("trail_move", "f8"),
        ("lock_at", "f8"),
        ("lock_keep", "f8"),
        ("lock_every", "f8"),
        ("lock_move", "f8"),
        ("adjust_delta", "f8"),
        ("adjust_times", "i8"),
        ("adjust_every", "i8"),
        ("multiple", "i8"),  # how many times the legs are traded
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("phase", "i8"),
        ("start", "i8"),  # bar at whose close the first entry is tried; beyond the tape: never
        ("due", "i8"),  # until this bar its rules are known to have nothing to do
        ("row", "i8"),  # of the contract in the tape; -1: not chosen
        ("number", "i8"),  # of the entry, from 1
        ("raw", "i8"),  # entry price before slippage, what levels count from
        ("price", "i8"),  # after it
        ("bar", "i8"),  # whose price was taken
        ("watch", "i8"),  # first bar that is examined
        ("cost", "i8"),  # first entry price in this contract
        ("stop", "i8"),  # level in force; 0: none
        ("first_stop", "i8"),
        ("stop_reason", "i8"),
        ("target", "i8"),  # level; 0: none
        ("best", "i8"),  # most favourable price of completed bars
        ("reason", "i8"),  # why it is leaving at the next open
        ("tries_end", "i8"),  # last bar at whose close an entry is tried
        ("by_close", "i8"),  # whether this entry is filled at a close whatever the plan's entries do
        ("wait", "i8"),  # level that must be reached first; 0: not yet known
        ("wait_up", "i8"),
        ("wait_percent", "f8"),
        ("wait_points", "f8"),
        ("stops_left", "i8"),
        ("targets_left", "i8"),
    ],
    align=True,
)

POSITION = np.dtype(
    [
        ("realised", "f8"),  # rupees
        ("peak", "f8"),  # best rupees at an earlier close
        ("left", "i8"),  # last bar in which a leg went out
        ("hit", "i8"),  # last bar in which a leg's stop was hit
        ("adjusts_left", "i8"),
        ("count", "i8"),  # rows written
        ("settles", "i8"),  # whether any contract is settled within the tape
    ],
    align=True,
)

TRADE = np.dtype(
    [
        ("leg", "i8"),
        ("number", "i8"),
        ("row", "i8"),
        ("entry_bar", "i8"),
        ("entry", "i8"),
        ("exit_bar", "i8"),
        ("exit", "i8"),
        ("reason", "i8"),
        ("stale", "i8"),
        ("why", "i8"),
    ],
    align=True,
)


class TradeRow(NamedTuple):
    """A written row as plain numbers, which Python reads many times faster than the record."""

    leg: int
    number: int
    row: int
    entry_bar: int
    entry: int
    exit_bar: int
    exit: int
    reason: int
    stale: int
    why: int


Records = Any  # a NumPy record array; its fields are the attributes of its items


def plain_rows(trades: Records) -> list[TradeRow]:
    """Return the rows that a position wrote."""
    return [TradeRow._make(row) for row in trades.tolist()]


def records(kind: np.dtype[Any], size: int | tuple[int, ...]) -> Records:
    """Return records of zeros whose fields read as attributes."""
    return np.zeros(size, kind).view(np.recarray)


CONTRACT = np.dtype(
    [
        ("units", "i8"),  # in one lot
        ("ends", "i8"),  # bar at whose close it is settled; beyond the tape: not within it
        ("settled", "i8"),  # ticks paid then
        ("exercise", "f8"),  # tax on a bought unit that is settled, rupees
    ],
    align=True,
)


class BarTape(NamedTuple):
    """The bars that a position can touch: contracts x bars of one holding period, in ticks.

    A contract without a trade in a bar has `high` 0 and `low` beyond any price there, so that no level is
    reached; `last` is its last close so far, its close where it traded.
    """

    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    last: NDArray[np.int32]
    contracts: Records
    picks: NDArray[np.int64]  # (legs, n) row that each leg's rule chooses at each bar's close; -1: none
    delta: NDArray[np.float64]  # (k, n), or (k, 0) where no rule asks for it
    ends: NDArray[np.int64]  # (n,) the last bar of each bar's session


class HeldPosition(NamedTuple):
    """A tape with the plan's terms and the state of its legs: what the rules are called with."""

    tape: BarTape
    terms: Records
    legs: Records
    states: Records
    totals: Records
    trades: Records
