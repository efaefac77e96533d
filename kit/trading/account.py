"""A paper account: the methods of the broker's orders, fills by stated rules, a journal that survives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from threading import RLock
from typing import Any, Self

import pandas as pd

from kit.arguments import instance, path, real
from kit.backtest.days import Days
from kit.backtest.plan import FillRules, Plan
from kit.backtest.signals import Signals
from kit.bars.minute_store import MinuteStore
from kit.clock import Clock, exchange_clock
from kit.errors import InvalidOrder, Rejected, SettingsError
from kit.evaluation.costs import Plan as Brokerage
from kit.evaluation.costs import charge_rates
from kit.forks import fork_outside
from kit.model import BookedOrder, ChainSnapshot, OpenPosition, OrderRequest, PlacedOrder, Product
from kit.model.tick import Tick
from kit.trading import events
from kit.trading.conversion import conversion
from kit.trading.dealing import Dealing
from kit.trading.following import Listed, Minutes
from kit.trading.journal import Journal
from kit.trading.playing import followed
from kit.trading.quotes import check_shown
from kit.trading.report import PaperReport
from kit.trading.rules import PaperGTTBook
from kit.trading.statement import PaperStatement


class PaperAccount(PaperStatement):
    """An account without a broker: orders meet the quotes that it is shown, by rules that are stated.

    It has the methods of the broker's orders (`kit.broker.orders`), so that what works here works there.
    What happened is in the journal before a method returns: opened again, it is the same account.

    Parameters
    ----------
    journal : str or Path
        Its SQLite file; made where there is none.
    fills : FillRules, optional
        At which prices orders are filled: the `fills` of a plan, the same object that a backtest uses.
    capital_inr : float, optional
        With what a new account begins, rupees; default a million.
    brokerage : {"flat", "capped", "none"}, optional
        What a new account's broker takes, see `kit.evaluation.costs`; default flat.
    daily_loss_inr : float, optional
        A loss of so many rupees in a day throws the kill switch until the next day.
    clock : Clock, optional
        The present; default the machine's.

    Attributes
    ----------
    gtt : PaperGTTBook
        Its GTT rules.

    Raises
    ------
    SettingsError
        A number does not fit, or the journal's account began otherwise.
    UnwritableFile, UnreadableFile
        The journal cannot be kept, is open elsewhere, or is none.
    """

    def __init__(
        self,
        journal: str | Path,
        *,
        fills: FillRules | None = None,
        capital_inr: float | None = None,
        brokerage: Brokerage | None = None,
        daily_loss_inr: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        for name, given in (("capital_inr", capital_inr), ("daily_loss_inr", daily_loss_inr)):
            if given is not None and not 0 < real(given) < inf:
                raise SettingsError(f"{name} must be positive", given, "Give rupees.")
        self.clock = exchange_clock(clock)
        if brokerage is not None:
            charge_rates(self._now().date(), brokerage)  # refuses a name that it does not know
        self._lock = RLock()
        fork_outside(self, "_lock")  # the journal is written under it
        rules = FillRules() if fills is None else instance(fills, FillRules, "fills")
        opened = Journal(path(journal, "No journal can be kept here"))
        try:
            self._dealing = Dealing(opened, rules, nan if daily_loss_inr is None else daily_loss_inr)
            self._begin({"capital_inr": capital_inr, "brokerage": brokerage})
            self.gtt = PaperGTTBook(self._dealing, self._lock, self._now)
        except BaseException:
            opened.close()
            raise

    def _begin(self, given: Mapping[str, Any]) -> None:
        ledger = self._dealing.ledger
        if not ledger.capital_inr:
            begins = (given["capital_inr"] or 1_000_000.0, given["brokerage"] or "flat")
            self._dealing.record(events.AccountOpened(self._now(), *begins))
        for name, value in given.items():
            if value is not None and value != (began := getattr(ledger, name)):
                remedy = f"It began with {began!r}: leave it out, or name another journal."
                raise SettingsError(f"This journal's account has another {name}", value, remedy)

    def see(self, *ticks: Tick, levels: Mapping[str, float] | None = None) -> None:
        """Take quotes: waiting orders meet them, and what is held is valued at them.

        Parameters
        ----------
        *ticks : Tick
            Of a stream, or polled. Those without depth fill nothing but what trades through.
        levels : mapping of str to float, optional
            Index levels by name, rupees: margins are counted from them.

        Raises
        ------
        DataError
            As of `kit.trading.quotes.check_shown`; nothing of the call was taken.
        """
        marks = check_shown(ticks, levels or {})
        with self._lock:
            self._dealing.begin_day(at := self._now())  # what has expired is settled at the earlier levels
            self._dealing.ledger.marks.update(marks)
            shown = [tick.token for tick in ticks if self._dealing.board.show(tick)]
            self._dealing.meet_all(at, shown)

    def see_chain(self, chain: ChainSnapshot) -> None:
        """Take the quotes of a chain, of the expiries beside it, and the level of its index."""
        with self._lock:
            instance(chain, ChainSnapshot, "chain")
            self._dealing.begin_day(at := self._now())
            self._dealing.ledger.marks[chain.underlying] = chain.spot
            self._dealing.board.show_chain(chain)
            self._dealing.meet_all(at)

    def place(self, order: OrderRequest) -> PlacedOrder:
        """Place an order, once: the same request again gives the names of the first.

        Returns
        -------
        PlacedOrder
            Its names; whether it was filled or rejected, and why, stands in `book`.

        Raises
        ------
        InvalidOrder
            The tag names an order of another content.
        Rejected
            The contract cannot be traded, or not be held under this product.
        UnwritableFile
            It could not be kept, so it was not placed.
        """
        with self._lock:
            return self._dealing.place(instance(order, OrderRequest, "order"), self._now()).names

    def modify(
        self,
        order: PlacedOrder | BookedOrder,
        *,
        quantity: int | None = None,
        price_inr: float | None = None,
        trigger_price_inr: float | None = None,
    ) -> None:
        """Change an order that waits; what is not named stays. It goes to the back of its queue.

        Parameters
        ----------
        order : PlacedOrder or BookedOrder
            As `place` or `book` gave it.
        quantity : int, optional
            Units in all, those that are filled included.
        price_inr, trigger_price_inr : float, optional
            Rupees.

        Raises
        ------
        InvalidOrder
            The changed order is none that an exchange would take.
        Rejected
            Nothing of it waits, or the funds are missing; it is what it was.
        """
        named = {"quantity": quantity, "price_inr": price_inr, "trigger_price_inr": trigger_price_inr}
        with self._lock:
            found, at = self._waiting(order), self._now()
            changes: dict[str, Any] = {name: to for name, to in named.items() if to is not None}
            changed = replace(found.request, **changes)
            if changed.quantity <= found.filled:
                remedy = "Ask for more, or cancel the rest."
                raise InvalidOrder("So many units are filled already", found.filled, remedy)
            if reason := self._dealing.reason_to_keep(found, changed, at):
                raise Rejected("The change was refused", reason, "The order is what it was.")
            prices = changed.price_inr, changed.trigger_price_inr
            self._dealing.record(events.OrderChanged(at, found.order_id, changed.quantity, *prices))
            if found.waits:
                self._dealing.meet(found, at)

    def cancel(self, order: PlacedOrder | BookedOrder) -> None:
        """Cancel what is left of an order.

        Raises
        ------
        Rejected
            Nothing is left of it, or this account has no such order.
        """
        with self._lock:
            found = self._waiting(order)
            self._dealing.record(events.OrderEnded(self._now(), found.order_id, "cancelled by the caller"))

    def convert(self, position: OpenPosition, to: Product, quantity: int | None = None) -> None:
        """Move units of today's position to another product.

        Parameters
        ----------
        position : OpenPosition
            As `positions` shows it.
        to : {"CARRYFORWARD", "INTRADAY", "DELIVERY", "MARGIN"}
            The other product.
        quantity : int, optional
            Units; default all that are held.

        Raises
        ------
        Rejected
            So many were not traded today, the contract is not held under it, INTRADAY is over, or the funds
            are missing.
        """
        with self._lock:
            key = instance(position, OpenPosition, "position").token, position.product
            self._dealing.begin_day(at := self._now())
            units = conversion(self._dealing.ledger, key, to, quantity, at)
            self._dealing.record(events.PositionConverted(at, *key, to, units))

    def follow(
        self,
        plan: Plan,
        minutes: Days | MinuteStore | Minutes,
        *,
        listed: Listed | None = None,
        daily: pd.DataFrame | None = None,
        signals: Signals | None = None,
    ) -> PaperReport:
        """Trade a plan on this account minute by minute, then compare it with its backtest.

        What the rules decide at the close of a bar becomes an order under a tag of its own, so following the
        same day again places nothing twice: after a crash, call it again with the same minutes.

        Parameters
        ----------
        plan : Plan
            Its fills are the account's. Without `FillRules.quotes` orders are filled by the bars, as in a
            backtest; with them they are market orders that meet the quotes which `see` is shown.
        minutes : mapping of date to DayMinutes, MinuteStore, or iterable of (DayMinutes, int)
            Past sessions, which are shown bar by bar; or sessions as they become known, each with the column
            of the bar that has just closed.
        listed : callable, optional
            Gives the instrument of ``(expiry, strike, right)`` and lot size; default one by its symbol.
        daily, signals
            As in `kit.backtest.engine.backtest`.

        Raises
        ------
        SettingsError
            The account fills otherwise than the plan.
        DataError
            There are no minutes, they lie before the account's day, or a figure or signal is missing.
        RuleFailed
            A Python rule failed at a minute. What is held stays held and nothing more is done for the plan:
            mend the rule and follow the same minutes again, or throw the kill switch.
        """
        return followed(
            self._dealing, self._lock, instance(plan, Plan, "plan"), minutes, listed, daily, signals
        )

    def kill(self, why: str = "by hand") -> None:
        """Throw the kill switch: cancel what waits, close what is held at the next quotes, open nothing."""
        with self._lock:
            self._dealing.begin_day(self._now())
            self._dealing.stop(why, self._now())

    def resume(self) -> None:
        """Release the kill switch; harmless where it is not thrown."""
        with self._lock:
            if self.stopped:
                self._dealing.record(events.TradingResumed(self._now()))

    def close(self) -> None:
        """Keep the last prices and give the journal free; harmless twice."""
        with self._lock:
            self._dealing.close(self._now())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
