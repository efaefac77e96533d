"""The account's side of the exchange: orders, positions and rules, brought up to the present when asked."""

from __future__ import annotations

from datetime import datetime

from kit.clock import Clock
from kit.simulator.market import Market
from kit.simulator.orders.account import SimulatedAccount
from kit.simulator.orders.day import TradingTime
from kit.simulator.orders.gtt import GTTRules
from kit.simulator.orders.shown import ShownBook, shown_at, unchanged


class Dealings:
    """What routes work with.

    Parameters
    ----------
    market : Market
        What is traded.
    clock : Clock
        The market's present.

    Attributes
    ----------
    account : SimulatedAccount
        Orders, fills, positions and money.
    rules : GTTRules
        Its GTT rules.
    """

    def __init__(self, market: Market, clock: Clock) -> None:
        self.account = SimulatedAccount(market, clock)
        self.rules = GTTRules()
        self._clock = clock
        self._time = TradingTime(self.account, self.rules)

    def book(self, now: datetime) -> ShownBook:
        """Return what shows the book of a contract with the account's part in it."""
        if not self.account.orders:  # nothing was traded today
            return unchanged
        self.present()
        return shown_at(self.account, int(now.timestamp()))

    def present(self) -> datetime:
        """Let everything happen that is due, and return the market's present."""
        now = self._clock.now()
        self._time.advance(now)
        return now
