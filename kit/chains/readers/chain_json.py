"""The exchange's option-chain answer, as its web page and its API give it: JSON, open interest in lots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from kit.chains.readers.sheet import Line, Sheet
from kit.clock import IST, lot_size, parse_expiry
from kit.errors import DataError, UnreadableFile
from kit.model import Right

_RIGHTS: tuple[Right, ...] = ("CE", "PE")


def sheets(text: str, name: str, taken_at: datetime | None, spot: float | None) -> list[Sheet]:
    """Read the answer of ``option-chain-indices`` or ``option-chain-v3``.

    Raises
    ------
    UnreadableFile
        It is not one.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UnreadableFile("The JSON breaks off or is damaged", name, f"Save it again: {error}.") from error
    try:
        records = content["records"]
        at = taken_at or _time(records["timestamp"])
        level = spot if spot is not None else float(records.get("underlyingValue") or "nan")
        by_expiry: dict[date, list[Line]] = {}
        underlying = ""
        for entry in records["data"]:
            for right in _RIGHTS:
                if leg := entry.get(right):
                    underlying = underlying or str(leg["underlying"])
                    expiry = parse_expiry(str(leg.get("expiryDate") or entry["expiryDate"]))
                    lot = lot_size(underlying, expiry)
                    by_expiry.setdefault(expiry, []).append(_line(leg, right, lot))
    except (ValueError, KeyError, TypeError, AttributeError, DataError) as error:
        raise UnreadableFile(
            "Not an option-chain answer of the exchange", name, f"It lacks or misstates {error}."
        ) from error
    if not by_expiry:
        raise UnreadableFile("The option-chain answer is empty", name, "Save it again in market hours.")
    return [
        Sheet(underlying, expiry, at, level, lot_size(underlying, expiry), lines)
        for expiry, lines in by_expiry.items()
    ]


def _line(leg: Mapping[str, Any], right: Right, lot: int) -> Line:
    def price(*names: str) -> float:
        return next((float(leg[name]) for name in names if leg.get(name) is not None), float("nan"))

    return Line(
        strike=float(leg["strikePrice"]),
        right=right,
        ltp=price("lastPrice"),
        bid=price("bidprice", "bidPrice", "buyPrice1"),
        ask=price("askPrice", "askprice", "sellPrice1"),
        volume=price("totalTradedVolume") * lot,
        oi=price("openInterest") * lot,
        oi_change=price("changeinOpenInterest") * lot,
        ltp_change=price("change") if price("lastPrice") > 0 else float("nan"),
        symbol=str(leg.get("identifier", "")),
    )


def _time(text: str) -> datetime:
    """Read ``03-May-2023 15:30:00``, whatever the locale."""
    day, clock = text.split(" ")
    hour, minute, second = (int(part) for part in clock.split(":"))
    found = parse_expiry(day)
    return datetime(found.year, found.month, found.day, hour, minute, second, tzinfo=IST)
