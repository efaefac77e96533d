"""Quotes in three modes, the legacy last price, and search."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from kit.clock import IST, last_session
from kit.simulator.answers import MESSAGES, Answer, Refused, application_error, bad_request, success
from kit.simulator.contracts import ListedContract
from kit.simulator.depth import LEVELS, NO_LEVEL, closes, level_sizes, levels, limits
from kit.simulator.orders.shown import ShownBook
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState
from kit.simulator.tape import Quote

_MOST_TOKENS = 50
_MODES = ("LTP", "OHLC", "FULL")
_SHARE_INTEREST = 25  # days of volume, about what was recorded
_POST_CLOSE = time(15, 59, 57)  # recorded: shares trade at the closing price until 16:00
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
    return success({"fetched": rows_of(state, mode, quotes, now), "unfetched": unknown})


def _unfetched(exchange: str, token: str) -> dict[str, Any]:
    code = "AB1009" if token else "AB4018"
    return {"exchange": exchange, "symbolToken": token, "message": MESSAGES[code], "errorCode": code}


def rows_of(state: ExchangeState, mode: str, quotes: list[Quote], now: datetime) -> list[dict[str, Any]]:
    """Return quotes as the broker writes them in one of the three modes, in order."""
    if mode == "LTP":
        return [{**_name(item.contract), "ltp": item.ltp} for item in quotes]
    rows = [_ohlc(item) for item in quotes]
    if mode == "FULL":
        hours, sizes = _Hours(now), level_sizes(state.market.seed, [item.contract for item in quotes], now)
        book = state.dealings.book(now)
        for number, (row, item) in enumerate(zip(rows, quotes, strict=True)):
            row.update(_full(item, hours, sizes[number], book))
    return rows


class _Hours:
    """What the time of day says of a quote: when it was fed and traded, and whether its book is empty."""

    def __init__(self, now: datetime) -> None:
        self.fed = written(now)
        self.derivatives = written(min(now, last_session(now).close))
        self.now, self.closes = now, closes(now)
        cash = last_session(now, "cash")
        ends = cash.continuous[-1].close
        price_at = cash.auction.price_at if cash.auction else None
        if price_at and now >= price_at:
            ends = price_at
        self.index = written(min(now, ends))
        self.is_after = now >= cash.close  # the order books of shares are empty then
        post_close = now.combine(cash.day, _POST_CLOSE, IST)
        self.share = written(post_close) if now >= post_close else self.index

    def traded(self, kind: str) -> str:
        return {"SHARE": self.share, "INDEX": self.index, "VIX": self.index}.get(kind, self.derivatives)


def _name(contract: ListedContract) -> dict[str, Any]:
    return {
        "exchange": contract.exchange,
        "tradingSymbol": contract.symbol,
        "symbolToken": contract.token,
    }


def _ohlc(item: Quote) -> dict[str, Any]:
    prices = {"open": item.open, "high": item.high, "low": item.low, "close": item.previous}
    return {**_name(item.contract), "ltp": item.ltp, **prices}


def _full(item: Quote, hours: _Hours, sizes: list[float], book: ShownBook) -> dict[str, Any]:
    contract, change = item.contract, item.ltp - item.previous
    buys = levels(item.bid, -contract.tick, contract.lot, sizes[:LEVELS])
    sells = levels(item.ask, contract.tick, contract.lot, sizes[LEVELS:])
    deeper = [8 * sum(level["quantity"] for level in side) for side in (buys, sells)]
    buys, sells = book(contract, buys, sells)
    waiting = [
        more + sum(level["quantity"] for level in side)
        for more, side in zip(deeper, (buys, sells), strict=True)
    ]
    closed = hours.is_after and contract.kind == "SHARE"
    if closed:  # one order is left, at the last price
        left = {"price": item.ltp, "quantity": int(1 + 900 * sizes[0]), "orders": 1}
        buys, sells, waiting = (
            [NO_LEVEL] * LEVELS,
            [left, *[NO_LEVEL] * (LEVELS - 1)],
            [0, left["quantity"]],
        )
    lower, upper = limits(item, hours.closes, hours.now)
    return {
        "lastTradeQty": contract.lot if item.volume else 0,
        "exchFeedTime": hours.fed,
        "exchTradeTime": hours.traded(contract.kind),
        "netChange": round(change, 2),
        "percentChange": round(100 * change / item.previous, 2),
        "avgPrice": item.average,
        "tradeVolume": item.volume,
        "opnInterest": _interest(item),
        "lowerCircuit": lower,
        "upperCircuit": upper,
        "totBuyQuan": waiting[0],
        "totSellQuan": waiting[1],
        "52WeekLow": min(item.low, round(0.7 * item.previous, 1)),
        "52WeekHigh": max(item.high, round(1.3 * item.previous, 1)),
        "depth": {"buy": buys, "sell": sells},
        "referenceLimitPrice": item.reference,
    }


def _interest(item: Quote) -> int:
    """Return the open interest; for a share it is that of all its contracts, which are not listed here."""
    if item.contract.kind != "SHARE":
        return item.interest
    return int(_SHARE_INTEREST * item.contract.underlying.daily_volume)


def written(at: datetime) -> str:
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
