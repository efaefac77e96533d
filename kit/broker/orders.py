"""Orders of one account: placing, changing and cancelling them, the books, positions and estimates.

What changes the account is sent once. Where an answer is lost the order may stand all the same: it is looked
for in the order book by its tag before anything else is placed, and placing the same request again looks
there first. Nothing here is ever stored. A real account's are refused, see `kit.broker.consent`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kit.arguments import checked, instance
from kit.broker import endpoints, order_bodies, order_rows
from kit.broker.endpoints import Endpoint
from kit.broker.gtt import GTTBook
from kit.broker.placements import placements
from kit.broker.session import BrokerSession
from kit.clock import Clock, in_ist, last_session
from kit.errors import (
    Ambiguous,
    BrokerError,
    InvalidOrder,
    KitError,
    ProtocolError,
    Transient,
    TransportError,
)
from kit.model import (
    AccountFunds,
    BookedOrder,
    ChargesEstimate,
    MarginEstimate,
    OpenPosition,
    OrderFill,
    OrderRequest,
    PlacedOrder,
    Product,
    ShareHolding,
)
from kit.monitor import PerformanceMonitor
from kit.shown import Showable

_LOOKS, _LOOK_AGAIN_S = 3, 1.0  # an order that arrived is in the book within seconds
_DOUBT = (Ambiguous, Transient, ProtocolError)  # no answer, or none that can be read: it may have happened


class Orders(Showable):
    """The orders of one account.

    Parameters
    ----------
    session : BrokerSession
        Login, limits and consent.
    clock : Clock
        The exchange's present.
    monitor : PerformanceMonitor
        Times placing as ``order_placement`` and looking at positions as ``position_monitoring``, so that the
        budgets of these names ring.

    Attributes
    ----------
    gtt : GTTBook
        The account's GTT rules.
    """

    def __init__(self, session: BrokerSession, clock: Clock, monitor: PerformanceMonitor) -> None:
        self._session = session
        self._clock = clock
        self._monitor = monitor
        self.gtt = GTTBook(session)
        self._memory = placements(session.account)

    def _figures(self) -> dict[str, object]:
        return {
            "Address": self._session.base_url,
            "Writes": "allowed" if self._session.may_write else "refused",
            "Placed here": len(self._memory.by_tag),
        }

    def place(self, order: OrderRequest) -> PlacedOrder:
        """Place an order, once: the same request again gives the names of the first.

        Returns
        -------
        PlacedOrder
            Its names; whether it was filled or rejected stands in `book`.

        Raises
        ------
        LiveOrdersRefused
            The account is real and consent is missing; nothing was sent.
        InvalidOrder
            The tag names an order of another content.
        Rejected
            The broker declined it.
        AddressRefused
            The broker takes orders from the registered static address only.
        Ambiguous
            No answer came, and the book does not show the order.
        """
        content, known = repr(instance(order, OrderRequest, "order")), self._memory.by_tag
        with self._monitor.measure("order_placement"), self._memory.lock:
            asked, placed = known.get(order.tag, (content, None))
            if asked != content:
                remedy = "Give each order a tag of its own."
                raise InvalidOrder("This tag names another order", order.tag, remedy)
            if placed is None and order.tag in known:
                placed = _names(self.find(order.tag))
            if placed is None:
                placed = self._sent(order, content)
            known[order.tag] = (content, placed)
            return placed

    def modify(
        self,
        order: BookedOrder,
        *,
        quantity: int | None = None,
        price_inr: float | None = None,
        trigger_price_inr: float | None = None,
    ) -> None:
        """Change an order that waits; what is not given stays as it is.

        Parameters
        ----------
        order : BookedOrder
            As `book` shows it.
        quantity : int, optional
            Units in all, those that are filled included.
        price_inr, trigger_price_inr : float, optional
            Rupees.

        Raises
        ------
        InvalidOrder
            The quantity is not whole lots beyond what is filled, a price is not positive, or it has none.
        Rejected
            The broker declined it; the order is what it was.
        Ambiguous
            No answer came, and the book does not show the change.
        """
        named = {"quantity": quantity, "price_inr": price_inr, "trigger_price_inr": trigger_price_inr}
        changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        body = order_bodies.modified(instance(order, BookedOrder, "order"), changes)

        def is_so(now: BookedOrder) -> bool:
            return all(getattr(now, name) == value for name, value in changes.items())

        self._settled(endpoints.MODIFY_ORDER, body, order, is_so)

    @checked
    def cancel(self, order: PlacedOrder | BookedOrder) -> None:
        """Cancel what is left of an order.

        Raises
        ------
        Rejected
            Nothing is left of it.
        Ambiguous
            No answer came, and the book does not show it as over.
        """
        body = {"variety": order.variety, "orderid": order.order_id}
        self._settled(endpoints.CANCEL_ORDER, body, order, lambda now: now.is_final)

    def book(self) -> tuple[BookedOrder, ...]:
        """Return the day's orders, oldest first."""
        return order_rows.rows_of(order_rows.booked, self._ask(endpoints.ORDER_BOOK), "the order book")

    def fills(self) -> tuple[OrderFill, ...]:
        """Return the day's executions (the trade book)."""
        read = order_rows.filled_on(last_session(in_ist(self._clock.now())).day)
        return order_rows.rows_of(read, self._ask(endpoints.TRADE_BOOK), "the trade book")

    @checked
    def details(self, order: PlacedOrder | BookedOrder) -> BookedOrder:
        """Return one order as the book shows it now."""
        data = self._ask(endpoints.ORDER_DETAILS.named(order.unique_id))
        return order_rows.row_of(order_rows.booked, data, "the order's details")

    def find(self, tag: str) -> BookedOrder | None:
        """Return the day's order of a tag, or None where the book shows none."""
        return next((order for order in self.book() if order.tag == tag), None)

    def positions(self) -> tuple[OpenPosition, ...]:
        """Return what is held and what was closed today."""
        with self._monitor.measure("position_monitoring"):
            return order_rows.rows_of(order_rows.position, self._ask(endpoints.POSITIONS), "the positions")

    def holdings(self) -> tuple[ShareHolding, ...]:
        """Return the shares in the depository."""
        return order_rows.rows_of(order_rows.holding, self._ask(endpoints.HOLDINGS), "the holdings")

    def funds(self) -> AccountFunds:
        """Return what the account can spend."""
        return order_rows.row_of(order_rows.funds, self._ask(endpoints.FUNDS), "the funds")

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
            So many were not traded today, or the funds are missing.
        Ambiguous
            No answer came; `positions` shows whether it happened.
        """
        position = instance(position, OpenPosition, "position")
        self._ask(endpoints.CONVERT, order_bodies.converted(position, to, quantity))

    def margin(self, orders: Iterable[OrderRequest]) -> MarginEstimate:
        """Return what orders would tie up together; one without a price counts at the last price."""
        data = self._ask(endpoints.MARGIN, order_bodies.margin(orders))
        return order_rows.row_of(order_rows.margin, data, "the margin")

    def charges(self, orders: Iterable[OrderRequest]) -> ChargesEstimate:
        """Return what filled orders would cost: brokerage, taxes and the exchange's charges.

        Raises
        ------
        InvalidOrder
            One names no price.
        """
        data = self._ask(endpoints.CHARGES, order_bodies.charges(orders))
        return order_rows.row_of(order_rows.charges, data, "the charges")

    def _ask(self, endpoint: Endpoint, body: Mapping[str, Any] | None = None) -> Any:
        with self._monitor.measure(f"api_{endpoint.name}"):
            return self._session.ask(endpoint, body or {}).data

    def _sent(self, order: OrderRequest, content: str) -> PlacedOrder:
        """Send an order; where the answer is lost, look for it in the book."""
        self._memory.by_tag[order.tag] = (content, None)
        try:
            data = self._ask(endpoints.PLACE_ORDER, order_bodies.placed(order))
            return order_rows.row_of(lambda row: _placed(row, order), data, "place_order")
        except _DOUBT as error:
            found = _names(self._seen(lambda now: now.tag == order.tag))
            if found is None:
                remedy = "Look with find(tag) in a moment; placing the same request again looks there first."
                what = "The order may have been placed: no answer came, and the book does not show it"
                raise Ambiguous(what, order.tag, remedy) from error
            return found
        except KitError:  # it did not happen
            del self._memory.by_tag[order.tag]
            raise

    def _settled(
        self,
        endpoint: Endpoint,
        body: Mapping[str, str],
        order: PlacedOrder | BookedOrder,
        is_so: Callable[[BookedOrder], bool],
    ) -> None:
        """Change an order; where the answer is lost, see in the book whether it is so."""
        try:
            self._ask(endpoint, body)
        except _DOUBT as error:
            if self._seen(lambda now: now.order_id == order.order_id and is_so(now)) is None:
                what = f"{endpoint.name} may have happened: no answer came, and the book does not show it"
                raise Ambiguous(what, order.order_id, "Look at book() before you try again.") from error

    def _seen(self, holds: Callable[[BookedOrder], bool]) -> BookedOrder | None:
        """Return the order of the book that holds, looking a few times; None where none does."""
        for look in range(_LOOKS):
            if look:
                time.sleep(_LOOK_AGAIN_S)
            try:
                found = next((order for order in self.book() if holds(order)), None)
            except (TransportError, BrokerError):  # the network that lost the answer may still be down
                continue
            if found:
                return found
        return None


def _placed(row: Mapping[str, Any], order: OrderRequest) -> PlacedOrder:
    return PlacedOrder(str(row["orderid"]), str(row.get("uniqueorderid") or ""), order.tag, order.variety)


def _names(order: BookedOrder | None) -> PlacedOrder | None:
    if order is None:
        return None
    return PlacedOrder(order.order_id, order.unique_id, order.tag, order.variety)
