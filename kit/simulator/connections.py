"""The server's open connections: counted, and broken on demand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_WITHIN_S = 60  # a connection that has not asked anything by then is broken
_LOG = logging.getLogger("kit.simulator.connections")
# Below it the libraries complain of what a client sends, its headers and secrets included.
_LOG.setLevel(logging.ERROR)


class Connections:
    """What is known about the sockets of a server.

    Attributes
    ----------
    accepted : int
        Connections accepted since the start.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    @property
    def open(self) -> int:
        """Return how many connections are open."""
        return len(self._open)

    def opened(self, client: tuple[str, int], transport: asyncio.Transport) -> None:
        """Note a new connection."""
        self.accepted += 1
        self._open[client] = transport

    def closed(self, client: tuple[str, int]) -> None:
        """Forget a connection."""
        self._open.pop(client, None)

    async def drop(self, request: Request) -> None:
        """Break the connection of a request, and return when the server has noticed."""
        if request.client:
            self.abort(request.client)
        while (await request.receive())["type"] != "http.disconnect":
            pass

    def abort(self, client: tuple[str, int]) -> None:
        """Break the connection of a client."""
        transport = self._open.get((client[0], client[1]))
        if transport is not None:
            transport.abort()

    def drop_all(self) -> None:
        """Break every open connection."""
        for transport in list(self._open.values()):
            transport.abort()


def watched(connections: Connections) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol, telling `connections` of every socket."""

    class Watched(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen at run time by uvicorn
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.logger = _LOG

        def connection_made(self, transport: Any) -> None:
            self._from = transport.get_extra_info("peername")[:2]
            connections.opened(self._from, transport)
            super().connection_made(transport)
            asyncio.get_running_loop().call_later(HEAD_WITHIN_S, self._ends_without_head, transport)

        def _ends_without_head(self, transport: Any) -> None:
            if self.cycle is None and transport.get_protocol() is self:  # else it is a WebSocket by now
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self._from)
            super().connection_lost(exc)

    return Watched


def watched_sockets(connections: Connections) -> Callable[..., asyncio.Protocol]:
    """Return what makes uvicorn's protocol of a WebSocket, telling `connections` of its end.

    It is loaded with the first WebSocket: nobody else waits for it.
    """

    def made(*args: Any, **named: Any) -> asyncio.Protocol:
        from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

        class WatchedSocket(WebSocketsSansIOProtocol):
            def __init__(self, *args: Any, **named: Any) -> None:
                super().__init__(*args, **named)
                self.logger = self.conn.logger = _LOG
                self.conn.debug = False

            def connection_made(self, transport: Any) -> None:
                self._from = transport.get_extra_info("peername")[:2]
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                connections.closed(self._from)
                super().connection_lost(exc)

            async def send(self, message: Any) -> None:
                await super().send(message)
                if self.initial_response and self.close_sent:  # or it complains of a refused handshake
                    self.handshake_complete = True

        return WatchedSocket(*args, **named)

    return made
