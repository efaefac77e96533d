"""The live panel: how the stream does, and an account's positions, orders and fills as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import fsum, nan
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets as w

from kit.errors import DataError
from kit.market.live import LiveChain
from kit.market.price import Price
from kit.model.book import BookedOrder, OpenPosition, OrderFill
from kit.shown import counted, rupees
from kit.widgets.frame.context import CLOSED, REOPEN
from kit.widgets.frame.grid import Grid, GridColumn, GridRow
from kit.widgets.frame.header import venue_line
from kit.widgets.frame.job import Job
from kit.widgets.frame.panel import Panel, shown
from kit.widgets.frame.style import facts, summary

if TYPE_CHECKING:
    from kit.desk import Desk

_EVERY_S = {"stopped": 0.0, "every second": 1.0, "every 2 s": 2.0, "every 5 s": 5.0}
_ACCOUNT_S = 2.0  # the broker answers one question a second for each of the three books

POSITIONS = (
    GridColumn("symbol", "Contract", text=True, key=True), GridColumn("product", "Product", text=True),
    GridColumn("net", "Held", "units", signed=True), GridColumn("net_lots", "Held", "lots", signed=True),
    GridColumn("buy_average_inr", "Bought at", "₹", 2), GridColumn("sell_average_inr", "Sold at", "₹", 2),
    GridColumn("ltp_inr", "LTP", "₹", 2), GridColumn("pnl_inr", "P&L", "₹", signed=True),
)  # fmt: skip
ORDERS = (
    GridColumn("order_id", "Order", text=True, key=True), GridColumn("symbol", "Contract", text=True),
    GridColumn("side", "Side", text=True), GridColumn("quantity", "Ordered", "units"),
    GridColumn("filled", "Filled", "units"), GridColumn("price_inr", "Limit", "₹", 2),
    GridColumn("average_price_inr", "Average", "₹", 2), GridColumn("status", "Status", text=True),
    GridColumn("reason", "Reason", text=True),
)  # fmt: skip
FILLS = (
    GridColumn("fill_id", "Fill", text=True, key=True), GridColumn("when", "Time", "IST", text=True),
    GridColumn("symbol", "Contract", text=True), GridColumn("side", "Side", text=True),
    GridColumn("quantity", "Units"), GridColumn("price_inr", "Price", "₹", 2),
)  # fmt: skip
CONNECTIONS = (
    GridColumn("name", "Connection", text=True, key=True), GridColumn("state", "State", text=True),
    GridColumn("frames", "Ticks"), GridColumn("tick_age_s", "Last tick", "ms ago", factor=1000),
    GridColumn("opened", "Opened", "times"), GridColumn("left_silent", "Left silent"),
    GridColumn("left_stalled", "Left stalled"), GridColumn("left_renewed", "Renewed"),
    GridColumn("error", "Error", text=True),
)  # fmt: skip


class AccountBooks(Protocol):
    """What is read of an account: `kit.broker.orders.Orders`, or a paper account."""

    def book(self) -> Sequence[BookedOrder]:
        """Return the orders of the day."""

    def fills(self) -> Sequence[OrderFill]:
        """Return the executions of the day."""

    def positions(self) -> Sequence[OpenPosition]:
        """Return what is held."""


@dataclass(frozen=True)
class LiveState:
    """What the panel shows at one moment; empty before the first look.

    Parameters
    ----------
    price : Price or None
        Of the underlying, with its source and age.
    health : dict
        Of the stream, see `kit.broker.stream.feed.MarketFeed.health`.
    book, fills, positions : sequence
        The account's.
    """

    price: Price | None = None
    health: dict[str, Any] = field(default_factory=dict)
    book: Sequence[BookedOrder] = ()
    fills: Sequence[OrderFill] = ()
    positions: Sequence[OpenPosition] = ()


@dataclass(frozen=True)
class LiveView:
    """The state as tables: rows of positions, orders, fills and connections, and figures in words."""

    positions: list[GridRow]
    orders: list[GridRow]
    fills: list[GridRow]
    connections: list[GridRow]
    figures: dict[str, str]
    words: str


class LivePanel(Panel):
    """Watches the stream and an account.

    Parameters
    ----------
    desk : Desk
        Its stream is followed while the panel watches.
    account : Orders or paper account, optional
        Whose books are shown; default the desk's own: the simulated exchange's, or read-only the broker's.
        One that takes a chain (``see_chain``) is shown each chain that is streamed, so that its orders fill.
    underlying : str, default "BANKNIFTY"
        What is followed.
    """

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
        label = {"style": {"description_width": "64px"}, "layout": w.Layout(width="210px")}
        self.every = w.Dropdown(options=_EVERY_S, description="Watch", **label)
        self.every.observe(self._pace, "value")
        return {"which": w.Dropdown(options=["all", "waiting", "rejected"], description="Orders", **label)}

    def body(self) -> list[Any]:
        """Return whose prices these are, figures, the account's three tables and the stream's one."""
        whose = "a paper account" if hasattr(self.account, "see_chain") else "the account at the exchange"
        badge = w.HTML(venue_line(self.desk.client.venue, f"{self.underlying}, {whose}"))
        self.tiles = w.HTML()
        names = {"positions": "Positions", "orders": "Orders", "fills": "Fills"}
        self.tables = {name: Grid(title, titled=True) for name, title in names.items()}
        self.tables["connections"] = Grid("Connections of the stream", searchable=False, titled=True)
        row = w.HBox([self.every, *self.inputs.values()], layout=w.Layout(flex_flow="row wrap"))
        return [badge, row, self.errors, self.tiles, *self.tables.values(), self.words]

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
        orders = [one for one in source.book if which == "all" or _is(which, one)]
        sockets = [
            {"name": f"{number + 1}", "state": "open" if one["is_up"] else "down", **one}
            for number, one in enumerate(source.health.get("connections", ()))
        ]
        return LiveView(
            [_row(POSITIONS, one.symbol + one.product, _fields(one)) for one in source.positions],
            [_row(ORDERS, one.order_id, _fields(one)) for one in orders],
            [_row(FILLS, one.fill_id, _fields(one)) for one in source.fills[::-1]],
            [_row(CONNECTIONS, one["name"], one) for one in sockets],
            figures(source),
            describe(source),
        )

    def draw(self, result: LiveView) -> None:
        """Write figures and tables."""
        self.tiles.value = facts(result.figures)
        self.tables["positions"].show(list(POSITIONS), result.positions)
        self.tables["orders"].show(list(ORDERS), result.orders)
        self.tables["fills"].show(list(FILLS), result.fills)
        self.tables["connections"].show(list(CONNECTIONS), result.connections)
        self.words.value = summary(result.words)

    def look(self) -> LiveState:
        """Look at stream and account now, following the stream from the first look on; safe on a thread."""
        if self.live is None or self.live.is_closed:
            self.live = self.desk.stream(self.underlying)
        chain = self.live.chain()
        if see := getattr(self.account, "see_chain", None):
            see(chain)
        books: tuple[Sequence[Any], ...] = (self.source.book, self.source.fills, self.source.positions)
        if see or monotonic() - self._account_s >= _ACCOUNT_S:
            books = self.account.book(), self.account.fills(), self.account.positions()
            self._account_s = monotonic()
        return LiveState(self.desk.data.spot(self.underlying), self.live.health(), *books)

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
        if job.error is not None:
            raise job.error
        self.source = job.result
        self.draw(self.compute(self.source, **self.values))

    def _leave(self) -> None:
        if self.live is not None:
            self.live.close()


def _is(which: str, order: BookedOrder) -> bool:
    return order.status == "rejected" if which == "rejected" else not order.is_final


def _fields(one: BookedOrder | OrderFill | OpenPosition) -> dict[str, Any]:
    """Return what the columns may show of a record."""
    if isinstance(one, OpenPosition):
        means = {"buy_average_inr": one.bought, "sell_average_inr": one.sold}
        unknown = {name: nan for name, units in means.items() if not units}
        return {**asdict(one), **unknown, "net": one.net, "net_lots": one.net_lots, "pnl_inr": one.pnl_inr}
    return {**asdict(one), "when": f"{one.at:%H:%M:%S}"} if isinstance(one, OrderFill) else asdict(one)


def _row(columns: Sequence[GridColumn], key: str, values: dict[str, Any]) -> GridRow:
    return GridRow(key, [column.cell(values[column.field]) for column in columns])


def figures(state: LiveState) -> dict[str, str]:
    """Write what is worth knowing at first sight, with units."""
    health, price = state.health, state.price
    return {
        "Price": f"{price:,.2f}" if price is not None else "–",
        "From": f"{price.source}, {1000 * price.age_s:,.0f} ms old" if price is not None else "–",
        "Followed": counted(health.get("subscriptions", 0), "contract"),
        "Ticks": f"{health.get('frames', 0):,}",
        "Not readable": f"{health.get('strange', 0):,}",
        "P&L": rupees(fsum(one.pnl_inr for one in state.positions)),
        "Waiting orders": str(sum(not one.is_final for one in state.book)),
        "Fills": str(len(state.fills)),
    }


def describe(state: LiveState) -> str:
    """Say in words what the panel shows."""
    if state.price is None:
        return "Nothing watched yet: choose how often to look."
    up = sum(one["is_up"] for one in state.health["connections"])
    held = sum(one.net != 0 for one in state.positions)
    told = [
        _counted(held, "open position"),
        _counted(len(state.book), "order"),
        _counted(len(state.fills), "fill"),
    ]
    return (
        f"The stream has {_counted(up, 'open connection')}; the price comes from the {state.price.source}. "
        f"Today: {', '.join(told)}."
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
