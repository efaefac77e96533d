"""Dated tables."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from kit.backtest.plan.plan import Plan
from kit.bars.candles import interval
from kit.bars.minute_store import MinuteStore
from kit.bars.store import folder_of
from kit.clock import lot_size
from kit.errors import DataError
from kit.evaluation.margin_rules import risk_parameters
from kit.facts import fact, in_force, span, table
from kit.model import Leg, Position

NAMES = sorted(path.stem for path in (Path(__file__).parent.parent / "data").glob("*.csv"))
OPTIONAL = {  # columns in which an empty cell means something, as docs/facts.md says
    "withdrawn", "weekly", "last_weekly", "expiry_to", "price_at", "at_most_fraction", "per_minute",
    "per_hour", "key",
}  # fmt: skip
KEPT_APART = {"ranges", "holidays", "holiday_rules", "hours", "special_sessions", "listed_expiries"}


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_a_source_and_every_field(name):
    """Each row of each table is complete and names its source."""
    for row in table(name):
        assert None not in row
        assert None not in row.values()
        assert row["source"].strip()
        assert all(value for column, value in row.items() if column not in OPTIONAL), row


@pytest.mark.parametrize("name", [*sorted(set(NAMES) - KEPT_APART), "calendar"])
def test_every_table_says_its_range(name):
    """Each table states for each thing it knows the days it answers for, certain before provisional."""
    keys = {row["key"] for row in table("ranges") if row["table"] == name}
    assert keys
    for key in keys:
        found = span(name, key)
        assert found.first < found.certain_to <= found.last


@pytest.mark.parametrize(
    ("name", "key", "match"),
    [
        ("charges", "", {"item": "stt_sell"}),
        ("brokerage", "capped", {"plan": "capped"}),
        ("expiry_rules", "NIFTY", {"underlying": "NIFTY"}),
        ("ticks", "", {"segment": "index"}),
        ("settlement_rules", "", {}),
    ],
)
def test_a_day_outside_the_range_is_refused(name, key, match):
    """The day before the first and the day after the last are refused, naming day and range."""
    first, _, last = span(name, key)
    for day in (first, last):
        fact(name, day, key=key, **match)
    for day in (first - timedelta(1), last + timedelta(1)):
        with pytest.raises(DataError, match=f"{day}.*{first} to {last}"):
            fact(name, day, key=key, **match)


@pytest.mark.parametrize("item", sorted({row["item"] for row in table("charges")}))
def test_a_charge_is_known_from_the_first_day_on(item):
    """What was not charged yet is a row of nought; none begins later than the range that the table states."""
    assert fact("charges", span("charges").first, item=item)["value"]


def test_an_unknown_thing_names_those_that_are_known():
    """What a table says nothing about is refused with what it knows."""
    with pytest.raises(DataError, match=r"SENSEX.*BANKNIFTY"):
        span("lot_sizes", "SENSEX")
    with pytest.raises(DataError, match="BANKNIFTY"):
        lot_size(" ", date(2026, 12, 29), date(2026, 11, 27))


def test_the_latest_row_not_after_the_day_applies():
    """A row applies from its date on, until the next one."""
    hours = [row for row in table("hours") if row["segment"] == "derivatives"]
    assert in_force(hours, date(2026, 8, 2))["close"] == "15:30"
    assert in_force(hours, date(2026, 8, 3))["close"] == "15:40"


def test_a_day_before_every_row_is_an_error():
    """Asking rows before the first of them names the day."""
    with pytest.raises(DataError, match="1999-01-01"):
        in_force(table("hours"), date(1999, 1, 1))


def test_unknown_table_is_an_error():
    """Asking for a table that is not shipped names it."""
    with pytest.raises(DataError, match="holydays"):
        table("holydays")


SPELLINGS = ["NIFTYBANK", "NIFTY BANK", "Nifty Bank", "nifty-bank", "banknifty", "Bank Nifty", " BANKNIFTY "]


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_index_has_many_spellings_and_one_name(name: str, tmp_path: Path) -> None:
    """However Bank Nifty is written, a plan trades it, a position is on it, its candles lie in one folder."""
    assert Plan.of("short_straddle", underlying=name).underlying == "BANKNIFTY"
    assert Position.parse("-1 54900CE", name).underlying == "BANKNIFTY"
    assert Position((Leg("CE", 54_900.0, -1, 312.5),), name).underlying == "BANKNIFTY"
    assert folder_of(name, interval("ONE_DAY"), tmp_path) == tmp_path / "BANKNIFTY" / "ONE_DAY"
    assert MinuteStore(tmp_path, name).underlying == "BANKNIFTY"
    assert risk_parameters(name, date(2026, 11, 20), close=54_000.0).underlying == "BANKNIFTY"
    if name.replace(" ", "").isalpha():
        assert Position.parse(f"{name} -1 54900CE").underlying == "BANKNIFTY"
