"""Orders, fills, positions, holdings, funds and rules as the broker writes them: text here, numbers there.

Source: replies recorded in 2024 to 2026, and the broker's pages where nothing was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kit.clock import format_expiry
from kit.simulator.contracts import ListedContract
from kit.simulator.orders.account import SimulatedAccount
from kit.simulator.orders.gtt import ExchangeRule
from kit.simulator.orders.margin import MarginNeed
from kit.simulator.orders.matching import at_second
from kit.simulator.orders.order import AMO, PENDING, ExchangeOrder, Execution
from kit.simulator.orders.positions import HeldContract
from kit.simulator.quote_routes import written

_KINDS = {"OPTION": "OPTIDX", "FUTURE": "FUTIDX"}
_FIRST_FILL = 50_000_000
_RULE_LIFE = timedelta(days=365)


def _contract(contract: ListedContract) -> dict[str, str]:
    return {
        "instrumenttype": _KINDS.get(contract.kind, ""),
        "optiontype": contract.right or ("XX" if contract.kind == "FUTURE" else ""),
        "expirydate": format_expiry(contract.expiry) if contract.expiry else "",
    }


def _strike(contract: ListedContract) -> float:
    return float(contract.strike) if contract.kind == "OPTION" else -1.0


def order_row(order: ExchangeOrder, last_fill: tuple[int, Execution] | None) -> dict[str, Any]:
    """Return a row of the order book; `last_fill` is its last execution, with its place in the trade book."""
    updated = written(order.updated) if order.updated else ""
    reached = "" if order.status in ("rejected", AMO) else updated
    return {
        **_terms(order),
        "lotsize": str(order.contract.lot),
        "cancelsize": str(order.left if order.status == "cancelled" else 0),  # recorded: 0 where rejected
        "averageprice": round(order.average, 2),
        "filledshares": str(order.filled),
        "unfilledshares": str(order.left),
        "orderid": order.number,
        "text": order.text,
        "status": order.status,
        "orderstatus": order.status,
        "updatetime": updated,
        "exchtime": reached and written(order.placed),
        "exchorderupdatetime": reached,
        "fillid": str(_FIRST_FILL + last_fill[0]) if last_fill else "",
        "filltime": f"{at_second(last_fill[1].at_s):%H:%M:%S}" if last_fill else "",
        "parentorderid": "",
        "uniqueorderid": order.unique,
        "exchangeorderid": "" if order.status in (AMO, PENDING, "rejected") else _at_exchange(order),
        "scripconsent": None,
        "algoID": "99999",
    }


def _at_exchange(order: ExchangeOrder) -> str:
    """Return the exchange's own number of an order: the day's prefix, then its place in the day."""
    day, place = order.number[:6], order.number[6:].removesuffix("AO")
    return f"11{day}{int(place):08d}"


def _terms(order: ExchangeOrder) -> dict[str, Any]:
    return {
        "variety": order.variety,
        "ordertype": order.kind,
        "ordertag": order.tag,
        "producttype": order.product,
        "price": order.price,
        "triggerprice": order.trigger,
        "quantity": str(order.quantity),
        "disclosedquantity": "0",
        "duration": order.duration,
        "squareoff": 0.0,
        "stoploss": 0.0,
        "trailingstoploss": 0.0,
        "tradingsymbol": order.contract.symbol,
        "transactiontype": order.side,
        "exchange": order.contract.exchange,
        "symboltoken": order.contract.token,
        **_contract(order.contract),
        "strikeprice": _strike(order.contract),
    }


def order_rows(account: SimulatedAccount) -> list[dict[str, Any]]:
    """Return the order book, oldest first."""
    last = {fill.order.unique: (place, fill) for place, fill in enumerate(account.fills)}
    return [order_row(order, last.get(order.unique)) for order in account.orders]


def trade_row(place: int, fill: Execution) -> dict[str, Any]:
    """Return a row of the trade book, everything as text; it names no token."""
    contract = fill.order.contract
    return {
        "exchange": contract.exchange,
        "producttype": fill.order.product,
        "tradingsymbol": contract.symbol,
        **_contract(contract),
        "symbolgroup": "EQ" if contract.kind == "SHARE" else "XX",
        "strikeprice": f"{_strike(contract):g}",
        "marketlot": str(contract.lot),
        "precision": "2",
        "multiplier": "-1",
        "tradevalue": f"{fill.quantity * fill.price:.2f}",
        "transactiontype": fill.order.side,
        "fillprice": f"{fill.price:.2f}",
        "fillsize": str(fill.quantity),
        "orderid": fill.order.number,
        "fillid": str(_FIRST_FILL + place),
        "filltime": f"{at_second(fill.at_s):%H:%M:%S}",
    }


def position_row(held: HeldContract, ltp: float, close: float) -> dict[str, str]:
    """Return a row of the positions, everything as text."""
    contract = held.contract
    units = {
        "buyqty": held.bought,
        "sellqty": held.sold,
        "cfbuyqty": max(held.carried, 0),
        "cfsellqty": max(-held.carried, 0),
        "netqty": held.net,
        "lotsize": contract.lot,
        "boardlotsize": contract.lot,
    }
    return {
        "exchange": contract.exchange,
        "symboltoken": contract.token,
        "producttype": held.product,
        "tradingsymbol": contract.symbol,
        "symbolname": contract.name,
        **_contract(contract),
        "symbolgroup": "EQ" if contract.kind == "SHARE" else "XX",
        "strikeprice": f"{_strike(contract):g}",
        **dict.fromkeys(("priceden", "pricenum", "genden", "gennum"), "1"),
        "precision": "2",
        "multiplier": "-1",
        **{name: str(value) for name, value in units.items()},
        **{name: f"{value:.2f}" for name, value in _rupees(held, ltp, close).items()},
    }


def _rupees(held: HeldContract, ltp: float, close: float) -> dict[str, float]:
    bought, paid, sold, received = held.totals()
    carried = held.carried * held.carried_price
    return {
        "buyamount": held.paid,
        "sellamount": held.received,
        "cfbuyamount": max(0.0, carried),
        "cfsellamount": max(0.0, -carried),
        "buyavgprice": held.paid / held.bought if held.bought else 0.0,
        "sellavgprice": held.received / held.sold if held.sold else 0.0,
        "cfbuyavgprice": held.carried_price if held.carried > 0 else 0.0,
        "cfsellavgprice": held.carried_price if held.carried < 0 else 0.0,
        "totalbuyvalue": paid,
        "totalsellvalue": received,
        "totalbuyavgprice": paid / bought if bought else 0.0,
        "totalsellavgprice": received / sold if sold else 0.0,
        "avgnetprice": held.average,
        "netprice": held.average,
        "netvalue": received - paid,
        "realised": held.realised,
        "unrealised": held.unrealised(ltp),
        "pnl": held.realised + held.unrealised(ltp),
        "ltp": ltp,
        "close": close,
    }


def holding_row(held: HeldContract, ltp: float, close: float) -> dict[str, Any]:
    """Return a row of the holdings, numbers as numbers."""
    profit = held.unrealised(ltp)
    return {
        "tradingsymbol": held.contract.symbol,
        "exchange": held.contract.exchange,
        "isin": "",  # the simulated master knows none
        "t1quantity": 0,
        "realisedquantity": held.carried,
        "quantity": held.carried,
        "authorisedquantity": 0,
        "product": "DELIVERY",
        "collateralquantity": None,
        "collateraltype": None,
        "haircut": 0.0,
        "averageprice": round(held.carried_price, 2),
        "ltp": ltp,
        "symboltoken": held.contract.token,
        "close": close,
        "profitandloss": round(profit, 2),
        "pnlpercentage": round(100 * profit / (held.carried * held.carried_price), 2),
    }


def funds_row(
    account: SimulatedAccount, need: MarginNeed, free: float, prices: Mapping[str, float]
) -> dict[str, Any]:
    """Return the funds: decimal text, null where there is nothing of a kind."""
    held = account.held.values()
    blocked = account.blocked()
    premium = sum(one.net * one.average for one in held if one.contract.kind == "OPTION" and one.net > 0)
    return {
        "net": f"{free - blocked:.2f}",
        "availablecash": f"{account.cash:.2f}",
        "availableintradaypayin": "0.00",
        "availablelimitmargin": "0.00",
        "collateral": "0.00",
        "m2munrealized": f"{sum(one.unrealised(prices.get(one.contract.token, 0.0)) for one in held):.2f}",
        "m2mrealized": f"{sum(one.realised for one in held):.2f}",
        "utiliseddebits": f"{need.total + blocked:.2f}",
        "utilisedspan": _or_null(need.span),
        "utilisedoptionpremium": _or_null(premium),
        "utilisedholdingsales": None,
        "utilisedexposure": _or_null(need.exposure),
        "utilisedturnover": None,
        "utilisedpayout": "0.00",
    }


def _or_null(value: float) -> str | None:
    return f"{value:.2f}" if value else None


def rule_row(rule: ExchangeRule, client: str) -> dict[str, Any]:
    """Return a GTT rule as it is listed."""
    return {
        "stoplossprice": 0.0,
        "stoplosstriggerprice": 0.0,
        "gttType": "GENERIC",
        "status": rule.status,
        "createddate": _iso(rule.created),
        "updateddate": _iso(rule.updated),
        "expirydate": _iso(rule.created + _RULE_LIFE),
        "clientid": client,
        "tradingsymbol": rule.contract.symbol,
        "symboltoken": rule.contract.token,
        "exchange": rule.contract.exchange,
        "producttype": rule.product,
        "transactiontype": rule.side,
        "price": rule.price,
        "qty": rule.quantity,
        "triggerprice": rule.trigger,
        "disclosedqty": rule.disclosed,
        "id": rule.number,
    }


def _iso(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()
