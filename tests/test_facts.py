"""Dated tables."""

from datetime import date
from pathlib import Path

import pytest

from kit.errors import DataError
from kit.facts import in_force, table

NAMES = sorted(path.stem for path in (Path(__file__).parent.parent / "data").glob("*.csv"))


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_a_source_and_every_field(name):
    """Each row of each table is complete and names its source."""
    for row in table(name):
        assert None not in row
        assert None not in row.values()
        assert row["source"].strip()


def test_the_latest_row_not_after_the_day_applies():
    """A row applies from its date on, until the next one."""
    hours = table("fo_hours")
    assert in_force(hours, date(2026, 8, 2))["close"] == "15:30"
    assert in_force(hours, date(2026, 8, 3))["close"] == "15:40"


def test_a_day_before_the_table_is_an_error():
    """Asking before the first row names the day."""
    with pytest.raises(DataError, match="1999-01-01"):
        in_force(table("fo_hours"), date(1999, 1, 1))


def test_unknown_table_is_an_error():
    """Asking for a table that is not shipped names it."""
    with pytest.raises(DataError, match="holydays"):
        table("holydays")
