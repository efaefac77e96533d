"""A plan on a paper account, minute by minute: what its rules do becomes orders of the account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import update_wrapper
from hashlib import blake2s

import numpy as np
import pandas as pd

from kit.backtest.moment import RuleMoment
from kit.backtest.plan import Plan
from kit.backtest.settlement import exercise_tax
from kit.backtest.signals import Signals
from kit.backtest.strikes import ExpiryMinutes
from kit.backtest.tape import Contract
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import TICK_INR, DayMinutes
from kit.clock import format_expiry
from kit.errors import SettingsError
from kit.model import Instrument, OrderRequest
from kit.model.tick import DepthLevel, Tick
from kit.trading import events
from kit.trading.dealing import Dealing
from kit.trading.moves import PlanMove, Played, hidden, moves_until

Minutes = Iterable[tuple[DayMinutes, int]]
Listed = Callable[[Contract, int], Instrument]


def replayed(days: Mapping[date, DayMinutes] | MinuteStore) -> Iterator[tuple[DayMinutes, int]]:
    """Yield past sessions as they became known: each with its latest bar, and nothing of what came later."""
    for day in sorted(days.days() if isinstance(days, MinuteStore) else days):
        whole = days.day(day) if isinstance(days, MinuteStore) else days[day]
        for column in range(len(whole.minutes)):
            yield hidden(whole, column), column


def plan_code(name: str) -> str:
    """Return what the tags of a plan's orders begin with."""
    return blake2s(name.encode(), digest_size=3).hexdigest()


def leg_tag(name: str, day: date, leg: int, number: int) -> str:
    """Return what the tags of a leg's entry and its exit have in common."""
    return f"{plan_code(name)}{day:%y%m%d}{leg:x}{number:02d}"


def tag_of(plan: Plan, move: PlanMove) -> str:
    """Return the tag of a move's order: the same whenever the plan is followed over that day."""
    return leg_tag(plan.name, move.day, move.leg, move.number) + ("i" if move.opens else "o")


def named(underlying: str) -> Listed:
    """Return how contracts of bars are named where no master lists them: by their symbol."""

    def contract(key: Contract, lot_size: int) -> Instrument:
        expiry, strike, right = key
        told = format_expiry(expiry)
        symbol = f"{underlying}{told[:5]}{told[-2:]}{strike}{right}"
        return Instrument(
            symbol, symbol, underlying, "NFO", "OPTIDX", expiry, strike, right, lot_size, TICK_INR
        )

    return contract


@dataclass
class Following:
    """One plan on one account.

    Parameters
    ----------
    dealing : Dealing
        The account's.
    plan : Plan
        Whose rules decide; its fills are the account's.
    listed : callable
        Gives the instrument of a contract.
    daily, signals
        As in `kit.backtest.engine.backtest`.

    Raises
    ------
    SettingsError
        The account fills otherwise than the plan.
    """

    dealing: Dealing
    plan: Plan
    listed: Listed
    daily: pd.DataFrame | None = None
    signals: Signals | None = None
    days: dict[date, DayMinutes] = field(default_factory=dict)
    _known: dict[Contract, Instrument] = field(default_factory=dict)
    _played: Played = field(default_factory=Played)

    def __post_init__(self) -> None:
        if self.plan.fills != self.dealing.rules:
            remedy = "Open the account with fills=plan.fills, or follow plan.but(fills=account.fill_rules)."
            raise SettingsError("The account and the plan fill orders differently", self.plan.name, remedy)
        self.plan = _asks_once(self.plan)

    def see(self, day: DayMinutes, column: int) -> None:
        """Go on to the close of a bar: what the rules have done by then and is not ordered yet is ordered.

        Raises
        ------
        DataError
            A figure or signal that the plan needs is missing, or the day lies before the account's.
        RuleFailed
            A Python rule of the plan failed.
        """
        at = day.start(column) + timedelta(seconds=59)  # within the bar: its last second may be the session's
        self.dealing.begin_day(at)
        if not self.plan.holds_overnight:
            self.days.clear()
        self.days[day.day] = day
        self._value(day, column, at)
        for move in moves_until(self.plan, self.days, column, self._played, self.daily, self.signals):
            if move.reason == "expiry":
                self._settle(move, at)
            else:
                self._order(move, at)
        self.dealing.meet_all(at)

    def _order(self, move: PlanMove, at: datetime) -> None:
        tag, units, contract = tag_of(self.plan, move), move.units, self._contract(move)
        if tag in self.dealing.ledger.by_tag:
            return
        if not move.opens:
            units = self._entered(move, at)
        if units:
            order = OrderRequest(contract, move.side, units, order_type="MARKET", tag=tag)
            if self.plan.fills.quotes is None:
                self.dealing.fill_at(order, move.price_inr, at)
            else:
                self.dealing.ledger.marks.setdefault(contract.token, move.price_inr)
                self.dealing.place(order, at)

    def _entered(self, move: PlanMove, at: datetime) -> int:
        """Return the units that a leg holds; what its entry has not got until now it gets no more."""
        ledger = self.dealing.ledger
        entry = ledger.by_tag.get(tag_of(self.plan, move._replace(opens=True)))
        if entry is None:
            return 0
        order = ledger.orders[entry]
        if order.waits:
            self.dealing.record(events.OrderEnded(at, entry, "the plan leaves"))
        if ledger.stopped_at is None or order.updated_at > ledger.stopped_at:
            return order.filled
        held = ledger.net(order.request.contract.token) * order.sign
        return max(0, min(order.filled, held))  # the kill switch has closed it

    def _settle(self, move: PlanMove, at: datetime) -> None:
        contract, ledger = self._contract(move), self.dealing.ledger
        for (token, product), one in list(ledger.held.items()):
            if token == contract.token and one.net:
                tax = exercise(move) if one.net > 0 else 0.0
                self.dealing.record(events.PositionSettled(at, token, product, move.price_inr, tax))

    def _contract(self, move: PlanMove) -> Instrument:
        if move.contract not in self._known:
            self._known[move.contract] = self.listed(move.contract, move.lot_size)
        return self._known[move.contract]

    def _value(self, day: DayMinutes, column: int, at: datetime) -> None:
        """Show the account the bar's closes: without quotes they stand for both sides of the touch."""
        marks, level = self.dealing.ledger.marks, float(day.index[3, column])
        if np.isnan(level) and day.expiries:
            level = float(ExpiryMinutes(day, day.expiries[0], "synthetic").synthetic(np.array([column]))[0])
        if level > 0:
            marks[day.underlying] = level
        if self.plan.fills.quotes is not None:
            return
        at_ms = round(at.timestamp() * 1000)
        for key, contract in self._known.items():
            row = day.rows.get(key)
            if row is not None and day.traded[row, column]:
                price = round(float(day.close[row, column]) * TICK_INR, 2)
                touch = (DepthLevel(price, float("inf"), 1),)
                self.dealing.board.show(
                    Tick("QUOTE", contract.exchange, contract.token, 0, at_ms, price, bids=touch, asks=touch)
                )


def _asks_once(plan: Plan) -> Plan:
    """Return a plan whose Python signal is asked once at each close, however often its answer is needed."""
    rule = plan.entry.signal
    if rule is None or isinstance(rule, str):
        return plan
    answers: dict[tuple[date, int], bool] = {}

    def once(moment: RuleMoment) -> bool:
        key = moment.day.day, moment.column
        if key not in answers:
            answers[key] = bool(rule(moment))
        return answers[key]

    once.__name__ = type(rule).__name__
    entry = plan.entry.model_copy(update={"signal": update_wrapper(once, rule)})
    return plan.model_copy(update={"entry": entry})


def exercise(move: PlanMove) -> float:
    """Return the tax on one bought unit that is settled, rupees."""
    expiry, strike, right = move.contract
    return exercise_tax(round(move.price_inr / TICK_INR), strike, right, expiry)
