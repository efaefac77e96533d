"""`MarketFeed`: the broker's market stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kit.addresses import checked_address
from kit.broker.auth import SecretBody
from kit.broker.session import BrokerSession
from kit.broker.stream.connection import FeedConnection, OpenSocket
from kit.broker.stream.following import TickReader
from kit.broker.stream.frames import EXCHANGES, key_of
from kit.broker.stream.newest import KeptFrame, NewestFrames
from kit.broker.stream.socket import open_socket
from kit.broker.stream.subscriptions import shared_out
from kit.broker.tokens import Tokens
from kit.chains.quotes import is_of_this_time
from kit.clock import Clock, is_open
from kit.errors import DataError, SettingsError
from kit.forks import renew_in_fork
from kit.model.tick import StreamMode
from kit.settings import Credentials, StreamConfig
from kit.shown import counted
from kit.transport.proxies import is_loopback

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection


class MarketFeed:
    """Carries the market stream of one account: nothing is connected before something is followed.

    Parameters
    ----------
    url : str
        ``wss://...``; without TLS only on this machine.
    session : BrokerSession
        Has the tokens.
    credentials : Credentials
        The account.
    config : StreamConfig
        Heartbeats, patience, when a tick is too old.
    clock : Clock
        Tells the exchange's present, by which tokens expire and the market opens.
    ca_file : Path, optional
        Certificate bundle instead of the system's.

    Attributes
    ----------
    newest : NewestFrames
        The newest frame of every subscription.
    ca_file : Path or None
        The certificate bundle.

    Raises
    ------
    SettingsError
        `url` is no address of a stream, or would send secrets in the clear.
    """

    def __init__(
        self,
        url: str,
        session: BrokerSession,
        credentials: Credentials,
        config: StreamConfig,
        clock: Clock,
        ca_file: Path | None = None,
    ) -> None:
        self._url = _checked(url)
        self._session, self._credentials, self._clock = session, credentials, clock
        self.config = config
        self.ca_file = ca_file
        self.newest = NewestFrames(clock)
        self._followings: tuple[TickReader, ...] = ()
        self._connections: list[FeedConnection] = []
        self._changing = threading.RLock()
        renew_in_fork(self, _changing=threading.RLock)

    def __repr__(self) -> str:
        up = sum(connection.health.is_up for connection in self._connections)
        followed = counted(len(self._wanted()), "subscription")
        return f"MarketFeed({self._url!r}, {followed}, {counted(up, 'connection')})"

    def follow(
        self,
        instruments: Mapping[tuple[str, str], str],
        mode: StreamMode = "SNAPQUOTE",
        queue_size: int | None = None,
    ) -> TickReader:
        """Subscribe some instruments until the answer is closed; the first one connects.

        Parameters
        ----------
        instruments : mapping of (exchange, token) to str
            What to follow, and its trading symbol.
        mode : {"LTP", "QUOTE", "SNAPQUOTE", "DEPTH"}, default "SNAPQUOTE"
            How much of each.
        queue_size : int, optional
            Ticks that wait for a reader, 0 where nobody reads; default the settings'.

        Raises
        ------
        DataError
            The stream has no such exchange, or no depth of it.
        RateLimited
            The broker allows no more subscriptions.
        """
        if strange := sorted({exchange for exchange, _ in instruments}.difference(EXCHANGES)):
            raise DataError("The stream has no such exchange", strange, f"It has {', '.join(EXCHANGES)}.")
        keys = {key_of(mode, *pair): symbol for pair, symbol in instruments.items()}
        waiting = self.config.queue_size if queue_size is None else queue_size
        with self._changing:
            fresh = TickReader(keys, waiting, self._leave)
            self._share({*self._wanted(), *keys})
            self._followings = (*self._followings, fresh)
        return fresh

    @property
    def is_fed(self) -> bool:
        """Whether there is any frame to look for."""
        return bool(self._connections)

    def fresh(
        self, mode: StreamMode, exchange: str, token: str, believe_quiet: bool = True
    ) -> KeptFrame | None:
        """Return the newest frame of a subscription, if it still tells the present.

        It does while it is younger than ``fresh_s``. After that a token that did not move is believed for
        ``quiet_s``, as long as the connection that brought it lives and brings other tokens' ticks.

        Parameters
        ----------
        mode, exchange, token
            Name the subscription.
        believe_quiet : bool, default True
            Whether a token that did not move is believed; not one that is known to move all the time.
        """
        if exchange not in EXCHANGES:
            return None
        key = key_of(mode, exchange, token)
        kept = self.newest.of(key)
        if kept is None:
            return None
        now_s = monotonic()
        age_s = now_s - kept.arrived_s
        if age_s <= self.config.fresh_s:
            return kept
        if age_s > self.config.quiet_s or not believe_quiet:
            return None
        for connection in self._connections:
            health = connection.health
            if key in connection.wanted and health.is_up and health.since_s <= kept.arrived_s:
                return kept if now_s - health.ticked_s <= self.config.fresh_s else None
        return None

    def health(self) -> dict[str, Any]:
        """Return the state of the stream.

        Returns
        -------
        dict
            ``subscriptions``, ``frames``, ``strange`` (frames that nobody could read), ``late`` (older than
            one that had come), ``last_strange`` (the beginning of the latest strange one, as hexadecimal
            text), ``dropped`` (ticks that a reader was too slow for), and ``connections``: one dict each, see
            `ConnectionHealth.as_dict`.
        """
        return {
            "subscriptions": len(self._wanted()),
            "frames": self.newest.frames,
            "strange": self.newest.strange,
            "late": self.newest.late,
            "last_strange": self.newest.last_strange.hex(),
            "dropped": sum(following.dropped for following in self._followings),
            "connections": [connection.health.as_dict() for connection in self._connections],
        }

    def close(self) -> None:
        """Stop following and close the connections; the feed can be closed twice and used again."""
        for following in self._followings:
            following.close()
        with self._changing:
            self._share(set())

    @contextmanager
    def open(self) -> Iterator[OpenSocket]:
        """Yield an open connection; tokens that the broker refuses are renewed, then those of a new login."""
        with ExitStack() as stack:

            def opened(tokens: Tokens) -> OpenSocket:
                return OpenSocket(stack.enter_context(self._socket(tokens)), tokens.expires)

            yield self._session.access.with_tokens(opened)

    def take(self, frames: list[bytes], arrived_s: float) -> None:
        """Keep a batch of frames and hand them to whoever follows them."""
        sound = self.newest.keep(frames, arrived_s)
        for following in self._followings:
            following.hear(sound)

    def is_over(self, expires: datetime) -> bool:
        """Tell whether the tokens of a connection have expired: at midnight."""
        return self._clock.now() >= expires

    def is_of_this_time(self, at: datetime) -> bool:
        """Tell whether a tick's time can be of the present."""
        return is_of_this_time(at, self._clock.now())

    def is_market_open(self) -> bool:
        """Tell whether ticks are to be expected."""
        return is_open(self._clock.now())

    def _socket(self, tokens: Tokens) -> AbstractContextManager[ClientConnection]:
        headers = SecretBody(
            {
                "Authorization": f"Bearer {tokens.jwt.get_secret_value()}",
                "x-api-key": self._credentials.api_key.get_secret_value(),
                "x-client-code": self._credentials.client_code.get_secret_value(),
                "x-feed-token": tokens.feed.get_secret_value(),
            }
        )
        return open_socket(self._url, headers, self.ca_file, self.config.heartbeat_s)

    def _wanted(self) -> set[bytes]:
        return {key for following in self._followings for key in following.keys}

    def _leave(self, following: TickReader) -> None:
        with self._changing:
            self._followings = tuple(other for other in self._followings if other is not following)
            wanted = self._wanted()
            self._share(wanted)
            self.newest.forget(following.keys - wanted)

    def _share(self, wanted: set[bytes]) -> None:
        """Let the connections carry what is wanted: open one where there is no room, close an idle one."""
        shares = shared_out(wanted, [connection.wanted for connection in self._connections])
        for number, share in enumerate(shares):
            if number == len(self._connections):
                self._connections.append(FeedConnection(self, self.config, f"market-stream-{number + 1}"))
            if share != self._connections[number].wanted:
                self._connections[number].want(share)
        idle = [connection for connection in self._connections if not connection.wanted]
        self._connections = [connection for connection in self._connections if connection.wanted]
        for connection in idle:
            connection.close()


def stream_url(base_url: str) -> str:
    """Return where an exchange on this machine streams, from the root of its API."""
    return base_url.replace("http", "ws", 1) + "/smart-stream"


def _checked(text: str) -> str:
    """Return an address of a stream, if secrets may travel there."""
    address = checked_address(text, ("ws", "wss"))
    if address.startswith("wss") or is_loopback(urlsplit(address).hostname):
        return address
    remedy = "Write it as wss://smartapisocket.angelone.in/smart-stream; without TLS only on this machine."
    raise SettingsError("Secrets would travel to this market stream in the open", address, remedy)
