"""How far from the last price an order may be: the exchange's limit price protection of index options.

A limit to buy above the range, or to sell below it, is rejected when it reaches the book: at once, changed,
at the open, or as a stop at its trigger. A market order is a limit within it. Source: NSE, FAQs on Limit
Price Protection (nseindia.com/trade/limit-price-protection-faqs) and its circulars;
``data/price_protection.csv``.

The exchange counts from the mean of the trades of the last 30 seconds; here from the last price: an
assumption. Futures have a range too, on whose width the pages of brokers contradict each other: none here.
"""

from __future__ import annotations

from datetime import date
from math import ceil, floor, inf

from kit.errors import DataError
from kit.facts import fact
from kit.simulator.contracts import ListedContract
from kit.simulator.orders.order import ExchangeOrder
from kit.simulator.orders.words import words

# What a market order is protected by, as a fraction of its price, by the last price: an assumption of the
# exchange here; brokers publish bands of this order (market price protection).
_PROTECTION = ((10.0, 0.05), (100.0, 0.03), (500.0, 0.02), (inf, 0.01))


def limit_range(contract: ListedContract, ltp: float, on: date) -> tuple[float, float]:
    """Return from which limit sales are taken and up to which purchases, rupees; 0 and inf without a rule."""
    if contract.kind != "OPTION":
        return 0.0, inf
    try:
        rule = fact("price_protection", on)
    except DataError:
        return 0.0, inf
    near = ltp <= float(rule["up_to_inr"])
    apart = float(rule["inr"]) if near else ltp * float(rule["percent"]) / 100
    return max(0.0, ltp - apart), ltp + apart


def beyond(order: ExchangeOrder, ltp: float, on: date) -> str:
    """Return why a limit is not taken at a last price, in words; empty where it is."""
    low, high = limit_range(order.contract, ltp, on)
    if low - 1e-9 <= order.price if not order.is_buy else order.price <= high + 1e-9:
        return ""
    return words("protection", low=low, high=high)


def market_limit(order: ExchangeOrder, ltp: float, best: float, on: date) -> float:
    """Return the limit that stands in for none: the other side's best price and a margin, on the tick."""
    share = next(share for most, share in _PROTECTION if ltp < most)
    low, high = limit_range(order.contract, ltp, on)
    tick = order.contract.tick
    if order.is_buy:
        ticks = ceil((best or ltp) * (1 + share) / tick)
        ticks = ticks if high == inf else min(ticks, floor(high / tick + 1e-9))
    else:
        ticks = max(floor((best or ltp) * (1 - share) / tick), ceil(low / tick - 1e-9))
    return max(ticks, 1) / round(1 / tick)
