"""How a plan, a position and its trades lie in memory: plain records that both engines read and write.

Prices are whole ticks of 0.05 rupees, bars are columns of the tape. The records are NumPy's, so that the
plain engine reads them as objects and the compiled one as machine words.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.pricing.arrays import Floats

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


def _whole(names: str) -> list[tuple[str, str]]:
    return [(name, "i8") for name in names.split()]


def _real(names: str) -> list[tuple[str, str]]:
    return [(name, "f8") for name in names.split()]


LEG = np.dtype(
    [
        *_whole("sign lots"),  # +1 bought, -1 sold
        *_real("stop_percent stop_points target_percent target_points"),  # all points are ticks
        *_whole("trail"),
        *_real("every_percent every_points move_percent move_points wait_percent wait_points"),
        *_whole("stop_reentry stop_times"),
        *_real("stop_move_percent stop_move_points"),
        *_whole("target_reentry target_times"),
        *_real("target_move_percent target_move_points"),
    ],
    align=True,
)

TERMS = np.dtype(
    [
        *_whole("entry exit stop target same_bar complete break_even slippage"),
        *_real("slip"),
        *_whole("overall"),  # whether any limit in rupees is set
        *_real("stop_inr target_inr trail_every trail_move lock_at lock_keep lock_every lock_move"),
        *_real("adjust_delta"),
        *_whole("adjust_times adjust_every"),
        *_whole("multiple"),  # how many times the legs are traded
    ],
    align=True,
)

STATE = np.dtype(
    [
        *_whole("phase"),
        *_whole("start"),  # bar at whose close the first entry is tried; beyond the tape: never
        *_whole("due"),  # until this bar its rules are known to have nothing to do
        *_whole("row"),  # of the contract in the tape; -1: not chosen
        *_whole("number"),  # of the entry, from 1
        *_whole("raw price"),  # of the entry: before slippage, what levels count from; after it
        *_whole("bar watch"),  # whose price was taken; the first that is examined
        *_whole("cost"),  # first entry price in this contract
        *_whole("stop first_stop stop_reason target"),  # levels in force, 0: none; why the stop stands there
        *_whole("best"),  # most favourable price of completed bars
        *_whole("reason"),  # why it is leaving at the next open
        *_whole("tries_end"),  # last bar at whose close an entry is tried
        *_whole("by_close"),  # whether this entry is filled at a close whatever the plan's entries do
        *_whole("wait wait_up"),  # level that must be reached first, 0: not yet known; whether from below
        *_real("wait_percent wait_points"),
        *_whole("stops_left targets_left"),  # entries that may follow a stop, a target
    ],
    align=True,
)

POSITION = np.dtype(
    [
        *_real("realised peak"),  # ticks times units: of legs that went out; the best at an earlier close
        *_whole("left hit"),  # last bars in which a leg went out, in which a leg's stop was hit
        *_whole("adjusts_left"),
        *_whole("count"),  # rows written
        *_whole("settles"),  # whether any contract is settled within the tape
    ],
    align=True,
)

TRADE = np.dtype(_whole("leg number row entry_bar entry exit_bar exit reason stale why"), align=True)


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
        *_whole("units"),  # in one lot
        *_whole("ends settled"),  # bar at whose close it is settled, beyond the tape: never; ticks paid then
        *_real("exercise"),  # tax on a bought unit that is settled, rupees
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
    delta: Floats  # (k, n), or (k, 0) where no rule asks for it
    ends: NDArray[np.int64]  # (n,) the last bar of each bar's session


class HeldPosition(NamedTuple):
    """A tape with the plan's terms and the state of its legs: what the rules are called with."""

    tape: BarTape
    terms: Records
    legs: Records
    states: Records
    totals: Records
    trades: Records
