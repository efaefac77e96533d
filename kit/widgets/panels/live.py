"""The live panel: how the stream does, and an account's positions, orders and fills as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets as w
import pandas as pd

from kit.errors import DataError
from kit.market.instruments import instrument
from kit.market.live import LiveChain
from kit.model import Instrument
from kit.model.book import BookedOrder, OpenPosition, OrderFill
from kit.trading import PaperAccount
from kit.widgets.frame.context import CLOSED, REOPEN
from kit.widgets.frame.fields import flow, sized
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.header import venue_line
from kit.widgets.frame.job import Job
from kit.widgets.frame.panel import Panel, shown
from kit.widgets.frame.style import facts, summary
from kit.widgets.panels.live_order import PaperOrderForm
from kit.widgets.panels.live_tables import (
    CONNECTIONS,
    FILLS,
    ORDERS,
    POSITIONS,
    LiveState,
    LiveView,
    books_of,
    view_of,
)

if TYPE_CHECKING:
    from kit.desk import Desk

_EVERY_S = {"stopped": 0.0, "every second": 1.0, "every 2 s": 2.0, "every 5 s": 5.0}
_ACCOUNT_S = 2.0  # the broker answers one question a second for each of the three books


class AccountBooks(Protocol):
    """What is read of an account: `kit.broker.orders.Orders`, or a paper account."""

    def book(self) -> Sequence[BookedOrder]:
        """Return the orders of the day."""

    def fills(self) -> Sequence[OrderFill]:
        """Return the executions of the day."""

    def positions(self) -> Sequence[OpenPosition]:
        """Return what is held."""


class LivePanel(Panel):
    """Watches the stream and an account.

    Parameters
    ----------
    desk : Desk
        Its stream is followed while the panel watches.
    account : Orders or paper account, optional
        Whose books are shown; default the desk's own: the simulated exchange's, or read-only the broker's.
        One that takes a chain (``see_chain``) is shown each chain that is streamed, so that its orders fill.
        Of a `PaperAccount` alone there is a form that places orders.
    underlying : str, default "BANKNIFTY"
        What is followed.
    """

    hands_over = ("code", "csv", "html")  # it has no picture
    heading = "Live"
    lead = "The market stream as it does, and positions, orders and fills as they come."

    def __init__(
        self, desk: Desk, account: AccountBooks | None = None, underlying: str = "BANKNIFTY"
    ) -> None:
        self.desk, self.underlying = desk, underlying
        self.account: AccountBooks = account or desk.client.orders
        self.live: LiveChain | None = None
        self._looking, self._account_s = False, -_ACCOUNT_S
        super().__init__(LiveState())

    def controls(self) -> dict[str, Any]:
        """Return which orders are shown; how often it looks is no argument of `compute`."""
        label = sized(210, 64)
        self.every = w.Dropdown(options=_EVERY_S, description="Watch", **label)
        self.every.observe(self._pace, "value")
        return {"which": w.Dropdown(options=["all", "waiting", "rejected"], description="Orders", **label)}

    def whose(self) -> str:
        """Return whose prices and account these are."""
        whose = "a paper account" if hasattr(self.account, "see_chain") else "the account at the exchange"
        return venue_line(self.desk.client.venue, f"{self.underlying}, {whose}")

    def code(self) -> str:
        """Return Python that follows the underlying and asks for the account's books."""
        return (
            "from kit.desk import open_desk\n\n"
            "desk = open_desk()\n"
            f'live = desk.stream("{self.underlying}")\n'
            "orders, fills = desk.client.orders.book(), desk.client.orders.fills()\n"
            "live.chain()\n"
        )

    def data(self) -> pd.DataFrame:
        """Return positions, orders and fills as one table, by book and row."""
        return books_of(self.compute(self.source, **self.values))

    def body(self) -> list[Any]:
        """Return figures, the account's three tables and the stream's one."""
        self.tiles = w.HTML()
        names = {"positions": "Positions", "orders": "Orders", "fills": "Fills"}
        self.tables = {name: Grid(title, titled=True) for name, title in names.items()}
        self.tables["connections"] = Grid("Connections of the stream", searchable=False, titled=True)
        self.switch = w.Button(tooltip="Cancel what waits and close what is held, or trade again")
        self.switch.layout.margin = "2px 2px 2px 16px"
        self.switch.layout.display = "" if hasattr(self.account, "kill") else "none"
        self.switch.on_click(self._throw)
        controls = [self.every, *self.inputs.values(), self.switch]
        self.form: PaperOrderForm | None = None
        if isinstance(self.account, PaperAccount):  # which knows no broker
            self.form = PaperOrderForm(self.account, self._contracts, self._reread, self.home)
        placing = [self.form] if self.form else []
        return [flow(*controls), self.errors, self.words, self.tiles, *placing, *self.tables.values()]

    @staticmethod
    def compute(source: LiveState, which: str) -> LiveView:
        """Return the tables of a state.

        Parameters
        ----------
        source : LiveState
            What was seen.
        which : {"all", "waiting", "rejected"}
            Orders shown.
        """
        return view_of(source, which)

    def draw(self, result: LiveView) -> None:
        """Write figures and tables."""
        self.tiles.value = facts(result.figures)
        self.tables["positions"].show(list(POSITIONS), result.positions)
        self.tables["orders"].show(list(ORDERS), result.orders)
        self.tables["fills"].show(list(FILLS), result.fills)
        self.tables["connections"].show(list(CONNECTIONS), result.connections)
        self.words.value = summary(result.words)
        self.switch.description = "Trade again" if self.source.stopped else "Kill switch"
        if self.form:
            self.form.offer(self.source.symbols)

    def look(self) -> LiveState:
        """Look at stream and account now, following the stream from the first look on; safe on a thread."""
        if self.live is None or self.live.is_closed:
            self.live = self.desk.stream(self.underlying)
        chain = self.live.chain()
        if see := getattr(self.account, "see_chain", None):
            see(chain)
        book, fills, positions = self.source.book, self.source.fills, self.source.positions
        if see or monotonic() - self._account_s >= _ACCOUNT_S:
            book, fills, positions = self.account.book(), self.account.fills(), self.account.positions()
            self._account_s = monotonic()
        stopped = getattr(self.account, "stopped", "")
        price, health = self.desk.data.spot(self.underlying), self.live.health()
        symbols = tuple(chain.frame["symbol"].tolist())
        return LiveState(price, health, book, fills, positions, stopped, symbols)

    @shown
    def _throw(self, _: Any) -> None:
        """Throw the account's kill switch, or release it, and show what came of it."""
        account: Any = self.account
        if account.stopped:
            account.resume()
        else:
            account.kill("by the panel's switch")
        self._reread()

    def _reread(self) -> None:
        """Show the paper account as it is now."""
        account: Any = self.account
        books = {"book": account.book(), "fills": account.fills(), "positions": account.positions()}
        self.source = replace(self.source, **books, stopped=account.stopped)
        self.draw(self.compute(self.source, **self.values))

    def _contracts(self, symbol: str) -> list[Instrument]:
        return [instrument(row) for row in self.desk.client.instruments().symbol(symbol)]

    def stop(self) -> None:
        """Watch no longer; what was seen stays."""
        self.every.value = 0.0

    @shown
    def _pace(self, _: Any) -> None:
        if self.every.value and self.desk.is_closed:
            self.every.value = 0.0
            raise DataError(CLOSED, None, REOPEN)
        if self.every.value:
            self._tick()
        elif not self._looking:
            self._leave()

    def _tick(self) -> None:
        """Look now and again after the chosen seconds; one look at a time."""
        if self.desk.is_closed:
            self.every.value = 0.0
        if not self.every.value:
            return
        if not self._looking:
            self._looking = True
            Job(lambda *_: self.look(), lambda *_: None, self._seen, self.home)
        self.home.later(self.every.value, self._tick)

    @shown
    def _seen(self, job: Job) -> None:
        self._looking = False
        if not self.every.value:
            self._leave()
        self.source = job.outcome()
        self.draw(self.compute(self.source, **self.values))

    def _leave(self) -> None:
        if self.live is not None:
            self.live.close()
