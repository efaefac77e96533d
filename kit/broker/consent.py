"""Nothing that changes a real account is sent by accident.

The kit is for research. Against an exchange of this machine (a loopback address) everything may be ordered.
Anything else is taken for real, and what would change an account there is refused before a byte leaves,
unless

1. the code says ``allow_live_orders=True`` to the client or session, by which no setting, file, subclass or
   variable of the environment can stand, and
2. the environment's ``KIT_LIVE_ORDERS`` is the client code of the very account;

and even then orders of an algorithm must be limit orders for the day, as the broker's notice of February 2026
demands. The rate of orders stays below ten a second by the row of their endpoint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from posixpath import normpath
from typing import Any
from urllib.parse import unquote, urlsplit

from requests import PreparedRequest

from kit.broker.endpoints import ALL, MODIFY_ORDER, PLACE_ORDER, Endpoint
from kit.errors import LiveOrdersRefused, SettingsError
from kit.settings import Credentials, live_orders_client
from kit.transport.proxies import is_loopback

_WRITES = {endpoint.path: endpoint for endpoint in ALL if endpoint.writes}
_READS = {endpoint.path for endpoint in ALL if not endpoint.writes}
_ASKING = ("GET", "HEAD", "OPTIONS")
_LIMITS = ("LIMIT", "STOPLOSS_LIMIT")


class LiveConsent:
    """Tells whether what changes an account may be sent to an address.

    Parameters
    ----------
    base_url : str
        Where to.
    credentials : Credentials
        Whose account.
    allowed : bool
        Whether the code allows live orders.
    """

    def __init__(self, base_url: str, credentials: Credentials, allowed: bool) -> None:
        root = urlsplit(base_url)
        self._is_real = not is_loopback(root.hostname)
        self._reads = {root.path + path for path in _READS}
        self._credentials = credentials
        self._allowed = allowed is True

    def __reduce__(self) -> Any:
        raise SettingsError("Live consent cannot be pickled", None, "Open a client in each process.")

    @property
    def given(self) -> bool:
        """Whether what changes the account may be sent: it is not real, or both consents are there."""
        named = live_orders_client() == self._credentials.client_code.get_secret_value()
        return not self._is_real or (self._allowed and named)

    def check(self, endpoint: Endpoint, body: Mapping[str, Any]) -> None:
        """Refuse a request that would change a real account without consent.

        Raises
        ------
        LiveOrdersRefused
            Consent is missing in the code or in the environment, or an order is no limit order for the day.
        """
        if endpoint.writes and self._is_real:
            self._check(endpoint, body)

    def _check(self, endpoint: Endpoint, body: Mapping[str, Any]) -> None:
        if not self._allowed:
            remedy = (
                "The kit is for research: use the simulated exchange or a paper account. See docs/orders.md."
            )
            raise LiveOrdersRefused("Nothing that changes a real account is sent", endpoint.name, remedy)
        if live_orders_client() != self._credentials.client_code.get_secret_value():
            remedy = "Set KIT_LIVE_ORDERS to the client code of this account, and only while you mean it."
            raise LiveOrdersRefused("Live orders are not confirmed in the environment", endpoint.name, remedy)
        kind, lasts = body.get("ordertype"), body.get("duration")
        if endpoint in (PLACE_ORDER, MODIFY_ORDER) and (kind not in _LIMITS or lasts != "DAY"):
            remedy = "Name a price, and use validity='DAY': the broker refuses market and IOC orders by API."
            raise LiveOrdersRefused("Only limit orders go to the real broker", (kind, lasts), remedy)

    def gate(self, request: PreparedRequest) -> None:
        """Check a prepared request by its own host and path, whoever made it and wherever else this looks.

        What does not merely ask is taken for a write, unless it is posted to a path that is letter by letter
        one that reads: how a server takes other spellings and methods nobody knows.

        Raises
        ------
        LiveOrdersRefused
            As `check`; or nobody knows what it would do.
        """
        url = urlsplit(str(request.url))
        if is_loopback(url.hostname) or (url.path in self._reads and request.method in (*_ASKING, "POST")):
            return
        endpoint = _written(url.path)
        if endpoint is not None:
            try:
                body = json.loads(request.body or b"{}")
            except ValueError:
                body = {}
            self._check(endpoint, body if isinstance(body, dict) else {})
        elif request.method not in _ASKING:
            remedy = (
                "Use the client's methods, or write the path of an endpoint as kit.broker.endpoints has it."
            )
            raise LiveOrdersRefused("Nobody knows what this would do at a real address", url.path, remedy)


def _written(path: str) -> Endpoint | None:
    """Return the endpoint that a path is known to write to, in the usual spellings and behind any prefix."""
    plain = normpath(re.sub("/+", "/", unquote(path))).casefold()
    return next((endpoint for known, endpoint in _WRITES.items() if plain.endswith(known.casefold())), None)
