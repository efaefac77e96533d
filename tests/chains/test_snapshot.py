"""Quotes to a chain: joined, empty levels as missing, times and units."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pytest

from kit.chains.contracts import around
from kit.chains.quotes import from_quotes, quoted_at
from kit.chains.snapshot import snapshot
from kit.clock import IST
from kit.errors import ProtocolError
from kit.model import GREEK_COLUMNS, QUOTE_COLUMNS, Instrument

EXPIRY = date(2026, 11, 23)
NOON = datetime(2026, 11, 20, 12, tzinfo=IST)


def option(strike: float, right: str) -> Instrument:
    """Return an option of the expiry."""
    symbol = f"BANKNIFTY23NOV26{strike:.0f}{right}"
    return Instrument(symbol, symbol, "BANKNIFTY", "NFO", "OPTIDX", EXPIRY, strike, right, 30, 0.05)


def quote(ltp: float, bid: float, ask: float, time: str = "20-Nov-2026 11:59:58") -> dict:
    """Return a FULL quote as the broker writes it."""
    levels = {
        "buy": [{"price": bid, "quantity": 30, "orders": 1}],
        "sell": [{"price": ask, "quantity": 30, "orders": 1}],
    }
    return {"ltp": ltp, "depth": levels, "tradeVolume": 900, "opnInterest": 1500, "exchFeedTime": time}


def test_price_zero_is_no_price():
    """A zero in the book or as last price must be missing, and a contract without quote all missing."""
    options = [option(57_000, "CE"), option(57_000, "PE")]
    columns = from_quotes(options, [quote(0.0, 0.0, 101.0), None])
    assert np.isnan(columns.numbers["ltp"]).all()
    assert np.isnan(columns.numbers["bid"]).all()
    assert columns.numbers["ask"][0] == 101.0
    assert np.isnan(columns.numbers["oi"][1])
    assert columns.numbers["oi"][0] == 1500


@pytest.mark.parametrize(
    "broken",
    [
        {"ltp": "1 rupee"},
        {"depth": None},
        {"depth": {"buy": [{}], "sell": []}},
        {"depth": {}},
        {"opnInterest": []},
    ],
)
def test_unreadable_quotes(broken):
    """An impossible quote read must be a typed error."""
    with pytest.raises(ProtocolError):
        from_quotes([option(57_000, "CE")], [{**quote(1, 1, 1), **broken}])


def test_the_change_since_the_previous_close():
    """A live quote's previous close must give the change of the price, and none where there was none."""
    rows = [{**quote(100.0, 99.0, 101.0), "close": close} for close in (90.0, 0)]
    changes = from_quotes([option(57_000, "CE"), option(57_000, "PE")], rows).numbers["ltp_change"]
    np.testing.assert_equal(changes, [10.0, np.nan])


def test_an_empty_side_of_the_book():
    """A side of the book without a level must be a missing quote."""
    row = quote(100.0, 99.0, 101.0)
    row["depth"]["buy"] = []
    assert np.isnan(from_quotes([option(57_000, "CE")], [row]).numbers["bid"][0])


def test_the_time_of_the_newest_quote():
    """The chain must be as new as its newest quote, in English months whatever the locale."""
    rows = [quote(1, 1, 1, "20-Nov-2026 11:59:58"), quote(1, 1, 1, "20-Nov-2026 12:00:01"), None]
    assert quoted_at(rows, NOON) == datetime(2026, 11, 20, 12, 0, 1, tzinfo=IST)
    assert quoted_at([None], NOON) == NOON
    with pytest.raises(ProtocolError):
        quoted_at([quote(1, 1, 1, "yesterday")], NOON)


def test_strikes_around_the_money():
    """As many strikes as asked for must be kept on either side, fewer where the list ends."""
    options = [option(strike, right) for strike in range(56_000, 58_100, 100) for right in ("CE", "PE")]
    kept = around(options, 57_020, 3)
    assert sorted({found.strike for found in kept}) == [
        56_700,
        56_800,
        56_900,
        57_000,
        57_100,
        57_200,
        57_300,
    ]
    assert len(kept) == 14
    assert {found.strike for found in around(options, 90_000, 1)} == {57_900, 58_000}


def test_snapshot_columns_and_fallback():
    """A chain too thin for parity must take the future, and have every column of a snapshot."""
    options = [option(57_000, "CE"), option(57_000, "PE")]
    columns = from_quotes(options, [quote(400, 399, 401), quote(350, 349, 351)])
    found = snapshot(
        columns, underlying="BANKNIFTY", expiry=EXPIRY, taken_at=NOON, spot=57_020.0, lot_size=30,
        source="network", future=57_060.0,
    )  # fmt: skip
    assert found.forward_from == "future"
    assert 57_052 < found.forward < 57_052.2  # dealt at 57,060, but the pair would sell it for 57,052
    assert set(found.frame.columns) == {
        *QUOTE_COLUMNS,
        "ltp_change",
        *GREEK_COLUMNS,
        "iv_quality",
        "bid_qty",
        "ask_qty",
    }
    assert (found.frame["iv_reason"] == "ok").all()
    assert found.frame["delta"].iloc[0] > 0 > found.frame["delta"].iloc[1]
    assert found.frame["oi_change"].isna().all()
