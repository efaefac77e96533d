"""When the exchange trades: days, hours, pauses, auctions."""

import csv
import gzip
from datetime import UTC, date, datetime, timedelta

import pytest
from dateutil.easter import easter
from hypothesis import given
from hypothesis import strategies as st

from kit import clock
from kit.clock import IST
from kit.clock.holidays import by_rule
from kit.errors import DataError

DAYS = st.dates(date(2015, 1, 10), date(2031, 6, 30))


def at(day, hour, minute=0):
    """Return a moment of a day in exchange time."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST)


def hours(day, segment="derivatives"):
    """Return the intervals of a day as text with their kinds."""
    parts = clock.session(day, segment).intervals
    return [f"{part.open:%H:%M}-{part.close:%H:%M} {part.kind}" for part in parts]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2015, 2, 28), ["09:15-15:30 special"]),
        (date(2016, 10, 30), ["18:30-19:30 muhurat"]),
        (date(2018, 11, 7), ["17:30-18:30 muhurat"]),
        (date(2020, 2, 1), ["09:15-15:30 special"]),
        (date(2020, 3, 23), ["09:15-09:58 normal", "10:58-15:30 normal"]),
        (date(2021, 2, 24), ["09:15-11:40 normal", "15:45-17:00 normal"]),
        (date(2023, 11, 12), ["18:15-19:15 muhurat"]),
        (date(2024, 1, 20), ["09:15-15:30 special"]),
        (date(2024, 3, 2), ["09:15-10:00 special", "11:30-12:30 special"]),
        (date(2024, 5, 18), ["09:15-10:00 special", "11:30-12:30 special"]),
        (date(2025, 10, 21), ["13:45-14:45 muhurat"]),
        (date(2026, 7, 31), ["09:15-15:30 normal"]),
        (date(2026, 8, 3), ["09:15-15:40 normal"]),
    ],
)
def test_hours_are_dated_lists_of_intervals(day, expected):
    """A session's intervals and kinds follow the dated tables, pauses and special days included."""
    assert hours(day) == expected


def test_the_cash_segment_closes_by_auction_since_august_2026():
    """Until July 2026 shares trade as derivatives do; then an auction of twenty minutes ends their day."""
    assert hours(date(2026, 7, 31), "cash") == ["09:15-15:30 normal"]
    assert hours(date(2026, 8, 3), "cash") == ["09:15-15:15 normal", "15:15-15:35 auction"]
    auction = clock.session(date(2026, 8, 3), "cash").auction
    assert f"{auction.price_at:%H:%M}" == "15:29"
    assert hours(date(2026, 11, 8), "cash") == ["18:00-19:00 muhurat"]


def test_a_drill_has_105_minutes_and_a_pause():
    """On 2 March 2024 the market is shut between the two parts, and opens again at 11:30."""
    drill = clock.session(date(2024, 3, 2))
    assert drill.length_s == 105 * 60
    assert drill.traded_s(at(drill.day, 11)) == 45 * 60
    assert not clock.is_open(at(drill.day, 10))
    assert clock.next_open(at(drill.day, 10, 30)) == at(drill.day, 11, 30)
    assert clock.is_open(at(drill.day, 11, 30))
    assert clock.last_session(at(drill.day, 10, 30)) == drill


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [((15, 14), False), ((15, 15), True), ((15, 39), True), ((15, 40), False)],
)
def test_the_index_stands_still_while_derivatives_trade(moment, frozen):
    """From its auction on, while derivatives trade, the spot is frozen; before August 2026, never."""
    assert clock.spot_is_frozen(at(date(2026, 8, 3), *moment)) is frozen
    assert not clock.spot_is_frozen(at(date(2026, 7, 31), *moment))


def test_holiday_error_names_the_neighbours():
    """A holiday's error names the sessions around it."""
    with pytest.raises(DataError, match=r"2026-11-24.*2026-11-23.*2026-11-25"):
        clock.session(date(2026, 11, 24))


@pytest.mark.parametrize("day", [date(2014, 12, 31), date(2034, 1, 2), date.max, date.min])
def test_a_day_beyond_the_calendar_is_refused(day):
    """No day outside the calendar's range is answered by any function that takes a day."""
    for ask in (clock.is_session, clock.session, lambda end: clock.sessions(date(2026, 1, 1), end)):
        if ask is clock.is_session or ask is clock.session or day > date(2026, 1, 1):
            with pytest.raises(DataError, match="2015-01-01 to 2033-12-31"):
                ask(day)
    with pytest.raises(DataError, match=str(day)):
        clock.is_open(datetime(day.year, day.month, day.day, 12, tzinfo=IST))


def test_sessions_agree_with_the_real_list(shared_data):
    """Trading days of 2020-2023 are those of the exchange's own files (known gaps aside)."""
    with (shared_data / "reference" / "nse_sessions_2020_2023.csv").open() as lines:
        real = {date.fromisoformat(row["session_date"]) for row in csv.DictReader(lines)}
    ours = set(clock.sessions(date(2020, 1, 1), max(real)))
    assert real ^ ours <= {date(2021, 11, 4), date(2022, 8, 8)}


def test_every_real_bar_lies_within_a_session(shared_data):
    """Each of 34,300 bars of 15 minutes from 2018 to 2023 begins while its session is open."""
    with gzip.open(shared_data / "reference" / "BankNifty_spot_15min_2018_2023.csv.gz", "rt") as lines:
        starts = [datetime.fromtimestamp(int(row["Time"]), UTC) for row in csv.DictReader(lines)]
    assert all(clock.is_open(start, "cash") for start in starts)


def test_holidays_of_2026_agree_with_the_circulars(shared_data):
    """Every holiday of the 2026 circulars is closed here."""
    with (shared_data / "reference" / "nse_fo_holidays_2026.csv").open() as lines:
        assert not any(clock.is_session(date.fromisoformat(row["date"])) for row in csv.DictReader(lines))


@pytest.mark.parametrize("year", range(2015, 2034))
def test_holidays_by_rule_are_closed_every_year(year):
    """Good Friday by an independent Easter, and the fixed days, trade in no year, circular or not."""
    fixed = [date(year, *day) for day in ((1, 26), (4, 14), (5, 1), (8, 15), (10, 2), (12, 25))]
    expected = {easter(year) - timedelta(2), *fixed}
    assert by_rule(year) == expected
    assert not any(clock.is_session(day) for day in expected)


def test_a_year_without_a_circular_is_provisional():
    """Sessions of 2026 are certain; those of 2027 and later say that they are not."""
    assert not clock.session(date(2026, 12, 31)).provisional
    assert clock.session(date(2027, 1, 4)).provisional
    assert clock.is_provisional(date(2030, 6, 3))


@given(DAYS)
def test_next_and_previous_session_are_inverse(day):
    """The session before the next session is the day itself, when it trades."""
    if clock.is_session(day):
        assert clock.previous_session(clock.next_session(day)) == day


@given(DAYS, st.integers(0, 400))
def test_sessions_are_the_days_that_trade(first, length):
    """A range lists exactly its trading days, and a range that ends before it begins lists none."""
    last = first + timedelta(length)
    days = [first + timedelta(number) for number in range(length + 1)]
    assert clock.sessions(first, last) == [day for day in days if clock.is_session(day)]
    assert clock.sessions(last, first - timedelta(1)) == []


@given(DAYS, st.integers(0, 24 * 60 - 1))
def test_the_next_opening_is_ahead_and_open(day, minute):
    """The next opening lies ahead, trades, and nothing opens in between."""
    now = at(day, 0) + timedelta(minutes=minute)
    opening = clock.next_open(now)
    assert opening > now
    assert clock.is_open(opening)
    assert not clock.is_open(opening - timedelta(seconds=1))


def test_market_is_open_from_the_open_to_before_the_close():
    """The opening minute trades, the closing minute does not."""
    day = clock.session(date(2026, 11, 20))
    assert clock.is_open(day.open)
    assert not clock.is_open(day.close)
    assert clock.next_open(day.close) == clock.session(date(2026, 11, 23)).open
