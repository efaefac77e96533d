"""The broker's rows of orders, fills, positions, holdings, funds and rules, read into the kit's nouns.

Numbers come as numbers in one row and as text in the next, empty books as null: everything is read by what it
means. Source: replies recorded in 2024 to 2026, and the broker's pages.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from math import nan
from typing import Any, TypeVar

from kit.broker.shapes import Record, number, records
from kit.clock import IST, in_ist, parse_moment
from kit.errors import DataError, ProtocolError
from kit.model import (
    AccountFunds,
    BookedOrder,
    ChargesEstimate,
    MarginEstimate,
    OpenPosition,
    OrderFill,
    ShareHolding,
    StoredGTTRule,
)

T = TypeVar("T")


def rows_of(read: Callable[[Record], T], data: Any, asked: str) -> tuple[T, ...]:
    """Read every row of a reply; null has no rows.

    Raises
    ------
    ProtocolError
        A row lacks a field, or one is of another kind; names both.
    """
    return tuple(row_of(read, row, asked) for row in records(data, asked))


def row_of(read: Callable[[Record], T], row: Any, asked: str) -> T:
    """Read one row of a reply.

    Raises
    ------
    ProtocolError
        It lacks a field, or one is of another kind.
    """
    try:
        if not isinstance(row, dict):
            raise TypeError(f"{type(row).__name__} is no row")
        return read(row)
    except (KeyError, TypeError, ValueError, DataError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ProtocolError(
            f"A row of {asked} cannot be read", why, "The broker may have changed it."
        ) from error


def booked(row: Record) -> BookedOrder:
    """Read a row of the order book."""
    quantity = _count(row, "quantity")
    filled = _count(row, "filledshares")
    return BookedOrder(
        order_id=str(row["orderid"]),
        unique_id=str(row.get("uniqueorderid") or ""),
        tag=str(row.get("ordertag") or ""),
        exchange=str(row["exchange"]),
        token=str(row.get("symboltoken") or ""),
        symbol=str(row["tradingsymbol"]),
        side=_word(row, "transactiontype"),
        order_type=_word(row, "ordertype"),
        product=_word(row, "producttype"),
        validity=_word(row, "duration"),
        variety=_word(row, "variety"),
        quantity=quantity,
        filled=filled,
        unfilled=quantity - filled,
        lot_size=max(1, _count(row, "lotsize")),
        price_inr=_price(row, "price"),
        trigger_price_inr=_price(row, "triggerprice"),
        average_price_inr=_price(row, "averageprice"),
        status=str(row.get("orderstatus") or row["status"]),
        reason=str(row.get("text") or ""),
        placed_at=_moment(row.get("exchtime")),
        updated_at=_moment(row.get("updatetime")),
        exchange_order_id=str(row.get("exchangeorderid") or ""),
    )


def filled_on(day: date) -> Callable[[Record], OrderFill]:
    """Return a reader of the trade book's rows, which name no day."""

    def read(row: Record) -> OrderFill:
        return OrderFill(
            fill_id=str(row["fillid"]),
            order_id=str(row["orderid"]),
            exchange=str(row["exchange"]),
            symbol=str(row["tradingsymbol"]),
            side=_word(row, "transactiontype"),
            product=_word(row, "producttype"),
            quantity=_count(row, "fillsize"),
            price_inr=_paid(row, "fillprice"),
            at=datetime.combine(day, time.fromisoformat(str(row["filltime"])), IST),
        )

    return read


def position(row: Record) -> OpenPosition:
    """Read a row of the positions."""
    return OpenPosition(
        exchange=str(row["exchange"]),
        token=str(row["symboltoken"]),
        symbol=str(row["tradingsymbol"]),
        product=_word(row, "producttype"),
        lot_size=max(1, _count(row, "lotsize")),
        bought=_count(row, "buyqty") + _count(row, "cfbuyqty"),
        sold=_count(row, "sellqty") + _count(row, "cfsellqty"),
        buy_average_inr=_either(row, "totalbuyavgprice", "buyavgprice"),
        sell_average_inr=_either(row, "totalsellavgprice", "sellavgprice"),
        ltp_inr=_paid(row, "ltp", nan),
        realised_inr=_optional(row, "realised"),
        unrealised_inr=_optional(row, "unrealised"),
    )


def holding(row: Record) -> ShareHolding:
    """Read a row of the holdings."""
    return ShareHolding(
        exchange=str(row["exchange"]),
        token=str(row.get("symboltoken") or ""),
        symbol=str(row["tradingsymbol"]),
        isin=str(row.get("isin") or ""),
        quantity=_count(row, "quantity") + _count({"t1": row.get("t1quantity")}, "t1"),
        average_price_inr=_paid(row, "averageprice", nan),
        ltp_inr=_paid(row, "ltp", nan),
        profit_inr=_optional(row, "profitandloss"),
    )


def funds(row: Record) -> AccountFunds:
    """Read the funds."""
    names = ("net", "availablecash", "utiliseddebits", "m2mrealized", "m2munrealized")
    return AccountFunds(*(_optional(row, name) for name in names))


def margin(data: Record) -> MarginEstimate:
    """Read the answer of the margin calculator."""
    parts = data["marginComponents"]
    names = ("spanMargin", "netPremium", "marginBenefit")
    return MarginEstimate(_number(data, "totalMarginRequired"), *(_optional(parts, name) for name in names))


def charges(data: Record) -> ChargesEstimate:
    """Read the answer of the charges' calculator."""
    summary = data["summary"]
    parts = {name: amount for item in summary["breakup"] for name, amount in _leaves(item)}
    return ChargesEstimate(_number(summary, "total_charges"), _number(summary, "trade_value"), parts)


def _leaves(item: Record) -> list[tuple[str, float]]:
    if inner := item.get("breakup"):
        return [leaf for part in inner for leaf in _leaves(part)]
    return [(item["name"], _number(item, "amount"))]


def rule(row: Record) -> StoredGTTRule:
    """Read a GTT rule as it is listed."""
    return StoredGTTRule(
        rule_id=str(row["id"]),
        status=str(row["status"]),
        exchange=str(row["exchange"]),
        token=str(row["symboltoken"]),
        symbol=str(row["tradingsymbol"]),
        side=_word(row, "transactiontype"),
        product=_word(row, "producttype"),
        quantity=_count(row, "qty"),
        price_inr=_paid(row, "price"),
        trigger_price_inr=_paid(row, "triggerprice"),
        created_at=_iso(row.get("createddate")),
        updated_at=_iso(row.get("updateddate")),
        expires_at=_iso(row.get("expirydate")),
    )


def _number(row: Record, name: str) -> float:
    found = number(row[name])
    if found is None:
        raise ValueError(f"{name} is empty")
    return found


def _optional(row: Record, name: str) -> float:
    found = number(row.get(name))
    return nan if found is None else found


def _either(row: Record, name: str, other: str) -> float:
    return _paid(row, name if row.get(name) else other)


def _paid(row: Record, name: str, empty: float | None = None) -> float:
    """Return a price; `empty` where none is written, and without it that is an error."""
    found = _number(row, name) if empty is None else _optional(row, name)
    if found < 0:
        raise ValueError(f"{name} is {found:g}")
    return found


def _price(row: Record, name: str) -> float:
    return _paid(row, name, nan) or nan  # the broker writes 0 where there is none


def _count(row: Record, name: str) -> int:
    found = number(row[name]) or 0
    if found < 0 or found != int(found):
        raise ValueError(f"{name} is {found:g}")
    return int(found)


def _word(row: Record, name: str) -> Any:
    if not isinstance(row[name], str):
        raise TypeError(f"{name} is no word")
    return row[name]


def _moment(text: Any) -> datetime | None:
    return parse_moment(str(text)) if text else None


def _iso(text: Any) -> datetime | None:
    return in_ist(datetime.fromisoformat(str(text))) if text else None
