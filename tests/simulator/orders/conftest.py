"""An account at an exchange whose clock stands still until it is moved; no server, no wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from kit.clock import IST
from kit.simulator.answers import Answer, Refused
from kit.simulator.app import ROUTES
from kit.simulator.contracts import ListedContract
from kit.simulator.market import Market
from kit.simulator.server import build
from kit.simulator.state import ApiRequest, ApiRoute
from kit.simulator.tape import Quote

FRIDAY = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
_ROUTES = {path.rsplit("/", 1)[-1]: route for (_, path), route in ROUTES.items()}
_DETAILS = next(route for (_, path), route in ROUTES.items() if path.endswith("details/*"))


class Floor:
    """One account and the market around it."""

    def __init__(self, market: Market, at: datetime, cash: float) -> None:
        self.state = build(7, 1e-6, at, limits=False).state
        self.state.market = self.state.dealings.account.market = market  # shared, so that days are made once
        self.account = self.state.dealings.account
        self.account.cash = cash
        self.clock = self.state.clock

    def contract(self, symbol: str) -> ListedContract:
        """Find what is listed under a symbol."""
        rows = self.state.market.listing(self.clock.now()).rows.values()
        return next(row for row in rows if row.symbol == symbol)

    def quote(self, symbol: str) -> Quote:
        """Return what a contract shows now."""
        return self.state.market.quotes([self.contract(symbol)], self.clock.now())[0]

    def ask(self, route: str, tail: str = "", **body: Any) -> Any:
        """Ask a route and return the whole answer, refusals included."""
        found = _DETAILS if route == "details" else _ROUTES[route]
        return json.loads(self.answer(found, body, tail).body)

    def answer(self, route: ApiRoute, body: dict[str, Any], tail: str = "") -> Answer:
        """Ask a route and return the answer as it is sent."""
        try:
            return route.handler(self.state, ApiRequest(body, "", tail))
        except Refused as refused:
            return refused.reply

    def place(
        self, symbol: str, side: str, quantity: int, price: float = 0.0, **changed: Any
    ) -> dict[str, Any]:
        """Place an order and return its row of the book."""
        contract = self.contract(symbol)
        body = {
            "variety": "NORMAL",
            "tradingsymbol": symbol,
            "symboltoken": contract.token,
            "transactiontype": side,
            "exchange": contract.exchange,
            "ordertype": "LIMIT",
            "producttype": "CARRYFORWARD",
            "duration": "DAY",
            "price": f"{price:.2f}",
            "quantity": str(quantity),
            **changed,
        }
        answer = self.ask("placeOrder", **body)
        assert answer["status"] is True, answer
        return self.row(answer["data"]["orderid"])

    def row(self, number: str) -> dict[str, Any]:
        """Return an order's row of the book as it is now."""
        return next(row for row in self.ask("getOrderBook")["data"] if row["orderid"] == number)

    def position(self, symbol: str) -> dict[str, str]:
        """Return a contract's row of the positions."""
        return next(row for row in self.ask("getPosition")["data"] if row["tradingsymbol"] == symbol)

    def trades(self) -> list[dict[str, str]]:
        """Return the trade book."""
        return self.ask("getTradeBook")["data"] or []


@pytest.fixture
def open_floor(market: Market) -> Callable[..., Floor]:
    """Open accounts at a moment with some money."""

    def make(at: datetime = FRIDAY, cash: float = 10_000_000.0) -> Floor:
        return Floor(market, at, cash)

    return make


@pytest.fixture
def floor(open_floor: Callable[..., Floor]) -> Floor:
    """Open an account on Friday at 11:15."""
    return open_floor()
