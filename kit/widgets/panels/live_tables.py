"""What the live panel shows of a state: its tables, figures and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import fsum, nan
from typing import Any

import pandas as pd

from kit.market.price import Price
from kit.model import origin
from kit.model.book import BookedOrder, OpenPosition, OrderFill
from kit.shown import counted, rupees
from kit.widgets.frame.grid import GridColumn, GridRow, cells_of

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
    stopped : str
        Why its kill switch is thrown; empty where it is not, or there is none.
    symbols : tuple of str
        Of the contracts that are followed.
    """

    price: Price | None = None
    health: dict[str, Any] = field(default_factory=dict)
    book: Sequence[BookedOrder] = ()
    fills: Sequence[OrderFill] = ()
    positions: Sequence[OpenPosition] = ()
    stopped: str = ""
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveView:
    """The state as tables: rows of positions, orders, fills and connections, and figures in words."""

    positions: list[GridRow]
    orders: list[GridRow]
    fills: list[GridRow]
    connections: list[GridRow]
    figures: dict[str, str]
    words: str


def view_of(source: LiveState, which: str) -> LiveView:
    """Return the tables of a state, its orders as asked for: all, waiting or rejected."""
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


def books_of(view: LiveView) -> pd.DataFrame:
    """Return positions, orders and fills as one table, by book and row."""
    shown = {"positions": POSITIONS, "orders": ORDERS, "fills": FILLS}
    books = {
        name: pd.DataFrame([row.cells for row in getattr(view, name)], columns=[one.field for one in columns])
        for name, columns in shown.items()
    }
    return pd.concat(books, names=["book", "row"])


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
    return GridRow(key, cells_of(columns, values))


def figures(state: LiveState) -> dict[str, str]:
    """Write what is worth knowing at first sight, with units."""
    health, price = state.health, state.price
    return {
        "Price": f"{price:,.2f}" if price is not None else "–",
        "From": f"{origin(price.source)}, {_age(price.age_s)} old" if price is not None else "–",
        "Followed": counted(health.get("subscriptions", 0), "contract"),
        "Ticks": f"{health.get('frames', 0):,}",
        "Not readable": f"{health.get('strange', 0):,}",
        "P&L before charges": rupees(fsum(one.pnl_inr for one in state.positions)),
        "Waiting orders": str(sum(not one.is_final for one in state.book)),
        "Fills": str(len(state.fills)),
    }


def describe(state: LiveState) -> str:
    """Say in words what the panel shows."""
    stopped = f" Trading is stopped: {state.stopped}." if state.stopped else ""
    if state.price is None:
        return f"Nothing watched yet: choose how often to look.{stopped}"
    up = sum(one["is_up"] for one in state.health["connections"])
    held = sum(one.net != 0 for one in state.positions)
    told = [
        counted(held, "open position"),
        counted(len(state.book), "order"),
        counted(len(state.fills), "fill"),
    ]
    return (
        f"The stream has {counted(up, 'open connection')}; "
        f"the price comes from {origin(state.price.source)}. Today: {', '.join(told)}.{stopped}"
    )


def _age(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"
