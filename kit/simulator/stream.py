"""``/smart-stream``: the market of the simulated clock as the broker's WebSocket sends it.

Every subscription is looked at each `CADENCE_S` and sent when something of it changed, and while the
market is open unchanged too after `REPEAT_S`, as was recorded. Nobody outside knows what the broker does
with a stream whose session ends, or with a fourth connection; here the first is closed and the second
refused with HTTP 429.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from kit.clock import is_open
from kit.simulator import faults
from kit.simulator.answers import Answer, Refused
from kit.simulator.connections import Connections
from kit.simulator.faults import Fault, Faults
from kit.simulator.guard import check_origin
from kit.simulator.quote_routes import rows_of
from kit.simulator.state import ExchangeState
from kit.simulator.stats import Stats
from kit.simulator.stream_frames import BODY, EXCHANGES, LTP, packed
from kit.simulator.stream_wants import INVALID, FrameKey, FrameState, StreamError, Wants, most

CADENCE_S, REPEAT_S = 0.5, 6.0
_BATCH = 8  # frames priced at once: half a millisecond, so that nothing else waits for longer
_SLOT_S = 0.003  # between two batches, so that they are some: a frame priced alone costs three times as much
_SESSION_ENDED = 1008


class StreamRoute:
    """Serves every connection of the market stream.

    Parameters
    ----------
    state : ExchangeState
        The market, its clock and who may listen.
    faults, connections, stats
        What fails next, what is connected, what was counted.

    Attributes
    ----------
    cadence_s : float
        Seconds between two looks at a subscription; of connections made from now on.
    listeners : list of StreamListener
        Who is connected.
    path, name, frames : str
        Where it is found, and as what faults and counts know it and its frames.
    """

    path, name, frames = "/smart-stream", "smart-stream", "stream-frames"

    def __init__(self, state: ExchangeState, faults: Faults, connections: Connections, stats: Stats) -> None:
        self.state, self.faults, self.connections, self.stats = state, faults, connections, stats
        self.cadence_s = CADENCE_S
        self.listeners: list[StreamListener] = []

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection to its end."""
        try:
            check_origin(socket)
            jwt = await self._admitted(socket)
        except Refused as refused:
            await _deny(socket, refused.reply)
            return
        await socket.accept()
        listener = self._listener(socket, jwt)
        self.listeners.append(listener)
        try:
            await listener.live()
        finally:
            self.listeners.remove(listener)

    def _listener(self, socket: WebSocket, jwt: str) -> StreamListener:
        return StreamListener(self, socket, jwt)

    def _session(self, socket: WebSocket) -> str:
        return self.state.account.check_stream(_said(socket.headers, socket.query_params))

    async def _admitted(self, socket: WebSocket) -> str:
        """Check path, faults, session and the number of connections; return the session's token."""
        if socket.url.path.rstrip("/") != self.path:
            raise Refused(Answer(404, b""))
        self.stats.note(self.name, socket.headers, b"")
        fault = self.faults.take(self.name, socket.headers.get("x-kit-fault", ""))
        if fault is not None:
            await self._fail(fault, socket)
        jwt = self._session(socket)
        if len(self.listeners) >= most("connections"):
            raise Refused(Answer(429, b"", "", (("x-error-message", "Connection Limit Exceeded"),)))
        self.stats.processed[self.name] += 1
        return jwt

    async def _fail(self, fault: Fault, socket: WebSocket) -> None:
        """Do what a fault of the handshake says; it goes on after a stall, and when sessions have ended."""
        if fault.name == "stall":
            await asyncio.sleep(float(fault.argument or 30))
        elif fault.name == "expired-token":
            self.state.account.expire_all()
        else:
            if fault.name.startswith("drop-") and socket.client:
                self.connections.abort(socket.client)
            raise Refused(faults.instead(fault) or Answer(500, b""))


class StreamListener:
    """One connection: what it asked for and what it is sent.

    Parameters
    ----------
    route : StreamRoute
        Whose connection.
    socket : WebSocket
        Accepted.
    jwt : str
        Its session.
    """

    def __init__(self, route: StreamRoute, socket: WebSocket, jwt: str) -> None:
        self._route, self._socket, self._jwt = route, socket, jwt
        self.wants = Wants(route.cadence_s)
        self._asked = asyncio.Event()
        self._silent_until_s = 0.0
        self._loop = asyncio.get_running_loop()

    async def live(self) -> None:
        """Hear and send until either side leaves."""
        sending = asyncio.create_task(self._send())
        try:
            with suppress(WebSocketDisconnect):  # while it was being answered
                await self._hear()
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await sending

    async def _hear(self) -> None:
        while (message := await self._socket.receive())["type"] == "websocket.receive":
            text = message.get("text")
            if self._loop.time() < self._silent_until_s:
                continue
            try:
                if text == "ping":
                    await self._socket.send_text("pong")
                elif text is None:
                    raise StreamError(INVALID, "")
                else:
                    self.wants.change(text, self._loop.time())
                    self._asked.set()
            except StreamError as error:
                await self._socket.send_text(error.reply)

    async def _send(self) -> None:
        """Send what is due, a small batch at a time."""
        due: list[tuple[FrameKey, FrameState]] = []
        while True:
            await self._next(is_behind=len(due) == _BATCH)
            if not self._route.state.account.is_live(self._jwt):
                await self._socket.close(_SESSION_ENDED, "Session ended")
                return
            due = list(self.wants.due(self._loop.time(), _BATCH))
            for frame in self._frames(due):
                await self._out(frame)

    async def _next(self, is_behind: bool) -> None:
        """Wait until something is due or asked for; a second at most, since sessions end meanwhile."""
        wait_s = self.wants.next_s(self._loop.time() + 1) - self._loop.time()
        if is_behind and wait_s <= 0:
            await asyncio.sleep(0)
            return
        self._asked.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(wait_s, _SLOT_S), 1.0)):  # wait_for may lose a cancellation
                await self._asked.wait()

    def _frames(self, due: Iterable[tuple[FrameKey, FrameState]]) -> list[bytes]:
        """Return the frames of what changed."""
        state, now, now_s = self._route.state, self._route.state.clock.now(), self._loop.time()
        rows = state.market.listing(now).rows
        known = [(key, sent, rows.get((EXCHANGES[key.exchange], key.token))) for key, sent in due]
        listed = [(key, sent, contract) for key, sent, contract in known if contract]
        quotes = state.market.quotes([contract for _, _, contract in listed], now)
        mode = "LTP" if all(key.mode == LTP for key, _, _ in listed) else "FULL"
        at_ms, repeats = int(now.timestamp() * 1000), is_open(now)
        frames = []
        for (key, sent, contract), row in zip(listed, rows_of(state, mode, quotes, now), strict=True):
            number = 0 if contract.kind in ("INDEX", "VIX") else sent.sequence + 1
            frame = packed(*key, number, at_ms, row)
            if frame[BODY:] == sent.body and not (repeats and now_s - sent.sent_s >= REPEAT_S):
                continue
            sent.sequence, sent.body, sent.sent_s = number, frame[BODY:], now_s
            frames.append(frame)
        return frames

    async def _out(self, frame: bytes | str) -> None:
        """Send a frame, or what a fault puts in its place."""
        fault = self._route.faults.take(self._route.frames, only_named=True)
        if fault is None:
            await self._sent(frame)
        elif fault.name == "drop" and self._socket.client:
            self._route.connections.abort(self._socket.client)
        elif fault.name == "stall":
            pause_s = float(fault.argument or 30)
            self._silent_until_s = self._loop.time() + pause_s
            await asyncio.sleep(pause_s)
        elif fault.name == "text-frame":
            await self._socket.send_text("<html>no stream today</html>")
        elif isinstance(frame, str):
            await self._sent(_DAMAGED[fault.name](frame.encode()).decode("latin-1"))
        else:
            await self._sent(_DAMAGED[fault.name](frame))

    async def _sent(self, frame: bytes | str) -> None:
        await (self._socket.send_text(frame) if isinstance(frame, str) else self._socket.send_bytes(frame))


_DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "garbage-frame": lambda frame: secrets.token_bytes(len(frame) // 2),
    "short-frame": lambda frame: frame[:-8],
    "long-frame": lambda frame: frame + bytes(8),
    "huge-frame": lambda frame: frame.ljust(100_000, b"\0"),
    "unknown-frame": lambda frame: b"\x09" + frame[1:],
}


def _said(headers: Headers, query: Any) -> dict[str, str]:
    """Return what a handshake says of itself: in headers, or as a browser must in the address."""
    browser = {"x-client-code": "clientCode", "x-feed-token": "feedToken", "x-api-key": "apiKey"}
    said = {name: headers.get(name) or query.get(other, "") for name, other in browser.items()}
    return {**said, "authorization": headers.get("authorization", "")}


async def _deny(socket: WebSocket, reply: Answer) -> None:
    response = Response(reply.body, reply.status, dict(reply.headers), reply.media or None)
    with suppress(WebSocketDisconnect, RuntimeError):  # it is gone already
        await socket.send_denial_response(response)
