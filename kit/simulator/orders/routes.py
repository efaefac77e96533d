"""The order routes: place, modify, cancel, the books, positions, holdings and funds.

Empty books are ``null``, empty holdings ``[]``, as recorded.
"""

from __future__ import annotations

from datetime import datetime

from kit.simulator.answers import Answer, Refused, application_error, success
from kit.simulator.contracts import ListedContract
from kit.simulator.orders import checks, rows
from kit.simulator.orders.order import ExchangeOrder
from kit.simulator.orders.positions import HeldContract
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState

_SECURE = "/rest/secure/angelbroking"
_ORDER = f"{_SECURE}/order/v1"
_PORTFOLIO = f"{_SECURE}/portfolio/v1"


def listed(state: ExchangeState, asked: ApiRequest, code: str = "AB1009") -> ListedContract:
    """Return the contract that a request names by exchange and token.

    Raises
    ------
    Refused
        Nothing is listed there now.
    """
    contract = state.contract(asked.text("exchange"), asked.text("symboltoken"))
    if contract is None:
        raise checks.unfit(code)
    return contract


def place(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Take an order; the answer names it, whether it is rejected stands in the book."""
    now = state.dealings.present()
    if not asked.text("symboltoken"):
        raise checks.unfit("AB4006")  # recorded of an order that had none of the names that are known
    checks.known_words(asked.body)
    contract = listed(state, asked)
    if asked.text("tradingsymbol") != contract.symbol:
        raise checks.unfit("AB1018")
    checks.product(contract, asked.text("producttype"))
    order = state.dealings.account.place(contract, asked.body, now)
    return success({"script": contract.symbol, **_names(order)})


def modify(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Change an order that waits."""
    now = state.dealings.present()
    order = _found(state, asked)
    if asked.text("ordertype") not in ("", *checks.KINDS) or asked.text("duration") not in ("", "DAY", "IOC"):
        raise checks.unfit()
    state.dealings.account.modify(order, asked.body, now)
    return success(_names(order))


def cancel(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Cancel what is left of an order."""
    now = state.dealings.present()
    order = _found(state, asked)
    if not order.is_working:
        raise checks.unfit("AB1013")
    state.dealings.account.cancel([order], now)
    return success(_names(order))


def _found(state: ExchangeState, asked: ApiRequest) -> ExchangeOrder:
    if asked.text("variety") not in checks.VARIETIES:
        raise checks.unfit("AB1008")
    number = asked.text("orderid")
    for order in state.dealings.account.orders:
        if order.number == number:
            return order
    raise checks.unfit("AB1013")


def _names(order: ExchangeOrder) -> dict[str, str]:
    return {"orderid": order.number, "uniqueorderid": order.unique}


def order_book(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the day's orders."""
    state.dealings.present()
    return success(rows.order_rows(state.dealings.account) or None)


def details(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return one order by its unique id; an order id is not one."""
    state.dealings.present()
    for row in rows.order_rows(state.dealings.account):
        if row["uniqueorderid"] == asked.tail:
            return success(row)
    raise Refused(application_error("AB1007", "Order not found"))


def trade_book(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the day's executions."""
    state.dealings.present()
    fills = enumerate(state.dealings.account.fills)
    return success([rows.trade_row(place, fill) for place, fill in fills] or None)


def positions(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return what is held, and what was closed today."""
    now = state.dealings.present()
    held = [one for one in state.dealings.account.held.values() if one.net or one.bought or one.sold]
    priced = _priced(state, held, now)
    return success([rows.position_row(*row) for row in priced] or None)


def _priced(
    state: ExchangeState, held: list[HeldContract], now: datetime
) -> list[tuple[HeldContract, float, float]]:
    quotes = state.market.quotes([one.contract for one in held], now)
    return [(one, quote.ltp, quote.previous) for one, quote in zip(held, quotes, strict=True)]


def convert(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Move units of today from one product to another."""
    now = state.dealings.present()
    contract = listed(state, asked)
    old, new = asked.text("oldproducttype"), asked.text("newproducttype")
    units = checks.number(asked.body.get("quantity"), "AB1017")
    sign = {"BUY": 1, "SELL": -1}.get(asked.text("transactiontype"), 0)
    if old not in checks.PRODUCTS or new not in checks.PRODUCTS or old == new or units != int(units):
        raise checks.unfit("AB1012")
    checks.product(contract, new)
    state.dealings.account.convert(contract, old, new, sign * int(units), now)
    return success(None)


def holdings(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the shares that were delivered."""
    now = state.dealings.present()
    held = list(state.dealings.account.shares.values())
    return success([rows.holding_row(*row) for row in _priced(state, held, now)])


def all_holdings(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the shares that were delivered, with their sums."""
    now = state.dealings.present()
    priced = _priced(state, list(state.dealings.account.shares.values()), now)
    worth = sum(one.carried * ltp for one, ltp, _ in priced)
    invested = sum(one.carried * one.carried_price for one, *_ in priced)
    total = {
        "totalholdingvalue": round(worth, 2),
        "totalinvvalue": round(invested, 2),
        "totalprofitandloss": round(worth - invested, 2),
        "totalpnlpercentage": round(100 * (worth / invested - 1), 2) if invested else 0.0,
    }
    return success({"holdings": [rows.holding_row(*row) for row in priced], "totalholding": total})


def funds(state: ExchangeState, asked: ApiRequest) -> Answer:  # noqa: ARG001 - the form of every route
    """Return the funds: decimal text, or null where there is nothing."""
    now, account = state.dealings.present(), state.dealings.account
    prices = {one.contract.token: ltp for one, ltp, _ in _priced(state, list(account.held.values()), now)}
    return success(rows.funds_row(account, account.margin(now), account.free(now), prices))


ROUTES = (
    ApiRoute("POST", f"{_ORDER}/placeOrder", place),
    ApiRoute("POST", f"{_ORDER}/modifyOrder", modify),
    ApiRoute("POST", f"{_ORDER}/cancelOrder", cancel),
    ApiRoute("GET", f"{_ORDER}/getOrderBook", order_book),
    ApiRoute("GET", f"{_ORDER}/getTradeBook", trade_book),
    ApiRoute("GET", f"{_ORDER}/details/*", details),
    ApiRoute("GET", f"{_ORDER}/getPosition", positions),
    ApiRoute("POST", f"{_ORDER}/convertPosition", convert),
    ApiRoute("GET", f"{_PORTFOLIO}/getHolding", holdings),
    ApiRoute("GET", f"{_PORTFOLIO}/getAllHolding", all_holdings),
    ApiRoute("GET", f"{_SECURE}/user/v1/getRMS", funds),
)
