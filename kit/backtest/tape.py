"""From sessions to tapes: the few contracts that a position can touch, over the bars it can live."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, cached_property, partial
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from kit.backtest.moment import RuleMoment, asked
from kit.backtest.plan.parts import StrikeRule
from kit.backtest.plan.plan import Plan, PlanLeg
from kit.backtest.records import (
    BAR_CLOSE,
    CONTRACT,
    LAST_TRIES,
    NEXT_OPEN,
    UNREACHED,
    BarTape,
    Records,
    records,
)
from kit.backtest.sets import chooses_again
from kit.backtest.settlement import exercise_tax, paid_ticks, settlement
from kit.backtest.strategy_strikes import strategy_strike
from kit.backtest.strikes import NO_STRIKE, Columns, ExpiryMinutes, expiry_of
from kit.bars.minutes import OHLC, DayMinutes
from kit.model import Right
from kit.pricing.arrays import Bools, Floats

NEVER = 2**40
_MinutesOf = Callable[[DayMinutes, date], ExpiryMinutes]

Contract = tuple[date, int, Right]


@dataclass(frozen=True, eq=False)
class Holding:
    """A possible position: the sessions it may span, from the bar of its entry to that of its exit.

    Parameters
    ----------
    days : sequence of DayMinutes
        The sessions, ascending.
    starts : list of int
        Of each leg, the bar at whose close its entry is first tried, negative before the first bar; `NEVER`
        without a signal.
    first, last : int
        Bars of the whole holding at which it begins and ends.
    exit : int
        How it leaves at the end: `BAR_CLOSE` or `NEXT_OPEN`.
    settles : bool
        Whether it is held beyond the last bar, so that contracts of that day are settled.
    """

    days: Sequence[DayMinutes]
    starts: Sequence[int]
    first: int
    last: int
    exit: int
    settles: bool

    @property
    def day(self) -> date:
        """The day of the entry."""
        return self.days[0].day

    @cached_property
    def edges(self) -> list[int]:
        """The first bar of each session, and the end."""
        return [0, *np.cumsum([len(day.minutes) for day in self.days]).tolist()]

    def locate(self, bar: int) -> tuple[DayMinutes, int]:
        """Return the session of a bar and its column there."""
        edges = self.edges
        place = bisect_right(edges, bar) - 1
        return self.days[place], bar - edges[place]

    def start(self, bar: int) -> datetime:
        """Return when a bar starts, timezone-aware."""
        day, column = self.locate(bar)
        return day.start(column)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A tape and what its rows are.

    Parameters
    ----------
    holding : Holding
        Where it comes from.
    tape : BarTape
        The arrays.
    contracts : list of tuple
        Expiry, strike and right of each row.
    strikes : list of (n,) arrays
        Of each leg, the strike its rule chooses at each bar; 0: none.
    expiries : list of date or None
        Of each leg.
    listed : set of tuple
        The contracts of which the sessions have bars.
    """

    holding: Holding
    tape: BarTape
    contracts: Sequence[Contract]
    strikes: Sequence[NDArray[np.int64]] = field(repr=False)
    expiries: Sequence[date | None]
    listed: set[Contract] = field(repr=False)


def holding_of(plan: Plan, days: Sequence[DayMinutes], starts: Sequence[int]) -> Holding:
    """Return the bars that a position over some sessions covers."""
    last_day = days[-1]
    before = sum(len(day.minutes) for day in days[:-1])
    at_open = plan.fills.exit == "next_open"
    last = last_day.column(plan.exit.at) - (0 if at_open else 1)
    beyond = last >= len(last_day.minutes)
    last = before + min(max(last, 0), len(last_day.minutes) - 1)  # a moment before the open: the first bar
    exit_by = NEXT_OPEN if at_open and not beyond else BAR_CLOSE
    return Holding(days, starts, max(0, min(starts)), last, exit_by, beyond)


def load(
    plan: Plan,
    legs: Sequence[PlanLeg],
    holding: Holding,
    again: bool | None = None,
    bars: range | None = None,
    before: Sequence[Contract] = (),
) -> Loaded:
    """Build the tape of a holding for a plan's legs.

    Parameters
    ----------
    plan, legs, holding
        What is played.
    again : bool, optional
        Contracts may be chosen after the entry; default as the plan has it.
    bars : range, optional
        At these alone contracts are chosen, for a position that is played bar by bar; default at all.
    before : sequence of Contract, optional
        Rows of the tape so far, which come first again.

    Raises
    ------
    RuleFailed
        A strike rule raised.
    """
    again = chooses_again(plan) if again is None else again
    bars = range(holding.edges[-1]) if bars is None else bars
    expiries = [expiry_of(leg.expiry, holding.days[0]) for leg in legs]
    minutes_of = cache(partial(ExpiryMinutes, money=plan.money))  # legs share what they choose from
    chosen = [
        _choices(minutes_of, (number, leg), expiry, holding, bars, again)
        for number, (leg, expiry) in enumerate(zip(legs, expiries, strict=True))
    ]
    contracts = {key: row for row, key in enumerate(before)}
    picks = np.empty((len(legs), holding.edges[-1]), np.int64)
    for number, (leg, expiry) in enumerate(zip(legs, expiries, strict=True)):
        strikes, place = np.unique(chosen[number], return_inverse=True)
        rows = [
            contracts.setdefault((expiry, strike, leg.right), len(contracts))
            if expiry is not None and strike != NO_STRIKE
            else -1
            for strike in strikes.tolist()
        ]
        picks[number] = np.array(rows)[place]
    tape = _tape(plan, holding, list(contracts), picks, bars)
    listed = {key for day in holding.days for key in day.rows.keys() & contracts.keys()}
    return Loaded(holding, tape, list(contracts), chosen, expiries, listed)


def _choices(
    minutes_of: _MinutesOf,
    numbered: tuple[int, PlanLeg],
    expiry: date | None,
    holding: Holding,
    bars: range,
    again: bool,
) -> NDArray[np.int64]:
    chosen, start = np.full(holding.edges[-1], NO_STRIKE, np.int64), holding.starts[numbered[0]]
    if expiry is None or start >= NEVER:
        return chosen
    until = holding.last + 1 if again else min(holding.last + 1, start + LAST_TRIES + 1)
    start, until = max(start, bars.start), min(until, bars.stop)
    for day, offset in zip(holding.days, holding.edges, strict=False):
        columns = np.arange(max(0, start - offset), min(len(day.minutes), until - offset))
        if len(columns) and expiry in day.expiries:
            chosen[columns + offset] = _strikes(minutes_of, numbered, day, expiry, columns, again)
    return chosen


def _strikes(
    minutes_of: _MinutesOf,
    numbered: tuple[int, PlanLeg],
    day: DayMinutes,
    expiry: date,
    columns: Columns,
    again: bool,
) -> NDArray[np.int64]:
    number, leg = numbered
    rule, place = leg.strike, f"leg {number + 1} strike"
    if isinstance(rule, StrikeRule) and rule.leg_of is None:
        return minutes_of(day, expiry).choose(rule, leg.right, leg.side, columns)
    found = np.full(len(columns), NO_STRIKE, np.int64)
    asks: Callable[[RuleMoment], float] = (
        rule if callable(rule) else (lambda moment: strategy_strike(rule.value, day, expiry, moment.column))
    )
    name = type(rule.value.strategy).__name__ if isinstance(rule, StrikeRule) else ""
    for at, column in enumerate(columns.tolist()):
        found[at] = asked(asks, place, RuleMoment(day, column), _strike, name)
        if found[at] != NO_STRIKE and not again:
            break  # a strike is chosen once
    return found


def _strike(answer: float | None) -> int:
    return int(answer) if answer and isfinite(answer) else NO_STRIKE


def _tape(
    plan: Plan, holding: Holding, contracts: list[Contract], picks: NDArray[np.int64], bars: range
) -> BarTape:
    prices = {name: np.zeros((len(contracts), holding.edges[-1]), np.int32) for name in OHLC}
    traded = np.zeros((len(contracts), holding.edges[-1]), np.bool_)
    delta = np.full(traded.shape if plan.adjust else (len(contracts), 0), np.nan)
    kept = _settled(holding, contracts)
    for day, offset in zip(holding.days, holding.edges, strict=False):
        rows = [(row, day.rows[key]) for row, key in enumerate(contracts) if key in day.rows]
        if not rows:
            continue
        mine, theirs = (np.array(side) for side in zip(*rows, strict=True))
        span = slice(offset, offset + len(day.minutes))
        for name, cells in prices.items():
            cells[mine, span] = getattr(day, name)[theirs]
        traded[mine, span] = day.traded[theirs]
        kept.units[mine] = np.where(kept.units[mine] > 0, kept.units[mine], day.lot_size[theirs])
        if plan.adjust:
            columns = np.arange(max(0, bars.start - offset), min(len(day.minutes), bars.stop - offset))
            delta[mine[:, None], columns + offset] = _deltas(day, contracts, mine, columns)
    return BarTape(
        open=prices["open"],
        high=prices["high"] * traded,  # 0 where nothing traded
        low=np.where(traded, prices["low"], np.int32(UNREACHED)),
        last=_carried(prices["close"], traded),
        contracts=kept,
        picks=picks,
        delta=delta,
        ends=np.repeat(np.array(holding.edges[1:]) - 1, np.diff(holding.edges)),
    )


def _carried(close: NDArray[np.int32], traded: Bools) -> NDArray[np.int32]:
    """Return the last traded close so far; 0 before the first."""
    begins = traded.copy()
    begins[:, :1] = True  # each contract begins anew
    cells = np.flatnonzero(begins)
    known = (close * traded).ravel()[cells]
    return np.repeat(known, np.diff(cells, append=close.size)).reshape(close.shape)


def _deltas(day: DayMinutes, contracts: list[Contract], rows: Columns, columns: Columns) -> Floats:
    found = []
    chains = {expiry: ExpiryMinutes(day, expiry, "synthetic") for expiry, _, _ in contracts}
    sides: dict[tuple[date, Right], Floats] = {}
    for row in rows:
        expiry, strike, right = contracts[row]
        if (expiry, right) not in sides:
            sides[expiry, right] = chains[expiry].deltas(right, columns)
        found.append(sides[expiry, right][np.searchsorted(chains[expiry].strikes, strike)])
    return np.array(found)


def _settled(holding: Holding, contracts: list[Contract]) -> Records:
    """Return the contracts' records: when each is settled within the holding, at what, and taxed how."""
    kept = records(CONTRACT, len(contracts))
    kept.ends = NEVER
    levels: dict[date, tuple[int, float]] = {}
    for number, day in enumerate(holding.days):
        held_over = number < len(holding.days) - 1 or holding.settles
        if held_over and day.day in {expiry for expiry, _, _ in contracts}:
            level = settlement(day, day.day)
            if isfinite(level):  # else its contracts leave at their last close, stale
                levels[day.day] = holding.edges[number + 1] - 1, level
    for number, (expiry, strike, right) in enumerate(contracts if levels else ()):
        if expiry in levels:
            record = kept[number]
            record.ends, level = levels[expiry]
            record.settled = paid_ticks(level, strike, right == "CE")
            record.exercise = exercise_tax(record.settled, strike, right, expiry)
    return kept
