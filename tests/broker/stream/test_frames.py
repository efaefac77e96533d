"""Binary frames to ticks: recorded ones to the stated values, ours as the broker's own client reads them."""

from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime, timedelta
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.broker.stream.frames import DTYPES, MODES, SIZES, decode, decode_batch, is_sound, key_of, last_price
from kit.broker.stream.newest import NewestFrames
from kit.clock import ManualClock
from kit.errors import ProtocolError
from kit.simulator.stream_frames import packed

# A real QUOTE frame of RELIANCE, 24 September 2026: safe market data, recorded by a third party.
RECORDED = base64.b64decode(
    "AgEyODg1AAAAAAAAAAAAAAAAAAAAAAAAAAAACisNAQAAAABYWdTSoAEAAOrcAQAAAAAAAQAAAAAAAABW4AEAAAAAAFrPzgAAAAAAAAAA"
    "AM4yJEEAAAAACYwxQQzjAQAAAAAAAOUBAAAAAABe3AEAAAAAAIDnAQAAAAAA"
)
LEVELS = [
    {"price": 101.05 - 0.05 * number, "quantity": 30 * (number + 1), "orders": 2} for number in range(5)
]
ROW = {
    "ltp": 101.05, "lastTradeQty": 30, "avgPrice": 99.87, "tradeVolume": 123_456, "totBuyQuan": 5_000,
    "totSellQuan": 6_000, "open": 98.0, "high": 110.55, "low": 90.1, "close": 97.2, "opnInterest": 77_700,
    "exchTradeTime": "20-Nov-2026 11:15:00", "depth": {"buy": LEVELS, "sell": LEVELS[::-1]},
    "upperCircuit": 500.0, "lowerCircuit": 0.05, "52WeekHigh": 900.5, "52WeekLow": 1.25,
}  # fmt: skip
AT_MS = 1_795_153_500_123


def frame(mode="SNAPQUOTE", token="40001", exchange=2, sequence=7, **changed):
    """Pack one frame as the simulated exchange does."""
    return packed(MODES[mode], exchange, token, sequence, AT_MS, {**ROW, **changed})


def test_recorded_frame_decodes_to_the_stated_values():
    """The real frame has the price, volume, totals and time that were read from it when it was recorded."""
    tick = decode(RECORDED)
    assert (tick.mode, tick.exchange, tick.token) == ("QUOTE", "NSE", "2885")
    assert tick.ltp == 1220.90
    assert tick.volume == 13_553_498
    assert (tick.buy_qty, tick.sell_qty) == (661_863.0, 1_149_961.0)
    assert f"{tick.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" == "2026-09-24 09:52:07"
    assert tick.at.utcoffset().total_seconds() == 5.5 * 3600
    assert isnan(tick.oi)


def test_recorded_frame_reads_the_same_in_a_batch():
    """One and many agree on the real frame."""
    (batch,), aside = decode_batch([RECORDED] * 3)
    assert aside == []
    assert batch.mode == "QUOTE"
    assert batch.rupees("ltp").tolist() == [1220.90] * 3
    assert batch.data["volume"].tolist() == [13_553_498] * 3
    assert set(batch.data["token"].tolist()) == {b"2885"}


@pytest.mark.parametrize("mode", MODES)
def test_official_client_reads_the_same_values(official_parser, mode):
    """What the broker's own WebSocket client reads from a frame is what a tick says, in paise."""
    bytes_ = frame(mode, exchange=1)
    theirs, ours = official_parser._parse_binary_data(bytes_), decode(bytes_)
    assert theirs["token"] == ours.token
    if mode == "DEPTH":
        for side, levels in (("buy", ours.bids), ("sell", ours.asks)):
            shown = theirs[f"depth_20_{side}_data"]
            assert [level["price"] for level in shown] == [round(level.price * 100) for level in levels]
            assert [level["quantity"] for level in shown] == [level.quantity for level in levels]
        return
    assert theirs["last_traded_price"] == round(ours.ltp * 100)
    assert (theirs["sequence_number"], theirs["exchange_timestamp"]) == (ours.sequence, ours.at_ms)
    if mode != "LTP":
        assert theirs["average_traded_price"] == round(ours.average * 100)
        assert theirs["total_sell_quantity"] == ours.sell_qty
        assert theirs["closed_price"] == round(ours.previous_close * 100)
    if mode == "SNAPQUOTE":
        assert theirs["open_interest"] == ours.oi
        assert theirs["last_traded_timestamp"] * 1000 == ours.traded_at_ms
        for name, price in (("upper_circuit_limit", ours.upper_limit), ("52_week_low_price", ours.low_52w)):
            assert theirs[name] == round(price * 100)
        for side, levels in (("buy", ours.bids), ("sell", ours.asks)):
            assert [(one["price"], one["quantity"]) for one in theirs[f"best_5_{side}_data"]] == [
                (round(level.price * 100), level.quantity) for level in levels
            ]


@pytest.mark.parametrize("mode", MODES)
def test_one_and_many_agree(mode):
    """A batch says of each frame what the frame says alone."""
    frames = [frame(mode, token=str(40_000 + number), exchange=1, ltp=100 + number) for number in range(20)]
    (batch,), _ = decode_batch(frames)
    ticks = [decode(one) for one in frames]
    assert [token.decode() for token in batch.data["token"].tolist()] == [tick.token for tick in ticks]
    if mode == "DEPTH":
        assert batch.best("asks").tolist() == [tick.ask for tick in ticks]
        return
    assert batch.rupees("ltp").tolist() == [tick.ltp for tick in ticks]
    if mode == "SNAPQUOTE":
        assert batch.best("bids").tolist() == [tick.bid for tick in ticks]
        assert batch.best("asks", "quantity").tolist() == [tick.asks[0].quantity for tick in ticks]
        assert batch.rupees("high_52w").tolist() == [tick.high_52w for tick in ticks]


def test_batch_sorts_modes_and_sets_aside_what_cannot_be_read():
    """Frames of several modes come back as one array each; damaged ones are handed back as they are."""
    good = [frame("LTP"), frame("SNAPQUOTE"), frame("LTP", token="40002"), frame("QUOTE")]
    bad = [
        b"", b"\x01", good[0][:-1], b"\x09" + good[0][1:], good[0][:1] + b"\x06" + good[0][2:],
        good[0][:2] + b"\0" * 25 + good[0][27:], good[0][:43] + struct.pack("<q", -5),
    ]  # fmt: skip
    batches, aside = decode_batch([*bad, *good])
    assert {batch.mode: len(batch) for batch in batches} == {"LTP": 2, "QUOTE": 1, "SNAPQUOTE": 1}
    assert sorted(aside) == sorted(bad)
    assert not any(is_sound(one) for one in bad)
    assert all(is_sound(one) for one in good)
    for one in bad:
        with pytest.raises(ProtocolError, match="cannot be read"):
            decode(one)


def test_no_price_is_nan_and_empty_levels_are_left_out():
    """The broker's 0 is no price: NaN alone and in a batch, and no level."""
    nothing = {"price": 0.0, "quantity": 0, "orders": 0}
    empty = frame(ltp=0.0, depth={"buy": [nothing] * 5, "sell": [LEVELS[0], *[nothing] * 4]})
    tick = decode(empty)
    assert isnan(tick.ltp)
    assert isnan(tick.bid)
    assert tick.bids == ()
    assert len(tick.asks) == 1
    (batch,), _ = decode_batch([empty, frame()])
    assert np.isnan(batch.rupees("ltp")).tolist() == [True, False]
    assert np.isnan(batch.best("bids")).tolist() == [True, False]


def test_currency_prices_have_seven_places():
    """On the currency exchange a price is in ten-millionths of a rupee, alone and in a batch."""
    head = struct.pack("<BB25sqqq", 1, 13, b"1", 1, AT_MS, 842_550_000)
    assert decode(head).ltp == pytest.approx(84.255)
    (batch,), _ = decode_batch([head, frame("LTP")])
    assert batch.rupees("ltp").tolist() == pytest.approx([84.255, 101.05])


def test_sizes_are_the_documented_ones():
    """51, 123, 379 and 443 bytes, by struct and by array."""
    assert SIZES == {1: 51, 2: 123, 3: 379, 4: 443}
    assert {mode: dtype.itemsize for mode, dtype in DTYPES.items()} == SIZES


def test_key_is_what_the_frame_begins_with():
    """A subscription's key is the beginning of its frames."""
    assert frame("QUOTE").startswith(key_of("QUOTE", "NFO", "40001"))


@pytest.mark.parametrize(("by_ms", "sequence", "set_back_s", "is_late"), [
    (-1, 9, 0, True), (0, 6, 0, True), (0, 7, 0, False), (1, 1, 0, False), (-1, 9, 60, False),
])  # fmt: skip
def test_an_older_frame_takes_no_newer_ones_place(by_ms, sequence, set_back_s, is_late):
    """By time, then sequence, an older frame is counted and set aside, unless the clock was set back."""
    clock = ManualClock(datetime.fromtimestamp(AT_MS / 1000, UTC) - timedelta(seconds=set_back_s))
    newest = NewestFrames(clock)
    first, other = frame("LTP"), packed(1, 2, "40001", sequence, AT_MS + by_ms, {**ROW, "ltp": 50.0})
    assert newest.keep([first, other], 1.0) == ([first] if is_late else [first, other])
    assert last_price(newest.of(key_of("LTP", "NFO", "40001")).frame) == (101.05 if is_late else 50.0)
    assert newest.late == is_late


def of_mode(mode):
    """Draw bytes of the size and with the first bytes of a mode."""
    head = bytes([mode, 1])
    return st.binary(min_size=SIZES[mode] - 2, max_size=SIZES[mode] - 2).map(lambda rest: head + rest)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=500), *(of_mode(mode) for mode in SIZES)))
def test_any_bytes_are_judged_alike_alone_and_in_a_batch(some):
    """Whatever bytes arrive: they are a tick both ways, or set aside both ways, and nothing is raised."""
    batches, aside = decode_batch([some])
    assert bool(batches) is is_sound(some)
    assert bool(aside) is not is_sound(some)
    if batches:
        assert decode(some).mode == batches[0].mode
