"""The broker's endpoints as methods.

Nothing here touches the network before the first call, and a call that the caches can answer does not log
in. Every reply says where it came from, its age, and how long it may live: nobody keeps it longer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Self

from kit import arguments
from kit.arguments import instance, like
from kit.broker import endpoints, shapes
from kit.broker.daily import MasterKeeper
from kit.broker.endpoints import QUOTE_BATCH, Endpoint
from kit.broker.lifetimes import last_bar
from kit.broker.master import Master
from kit.broker.orders import Orders
from kit.broker.session import BrokerSession
from kit.broker.shapes import Mode, QuoteKey, Quotes, Record, Reply
from kit.broker.stream.feed import MarketFeed, stream_url
from kit.cache import CacheManager, Timed
from kit.clock import Clock, exchange_clock, format_expiry, in_ist
from kit.errors import SettingsError
from kit.facts import underlying_name
from kit.model import Venue
from kit.monitor import PerformanceMonitor
from kit.settings import Credentials, Settings
from kit.shown import Showable, table
from kit.transport.pool import ConnectionPoolManager

_word = partial(arguments.text, what="Not a word of the broker's")


class AngelAPIClient(Showable):
    """A client of one SmartAPI account; use it as a context manager or call `close`. `orders` places orders.

    Parameters
    ----------
    credentials : Credentials
        The four secrets; kept in memory, shown nowhere.
    settings : Settings, optional
        Lifetimes, sockets and the broker's address.
    performance_monitor : PerformanceMonitor, optional
        Times every call as ``api_<endpoint>``; default its own.
    cache_manager : CacheManager, optional
        Keeps replies, but for bulk quotes, in process for what is left of their lives; default none: the disk
        tier keeps replies, and `DataManager` the tables made of them.
    base_url, master_url : str, optional
        Roots instead of those in the settings, for instance of the simulated exchange.
    clock : Clock, optional
        Tells the present; default the machine's.
    ca_file : Path, optional
        Certificate bundle instead of the system's.
    pool : ConnectionPoolManager, optional
        Sockets to share; default its own, closed with the client.
    session : BrokerSession, optional
        Login, limits and stored replies to share; default its own, closed with the client.
    allow_live_orders : bool, default False
        Whether what changes a real account may be sent, see `kit.broker.consent`; a shared session decides.

    Attributes
    ----------
    feed : MarketFeed
        The market stream of the account; it connects when something is followed.
    orders : Orders
        The account's orders, positions and funds.
    """

    def __init__(
        self,
        credentials: Credentials,
        settings: Settings | None = None,
        performance_monitor: PerformanceMonitor | None = None,
        cache_manager: CacheManager | None = None,
        *,
        base_url: str | None = None,
        master_url: str | None = None,
        clock: Clock | None = None,
        ca_file: Path | None = None,
        pool: ConnectionPoolManager | None = None,
        session: BrokerSession | None = None,
        allow_live_orders: bool = False,
    ) -> None:
        credentials = instance(credentials, Credentials, "credentials")
        settings = Settings() if settings is None else instance(settings, Settings, "settings")
        self.clock = exchange_clock(clock)
        self.settings = settings
        monitor = PerformanceMonitor() if performance_monitor is None else performance_monitor
        self._monitor = like(monitor, "performance_monitor", "measure")
        self._cache = None if cache_manager is None else like(cache_manager, "cache_manager", "get_or_set")
        self._pool = pool or ConnectionPoolManager(
            settings.connection_pool, ca_file=ca_file or settings.broker.ca_file, monitor=self._monitor
        )
        self._owns_pool, self._owns_session = pool is None, session is None
        root = settings.broker.base_url if base_url is None else base_url
        given = (settings, self._pool, self.clock, root, allow_live_orders)
        self.session = session or BrokerSession(credentials, *given)
        address = stream_url(root) if self.session.market else settings.broker.stream_url
        bundle = ca_file or settings.broker.ca_file
        self.feed = MarketFeed(address, self.session, credentials, settings.stream, self.clock, bundle)
        source = settings.broker.master_url if master_url is None else master_url
        self._master = MasterKeeper(source, settings, self._pool, self.session, self.clock)
        self.orders = Orders(self.session, self.clock, self._monitor)

    def __repr__(self) -> str:
        state = "logged in" if self.session.access.current() else "not logged in"
        return f"AngelAPIClient({self.session.base_url!r}, {state})"

    def __reduce__(self) -> Any:
        raise SettingsError("A client cannot be pickled", None, "Open one in each process.")

    def _figures(self) -> dict[str, object]:
        said = self.session.answers
        return {
            "Address": self.session.base_url,
            "Prices": self.venue,
            "Logged in": bool(self.session.access.current()),
            "Calls": said["network"],
            "From SQLite": said["sqlite"],
        }

    def _details(self) -> list[str]:
        left = self.session.allowance().items()
        return [table([{"budget": name, "calls left": calls} for name, calls in left])]

    @property
    def venue(self) -> Venue:
        """Whose prices it hands out: ``"live"``, or ``"simulated"`` from an exchange on this machine."""
        return "simulated" if self.session.market else "live"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def login(self) -> Self:
        """Log in now instead of on the first call.

        Raises
        ------
        LoginRefused
            The broker refused the credentials.
        """
        with self._monitor.measure("api_login"):
            self.session.access.tokens()
        return self

    def logout(self) -> None:
        """End the broker's session, if there is one; the next call logs in again."""
        self.session.leave()

    def close(self) -> None:
        """Close the connections and the cache file; harmless twice. The broker's session stays."""
        self.feed.close()
        self._master.close()
        if self._owns_session:
            self.session.close()
        if self._owns_pool:
            self._pool.close()

    def profile(self) -> Reply[Record]:
        """Return who the account belongs to (personal data: do not print it)."""
        return self._call(endpoints.PROFILE, shapes.record, {})

    def funds(self) -> Reply[dict[str, float | None]]:
        """Return the account's funds, rupees; None where the broker sends null."""
        reply = self._call(endpoints.FUNDS, shapes.record, {})
        return reply.holding({name: shapes.number(text) for name, text in reply.data.items()})

    def instruments(self) -> Master:
        """Return today's instrument master, downloaded at most once a day.

        Raises
        ------
        BrokerError, TransportError
            It cannot be had and no earlier copy is stored.
        """
        with self._monitor.measure("api_instruments"):
            return self._master.today()

    def candles(
        self, exchange: str, token: str, interval: str, start: datetime, end: datetime
    ) -> Reply[list[list[Any]]]:
        """Return ``[time, open, high, low, close, volume]`` rows, one request.

        Parameters
        ----------
        exchange, token : str
            For instance ``"NSE"`` and ``"99926009"``.
        interval : str
            The broker's name, for instance ``"ONE_MINUTE"``. Longer spans than it allows are cut by the
            broker without a word: `DataManager.candles` splits them.
        start, end : datetime
            Bar starts, both included, to the minute, Asia/Kolkata; what lies ahead of now is not asked for.
        """
        return self._history(endpoints.CANDLES, (exchange, token, interval), start, end, shapes.candle_rows)

    def oi_history(
        self, exchange: str, token: str, interval: str, start: datetime, end: datetime
    ) -> Reply[list[Record]]:
        """Return ``{"time", "oi"}`` rows of a live derivative; parameters as `candles`."""
        return self._history(endpoints.OI_HISTORY, (exchange, token, interval), start, end, shapes.records)

    def quotes(self, instruments: Iterable[QuoteKey], mode: Mode = "FULL") -> Reply[Quotes]:
        """Return quotes of any number of instruments, asked for in batches of 50 side by side.

        Parameters
        ----------
        instruments : iterable of (exchange, token)
            Asked for in this order, so that the same list finds the same stored replies.
        mode : {"LTP", "OHLC", "FULL"}, default "FULL"
            How much the broker tells.

        Returns
        -------
        Reply of Quotes
            As old as the oldest batch; what the broker could not quote stands in ``unfetched``.
        """
        bodies = shapes.quote_bodies(instruments, mode, QUOTE_BATCH)
        ask = partial(self._call, endpoints.QUOTES, shapes.quotes)
        stored = [self.session.stored(endpoints.QUOTES, body) for body in bodies]
        if (missing := stored.count(None)) > 1:
            with ThreadPoolExecutor(min(missing, self.settings.connection_pool.pool_size)) as threads:
                replies = list(threads.map(ask, bodies, stored))
        else:  # the disk answers sooner than a thread starts
            replies = list(map(ask, bodies, stored))
        if not replies:
            return Reply(Quotes({}, ()), "network", 0.0, 0.0)
        return shapes.oldest(replies).holding(shapes.merged([reply.data for reply in replies]))

    def ltp(self, exchange: str, symbol: str, token: str) -> Reply[Record]:
        """Return the last traded price of one instrument with the day's open, high, low and last close."""
        body = {"exchange": _word(exchange), "tradingsymbol": _word(symbol), "symboltoken": _word(token)}
        return self._call(endpoints.LTP, shapes.record, body)

    def option_greeks(self, name: str, expiry: date) -> Reply[list[Record]]:
        """Return the broker's own Greeks of one expiry; all values are text, volatility in percent."""
        body = {"name": underlying_name(name), "expirydate": format_expiry(expiry)}
        return self._call(endpoints.GREEKS, shapes.records, body)

    def put_call_ratio(self) -> Reply[list[Record]]:
        """Return the put-call ratio by underlying, named by its future."""
        return self._call(endpoints.PUT_CALL_RATIO, shapes.records, {})

    def search(self, exchange: str, text: str) -> Reply[list[Record]]:
        """Return instruments whose symbol begins like `text`; prefer `instruments`, which costs no call."""
        body = {"exchange": _word(exchange), "searchscrip": _word(text)}
        return self._call(endpoints.SEARCH, shapes.records, body)

    def get_performance_stats(self) -> dict[str, Any]:
        """Return what calls, connections, caches and limits count; see the parts."""
        return {
            "network_calls": self.session.answers["network"],  # answers, by where they came from
            "sqlite_hits": self.session.answers["sqlite"],
            "performance": self._monitor.get_summary(),
            "connections": self._pool.get_stats(),
            "cache": self._cache.get_stats() if self._cache else {},
            "limits": self.session.allowance(),  # calls of each budget that could go now
        }

    def _call(self, endpoint: Endpoint, shape: Any, body: Mapping[str, Any], *stored: Any) -> Reply[Any]:
        with self._monitor.measure(f"api_{endpoint.name}"):
            if self._cache is None or endpoint.lifetime is None or endpoint is endpoints.QUOTES:
                return self._asked(endpoint, shape, body, *stored)
            made: list[Reply[Any]] = []

            def timed() -> Timed:
                began = monotonic()
                made.append(self._asked(endpoint, shape, body, *stored))
                left_s = made[0].remaining_s - (monotonic() - began)
                return Timed((made[0], monotonic()), max(0.0, left_s))

            key = ("reply", self.session.base_url, endpoint.name, json.dumps(body, sort_keys=True))
            reply, kept_at = self._cache.get_or_set(key, timed)
            return made[0] if made else reply.later(monotonic() - kept_at)

    def _asked(self, endpoint: Endpoint, shape: Any, *asked: Any) -> Reply[Any]:
        reply = self.session.ask(endpoint, *asked)
        return reply.holding(shape(reply.data, endpoint.name))

    def _history(
        self, endpoint: Endpoint, where: tuple[str, ...], start: datetime, end: datetime, shape: Any
    ) -> Reply[Any]:
        """Ask for bars up to now at most: the broker refuses a span that ends in the future."""
        start, end = in_ist(start), in_ist(end)
        if min(end, last_bar(in_ist(self.clock.now()))) < start:
            return Reply([], "network", 0.0, 0.0)
        span = {"fromdate": start.isoformat(" ")[:16], "todate": end.isoformat(" ")[:16]}
        named = zip(("exchange", "symboltoken", "interval"), map(_word, where), strict=True)
        return self._call(endpoint, shape, {**dict(named), **span})
