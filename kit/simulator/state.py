"""What every route of the simulated exchange works with, and how requests are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kit.clock import IST
from kit.errors import DataError
from kit.simulator.accounts import Account
from kit.simulator.answers import Answer, Refused, bad_request
from kit.simulator.contracts import ListedContract
from kit.simulator.history import History
from kit.simulator.market import Market
from kit.simulator.market_clock import MarketClock
from kit.simulator.orders.dealings import Dealings


class ExchangeState:
    """The state of an exchange, without its server.

    Parameters
    ----------
    market : Market
        What is traded.
    account : Account
        Who may ask.
    clock : MarketClock
        The market's present.
    """

    def __init__(self, market: Market, account: Account, clock: MarketClock) -> None:
        self.market = market
        self.history = History(market)
        self.account = account
        self.clock = clock
        self.dealings = Dealings(market, clock)
        self.master: tuple[Any, bytes] = (None, b"")

    def contract(self, exchange: Any, token: Any) -> ListedContract | None:
        """Return what is listed now under a token, if anything is."""
        return self.market.listing(self.clock.now()).rows.get((str(exchange), str(token)))


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request as a route sees it.

    Parameters
    ----------
    body : mapping
        The JSON object sent; empty for GET.
    jwt : str
        The session's token; empty where none is asked for.
    tail : str
        What stands in the path for the ``*`` of the route's.
    """

    body: Mapping[str, Any]
    jwt: str = ""
    tail: str = ""

    def text(self, key: str) -> str:
        """Return a field as text; empty where it is missing."""
        value = self.body.get(key)
        return "" if value is None else str(value)

    def moment(self, key: str) -> datetime:
        """Return a field written as ``2026-11-20 09:15`` in exchange time.

        Raises
        ------
        Refused
            HTTP 400 without a body: the field is no such time.
        """
        try:
            return datetime.strptime(self.text(key), "%Y-%m-%d %H:%M").replace(tzinfo=IST)
        except ValueError:
            raise Refused(bad_request()) from None


Handler = Callable[[ExchangeState, ApiRequest], Answer]


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One endpoint.

    Parameters
    ----------
    method, path : str
        As in the broker's documentation; a last part of ``*`` stands for any.
    handler : callable
        ``(state, asked) -> Answer``.
    is_open : bool, default False
        Whether it asks for no session.
    is_public : bool, default False
        Whether it asks for nothing at all.
    """

    method: str
    path: str
    handler: Handler
    is_open: bool = False
    is_public: bool = False

    @property
    def name(self) -> str:
        """Return its name in the table of rate limits: the last part of the path."""
        return _LIMIT_NAMES.get(self.path) or self.path.removesuffix("/*").rsplit("/", 1)[-1]


MASTER_PATH = "/OpenAPI_File/files/OpenAPIScripMaster.json"
_LIMIT_NAMES = {MASTER_PATH: "instrumentMaster"}


def json_object(body: bytes) -> Mapping[str, Any]:
    """Read a request's body; an empty one is an empty object.

    Raises
    ------
    Refused
        HTTP 400 without a body: this is no JSON object.
    """
    try:
        content = json.loads(body) if body else {}
    except (ValueError, RecursionError):  # nested without end
        raise Refused(bad_request()) from None
    if not isinstance(content, dict):
        raise Refused(bad_request())
    return content


def known_day(text: str, reader: Callable[[str], Any]) -> Any:
    """Read a date with `reader`, or refuse with HTTP 400."""
    try:
        return reader(text)
    except DataError:
        raise Refused(bad_request()) from None
