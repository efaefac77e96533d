"""The policy table: which paths may be stored, for how long and for whom, and what may be sent again.

Deny by default: what has no row is never stored, and sent again only where HTTP itself allows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests_cache import NEVER_EXPIRE

from kit.arguments import checked, text
from kit.transport.windows import Window

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_MOMENTARY = frozenset({502, 503, 504})


class ReplyVerdict(Enum):
    """What the broker's judge says about a raw response."""

    OK = "ok"
    RATE_LIMITED = "rate limited"
    TRANSIENT = "transient"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint as the transport sees it.

    Parameters
    ----------
    name : str
        Name in messages.
    path : str
        URL path it matches; a trailing ``/`` does not matter, a last part of ``*`` matches any.
    ttl_s : float or None
        Lifetime of an answer, seconds, where the call itself names none. None: never stored, whatever
        the call says. ``math.inf``: never expires.
    budget : str
        Rate budget the call draws from.
    windows : tuple of Window
        Limits of that budget.
    retry_safe : bool
        Sending it twice does no harm (a read).
    private : bool, default False
        The answer belongs to one account: its cache key includes the account.
    """

    name: str
    path: str
    ttl_s: float | None
    budget: str
    windows: tuple[Window, ...]
    retry_safe: bool
    private: bool = False


def judged_by_status(response: Response) -> ReplyVerdict:
    """Judge an answer by its HTTP status alone."""
    return ReplyVerdict.TRANSIENT if response.status_code in _MOMENTARY else ReplyVerdict.OK


class Policy:
    """Finds the row of a request.

    Parameters
    ----------
    routes : sequence of Route, optional
        The table; default empty, as for a lent connection.
    judge : callable, optional
        Gives the `ReplyVerdict` on a raw response of a listed path.
    storable : callable, optional
        Tells whether an answer of a listed path that the judge finds OK may be stored.
    account : str, optional
        Keeps the private answers of several accounts apart.
    gate : callable, optional
        Returns what is sent for a request, below the cache; raises where nothing may be.
    """

    @checked
    def __init__(
        self,
        routes: Sequence[Route] = (),
        judge: Callable[[Response], ReplyVerdict] = judged_by_status,
        storable: Callable[[Response], bool] = lambda _response: True,
        account: str = "",
        gate: Callable[[PreparedRequest], PreparedRequest] = lambda request: request,
    ) -> None:
        self.gate = gate
        self._routes = {route.path.rstrip("/"): route for route in routes}
        self._judge = judge
        self._storable = storable
        named = text(account, "No account has this name").encode()
        self._owner = blake2b(named, digest_size=8).hexdigest() if account else ""

    def listed(self, request: Any) -> Route | None:
        """Return the row of a request's path, if it has one."""
        path = urlsplit(str(request.url)).path.rstrip("/")
        return self._routes.get(path) or self._routes.get(path.rpartition("/")[0] + "/*")

    def route(self, request: PreparedRequest) -> Route:
        """Return the row of a request, or one without limits that stores nothing."""
        again = str(request.method) in _IDEMPOTENT
        return self.listed(request) or Route("unlisted", str(request.path_url), None, "unlisted", (), again)

    def verdict(self, response: Response) -> ReplyVerdict:
        """Judge an answer: a listed path by the judge, another by its status."""
        return (self._judge if self.listed(response.request) else judged_by_status)(response)

    def owner(self, request: Any) -> str:
        """Return a digest of the account that an answer belongs to; empty where it belongs to everybody."""
        route = self.listed(request)
        return self._owner if route is not None and route.private else ""

    def forbids(self, request: PreparedRequest) -> bool:
        """Tell whether no setting and no call may have the answer to a request stored."""
        route = self.listed(request)
        return route is not None and route.ttl_s is None

    def keeps(self, response: Any) -> bool:
        """Tell whether an answer may be stored (the session's ``filter_fn``)."""
        if getattr(response, "from_cache", False) or self.listed(response.request) is None:
            return True
        return self._judge(response) is ReplyVerdict.OK and self._storable(response)

    def lifetimes(self) -> dict[str | re.Pattern[str], Any]:
        """Return the lifetimes in the form of requests-cache's ``urls_expire_after``."""
        return {
            re.compile(rf"^\w+://[^/]*{_pattern(path)}/?(?:[?#]|$)"): kept_for(route.ttl_s)
            for path, route in self._routes.items()
            if route.ttl_s is not None
        }


def _pattern(path: str) -> str:
    return re.escape(path.removesuffix("*")) + ("[^/?#]+" if path.endswith("*") else "")


def kept_for(ttl_s: float) -> float:
    """Return a lifetime, seconds, as requests-cache takes it: one without end has a number of its own."""
    return NEVER_EXPIRE if ttl_s == math.inf else ttl_s
