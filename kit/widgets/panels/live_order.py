"""A small form that places orders on a paper account, and on nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import nan
from typing import Any

import ipywidgets as w

from kit.arguments import instance
from kit.errors import InvalidOrder, UnknownSymbol
from kit.model import BookedOrder, Instrument, OrderRequest
from kit.trading import PaperAccount
from kit.widgets.frame.fields import flow, sized
from kit.widgets.frame.job import Job
from kit.widgets.frame.live import HomeLoop
from kit.widgets.frame.panel import ErrorBox, shown
from kit.widgets.frame.style import summary

_PRICE = re.compile(r"(\d+|\d{1,3}(,\d{3})+|\d{1,2}(,\d\d)+,\d{3})(\.\d+)?")  # also as in 1,02,500


class PaperOrderForm(w.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Contract, side, lots and limit of an order on paper.

    The account is a `PaperAccount`, which knows no broker; the form is given no other part that could send.

    Parameters
    ----------
    account : PaperAccount
        Where the orders go.
    find : callable
        Gives the instruments of a trading symbol.
    placed : callable
        Called after each order that was placed.
    home : HomeLoop
        Of the panel.

    Raises
    ------
    SettingsError
        The account is no paper account.
    """

    def __init__(
        self,
        account: PaperAccount,
        find: Callable[[str], Sequence[Instrument]],
        placed: Callable[[], object],
        home: HomeLoop,
    ) -> None:
        self._account = instance(account, PaperAccount, "account")
        self._find, self._placed, self._home = find, placed, home
        self.contract = w.Combobox(
            description="Contract", placeholder="a symbol; Watch offers some", **sized(320, 64)
        )
        self.side = w.Dropdown(options=["BUY", "SELL"], description="Side", **sized(210, 64))
        self.lots = w.Text("1", description="Lots", **sized(210, 64))
        self.limit = w.Text("", description="Limit (₹)", placeholder="empty: at market", **sized(210, 64))
        self.button = w.Button(description="Place on paper", tooltip="Place this order on the paper account")
        self.button.on_click(self._press)
        self.errors, self.said = ErrorBox(), w.HTML()
        row = [self.contract, self.side, self.lots, self.limit, self.button]
        super().__init__([flow(*row), self.errors, self.said])

    def offer(self, symbols: Sequence[str]) -> None:
        """Let the contract be chosen among these trading symbols; others can be typed."""
        if tuple(symbols) != self.contract.options:
            self.contract.options = tuple(symbols)

    def request(self, symbol: str, side: str, lots: str, limit: str) -> OrderRequest:
        """Return the order that the form describes.

        Raises
        ------
        UnknownSymbol
            No contract has this symbol.
        InvalidOrder
            Lots or limit are no numbers, or the exchange would not take them.
        """
        found = self._find(symbol)
        if not found:
            raise UnknownSymbol(
                "There is no such contract", symbol, "Watch, and choose one that the field offers."
            )
        whole = int(lots) if re.fullmatch(r"\d{1,7}", lots) else lots
        if limit and not _PRICE.fullmatch(limit):
            raise InvalidOrder("A limit is a price in rupees", limit, "Write one like 152.50, or nothing.")
        price = float(limit.replace(",", "")) if limit else nan
        kind: Any = "LIMIT" if limit else "MARKET"
        way: Any = side
        return OrderRequest.in_lots(found[0], way, whole, price, order_type=kind)  # type: ignore[arg-type]

    def _press(self, _: Any) -> None:
        """Place once, off the page's thread; the button rests until it is known what came of it."""
        self.button.disabled = True
        typed = [one.value.strip() for one in (self.contract, self.side, self.lots, self.limit)]

        def place(*_: Any) -> BookedOrder:
            return self._account.details(self._account.place(self.request(*typed)))

        Job(place, lambda *_: None, self._ended, self._home)

    @shown
    def _ended(self, job: Job) -> None:
        self.button.disabled = False
        self.said.value = ""
        row: BookedOrder = job.outcome()
        why = f": {row.reason}" if row.reason else ""
        filled = f", {row.filled} of {row.quantity} units filled" if row.filled else ""
        self.said.value = summary(f"{row.side} {row.quantity} {row.symbol}: {row.status}{filled}{why}")
        self._placed()
