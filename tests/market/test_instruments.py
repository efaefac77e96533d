"""Rows of the master to instruments: units, the right row, tolerance."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from pathlib import Path

import pytest

from kit.clock import IST
from kit.errors import ProtocolError, UnknownExpiry, UnknownSymbol
from kit.market import instruments

OLD_ID = {
    "token": "26009",
    "symbol": "BANKNIFTY",
    "name": "BANKNIFTY",
    "instrumenttype": "",
    "exch_seg": "NSE",
}
INDEX = {
    "token": "99926009", "symbol": "Nifty Bank", "name": "BANKNIFTY", "expiry": "", "strike": "0.000000",
    "lotsize": "1", "instrumenttype": "AMXIDX", "exch_seg": "NSE", "tick_size": "0.000000",
    "freeze_qty": "0", "is_cas_enabled": False,
}  # fmt: skip
CALL = {
    "token": "40001", "symbol": "BANKNIFTY24NOV2657000CE", "name": "BANKNIFTY", "expiry": "24NOV2026",
    "strike": "5700000.000000", "lotsize": "30", "instrumenttype": "OPTIDX", "exch_seg": "NFO",
    "tick_size": "5.000000",
}  # fmt: skip
NOON = datetime(2026, 11, 20, 12, tzinfo=IST)


def test_units():
    """Strike and tick are hundredths in the file and must be rupees here."""
    found = instruments.instrument(CALL)
    assert (found.strike, found.tick_size, found.lot_size) == (57_000.0, 0.05, 30)
    assert (found.right, found.expiry, found.exchange) == ("CE", date(2026, 11, 24), "NFO")


def test_no_strike_no_expiry():
    """An index must have neither strike nor expiry nor right, and no zero that could be taken for one."""
    found = instruments.instrument(INDEX)
    assert math.isnan(found.strike)
    assert (found.expiry, found.right, found.lot_size) == (None, None, 1)


@pytest.mark.parametrize("order", [(OLD_ID, INDEX), (INDEX, OLD_ID)])
def test_the_right_one_of_two_bank_nifties(order):
    """Of the two rows named BANKNIFTY the index must be chosen, whichever comes first."""
    assert instruments.underlying(order, "BANKNIFTY").token == "99926009"


def test_missing_and_extra_keys():
    """Older rows lack keys and later ones add some; both must be read."""
    bare = instruments.instrument({"token": "1", "later": [1]})
    assert (bare.token, bare.lot_size, bare.expiry) == ("1", 1, None)


@pytest.mark.parametrize("change", [{"strike": "high"}, {"expiry": "someday"}, {"lotsize": "x"}])
def test_unreadable_rows(change):
    """A row whose numbers are none must be a typed error that shows them."""
    with pytest.raises(ProtocolError, match="40001"):
        instruments.instrument({**CALL, **change})
    with pytest.raises(ProtocolError):
        instruments.instrument({"symbol": "no token"})


def test_a_real_master_of_2024(shared_data: Path):
    """Real rows of March 2024, with fewer keys than today's, must be read."""
    rows = json.loads((shared_data / "angel" / "scripmaster_extract_20240307.json").read_text())
    found = [instruments.instrument(row) for row in rows]
    nifty = [option for option in instruments.options(rows) if option.name == "NIFTY"]
    assert len(found) == 10
    assert nifty
    assert all(10_000 < option.strike < 40_000 for option in nifty)


def test_unknown_names():
    """An unknown name must come back with the names it may have meant."""
    error = instruments.unknown("BANKNIFY", ["BANKNIFTY", "NIFTY", "RELIANCE"])
    assert "BANKNIFTY" in error.remedy
    with pytest.raises(UnknownSymbol):
        instruments.underlying([CALL], "BANKNIFTY")


def test_expiries():
    """The nearest expiry that still trades must be the default, and a wrong one must list the right ones."""
    listed = [date(2026, 11, 20), date(2026, 11, 23), date(2026, 12, 29)]
    closed = NOON.replace(hour=15, minute=40)
    assert instruments.listed_expiry(None, listed, NOON) == date(2026, 11, 20)
    assert instruments.listed_expiry(None, listed, closed) == date(2026, 11, 23)
    assert instruments.listed_expiry("29DEC2026", listed, NOON) == date(2026, 12, 29)
    for wrong in ("2026-11-24", "soon", date(2026, 12, 25)):
        with pytest.raises(UnknownExpiry, match="2026-11-23"):
            instruments.listed_expiry(wrong, listed, NOON)
    with pytest.raises(UnknownExpiry, match="none"):
        instruments.listed_expiry(None, [], NOON)
