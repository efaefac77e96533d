"""Quotes as the broker's binary frames: little-endian, prices in paise, one packet per message.

Source: the broker's page on WebSocket streaming 2.0 and a frame recorded on 24 September 2026; of the depth
frame the official client's own parser, since the page does not describe it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from typing import Any

from kit.clock import parse_moment

LTP, QUOTE, SNAPQUOTE, DEPTH = 1, 2, 3, 4
EXCHANGES = {1: "NSE", 2: "NFO", 3: "BSE", 4: "BFO", 5: "MCX", 7: "NCDEX", 13: "CDS"}
BODY = 43  # where a frame's prices begin, behind token, number and time

_HEAD = "<BB25sqqq"
_DAY = "qqqddqqqq"
_FRAMES = {
    LTP: Struct(_HEAD),
    QUOTE: Struct(_HEAD + _DAY),
    SNAPQUOTE: Struct(_HEAD + _DAY + "qqd" + "HqqH" * 10 + "qqqq"),
    DEPTH: Struct("<BB25sqq" + "iih" * 40),
}
_DEPTH_LEVELS = 20


def packed(mode: int, exchange: int, token: str, sequence: int, at_ms: int, row: Mapping[str, Any]) -> bytes:
    """Return one frame.

    Parameters
    ----------
    mode, exchange : int
        As the broker numbers them.
    token : str
        The broker's token.
    sequence : int
        Number of the packet; an index has none, 0.
    at_ms : int
        The exchange's time, epoch milliseconds.
    row : mapping
        A FULL quote as the quote route answers it, rupees; of an LTP frame only ``ltp`` is read.
    """
    name = token.encode()
    if mode == DEPTH:
        return _FRAMES[DEPTH].pack(mode, exchange, name, at_ms, at_ms, *_depth(row["depth"]))
    fields = [mode, exchange, name, sequence, at_ms, _paise(row["ltp"])]
    if mode >= QUOTE:
        fields += [row["lastTradeQty"], _paise(row["avgPrice"]), row["tradeVolume"]]
        fields += [row["totBuyQuan"], row["totSellQuan"]]
        fields += [_paise(row[price]) for price in ("open", "high", "low", "close")]
    if mode == SNAPQUOTE:
        fields += [_epoch_s(row["exchTradeTime"]), row["opnInterest"], 0.0]  # the change is a dummy there too
        fields += _best_five(row["depth"])
        fields += [
            _paise(row[price]) for price in ("upperCircuit", "lowerCircuit", "52WeekHigh", "52WeekLow")
        ]
    return _FRAMES[mode].pack(*fields)


def _paise(rupees: float) -> int:
    return round(rupees * 100)


def _best_five(depth: Mapping[str, Any]) -> list[int]:
    return [
        field
        for flag, side in ((1, "buy"), (0, "sell"))
        for level in depth[side]
        for field in (flag, level["quantity"], _paise(level["price"]), level["orders"])
    ]


def _depth(depth: Mapping[str, Any]) -> list[int]:
    """Return twenty levels a side: the five of the quote, then as many again, a step further out each."""
    fields: list[int] = []
    for side in ("buy", "sell"):
        levels = depth[side]
        step = _paise(levels[1]["price"]) - _paise(levels[0]["price"]) if levels[1]["price"] else 0
        for number in range(_DEPTH_LEVELS):
            level = levels[number % len(levels)]
            price = _paise(levels[0]["price"]) + step * number if level["price"] else 0
            fields += [level["quantity"], price, level["orders"]]
    return fields


@lru_cache(maxsize=64)
def _epoch_s(written: str) -> int:
    return int(parse_moment(written).timestamp())
