"""Quotes in three modes, the legacy last price, and search."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kit.clock import last_session
from kit.simulator.answers import MESSAGES, Answer, Refused, application_error, bad_request, success
from kit.simulator.contracts import TICK, ListedContract
from kit.simulator.randomness import uniforms
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState
from kit.simulator.tape import Quote

_MOST_TOKENS = 50
_MODES = ("LTP", "OHLC", "FULL")
_LEVELS = 5
_CIRCUIT, _OPTION_CIRCUIT = 0.10, 0.08  # of the previous close, and of the underlying for an option
_NO_LEVEL = {"price": 0.0, "quantity": 0, "orders": 0}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def quote(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return quotes of up to 50 tokens; unknown tokens are listed apart."""
    mode, wanted = asked.text("mode"), asked.body.get("exchangeTokens")
    if mode not in _MODES or not isinstance(wanted, dict):
        raise Refused(bad_request())
    if not all(isinstance(tokens, list) for tokens in wanted.values()):
        raise Refused(bad_request())
    pairs = [(exchange, str(token)) for exchange, tokens in wanted.items() for token in tokens]
    if len(pairs) > _MOST_TOKENS:
        raise Refused(bad_request())
    now = state.clock.now()
    rows = state.market.listing(now).rows
    known = [rows[pair] for pair in pairs if pair in rows]
    quotes = state.market.quotes(known, now)
    unknown = [_unfetched(*pair) for pair in pairs if pair not in rows]
    return success({"fetched": _rows(state, mode, quotes, now), "unfetched": unknown})


def _unfetched(exchange: str, token: str) -> dict[str, Any]:
    code = "AB1009" if token else "AB4018"
    return {"exchange": exchange, "symbolToken": token, "message": MESSAGES[code], "errorCode": code}


def _rows(state: ExchangeState, mode: str, quotes: list[Quote], now: datetime) -> list[dict[str, Any]]:
    if mode == "LTP":
        return [{**_name(item.contract), "ltp": item.ltp} for item in quotes]
    rows = [_ohlc(item) for item in quotes]
    if mode == "FULL":
        traded, fed = _written(min(now, last_session(now).close)), _written(now)
        sizes = _sizes(state, quotes, now)
        for number, (row, item) in enumerate(zip(rows, quotes, strict=True)):
            row.update(_full(item, traded, fed, sizes[number]))
    return rows


def _name(contract: ListedContract) -> dict[str, Any]:
    return {
        "exchange": contract.exchange,
        "tradingSymbol": contract.symbol,
        "symbolToken": contract.token,
    }


def _ohlc(item: Quote) -> dict[str, Any]:
    prices = {"open": item.open, "high": item.high, "low": item.low, "close": item.previous}
    return {**_name(item.contract), "ltp": item.ltp, **prices}


def _full(item: Quote, traded: str, fed: str, sizes: list[float]) -> dict[str, Any]:
    change = item.ltp - item.previous
    reach = _CIRCUIT * item.previous
    if item.contract.kind == "OPTION":
        reach += _OPTION_CIRCUIT * item.contract.strike
    buys = _levels(item.bid, -TICK, item.contract.lot, sizes[:_LEVELS])
    sells = _levels(item.ask, TICK, item.contract.lot, sizes[_LEVELS:])
    return {
        "lastTradeQty": item.contract.lot if item.volume else 0,
        "exchFeedTime": fed,
        "exchTradeTime": traded,
        "netChange": round(change, 2),
        "percentChange": round(100 * change / item.previous, 2),
        "avgPrice": item.average,
        "tradeVolume": item.volume,
        "opnInterest": item.interest,
        "lowerCircuit": max(TICK, round(item.previous - reach, 1)),
        "upperCircuit": round(item.previous + reach, 1),
        "totBuyQuan": 9 * sum(level["quantity"] for level in buys),
        "totSellQuan": 9 * sum(level["quantity"] for level in sells),
        "52WeekLow": min(item.low, round(0.7 * item.previous, 1)),
        "52WeekHigh": max(item.high, round(1.3 * item.previous, 1)),
        "depth": {"buy": buys, "sell": sells},
        "referenceLimitPrice": item.ltp,
    }


def _levels(best: float, step: float, lot: int, sizes: list[float]) -> list[dict[str, Any]]:
    """Return five levels away from the best price; empty ones where nobody quotes."""
    if not best:
        return [_NO_LEVEL] * _LEVELS
    prices = [round(best + step * number, 2) for number in range(_LEVELS)]
    return [
        {"price": price, "quantity": lot * int(1 + 40 * size), "orders": int(1 + 12 * size)}
        if price > 0
        else _NO_LEVEL
        for price, size in zip(prices, sizes, strict=True)
    ]


def _sizes(state: ExchangeState, quotes: list[Quote], now: datetime) -> list[list[float]]:
    """Draw how much waits at each of ten levels; changes every second."""
    numbers = [[item.contract.number] for item in quotes]
    drawn: list[list[float]] = uniforms(
        state.market.seed, 21, numbers or [[0]], int(now.timestamp()), list(range(2 * _LEVELS))
    ).tolist()
    return drawn


def _written(at: datetime) -> str:
    """Write a time as ``20-Nov-2026 11:15:00``, whatever the locale."""
    return f"{at.day:02d}-{_MONTHS[at.month - 1]}-{at:%Y %H:%M:%S}"


def last_price(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return the legacy form of one last price."""
    contract = state.contract(asked.text("exchange"), asked.text("symboltoken"))
    if contract is None:
        raise Refused(application_error("AB1009"))
    item = state.market.quotes([contract], state.clock.now())[0]
    names = {
        "exchange": contract.exchange,
        "tradingsymbol": contract.symbol,
        "symboltoken": contract.token,
    }
    prices = {"open": item.open, "high": item.high, "low": item.low, "close": item.previous}
    return success({**names, **prices, "ltp": item.ltp})


def search(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return what is listed under a text; null where nothing is."""
    text, exchange = asked.text("searchscrip").upper(), asked.text("exchange")
    if not text or not exchange:
        raise Refused(bad_request())
    found = [
        {"exchange": row.exchange, "tradingsymbol": row.symbol, "symboltoken": row.token}
        for row in state.market.listing(state.clock.now()).rows.values()
        if row.exchange == exchange and (text in row.symbol.upper() or text == row.name)
    ]
    return success(found or None)


ROUTES = (
    ApiRoute("POST", "/rest/secure/angelbroking/market/v1/quote", quote),
    ApiRoute("POST", "/rest/secure/angelbroking/order/v1/getLtpData", last_price),
    ApiRoute("POST", "/rest/secure/angelbroking/order/v1/searchScrip", search),
)
