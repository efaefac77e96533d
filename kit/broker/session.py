"""The broker's session: login, tokens, limits and the reply session, with one transparent recovery."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.cookies import RequestsCookieJar
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies

from kit.addresses import checked_address, proxy_addresses
from kit.broker import endpoints
from kit.broker.auth import Login, advice
from kit.broker.consent import LiveConsent
from kit.broker.endpoints import LOGIN, LOGOUT, Endpoint
from kit.broker.lifetimes import lifetime_s, routes, up_to_now
from kit.broker.replies import data_of, judge, momentary, storable
from kit.broker.shapes import Reply
from kit.broker.sharing import share
from kit.broker.tokens import Tokens
from kit.clock import Clock
from kit.errors import BadRequest, DataError, LoginRefused, NeverSent, Rejected, SessionExpired
from kit.forks import renew_in_fork
from kit.model import Source
from kit.settings import Credentials, Settings, cache_folder
from kit.transport.limits import RateLimiter
from kit.transport.policy import Policy, kept_for
from kit.transport.pool import ConnectionPoolManager
from kit.transport.proxies import is_loopback
from kit.transport.session import ReplySession
from kit.transport.stored import StoredAnswer, age_s, remaining_s

HEADERS = {
    "Accept": "application/json",
    "X-UserType": "USER",
    "X-SourceID": "WEB",
    "X-ClientLocalIP": "127.0.0.1",
    "X-ClientPublicIP": "127.0.0.1",  # not looked at for data calls; orders go by the socket's address
    "X-MACAddress": "00:00:00:00:00:00",
}


class BrokerSession:
    """One login at the broker with its tokens, limits and stored replies; client, orders and stream share it.

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
    allow_live_orders : bool, default False
        Whether what changes a real account may be sent, once the environment confirms it too; see
        `kit.broker.consent`.

    Attributes
    ----------
    access : Login
        Holds the tokens.
    replies : ReplySession
        The requests-cache session; ``cache``, ``settings``, ``cache_disabled()`` are its own.
    limiter : RateLimiter
        The account's limits, shared by all processes of the machine.
    account : str
        A digest of the account, which does not reveal it.
    market : str
        Keeps apart what simulated exchanges say that had the same port one after the other; each start
        has an account of its own. Empty for the broker, whose market is the same for every account.

    Raises
    ------
    SettingsError
        `base_url` names no host.
    """

    def __init__(
        self,
        credentials: Credentials,
        settings: Settings,
        pool: ConnectionPoolManager,
        clock: Clock,
        base_url: str,
        allow_live_orders: bool = False,
    ) -> None:
        self.base_url = checked_address(base_url)
        self._consent = LiveConsent(self.base_url, credentials, allow_live_orders)
        self._credentials = credentials
        self._clock = clock
        self._config = settings.cache_config
        self._counting = threading.Lock()
        renew_in_fork(self, _counting=threading.Lock)
        self.answers = Counter[str]()
        self.account = account = _account(credentials, self.base_url)
        self.market = account if is_loopback(urlsplit(self.base_url).hostname) else ""
        folder = cache_folder()
        self.limiter = RateLimiter(folder / "limits.sqlite", account=account)
        table = routes(self._config, clock, bool(self.market))
        policy = Policy(table, judge, storable, account, self._sent)
        file = folder / "replies.sqlite" if self._config.disk else None
        self.replies = ReplySession(pool, policy, self._config, file, self.limiter)
        self.replies.headers.update(HEADERS)
        self._proxies = get_environ_proxies(self.base_url)  # once: reading it takes a tenth of a call
        shared = share(settings.broker.share_tokens, account, clock)
        self.access = Login(credentials, self._authenticate, clock, shared)

    def ask(self, endpoint: Endpoint, body: Mapping[str, Any], stored: Any = None) -> Reply[Any]:
        """Return the payload of one call, from the disk tier if it is there.

        A session that the broker calls ended is refreshed and the call sent again; if that does not help,
        once more after a full login. What `stored` found is not looked for again.

        Raises
        ------
        BrokerError
            The broker said no, by the table of `kit.broker.replies`.
        TransportError
            The bytes did not travel.
        LiveOrdersRefused
            It would change a real account; nothing was sent.
        """
        self._consent.check(endpoint, body)
        if stored is None and endpoint.lifetime and self.access.valid() is None:
            stored = self.stored(endpoint, body)
        if stored is not None:  # what the disk can answer needs no login
            return self._reply(endpoint, body, stored)
        return self.access.with_tokens(partial(self._once, endpoint, body))

    @property
    def may_write(self) -> bool:
        """Whether what changes the account may be sent, see `kit.broker.consent`."""
        return self._consent.given

    def stored(self, endpoint: Endpoint, body: Mapping[str, Any]) -> StoredAnswer | None:
        """Return what the disk tier can answer to a call, for `ask`."""
        return self.replies.stored(self._request(endpoint, body, None))

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
        budgets = sorted({endpoint.budget for endpoint in endpoints.ALL})
        return {name: self.limiter.remaining(name, endpoints.windows(name, today)) for name in budgets}

    def close(self) -> None:
        """Close the files of cache and limits."""
        self.access.close()
        self.replies.close()  # type: ignore[no-untyped-call]
        self.limiter.close()

    def _sent(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._consent.gate(request)
        return up_to_now(request, self._clock.now())

    def _authenticate(self, endpoint: Endpoint, body: Mapping[str, str], tokens: Tokens | None) -> Any:
        answer = self._answer(endpoint, body, tokens)
        try:
            return self._reply(endpoint, body, answer).data
        except (Rejected, BadRequest, SessionExpired) as error:
            if endpoint is not LOGIN:
                raise
            what, remedy = "The broker refused the credentials", advice(answer.headers.get("Date"))
            raise LoginRefused(what, error.value, remedy, error.code, error.status) from None

    def _once(self, endpoint: Endpoint, body: Mapping[str, Any], tokens: Tokens | None) -> Reply[Any]:
        return self._reply(endpoint, body, self._answer(endpoint, body, tokens))

    def _answer(self, endpoint: Endpoint, body: Mapping[str, Any], tokens: Tokens | None) -> Any:
        ttl_s = lifetime_s(endpoint, body, self._config, self._clock.now())
        request = self._request(endpoint, body, tokens)
        if ttl_s is not None:
            request.hooks["response"].append(momentary(_shown(endpoint, body)))
        lifetime = None if ttl_s is None else kept_for(ttl_s)
        proxies = proxy_addresses(self._proxies, self.replies.proxies)
        return self.replies.send(request, expire_after=lifetime, proxies=proxies, allow_redirects=False)

    def _request(
        self, endpoint: Endpoint, body: Mapping[str, Any], tokens: Tokens | None
    ) -> requests.PreparedRequest:
        """Return a call ready to send, with the headers, hooks and ``auth`` that the reply session has."""
        headers: CaseInsensitiveDict[str] = self.replies.headers.copy()  # type: ignore[attr-defined]
        headers["X-PrivateKey"] = self._credentials.api_key.get_secret_value()
        if tokens is not None:
            headers["Authorization"] = f"Bearer {tokens.jwt.get_secret_value()}"
        content = body if endpoint.method == "POST" else None
        request = prepared(endpoint.method, self.base_url + endpoint.path, headers, content)
        request.hooks["response"] = [*self.replies.hooks["response"], _check_asked]
        if self.replies.auth:
            request.prepare_auth(self.replies.auth)
        return request

    def _reply(self, endpoint: Endpoint, body: Mapping[str, Any], answer: Any) -> Reply[Any]:
        data = data_of(answer, _shown(endpoint, body))
        if answer.from_cache:
            tier: Source = "stale" if answer.is_expired else "sqlite"
            return self._counted(Reply(data, tier, age_s(answer), remaining_s(answer), tier == "stale"))
        life_s = lifetime_s(endpoint, body, self._config, self._clock.now()) or 0.0
        return self._counted(Reply(data, "network", 0.0, life_s))

    def _counted(self, reply: Reply[Any]) -> Reply[Any]:
        with self._counting:
            self.answers[reply.source] += 1
        return reply


def prepared(
    method: str, url: str, headers: CaseInsensitiveDict[str], content: Any
) -> requests.PreparedRequest:
    """Prepare a request with a JSON body; the library's own way is slower, and its errors quote headers."""
    request = requests.PreparedRequest()
    request.method, request.url, request.hooks = method, url, default_hooks()
    request.headers = headers
    request._cookies = RequestsCookieJar()  # type: ignore[attr-defined] # asked for where an answer sends on
    if content is not None:
        try:
            request.body = json.dumps(dict(content), allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise DataError(
                "This cannot be asked of the broker", str(error), "Use text and numbers."
            ) from None
        request.headers["Content-Type"] = "application/json"
        request.headers["Content-Length"] = str(len(request.body))
    return request


def _account(credentials: Credentials, base_url: str) -> str:
    """Return a digest by which processes share the limits of an account; it does not reveal the account."""
    code = credentials.client_code.get_secret_value() + base_url
    key = credentials.api_key.get_secret_value().encode()[:64]
    return hashlib.blake2b(code.encode(), key=key, digest_size=8).hexdigest()


def _check_asked(answer: Any, **_options: Any) -> None:
    """Raise `NeverSent` for the answer that requests-cache makes up where ``only_if_cached`` finds none."""
    if (answer.status_code, answer.reason) == (504, "Not Cached"):
        what = "Nothing stored answers this call, and settings.only_if_cached forbids to send it"
        raise NeverSent(what, urlsplit(answer.url).path, "Set it to False.")


def _shown(endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    """Describe a request for an error message; a login's body is never shown."""
    return f"{endpoint.name} {json.dumps(body)}" if endpoint.lifetime else endpoint.name
