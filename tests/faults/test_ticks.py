"""Ticks whose numbers are none: set aside and counted, never a price, a chain or an error."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from kit.broker.stream.frames import DTYPES, MODES, decode, decode_batch, is_sound
from kit.broker.stream.newest import NewestFrames
from kit.clock import SystemClock
from kit.simulator.stream_frames import packed

LEVEL = {"price": 100.0, "quantity": 30, "orders": 1}
QUOTE = {
    "ltp": 100.0, "lastTradeQty": 30, "avgPrice": 99.0, "tradeVolume": 1_000, "totBuyQuan": 500,
    "totSellQuan": 600, "open": 98.0, "high": 110.0, "low": 90.0, "close": 97.0, "opnInterest": 700,
    "exchTradeTime": "20-Nov-2026 11:15:00", "depth": {"buy": [LEVEL] * 5, "sell": [LEVEL] * 5},
    "upperCircuit": 500.0, "lowerCircuit": 0.05, "52WeekHigh": 900.0, "52WeekLow": 1.0,
}  # fmt: skip
AT_MS = 1_795_153_500_123
WHOLE = (-1, -5, -(2**31), -(2**63), 2**63 - 1, 2**60)
REAL = (float("nan"), float("inf"), -float("inf"), -1.0, 1e300, -1e-300)
PLAIN = ("ltp", "last_qty", "average", "volume", "open", "high", "low", "previous_close", "oi", "at_ms")


def _frame(mode: str) -> bytes:
    return packed(MODES[mode], 2, "40001", 7, AT_MS, QUOTE)  # type: ignore[index]


def _changed(mode: str, field: str, wrong: Any, side: str = "", level: int = 0) -> bytes:
    row = np.frombuffer(bytearray(_frame(mode)), DTYPES[MODES[mode]])  # type: ignore[index]
    if side:
        row[side][field][0, level] = wrong
    else:
        row[field] = wrong
    return row.tobytes()


def _set_aside(frame: bytes) -> bool:
    kept = NewestFrames(SystemClock())
    kept.keep([frame], 0.0)
    batches, aside = decode_batch([frame, frame])
    return not is_sound(frame) and kept.strange == 1 and batches == [] and aside == [frame, frame]


@pytest.mark.parametrize("mode", ["LTP", "QUOTE", "SNAPQUOTE", "DEPTH"])
def test_a_whole_frame_is_read(mode: str) -> None:
    """What the exchange packs is read, alone and in a batch."""
    assert is_sound(_frame(mode))
    assert decode(_frame(mode)).token == "40001"
    assert len(decode_batch([_frame(mode)])[0][0]) == 1


@pytest.mark.parametrize("wrong", WHOLE)
@pytest.mark.parametrize("field", PLAIN)
def test_a_number(field: str, wrong: int) -> None:
    """A price, count or time that is negative or beyond all bounds is no tick, in every mode that has it."""
    for mode in ("LTP", "QUOTE", "SNAPQUOTE"):
        if field in (DTYPES[MODES[mode]].names or ()):  # type: ignore[index]
            assert _set_aside(_changed(mode, field, wrong)), mode


@pytest.mark.parametrize("wrong", REAL)
@pytest.mark.parametrize("field", ["buy_qty", "sell_qty"])
def test_a_total(field: str, wrong: float) -> None:
    """The totals of the book are floats on the wire: what is no count is no tick."""
    for mode in ("QUOTE", "SNAPQUOTE"):
        assert _set_aside(_changed(mode, field, wrong))


@pytest.mark.parametrize("wrong", WHOLE)
@pytest.mark.parametrize("level", range(5))
@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_level_of_the_book(side: str, level: int, wrong: int) -> None:
    """A level with a price or a quantity that cannot be spoils its tick, whichever level it is."""
    for field in ("price", "quantity"):
        assert _set_aside(_changed("SNAPQUOTE", field, wrong, side, level))


@pytest.mark.parametrize("level", [0, 7, 19])
@pytest.mark.parametrize("field", ["quantity", "price", "orders"])
def test_a_level_of_the_deep_book(field: str, level: int) -> None:
    """The same holds for twenty levels, where many orders and large quantities are no fault."""
    for wrong in (-1, -5, -30_000):
        assert _set_aside(_changed("DEPTH", field, wrong, "bids", level))
    assert is_sound(_changed("DEPTH", field, 30_000, "asks", level))


@pytest.mark.parametrize("at_ms", [2**43, 2**55, -1, 10**14])
def test_a_time(at_ms: int) -> None:
    """A time that no calendar has is no tick; it would end a chain in an overflow."""
    for mode in MODES:
        assert _set_aside(_changed(mode, "at_ms", at_ms))


def test_an_absurd_price() -> None:
    """The largest price that is believed lies beyond every market, and no further."""
    assert is_sound(struct.pack("<BB25sqqq", 1, 2, b"1", 1, AT_MS, 10**13 - 1))
    assert _set_aside(struct.pack("<BB25sqqq", 1, 2, b"1", 1, AT_MS, 10**13))
