"""`OrderUpdates`: what becomes of an account's orders, heard from the broker's order stream.

A stream that was lost is opened anew, and then the order book tells what happened while nobody listened: so
no end of an order is missed, whatever the network did.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from kit.broker.auth import SecretBody
from kit.broker.client import AngelAPIClient
from kit.broker.order_rows import booked, row_of
from kit.broker.shapes import once
from kit.broker.stream.socket import open_socket
from kit.broker.tokens import Tokens
from kit.clock import IST
from kit.errors import BrokerError, Denied, ProtocolError, SessionExpired, Transient, TransportError
from kit.model import BookedOrder

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

_GREETING = "AB00"


class OrderUpdates:
    """The orders of an account as they change; use it as a context manager.

    Parameters
    ----------
    client : AngelAPIClient
        Whose account. The stream only listens: it needs no consent to live orders.

    Examples
    --------
    >>> with OrderUpdates(client) as updates:  # doctest: +SKIP
    ...     client.orders.place(wanted)
    ...     for order in updates.within(patience_s=5):
    ...         print(order.status, order.filled)
    """

    def __init__(self, client: AngelAPIClient) -> None:
        self._client = client
        self._config = client.settings.stream
        here = client.session.base_url.replace("http", "ws", 1) + "/smart-order-update"
        self._url = here if client.session.market else client.settings.broker.order_stream_url
        self._stack = ExitStack()
        self._socket: ClientConnection | None = None
        self._expires = datetime.max.replace(tzinfo=IST)
        self._known: dict[str, BookedOrder] = {}
        self._failures = 0
        self._asked_s: float | None = None  # since when no ping was answered

    def __enter__(self) -> Self:
        """Connect, and take the orders of the book as known.

        Raises
        ------
        BrokerError, TransportError, OSError
            The stream cannot be had.
        """
        self._connect()
        return self

    def __exit__(self, *error: object) -> None:
        self._leave()

    def within(self, patience_s: float) -> Iterator[BookedOrder]:
        """Yield orders as they change, until nothing changes for so long.

        An order that the book has not shown yet has no `unique_id`.

        Parameters
        ----------
        patience_s : float
            Seconds.

        Raises
        ------
        BrokerError
            The broker refuses the login, or further connections; or a message is no update. The next call
            opens the stream anew, so that nothing of it is missed.
        """
        until_s = monotonic() + patience_s
        while (left_s := until_s - monotonic()) > 0:
            for order in self._heard(min(left_s, self._config.heartbeat_s)):
                yield order
                until_s = monotonic() + patience_s

    def _heard(self, wait_s: float) -> list[BookedOrder]:
        """Return what changed, waiting at most so long; a lost stream is opened anew."""
        from websockets.exceptions import WebSocketException

        if self._client.clock.now() >= self._expires:  # at midnight: the next one has fresh tokens
            self._leave()
        try:
            if self._socket is None:
                return self._connect()
            return self._read(self._message(self._socket, wait_s))
        except (OSError, WebSocketException, TransportError, Transient):
            self._leave()
            pause_s = min(self._config.retry_s * 2.0**self._failures, self._config.most_retry_s, wait_s)
            self._failures = min(self._failures + 1, 20)
            time.sleep(pause_s)
            return []
        except ProtocolError:  # what it would have said stands in the book, which the next one reads
            self._leave()
            raise

    def _message(self, socket: ClientConnection, wait_s: float) -> str | bytes:
        """Return the next message; a stream that does not even answer a ping is lost."""
        try:
            said = socket.recv(wait_s)
        except TimeoutError:  # nothing to tell: say that we listen
            self._asked_s = self._asked_s or monotonic()
            if monotonic() - self._asked_s > self._config.silence_s:
                raise
            socket.send("ping")
            return "pong"
        self._asked_s = None
        return said

    def _connect(self) -> list[BookedOrder]:
        """Open the stream and return the orders of the book that changed."""
        self._client.session.access.with_tokens(self._open, _is_session_over)
        changed = [order for row in self._client.orders.book() for order in self._news(row)]
        self._failures = 0
        return changed

    def _open(self, tokens: Tokens) -> None:
        headers = SecretBody(Authorization=f"Bearer {tokens.jwt.get_secret_value()}")
        opened = open_socket(self._url, headers, self._client.feed.ca_file, self._config.heartbeat_s)
        self._socket = self._stack.enter_context(opened)
        self._expires = tokens.expires

    def _leave(self) -> None:
        self._socket = self._asked_s = None
        self._stack.close()

    def _read(self, said: str | bytes) -> list[BookedOrder]:
        if said == "pong":
            return []
        try:
            message: Any = json.loads(said, object_pairs_hook=once)
            row = message["orderData"] if message["order-status"] != _GREETING else None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            shown = said[:40] if isinstance(said, str) else "bytes"
            raise ProtocolError("The order stream sent what is no update", shown, "Open it again.") from error
        return [] if row is None else self._news(row_of(booked, row, "the order stream"))

    def _news(self, order: BookedOrder) -> list[BookedOrder]:
        """Remember an order and return it if it changed; what is over, or filled, stays so."""
        before = self._known.get(order.order_id)
        if before is not None:
            order = replace(order, unique_id=order.unique_id or before.unique_id)
        if before is not None and (before.is_final or order.filled < before.filled):
            return []
        if before is not None and _state(before) == _state(order):
            return []
        self._known[order.order_id] = order
        return [order]


def _is_session_over(error: BrokerError) -> bool:
    denied = isinstance(error, Denied) and error.status == 403  # expired, by the broker's page
    return denied or isinstance(error, SessionExpired)


def _state(order: BookedOrder) -> tuple[object, ...]:
    prices = repr(order.price_inr), repr(order.trigger_price_inr)  # NaN equals itself in writing
    return order.status, order.filled, order.quantity, *prices
