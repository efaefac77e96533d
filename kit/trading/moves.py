"""What a plan's rules have done so far on minutes that are known so far: entries and exits, by the bar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from kit.backtest.encode import encode_legs, encode_terms
from kit.backtest.engines import position_on
from kit.backtest.holdings import SkippedDay, holdings, wanted_days
from kit.backtest.plain import play_asking
from kit.backtest.plan import Plan
from kit.backtest.records import IDLE, LEAVING, OPEN, REASONS, REFUSED, HeldPosition
from kit.backtest.signals import Signals
from kit.backtest.tape import Contract, Holding, Loaded, load
from kit.bars.minutes import OHLC, TICK_INR, DayMinutes
from kit.clock import next_session, session
from kit.errors import RuleFailed
from kit.model import Side

LEAVES, ENTERS, LEAVES_AT_ONCE = range(3)  # in this order within a bar


class PlanMove(NamedTuple):
    """One entry or exit of a leg.

    Parameters
    ----------
    day : date
        The session in which the position was entered.
    leg, number : int
        The leg in the plan, and its entry, from 1.
    opens : bool
        Entry, else exit.
    contract : tuple of (date, int, str)
        Expiry, strike and right.
    units : int
        Lots times lot size.
    lot_size : int
        Units in one lot.
    side : {"BUY", "SELL"}
        Which way.
    price_inr : float
        By the plan's fill rules, slippage included, rupees.
    reason : str
        Why it went out; empty for an entry.
    """

    day: date
    leg: int
    number: int
    opens: bool
    contract: Contract
    units: int
    lot_size: int
    side: Side
    price_inr: float
    reason: str = ""


@dataclass
class Played:
    """How far the positions of a plan have been played: each bar is played once.

    Parameters
    ----------
    done : set of date
        Entries whose position has ended and been told.
    going : dict of date to (int, Loaded, HeldPosition)
        Of the others, by the day of the entry: the last bar, the tape and the position as they were then.
    """

    done: set[date] = field(default_factory=set)
    going: dict[date, tuple[int, Loaded, HeldPosition]] = field(default_factory=dict)


def moves_until(
    plan: Plan,
    days: Mapping[date, DayMinutes],
    column: int,
    played: Played,
    daily: pd.DataFrame | None = None,
    signals: Signals | None = None,
) -> Iterator[PlanMove]:
    """Yield what a plan has done up to the close of a bar of the latest session, in order.

    Parameters
    ----------
    plan : Plan
        Its rules are played by the plain engine, as in a backtest.
    days : mapping of date to DayMinutes
        Sessions so far; the latest is known up to the bar.
    column : int
        The bar that has just closed.
    played : Played
        What has been played of it before; brought up to the bar.
    daily, signals
        As in `kit.backtest.engine.backtest`.

    Raises
    ------
    DataError
        A figure or signal that the plan needs is missing.
    RuleFailed
        A Python rule failed at this bar.
    """
    latest = max(days)
    known = {**days, **_to_come(plan, days[latest])}
    wanted = [day for day in wanted_days(plan, known, None, None) if day <= latest]
    for chance in holdings(plan, wanted, known, daily, signals or {}):
        if isinstance(chance, SkippedDay) and isinstance(chance.error, RuleFailed) and chance.day == latest:
            raise chance.error
        if isinstance(chance, Holding) and chance.day not in played.done:
            places = {day.day: edge for day, edge in zip(chance.days, chance.edges, strict=False)}
            bar = places[latest] + column if latest in places else chance.last
            yield from _moves(plan, chance, bar, played)
            if bar >= chance.last:
                played.done.add(chance.day)
                played.going.pop(chance.day, None)


def hidden(day: DayMinutes, column: int) -> DayMinutes:
    """Return a session as it is known at the close of a bar: what comes later is blank."""
    parts = {name: getattr(day, name).copy() for name in (*OHLC, "traded", "index", "future")}
    for name, cells in parts.items():
        cells[:, column + 1 :] = np.nan if name in ("index", "future") else 0
    return replace(day, **parts)


def _to_come(plan: Plan, day: DayMinutes) -> dict[date, DayMinutes]:
    """Return the later sessions that a position may live in, blank."""
    found: dict[date, DayMinutes] = {}
    end = day.day
    for _ in range(plan.exit.after_days):
        end = next_session(end)
    if plan.exit.days_to_expiry is not None and day.expiries:
        end = max(end, *day.expiries)
    at = day.day
    while at < end:
        at = next_session(at)
        found[at] = _blank(day, at)
    return found


def _blank(day: DayMinutes, on: date) -> DayMinutes:
    """Return a session with the contracts of another and no bars."""
    hours = session(on)
    first, last = (at.hour * 60 + at.minute for at in (hours.open, hours.close))
    grid = (len(day.strike), last - first)
    cells: dict[str, Any] = {name: np.zeros(grid, np.int32) for name in OHLC}
    cells |= {name: np.full((4, last - first), np.nan) for name in ("index", "future")}
    minutes = np.arange(first, last, dtype=np.int16)
    return replace(day, day=on, minutes=minutes, traded=np.zeros(grid, np.bool_), **cells)


def _moves(plan: Plan, holding: Holding, bar: int, played: Played) -> Iterator[PlanMove]:
    """Yield what happened in one position up to a bar."""
    if bar < holding.first:
        return
    after, before, position = played.going.pop(holding.day, (None, None, None))
    bars = range(0 if after is None else after + 1, bar + 1)
    loaded = load(plan, plan.legs, holding, bars=bars, before=before.contracts if before else ())
    fresh = position_on(loaded, encode_terms(plan), encode_legs(plan.legs))
    position = fresh if position is None else _taken_over(position, fresh)
    trades = play_asking(position, loaded, plan, plan.legs, until=bar, after=after)
    played.going[holding.day] = bar, loaded, position
    multiple = int(position.terms.multiple)
    found: list[tuple[int, int, PlanMove]] = []

    def add(one: Any, leg: int, at: int, price: int, rank: int, reason: str = "") -> None:
        rule, lot = plan.legs[leg], int(loaded.tape.contracts[one.row].units)
        side: Side = "BUY" if (rule.side == "buy") == (rank == ENTERS) else "SELL"
        found.append((int(at), rank, PlanMove(
            holding.day, leg + 1, int(one.number), rank == ENTERS, loaded.contracts[one.row],
            rule.lots * multiple * lot, lot, side, round(int(price) * TICK_INR, 2), reason,
        )))  # fmt: skip

    for one in trades:
        if one.reason != REFUSED:
            at_once = one.entry_bar == one.exit_bar
            add(one, int(one.leg), one.entry_bar, one.entry, ENTERS)
            add(one, int(one.leg), one.exit_bar, one.exit, LEAVES_AT_ONCE if at_once else LEAVES,
                REASONS[one.reason])  # fmt: skip
    for leg, state in enumerate(position.states):
        if state.phase in (OPEN, LEAVING):
            add(state, leg, state.bar, state.price, ENTERS)
    # what is bought comes first: a hedge then counts when its short leg is margined
    found.sort(key=lambda one: (*one[:2], one[2].side == "SELL"))
    yield from (move for _, _, move in found)


def _taken_over(position: HeldPosition, fresh: HeldPosition) -> HeldPosition:
    """Return a position as it stands, on the tape of one that knows further bars and signals."""
    for state, now in zip(position.states, fresh.states, strict=True):
        if state.phase == IDLE:
            state.start = now.start
    position.totals.settles = fresh.totals.settles
    return fresh._replace(states=position.states, totals=position.totals, trades=position.trades)
