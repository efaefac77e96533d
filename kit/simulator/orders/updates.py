"""``/smart-order-update``: what becomes of orders, sent as it happens.

The first message is a greeting without an order; then one follows for every order whose status, fill or terms
changed since the last look. Recorded: the greeting, the fields and their empty forms, and that an update has
no ``uniqueorderid``.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from kit.simulator.answers import Refused, stream_refusal
from kit.simulator.orders.order import AMO, CANCELLED, COMPLETE, OPEN, PENDING, REJECTED, ExchangeOrder
from kit.simulator.orders.rows import order_rows
from kit.simulator.stream import StreamListener, StreamRoute

_LOOK_S = 0.1
_GREETING = "AB00"
_CODES = {OPEN: "AB01", CANCELLED: "AB02", REJECTED: "AB03", COMPLETE: "AB05", AMO: "AB06", PENDING: "AB10"}
_SESSION_ENDED = 1008
_PRICES = "price triggerprice squareoff stoploss trailingstoploss strikeprice averageprice"
_COUNTS = "quantity disclosedquantity lotsize cancelsize"
_TEXTS = (
    "variety ordertype ordertag producttype duration tradingsymbol transactiontype exchange symboltoken "
    "instrumenttype optiontype expirydate filledshares unfilledshares orderid text status orderstatus "
    "updatetime exchtime exchorderupdatetime fillid filltime parentorderid"
)
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(_TEXTS.split(), ""),
    **dict.fromkeys(_PRICES.split(), 0.0),
    **dict.fromkeys(_COUNTS.split(), "0"),
}


class OrderUpdateRoute(StreamRoute):
    """Serves every connection of the order stream; what it is made of is the market stream's."""

    path, name, frames = "/smart-order-update", "smart-order-update", "update-frames"

    def _listener(self, socket: WebSocket, jwt: str) -> StreamListener:
        return UpdateListener(self, socket, jwt)

    def _session(self, socket: WebSocket) -> str:
        jwt = socket.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.state.account.is_live(jwt):
            raise Refused(stream_refusal("Auth token"))
        return jwt


class UpdateListener(StreamListener):
    """One connection of the order stream."""

    async def _hear(self) -> None:
        while (message := await self._socket.receive())["type"] == "websocket.receive":
            if message.get("text") == "ping" and self._loop.time() >= self._silent_until_s:
                await self._socket.send_text("pong")

    async def _send(self) -> None:
        state = self._route.state
        told = {order.unique: _told_of(order) for order in state.dealings.account.orders}
        with suppress(WebSocketDisconnect):
            await self._socket.send_text(self._message(_GREETING, {}))
            while state.account.is_live(self._jwt):
                await asyncio.sleep(_LOOK_S)
                state.dealings.present()
                orders = state.dealings.account.orders
                if all(told.get(order.unique) == _told_of(order) for order in orders):
                    continue
                for order, row in zip(orders, order_rows(state.dealings.account), strict=True):
                    if told.get(order.unique) != _told_of(order):
                        told[order.unique] = _told_of(order)
                        await self._out(self._message(_CODES[order.status], row))
            await self._socket.close(_SESSION_ENDED, "Session ended")

    def _message(self, code: str, row: dict[str, Any]) -> str:
        return json.dumps(
            {
                "user-id": self._route.state.account.client_code,
                "status-code": "200",
                "order-status": code,
                "error-message": "",
                "orderData": {name: row.get(name, empty) for name, empty in _EMPTY.items()},
            }
        )


def _told_of(order: ExchangeOrder) -> tuple[object, ...]:
    return order.status, order.filled, order.quantity, order.price, order.trigger, order.text
