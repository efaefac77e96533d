"""Lots, ticks and settlement, by date and contract."""

import csv
import io
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import clock
from kit.errors import DataError


def day(text):
    """Read a date."""
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("underlying", "expiry", "on", "lot"),
    [
        ("BANKNIFTY", "2018-11-01", "2018-10-25", 40),
        ("BANKNIFTY", "2018-11-01", "2018-10-26", 20),
        ("BANKNIFTY", "2020-07-23", "2020-07-20", 20),
        ("BANKNIFTY", "2020-07-30", "2020-05-04", 25),
        ("BANKNIFTY", "2023-07-20", "2023-07-20", 25),
        ("BANKNIFTY", "2023-07-27", "2023-05-03", 15),
        ("BANKNIFTY", "2023-09-28", "2023-05-03", 25),
        ("BANKNIFTY", "2023-12-28", "2023-06-28", 25),
        ("BANKNIFTY", "2023-09-28", "2023-06-30", 15),
        ("BANKNIFTY", "2025-01-30", "2025-01-02", 15),
        ("BANKNIFTY", "2025-03-26", "2024-12-23", 15),
        ("BANKNIFTY", "2025-03-27", "2024-12-26", 30),
        ("BANKNIFTY", "2025-02-26", "2024-11-28", 30),
        ("BANKNIFTY", "2025-06-26", "2025-06-26", 30),
        ("BANKNIFTY", "2025-09-25", "2025-04-24", 30),
        ("BANKNIFTY", "2025-09-25", "2025-04-25", 35),
        ("BANKNIFTY", "2025-12-30", "2025-12-30", 35),
        ("BANKNIFTY", "2026-01-27", "2025-11-14", 30),
        ("BANKNIFTY", "2026-03-31", "2025-12-30", 35),
        ("BANKNIFTY", "2026-03-30", "2025-12-31", 30),
        ("NIFTY", "2021-07-22", "2021-07-01", 75),
        ("NIFTY", "2021-07-29", "2021-07-01", 50),
        ("NIFTY", "2024-04-25", "2024-04-25", 50),
        ("NIFTY", "2024-05-02", "2024-04-26", 25),
        ("NIFTY", "2025-01-02", "2024-12-20", 75),
        ("NIFTY", "2025-01-30", "2025-01-10", 25),
        ("NIFTY", "2025-03-27", "2024-12-26", 25),
        ("NIFTY", "2025-03-27", "2024-12-27", 75),
        ("NIFTY", "2026-01-06", "2025-12-10", 65),
        ("NIFTY", "2026-12-29", "2026-11-27", 65),
        ("FINNIFTY", "2024-07-23", "2024-07-01", 40),
        ("FINNIFTY", "2024-07-30", "2024-07-01", 25),
        ("FINNIFTY", "2026-01-27", "2026-01-05", 60),
        ("MIDCPNIFTY", "2024-07-29", "2024-07-01", 50),
        ("MIDCPNIFTY", "2025-07-31", "2025-07-01", 140),
    ],
)
def test_lots_depend_on_contract_and_day(underlying, expiry, on, lot):
    """The lot of a contract is the one of that trading day, whatever it was or became."""
    assert clock.lot_size(underlying, day(expiry), day(on)) == lot


def test_lots_agree_with_real_data(shared_data):
    """Dated lots agree with the lots seen in real files, on the day they were seen."""
    with (shared_data / "reference" / "banknifty_lot_size_evidence.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["expiry"][:1].isdigit() and row["lot"].isdigit()]
    for row in rows:
        expiry = datetime.strptime(row["expiry"][:11], "%d-%b-%Y").date()
        assert clock.lot_size("BANKNIFTY", expiry, day(row["trade_date"][:10])) == int(row["lot"]), row
    assert len(rows) >= 5


def test_lots_of_a_whole_market_day(shared_data):
    """Every index option that traded on 14 November 2025 shows its dated lot as quantity over contracts."""
    with zipfile.ZipFile(shared_data / "eod" / "fo14112025.zip") as packed:
        text = packed.read("op14112025.csv").decode()
    seen = set()
    for row in csv.reader(io.StringIO(text)):
        cells = [cell.strip() for cell in row]
        if cells[1:2] and cells[1] in ("BANKNIFTY", "NIFTY", "FINNIFTY", "MIDCPNIFTY"):
            expiry = datetime.strptime(cells[2], "%d/%m/%Y").date()
            seen.add((cells[1], expiry, int(float(cells[10]) / float(cells[11]))))
    assert len(seen) > 15
    for name, expiry, lot in seen:
        assert clock.lot_size(name, expiry, date(2025, 11, 14)) == lot, (name, expiry)


@given(st.dates(date(2018, 1, 1), date(2026, 12, 31)))
def test_every_listed_contract_has_a_lot(on):
    """From 2018 to 2026 every expiry listed on a day has a lot that Bank Nifty ever had."""
    lots = {clock.lot_size("BANKNIFTY", expiry, on) for expiry in clock.expiries(on)}
    assert lots <= {15, 20, 25, 30, 35, 40}
    assert len(lots) <= 2


@pytest.mark.parametrize(
    ("underlying", "expiry", "on", "named"),
    [
        ("BANKNIFTY", "2010-01-28", "2010-01-04", "2010-01-04"),
        ("BANKNIFTY", "2031-01-28", "2031-01-06", "2015-01-01 to 2028-12-31"),
        ("NIFTY", "2017-01-25", "2017-01-02", "2018-01-01"),
        ("SENSEX", "2026-12-29", "2026-11-27", "SENSEX"),
        ("BANKNIFTY", "2026-11-23", "2026-11-27", "expired"),
    ],
)
def test_a_lot_outside_the_table_is_refused(underlying, expiry, on, named):
    """What the table does not know is refused in words, never answered by the nearest row."""
    with pytest.raises(DataError, match=named):
        clock.lot_size(underlying, day(expiry), day(on))


def test_tick_and_settlement_are_dated_facts():
    """A price steps by 5 paise, and settlement changed with the closing auction; both end with the table."""
    assert clock.tick_inr(date(2026, 11, 20)) == clock.tick_inr() == 0.05
    assert clock.settlement_rule(date(2026, 7, 31)) == "mean_last_30"
    assert clock.settlement_rule(date(2026, 8, 3)) == "auction"
    for ask in (clock.tick_inr, clock.settlement_rule):
        with pytest.raises(DataError, match="2014-01-01"):
            ask(date(2014, 1, 1))
