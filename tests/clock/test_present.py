"""Moments and days: zones, spellings, and what is none."""

from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import clock
from kit.clock import IST
from kit.errors import DataError

NOON = datetime(2026, 11, 20, 12, tzinfo=IST)


@pytest.mark.parametrize(
    "text", ["2026-11-23", "23NOV2026", "23-Nov-2026", "23NOV26", "20261123", "23-nov-26"]
)
def test_a_day_is_read_in_every_spelling(text):
    """The broker's, the exchange's and ISO spelling give the same day."""
    assert clock.parse_day(text) == date(2026, 11, 23)


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "31FEB2026", "23NVO2026", "2026-1-27", "2026-01-7", "270126", "27-01-2026", "2026/01/27",
        "20260127T", "2026-01-27 15:30", "2026-0127", "23-NOV2026", "0023NOV2026", "23NOV1926", "23NOV126",
        "٢٣NOV2026", "1926-01-27", "2026-13-01", "2026-02-30", 20260127, 2026.0, None, True, pd.NaT,
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused(text):
    """Nothing but the documented spellings is read; the error shows the text and the right form."""
    with pytest.raises(DataError, match=r"23NOV2026|Not a moment"):
        clock.parse_day(text)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_day_round_trips(day):
    """What the kit writes for the broker, and ISO text, it reads back."""
    assert clock.parse_day(clock.format_expiry(day)) == day
    assert clock.parse_day(day.isoformat()) == day


def test_a_moment_is_its_day_in_exchange_time():
    """Evening in London is the next day in Mumbai."""
    assert clock.parse_day(datetime(2026, 11, 22, 20, tzinfo=UTC)) == date(2026, 11, 23)


@pytest.mark.parametrize(
    "at", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))]
)
def test_a_moment_beyond_all_calendars_is_none(at):
    """What Asia/Kolkata has no date for is refused in words, whichever end it is beyond."""
    with pytest.raises(DataError, match="Not a moment"):
        clock.in_ist(at)


def test_a_time_without_a_zone_is_exchange_time():
    """Naive times mean Asia/Kolkata in every function of the clock, whatever the machine's zone."""
    naive = NOON.replace(tzinfo=None)
    assert clock.in_ist(naive) == NOON
    assert clock.ManualClock(naive).now() == NOON
    for ask in (clock.last_session, clock.is_open, clock.next_open, clock.spot_is_frozen):
        assert ask(naive) == ask(NOON) == ask(NOON.astimezone(UTC))
    for convention in ("calendar", "trading"):
        assert clock.years_to_expiry(naive, date(2026, 12, 29), convention) == clock.years_to_expiry(
            NOON.astimezone(UTC), date(2026, 12, 29), convention
        )


@pytest.mark.parametrize("value", [pd.NaT, None, "2026-11-20", date(2026, 11, 20), 5])
def test_what_is_no_moment_is_refused(value):
    """A moment is a datetime; anything else is a typed error."""
    with pytest.raises(DataError, match="Not a moment"):
        clock.in_ist(value)


def test_manual_clock_moves_only_when_told():
    """A manual clock stands still and advances by what it is told."""
    still = clock.ManualClock(NOON)
    still.advance(90)
    assert still.now() == NOON + timedelta(seconds=90)
