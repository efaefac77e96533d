"""One line to the broker: the cached session, the login and one transparent replay."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from kit.broker import endpoints
from kit.broker.auth import Login, Tokens, wall_s
from kit.broker.endpoints import LOGIN, LOGOUT, Endpoint
from kit.broker.lifetimes import lifetime_s
from kit.broker.replies import data_of, judge, storable
from kit.broker.shapes import Reply
from kit.clock import Clock
from kit.errors import BadRequest, LoginRefused, Rejected, SessionExpired
from kit.model import Source
from kit.settings import CacheConfig, Credentials, Settings, cache_folder
from kit.transport.limits import RateLimiter
from kit.transport.pool import ConnectionPoolManager
from kit.transport.session import Route, open_session
from kit.transport.wire import prepared

_HEADERS = {
    "Accept": "application/json",
    "X-UserType": "USER",
    "X-SourceID": "WEB",
    "X-ClientLocalIP": "127.0.0.1",
    "X-ClientPublicIP": "127.0.0.1",  # not looked at for data calls; orders go by the socket's address
    "X-MACAddress": "00:00:00:00:00:00",
}
_CLOCK_ERROR_S = 5


class Line:
    """Sends a request, logging in on the way when that is needed.

    Parameters
    ----------
    credentials : Credentials
        The account.
    settings : Settings
        Lifetimes and the disk tier.
    pool : ConnectionPoolManager
        The sockets.
    clock : Clock
        Tells the present.
    base_url : str
        Root of the broker's API.

    Attributes
    ----------
    market : str
        Keeps apart what simulated exchanges say that had the same port one after the other; each start
        has an account of its own. Empty for the broker, whose market is the same for every account.
    """

    def __init__(
        self,
        credentials: Credentials,
        settings: Settings,
        pool: ConnectionPoolManager,
        clock: Clock,
        base_url: str,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._clock = clock
        self._config = settings.cache_config
        self._counting = threading.Lock()
        self.answers = Counter[str]()
        account = _account(credentials, self.base_url)
        self.market = account if _on_this_machine(self.base_url) else ""
        folder, table = cache_folder(), routes(settings.cache_config, clock)
        self.limiter = RateLimiter(folder / "limits.sqlite", account=account)
        self._session = open_session(
            pool,
            [replace(route, private=route.private or bool(self.market)) for route in table],
            judge,
            storable,
            settings.cache_config,
            folder / "replies.sqlite" if settings.cache_config.disk else None,
            self.limiter,
            account=account,
        )
        self.access = Login(credentials, self._authenticate, clock)

    def ask(self, endpoint: Endpoint, body: Mapping[str, Any]) -> Reply[Any]:
        """Return the payload of one call, from the disk tier if it is there.

        Raises
        ------
        BrokerError
            The broker said no, by the table of `kit.broker.replies`.
        TransportError
            The bytes did not travel.
        """
        if endpoint.lifetime and self.access.valid() is None:
            stored = self._session.stored(self._request(endpoint, body, None))
            if stored is not None:  # what the disk can answer needs no login
                return self._reply(endpoint, body, stored)
        tokens = self.access.tokens()
        try:
            return self._once(endpoint, body, tokens)
        except SessionExpired:
            return self._once(endpoint, body, self.access.renewed(tokens))

    def holds(self, endpoint: Endpoint, body: Mapping[str, Any]) -> bool:
        """Tell whether the disk tier can answer a call."""
        return self._session.holds(self._request(endpoint, body, None))

    def leave(self) -> None:
        """Log out, if logged in."""
        tokens = self.access.current()
        if tokens is None:
            return
        body = {"clientcode": self._credentials.client_code.get_secret_value()}
        try:
            self._once(LOGOUT, body, tokens)
        except SessionExpired:
            pass  # it had ended already, which is what was wanted
        finally:
            self.access.forget()

    def allowance(self) -> dict[str, int]:
        """Return how many calls of each budget could go at once now."""
        today = self._clock.now().date()
        budgets = {endpoint.budget for endpoint in endpoints.ALL}
        return {
            name: self.limiter.remaining(name, endpoints.windows(name, today)) for name in sorted(budgets)
        }

    def close(self) -> None:
        """Close the cache file."""
        self._session.close()

    def _authenticate(self, endpoint: Endpoint, body: Mapping[str, str], tokens: Tokens | None) -> Any:
        answer = self._session.send(self._request(endpoint, body, tokens))
        try:
            return self._reply(endpoint, body, answer).data
        except (Rejected, BadRequest, SessionExpired) as error:
            if endpoint is not LOGIN:
                raise
            what, remedy = "The broker refused the credentials", _advice(answer.headers.get("Date"))
            raise LoginRefused(what, error.value, remedy, error.code, error.status) from None

    def _once(self, endpoint: Endpoint, body: Mapping[str, Any], tokens: Tokens | None) -> Reply[Any]:
        return self._reply(endpoint, body, self._session.send(self._request(endpoint, body, tokens)))

    def _request(
        self, endpoint: Endpoint, body: Mapping[str, Any], tokens: Tokens | None
    ) -> requests.PreparedRequest:
        headers = {**_HEADERS, "X-PrivateKey": self._credentials.api_key.get_secret_value()}
        if tokens is not None:
            headers["Authorization"] = f"Bearer {tokens.jwt.get_secret_value()}"
        content = dict(body) if endpoint.method == "POST" else None
        url = self.base_url + endpoint.path
        return prepared(endpoint.method, url, headers, content)

    def _reply(self, endpoint: Endpoint, body: Mapping[str, Any], answer: Any) -> Reply[Any]:
        data = data_of(answer, _shown(endpoint, body))
        if answer.from_cache:
            tier: Source = "stale" if answer.stale else "sqlite"
            return self._counted(Reply(data, tier, answer.age_s, answer.remaining_life_s, answer.stale))
        life_s = lifetime_s(endpoint, body, self._config, self._clock.now()) or 0.0
        return self._counted(Reply(data, "network", 0.0, life_s))

    def _counted(self, reply: Reply[Any]) -> Reply[Any]:
        with self._counting:
            self.answers[reply.source] += 1
        return reply


def routes(config: CacheConfig, clock: Clock) -> list[Route]:
    """Return what the transport must know about every endpoint."""
    return [_route(endpoint, config, clock) for endpoint in endpoints.ALL]


def _route(endpoint: Endpoint, config: CacheConfig, clock: Clock) -> Route:
    def lifetime(request: requests.PreparedRequest) -> float | None:
        return lifetime_s(endpoint, json.loads(request.body or b"{}"), config, clock.now())

    return Route(
        endpoint.name,
        endpoint.path,
        None if endpoint.lifetime is None else lifetime,
        endpoint.budget,
        endpoints.windows(endpoint.budget, clock.now().date()),
        endpoint.retry_safe,
        endpoint.private,
    )


def _account(credentials: Credentials, base_url: str) -> str:
    """Name the account whose limits are shared, without naming it."""
    code = credentials.client_code.get_secret_value() + base_url
    key = credentials.api_key.get_secret_value().encode()[:64]
    return hashlib.blake2b(code.encode(), key=key, digest_size=8).hexdigest()


def _on_this_machine(base_url: str) -> bool:
    return urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1")


def _advice(broker_says: str | None) -> str:
    """Say what may be wrong with a login; a clock that is off makes every one-time password wrong."""
    ahead_s = wall_s() - parsedate_to_datetime(broker_says).timestamp() if broker_says else 0.0
    if abs(ahead_s) < _CLOCK_ERROR_S:
        return "Check PIN and TOTP secret, and that this machine's clock is right."
    where = "ahead of" if ahead_s > 0 else "behind"
    return f"This machine's clock is {abs(ahead_s):.0f} s {where} the broker's: set it right."


def _shown(endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    """Describe a request for an error message; a login's body is never shown."""
    return f"{endpoint.name} {json.dumps(body)}" if endpoint.lifetime else endpoint.name
