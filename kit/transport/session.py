"""The requests-cache session: SQLite below, limits and sockets below that; deny by default."""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest, Response
from requests_cache import CachedSession
from requests_cache.models.response import OriginalResponse

from kit.cache.flights import Flights
from kit.errors import StaleData, TransportError
from kit.settings import CacheConfig
from kit.transport.answers import StoredAnswer
from kit.transport.disk import AnswerCache
from kit.transport.limits import RateLimiter
from kit.transport.pool import ConnectionPoolManager
from kit.transport.sending import Route, Sender, Verdict
from kit.transport.wire import prepared

__all__ = ["LiveAnswer", "Route", "Session", "StoredAnswer", "Verdict", "open_session"]


class LiveAnswer(OriginalResponse):
    """A reply from the network, with the same extras as a `StoredAnswer`.

    Attributes
    ----------
    created, lapses : float
        Seconds since the epoch when it was asked for, and when its lifetime ends; the same moment
        where it may not be kept.
    stale : bool
        Always False.
    """

    created: float
    lapses: float
    stale = False
    age_s = StoredAnswer.age_s
    remaining_life_s = StoredAnswer.remaining_life_s
    __repr__ = __str__ = StoredAnswer.__repr__


class Session(CachedSession):
    """A requests-cache session whose answers, limits and sockets follow a table of routes.

    Made by `open_session`. ``cache`` is requests-cache's own interface to what is stored.
    Cookies and redirects are not followed; a URL without a route is sent once and never stored.
    """

    def __init__(
        self,
        sender: Sender,
        routes: Sequence[Route],
        storable: Callable[[Response], bool],
        config: CacheConfig,
        file: Path | None,
        account: str,
    ) -> None:
        super().__init__(backend=AnswerCache(file, config), allowable_methods=("GET", "POST"))
        self.cache: AnswerCache
        self._sender = sender
        self._routes = {route.path.rstrip("/"): route for route in routes}
        self._storable = storable
        self._stale_if_error = config.stale_if_error
        self._account = account
        self._flights: Flights[Any] = Flights()
        self._counts = {"hits": 0, "misses": 0, "stale_served": 0}

    def get(  # type: ignore[override]
        self,
        url: str,
        params: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        force_refresh: bool = False,
    ) -> Any:
        """Return the answer to a GET; see `request`."""
        return self.request("GET", url, params, headers=headers, force_refresh=force_refresh)

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        force_refresh: bool = False,
    ) -> Any:
        """Return the answer to a request, from disk or from the network.

        Parameters
        ----------
        method, url, params, data, headers, json
            As in `requests.Session.request`.
        force_refresh : bool, default False
            Ask the network even if a living answer is stored.

        Returns
        -------
        LiveAnswer or StoredAnswer
            A `requests.Response` with ``from_cache``, ``stale``, ``age_s``, ``remaining_life_s`` (``inf``:
            it never expires; 0: it may not be kept), ``created_at`` and ``expires``.

        Raises
        ------
        TransportError
            The bytes did not travel and nothing stored may stand in.
        """
        if data is None and params is None:
            request = prepared(method, url, headers or {}, json)
        else:
            request = requests.Request(method, url, headers, data=data, params=params, json=json).prepare()
        return self.send(request, force_refresh=force_refresh)

    def send(self, request: PreparedRequest, *, force_refresh: bool = False) -> Any:  # type: ignore[override]
        """Answer a prepared request.

        1. Without a route, or with one that stores nothing: the network.
        2. A living answer on disk: that, costing neither a token nor a socket.
        3. One flight per key: whoever asks for it meanwhile waits for the same answer.
        4. Per attempt: a turn of the limit, a socket, the broker's verdict (`kit.transport.sending`).
        5. An answer that may be kept is kept for its route's lifetime, counted from its sending.
        6. The network failed: an expired answer, marked and warned of, if ``stale_if_error`` is on.
        """
        route = self._route(request)
        if route is None or route.ttl_s is None:
            return self._live(request, route or _unlisted(request))[0]
        key = self._key(request, route)
        found = None if force_refresh else self._living(key)
        if found is None:
            found = self._flights.join(
                key,
                look=lambda: None if force_refresh else self._living(key),
                fetch=lambda: self._fetch(request, route, key),
            )
        self._count("hits" if found.from_cache else "misses")
        return found

    def stored(self, request: PreparedRequest) -> StoredAnswer | None:
        """Return the living answer on disk, if there is one; nobody is asked, so no login is needed."""
        found = self._on_disk(request)
        if found is not None:
            self._count("hits")
        return found

    def holds(self, request: PreparedRequest) -> bool:
        """Tell whether a living answer is on disk; that is not counted as a hit."""
        return self._on_disk(request) is not None

    def get_stats(self) -> dict[str, Any]:
        """Return ``hits, misses, hit_rate_percent, stale_served`` and those of the disk tier."""
        asked = self._counts["hits"] + self._counts["misses"]
        rate = round(100 * self._counts["hits"] / asked, 2) if asked else 0.0
        return {**self._counts, "hit_rate_percent": rate, **self.cache.get_stats()}

    def close(self) -> None:
        """Close the cache file; the pool stays open, it may serve others."""
        if self.cache.store is not None:
            self.cache.store.close()

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def _on_disk(self, request: PreparedRequest) -> StoredAnswer | None:
        route = self._route(request)
        return None if route is None or route.ttl_s is None else self._living(self._key(request, route))

    def _route(self, request: PreparedRequest) -> Route | None:
        return self._routes.get(urlsplit(str(request.url)).path.rstrip("/"))

    def _living(self, key: str) -> StoredAnswer | None:
        found = self.cache.find(key)
        return found if found is not None and found.created <= time.time() < found.lapses else None

    def _fetch(self, request: PreparedRequest, route: Route, key: str) -> Any:
        try:
            answer, verdict = self._live(request, route)
        except TransportError as error:
            if (stale := self._stale(key, route, error)) is None:
                raise
            return stale
        if verdict is Verdict.OK and self._storable(answer):
            self._keep(key, route, answer)
        elif verdict in (Verdict.RATE_LIMITED, Verdict.TRANSIENT):
            return self._stale(key, route, verdict.value) or answer
        return answer

    def _live(self, request: PreparedRequest, route: Route) -> tuple[LiveAnswer, Verdict]:
        response, verdict, sent_at = self._sender.send(request, route)
        response.__class__ = LiveAnswer  # as requests-cache itself wraps a response
        answer = cast(LiveAnswer, response)
        answer.created = answer.lapses = sent_at
        answer.created_at, answer.expires = datetime.fromtimestamp(sent_at, UTC), None
        return answer, verdict

    def _keep(self, key: str, route: Route, answer: LiveAnswer) -> None:
        ttl_s = route.ttl_s(answer.request) if callable(route.ttl_s) else route.ttl_s
        if ttl_s is None or ttl_s <= 0:
            return
        answer.lapses = answer.created + ttl_s
        if ttl_s != math.inf:
            answer.expires = datetime.fromtimestamp(answer.lapses, UTC)
        self.cache.keep(key, answer)

    def _stale(self, key: str, route: Route, why: object) -> StoredAnswer | None:
        found = self.cache.find(key) if self._stale_if_error else None
        if found is not None:
            found.stale = True
            self._count("stale_served")
            message = f"{route.name} is {found.age_s:.0f} s old, past its lifetime: {why}"
            warnings.warn(StaleData(message), stacklevel=8)
        return found

    def _key(self, request: PreparedRequest, route: Route) -> str:
        """Name a request by its URL and body; headers, where the secrets are, play no part."""
        parts = [request.method, request.url, _canonical(request.body)]
        if route.private:
            parts.append(self._account)
        return hashlib.blake2b("\n".join(map(str, parts)).encode(), digest_size=20).hexdigest()


def open_session(
    pool: ConnectionPoolManager,
    routes: Sequence[Route],
    judge: Callable[[Response], Verdict],
    storable: Callable[[Response], bool],
    config: CacheConfig,
    file: Path | None,
    limiter: RateLimiter | None = None,
    *,
    account: str = "",
) -> Session:
    """Open the session through which a client calls.

    Parameters
    ----------
    pool : ConnectionPoolManager
        The sockets; they stay open when the session closes.
    routes : sequence of Route
        What may be stored, and the limits; anything else is sent without either.
    judge : callable
        Gives the `Verdict` on a raw response.
    storable : callable
        Tells whether an answer the judge finds OK may be stored.
    config : CacheConfig
        Bounds of the disk tier, and ``stale_if_error``.
    file : Path or None
        The SQLite file; None: no disk tier. One that cannot be used is done without, with a warning.
    limiter : RateLimiter, optional
        Default: one of this session alone.
    account : str, optional
        Keeps private answers of several accounts apart; only a digest of it is stored.

    Returns
    -------
    Session

    Warns
    -----
    CacheUnavailable
        The disk tier is off or was rebuilt.
    """
    sender = Sender(pool, limiter or RateLimiter(None), judge)
    return Session(sender, routes, storable, config, file, account)


def _unlisted(request: PreparedRequest) -> Route:
    return Route("unlisted", str(request.path_url), None, "unlisted", (), retry_safe=False)


def _canonical(body: bytes | str | None) -> str:
    """Return a JSON body with its keys in order, so that their order makes no difference."""
    if not body:
        return ""
    try:
        return json.dumps(json.loads(body), sort_keys=True)
    except ValueError:
        return repr(body)
