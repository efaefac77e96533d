"""The broker's calculators: what positions would tie up, and what orders would cost.

Charges follow the dated tables of ``data/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from kit.clock import last_session
from kit.facts import fact
from kit.simulator.answers import Answer, success
from kit.simulator.contracts import ListedContract
from kit.simulator.orders import checks
from kit.simulator.orders.margin import needed
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState

_SECURE = "/rest/secure/angelbroking"
_MOST_ROWS = 50


def margin(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return what a basket of positions ties up, with its parts."""
    now = state.dealings.present()
    held, premiums, delivery = [], list[float](), 0.0
    for row in _rows(asked, "positions"):
        contract, units = _asked(state, row, "tradeType", "qty")
        product = str(row.get("productType") or row.get("producttype") or "")
        price = checks.number(row.get("price")) or state.market.quotes([contract], now)[0].ltp
        held.append((contract, product, units))
        if contract.kind == "OPTION":
            premiums.append(units * price)
        elif contract.kind == "SHARE" and product == "DELIVERY":
            delivery += max(0.0, units * price)
    need, net = needed(state.market, held, now), sum(premiums)
    return success(
        {
            "totalMarginRequired": round(max(0.0, need.total + net + delivery), 2),
            "marginComponents": {
                "netPremium": round(net, 2),
                "spanMargin": round(need.span + need.exposure, 2),
                "marginBenefit": round(need.benefit, 2),
                "deliveryMargin": round(delivery, 2),
                "nonNFOMargin": round(need.shares, 2),
                "totOptionsPremium": round(sum(premium for premium in premiums if premium > 0), 2),
            },
        }
    )


def charges(state: ExchangeState, asked: ApiRequest) -> Answer:
    """Return what orders would cost, each and together."""
    day = last_session(state.dealings.present()).day
    each = []
    for row in _rows(asked, "orders"):
        contract, units = _asked(state, row, "transaction_type", "quantity")
        kind = "DELIVERY" if row.get("product_type") == "DELIVERY" else contract.kind
        each.append(_charged(kind, units, checks.number(row.get("price")), day))
    names = [name for name in each[0] if name != "value"]
    together = {name: sum(row[name] for row in each) for name in (*names, "value")}
    return success({"summary": _written(together), "charges": [_written(row) for row in each]})


def _rows(asked: ApiRequest, name: str) -> list[Mapping[str, Any]]:
    rows = asked.body.get(name)
    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST_ROWS:
        raise checks.unfit()
    if not all(isinstance(row, dict) for row in rows):
        raise checks.unfit()
    return rows


def _asked(
    state: ExchangeState, row: Mapping[str, Any], side: str, quantity: str
) -> tuple[ListedContract, int]:
    """Return contract and signed units of a row."""
    contract = state.contract(row.get("exchange"), row.get("token"))
    if contract is None:
        raise checks.unfit("AB1009")
    way = {"BUY": 1, "SELL": -1}.get(str(row.get(side)))
    units = checks.number(row.get(quantity))
    if way is None or units <= 0 or units != int(units):
        raise checks.unfit()
    return contract, way * int(units)


_ITEMS = {
    "OPTION": ("exchange", "stamp_buy", "stt_sell"),
    "FUTURE": ("future_exchange", "future_stamp_buy", "future_stt_sell"),
    "SHARE": ("share_exchange", "share_stamp_buy", "share_stt_sell"),
    "DELIVERY": ("share_exchange", "delivery_stamp_buy", "delivery_stt"),
}


def _charged(kind: str, units: int, price: float, day: date) -> dict[str, float]:
    if kind not in _ITEMS:
        raise checks.unfit("AB1009")  # an index cannot be traded
    value = abs(units) * price
    flat = float(fact("brokerage", day, key="flat", plan="flat")["per_order_inr"])
    items = (*_ITEMS[kind], "sebi", "gst_on_sebi", "gst")
    rates = (float(fact("charges", day, item=item)["value"]) for item in items)
    exchange, stamp, stt, sebi, on_sebi, gst = rates
    taxed = flat + value * (exchange + on_sebi * sebi)
    return {
        "brokerage": flat,
        "exchange": value * exchange,
        "stamp": value * stamp if units > 0 else 0.0,
        "sebi": value * sebi,
        "stt": value * stt if units < 0 or kind == "DELIVERY" else 0.0,
        "gst": taxed * gst,
        "value": value,
    }


def _written(row: Mapping[str, float]) -> dict[str, Any]:
    def item(name: str, *parts: dict[str, Any], amount: float = 0.0) -> dict[str, Any]:
        whole = sum(part["amount"] for part in parts) if parts else amount
        return {"name": name, "amount": round(whole, 4), "msg": "", "breakup": list(parts)}

    breakup = [
        item("Angel One Brokerage", amount=row["brokerage"]),
        item(
            "External Charges",
            item("Exchange Transaction Charges", amount=row["exchange"]),
            item("Stamp Duty", amount=row["stamp"]),
            item("SEBI Fees", amount=row["sebi"]),
        ),
        item("Taxes", item("Security Transaction Tax", amount=row["stt"]), item("GST", amount=row["gst"])),
    ]
    total = sum(part["amount"] for part in breakup)
    return {"total_charges": round(total, 4), "trade_value": round(row["value"], 2), "breakup": breakup}


ROUTES = (
    ApiRoute("POST", f"{_SECURE}/margin/v1/batch", margin),
    ApiRoute("POST", f"{_SECURE}/brokerage/v1/estimateCharges", charges),
)
