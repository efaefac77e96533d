"""The broker's endpoints, one row each: path, lifetime, limits and retry safety stand here only.

A new endpoint is a row here and a method in `kit.broker.client`; cache, limiter and retries follow
the row. What has no row is never stored and never retried.

Source: Angel One SmartAPI documentation, as of 2026-08; the limits are in ``data/rate_limits.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from urllib.parse import quote

from kit.facts import in_force, table
from kit.transport.limits import Window

_OPEN = "/rest/auth/angelbroking"
_SECURE = "/rest/secure/angelbroking"
_SPANS_S = {"per_second": 1.0, "per_minute": 60.0, "per_hour": 3600.0}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the broker's API.

    Parameters
    ----------
    name : str
        The name in statistics and messages.
    method : {"GET", "POST"}
        HTTP method.
    path : str
        Path after the root; a last part of ``*`` stands for a name, see `named`.
    lifetime : str or None
        Field of `kit.settings.CacheConfig` that holds the lifetime in seconds; None: never stored.
    budget : str
        Row of ``data/rate_limits.csv``; endpoints with the same row share their allowance.
    retry_safe : bool, default True
        Whether sending the request twice does no harm.
    private : bool, default False
        Whether the answer belongs to one account.
    writes : bool, default False
        Whether it changes what an account holds or orders; see `kit.broker.consent`.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    lifetime: str | None
    budget: str
    retry_safe: bool = True
    private: bool = False
    writes: bool = False

    def named(self, name: str) -> Endpoint:
        """Return the row for one thing that its path names."""
        return replace(self, path=self.path.removesuffix("*") + quote(name, safe=""))


LOGIN = Endpoint(
    "login", "POST", f"{_OPEN}/user/v1/loginByPassword", None, "loginByPassword", retry_safe=False
)
REFRESH = Endpoint(
    "refresh", "POST", f"{_OPEN}/jwt/v1/generateTokens", None, "generateTokens", retry_safe=False
)
LOGOUT = Endpoint("logout", "POST", f"{_SECURE}/user/v1/logout", None, "logout", retry_safe=False)
PROFILE = Endpoint("profile", "GET", f"{_SECURE}/user/v1/getProfile", None, "getProfile", private=True)
FUNDS = Endpoint("funds", "GET", f"{_SECURE}/user/v1/getRMS", None, "getRMS", private=True)
CANDLES = Endpoint(
    "candles", "POST", f"{_SECURE}/historical/v1/getCandleData", "historical_data_ttl", "getCandleData"
)
OI_HISTORY = Endpoint(
    "oi_history", "POST", f"{_SECURE}/historical/v1/getOIData", "historical_data_ttl", "getCandleData"
)
QUOTES = Endpoint("quotes", "POST", f"{_SECURE}/market/v1/quote", "options_chain_ttl", "quote")
LTP = Endpoint("ltp", "POST", f"{_SECURE}/order/v1/getLtpData", "ltp_ttl", "getLtpData")
SEARCH = Endpoint("search", "POST", f"{_SECURE}/order/v1/searchScrip", "search_ttl", "searchScrip")
GREEKS = Endpoint(
    "option_greeks", "POST", f"{_SECURE}/marketData/v1/optionGreek", "options_chain_ttl", "optionGreek"
)
PUT_CALL_RATIO = Endpoint(
    "put_call_ratio", "GET", f"{_SECURE}/marketData/v1/putCallRatio", "default_ttl", "putCallRatio"
)


def _account(name: str, method: Literal["GET", "POST"], path: str, budget: str) -> Endpoint:
    """Return a row that tells of the account: private, never stored."""
    return Endpoint(name, method, _SECURE + path, None, budget, private=True)


def _write(name: str, path: str, budget: str) -> Endpoint:
    """Return a row that changes the account: never stored, never sent a second time by itself."""
    return Endpoint(name, "POST", _SECURE + path, None, budget, retry_safe=False, private=True, writes=True)


PLACE_ORDER = _write("place_order", "/order/v1/placeOrder", "orders")
MODIFY_ORDER = _write("modify_order", "/order/v1/modifyOrder", "orders")
CANCEL_ORDER = _write("cancel_order", "/order/v1/cancelOrder", "orders")
CONVERT = _write("convert_position", "/order/v1/convertPosition", "convertPosition")
CREATE_RULE = _write("create_rule", "/gtt/v1/createRule", "gttWrites")
MODIFY_RULE = _write("modify_rule", "/gtt/v1/modifyRule", "gttWrites")
CANCEL_RULE = _write("cancel_rule", "/gtt/v1/cancelRule", "gttWrites")
ORDER_BOOK = _account("order_book", "GET", "/order/v1/getOrderBook", "getOrderBook")
TRADE_BOOK = _account("trade_book", "GET", "/order/v1/getTradeBook", "getTradeBook")
ORDER_DETAILS = _account("order_details", "GET", "/order/v1/details/*", "details")
POSITIONS = _account("positions", "GET", "/order/v1/getPosition", "getPosition")
HOLDINGS = _account("holdings", "GET", "/portfolio/v1/getHolding", "getHolding")
MARGIN = _account("margin", "POST", "/margin/v1/batch", "margin")
CHARGES = _account("charges", "POST", "/brokerage/v1/estimateCharges", "margin")
RULES = _account("rules", "POST", "/gtt/v1/ruleList", "gttReads")

ALL = (
    LOGIN, REFRESH, LOGOUT, PROFILE, FUNDS, CANDLES, OI_HISTORY, QUOTES, LTP, SEARCH, GREEKS, PUT_CALL_RATIO,
    PLACE_ORDER, MODIFY_ORDER, CANCEL_ORDER, CONVERT, CREATE_RULE, MODIFY_RULE, CANCEL_RULE, ORDER_BOOK,
    TRADE_BOOK, ORDER_DETAILS, POSITIONS, HOLDINGS, MARGIN, CHARGES, RULES,
)  # fmt: skip
MASTER_BUDGET = "instrumentMaster"
QUOTE_BATCH = 50  # tokens in one quote request; the broker's answer to more is not documented


def spoken(budget: str) -> str:
    """Return the kit's own word for a budget: the name of the first endpoint that uses it."""
    name = next((one.name for one in ALL if one.budget == budget), budget)
    return "last price" if name == LTP.name else name.replace("_", " ")


def windows(budget: str, on: date) -> tuple[Window, ...]:
    """Return the sliding windows of a budget that apply on a day, shortest first.

    Raises
    ------
    DataError
        ``data/rate_limits.csv`` has no such row.
    """
    known = [row for row in table("rate_limits") if row["endpoint"] == budget]
    # a replayed day may lie before the first published limit; the oldest row is the best we know
    first = min((date.fromisoformat(row["from"]) for row in known), default=on)
    row = in_force(known, max(on, first))
    return tuple(Window(int(row[name]), span_s) for name, span_s in _SPANS_S.items() if row[name])
