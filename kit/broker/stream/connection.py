"""One connection of the stream and the thread that keeps it.

What is wanted is a set, not a history of requests: after a loss all of it is asked for anew, so no
subscription can get lost. A connection counts as dead when it says nothing for ``silence_s``, or when the
market is open and none of its tokens moves for ``stall_s``; at midnight it is left for one with fresh tokens.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from kit.broker.stream.health import ConnectionHealth
from kit.broker.stream.subscriptions import SUBSCRIBE, UNSUBSCRIBE, requests_for
from kit.errors import KitError, LoginRefused, RateLimited, SessionTakenOver
from kit.settings import StreamConfig

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from kit.broker.stream.feed import MarketFeed

_LOG = logging.getLogger("kit.broker.stream")
_BURST = 4096  # messages taken at once
_REFUSED_PAUSE_S = 300  # whoever was refused for good asks no sooner, or burns the account's hourly budget
_LOOK_S = 1.0


class OpenSocket(NamedTuple):
    """An open WebSocket, and when its tokens expire."""

    socket: ClientConnection
    expires: datetime


class FeedConnection:
    """Keeps one connection alive; ends with `close`.

    Parameters
    ----------
    feed : MarketFeed
        Opens sockets and hears frames.
    config : StreamConfig
        Heartbeats and patience.
    name : str
        Of its thread.

    Attributes
    ----------
    wanted : frozenset of bytes
        The subscriptions that it is to carry; set by `want`.
    health : ConnectionHealth
        How it does.
    """

    def __init__(self, feed: MarketFeed, config: StreamConfig, name: str) -> None:
        self._feed, self._config = feed, config
        self.wanted: frozenset[bytes] = frozenset()
        self.health = ConnectionHealth()
        self._socket: ClientConnection | None = None
        self._sent: frozenset[bytes] = frozenset()
        self._sending = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def want(self, keys: Iterable[bytes]) -> None:
        """Carry these subscriptions from now on, and no others."""
        self.wanted = frozenset(keys)
        self._request()

    def close(self) -> None:
        """Close the connection; it may be called twice."""
        self._stop.set()
        socket = self._socket
        if socket is not None:
            _quietly(socket.close)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        from websockets.exceptions import WebSocketException

        failures = 0
        while not self._stop.is_set():
            heard, error = self.health.frames, None
            try:
                with self._feed.open() as opened:
                    self._keep(*opened)
            except (OSError, WebSocketException, KitError) as problem:
                error = problem
            failures = 0 if self.health.frames > heard else failures + 1
            if not self._stop.is_set():
                self.health.down(error)
                self._pause(error, failures)
        self.health.down(None)

    def _pause(self, error: Exception | None, failures: int) -> None:
        """Wait before the next attempt, twice as long each time, with jitter."""
        pause_s = min(self._config.retry_s * 2 ** min(failures, 20), self._config.most_retry_s)
        if isinstance(error, RateLimited):
            pause_s = self._config.most_retry_s
        elif isinstance(error, LoginRefused | SessionTakenOver):
            pause_s = _REFUSED_PAUSE_S
        _LOG.info("stream lost (%s); again in %.1f s", type(error).__name__ if error else "left", pause_s)
        self._stop.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret, only a pause

    def _keep(self, socket: ClientConnection, expires: datetime) -> None:
        """Hear a connection until it is lost, silent, stalled or out of date."""
        self._sent, self._socket = frozenset(), socket
        self.health.up()
        try:
            self._request()
            beat_s = monotonic()
            while not (self._stop.is_set() or self._is_dead(expires)):
                if monotonic() >= beat_s:
                    socket.send("ping")
                    beat_s = monotonic() + self._config.heartbeat_s
                self._hear(socket, min(_LOOK_S, max(0.0, beat_s - monotonic())))
        finally:
            self._socket = None

    def _is_dead(self, expires: datetime) -> bool:
        """Tell whether a connection is to be replaced, and note why in its health."""
        now, health, why = monotonic(), self.health, ""
        if now - health.heard_s > self._config.silence_s:
            why = "silent"
        elif now - health.ticked_s > self._config.stall_s and self.wanted and self._feed.is_market_open():
            why = "stalled"
        elif self._feed.is_over(expires):
            why = "renewed"
        if why:
            health.left[why] += 1
        return bool(why)

    def _hear(self, socket: ClientConnection, patience_s: float) -> None:
        """Take what has arrived, up to a burst; wait for the first of it."""
        frames: list[bytes] = []
        try:
            for _ in range(_BURST):
                said = socket.recv(patience_s)
                patience_s = 0.0
                if isinstance(said, bytes):
                    frames.append(said)
                else:
                    self.health.told(said)
        except TimeoutError:
            pass
        finally:  # what came before a loss counts
            arrived_s = monotonic()
            if frames:
                self.health.ticked(len(frames), arrived_s)
                self._feed.take(frames, arrived_s)

    def _request(self) -> None:
        """Ask for what is wanted and not yet asked for, and cancel what no longer is."""
        from websockets.exceptions import ConnectionClosed

        with self._sending:
            socket, wanted = self._socket, self.wanted
            if socket is None or wanted == self._sent:
                return
            try:
                for text in requests_for(UNSUBSCRIBE, self._sent - wanted):
                    socket.send(text)
                for text in requests_for(SUBSCRIBE, wanted - self._sent):
                    socket.send(text)
            except (ConnectionClosed, OSError):
                return  # its thread notices, and asks for everything anew
            self._sent = wanted


def _quietly(close: Callable[[], None]) -> None:
    from websockets.exceptions import WebSocketException

    with suppress(OSError, WebSocketException):
        close()
