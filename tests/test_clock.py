"""Exchange time."""

import csv
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import clock
from kit.clock import IST
from kit.errors import DataError, SettingsError

DAYS = st.dates(date(2016, 6, 1), date(2027, 6, 30))


def at(day, hour, minute=0):
    """Return a moment of a day in exchange time."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST)


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2026, 7, 31), "15:30"),
        (date(2026, 8, 3), "15:40"),
        (date(2025, 10, 21), "14:45"),
        (date(2020, 2, 1), "15:30"),
    ],
)
def test_session_hours_are_dated(day, close):
    """Closing time follows the dated table, special sessions included."""
    assert f"{clock.session(day).close:%H:%M}" == close


def test_holiday_error_names_the_neighbours():
    """A holiday's error names the sessions around it."""
    with pytest.raises(DataError, match=r"2026-11-24.*2026-11-23.*2026-11-25"):
        clock.session(date(2026, 11, 24))


def test_sessions_agree_with_the_real_list(shared_data):
    """Trading days of 2020-2023 are those of the exchange's own files (known gaps aside)."""
    with (shared_data / "reference" / "nse_sessions_2020_2023.csv").open() as lines:
        real = {date.fromisoformat(row["session_date"]) for row in csv.DictReader(lines)}
    ours = set(clock.sessions(date(2020, 1, 1), max(real)))
    assert real ^ ours <= {date(2021, 11, 4), date(2022, 8, 8)}


def test_holidays_of_2026_agree_with_the_circulars(shared_data):
    """Every holiday of the 2026 circulars is closed here."""
    with (shared_data / "reference" / "nse_fo_holidays_2026.csv").open() as lines:
        assert not any(clock.is_session(date.fromisoformat(row["date"])) for row in csv.DictReader(lines))


@pytest.mark.parametrize(
    ("year", "month", "expiry"),
    [
        (2020, 1, date(2020, 1, 30)),
        (2024, 3, date(2024, 3, 27)),
        (2025, 11, date(2025, 11, 25)),
        (2026, 3, date(2026, 3, 30)),
        (2026, 11, date(2026, 11, 23)),
    ],
)
def test_monthly_expiry_follows_rule_and_holiday(year, month, expiry):
    """The monthly expiry is the rule's weekday, moved before a holiday."""
    assert clock.monthly_expiry(year, month) == expiry


def test_weeklies_existed_until_november_2024():
    """Weekly expiries are listed while the exchange had them."""
    assert date(2023, 5, 4) in clock.expiries(date(2023, 5, 3))
    assert date(2024, 11, 13) in clock.expiries(date(2024, 11, 12))
    assert clock.expiries(date(2026, 11, 20))[:2] == [date(2026, 11, 23), date(2026, 12, 29)]


@given(DAYS)
def test_every_expiry_is_a_session_not_before_the_day(day):
    """Listed expiries are trading days, ascending, none in the past."""
    listed = clock.expiries(day)
    assert listed == sorted(set(listed))
    assert all(clock.is_session(expiry) and expiry >= day for expiry in listed)


@given(DAYS)
def test_next_and_previous_session_are_inverse(day):
    """The session before the next session is the day itself, when it trades."""
    if clock.is_session(day):
        assert clock.previous_session(clock.next_session(day)) == day


def test_years_to_expiry_counts_to_the_dated_close():
    """Calendar time runs to 15:30, and to 15:40 from 3 August 2026."""
    hour = 60 / clock.MINUTES_PER_YEAR
    assert clock.years_to_expiry(at(date(2025, 11, 25), 14, 30), date(2025, 11, 25)) == pytest.approx(hour)
    assert clock.years_to_expiry(at(date(2026, 11, 23), 14, 40), date(2026, 11, 23)) == pytest.approx(hour)


def test_an_expiry_that_became_a_holiday_counts_to_the_session_before():
    """The 31st of March 2026, printed by the exchange in 2025 and a holiday since, expires on the 30th."""
    now = at(date(2025, 11, 14), 15, 30)
    for convention in ("calendar", "trading"):
        printed, moved = (clock.years_to_expiry(now, date(2026, 3, day), convention) for day in (31, 30))
        assert printed == moved
    assert not clock.is_session(datetime(2026, 3, 31, 10))
    with pytest.raises(DataError, match="2026-03-31"):
        clock.session(datetime(2026, 3, 31, 10))


def test_a_misspelt_convention_is_refused():
    """Time runs by calendar or by trading days, and by nothing else in silence."""
    with pytest.raises(SettingsError, match="trading"):
        clock.years_to_expiry(at(date(2026, 11, 20), 12), date(2026, 11, 23), "Trading")


def test_trading_time_skips_nights_and_holidays():
    """Trading time at one opening, one session before the expiry's close, is one 252nd of a year."""
    expiry = date(2026, 11, 23)
    opening = clock.session(expiry).open
    assert clock.years_to_expiry(opening, expiry, "trading") == pytest.approx(1 / 252)
    evening = at(date(2026, 11, 20), 18)
    assert clock.years_to_expiry(evening, expiry, "trading") == pytest.approx(1 / 252)


def test_expired_is_not_positive():
    """After the close of the expiry session no time is left, by either convention."""
    late = at(date(2026, 11, 23), 15, 40)
    assert clock.years_to_expiry(late, date(2026, 11, 23)) == 0
    assert clock.years_to_expiry(late + timedelta(1), date(2026, 11, 23), "trading") < 0


@pytest.mark.parametrize("text", ["2026-11-23", "23NOV2026", "23-Nov-2026", "23NOV26", "20261123"])
def test_expiry_is_read_in_every_spelling(text):
    """The broker's, the exchange's and ISO spelling give the same day."""
    assert clock.parse_expiry(text) == date(2026, 11, 23)


@pytest.mark.parametrize("text", ["", "soon", "31FEB2026", "23NVO2026"])
def test_nonsense_expiry_names_the_text(text):
    """What is no date is an error that shows it and the right form."""
    with pytest.raises(DataError, match="23NOV2026"):
        clock.parse_expiry(text)


@given(DAYS)
def test_expiry_round_trip(day):
    """What the kit writes for the broker it reads back."""
    assert clock.parse_expiry(clock.format_expiry(day)) == day


def test_lot_sizes_agree_with_real_data(shared_data):
    """Dated lots agree with the lots seen in real files, by expiry."""
    with (shared_data / "reference" / "banknifty_lot_size_evidence.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["expiry"][:1].isdigit()]
    checked = 0
    for row in rows:
        expiry = datetime.strptime(row["expiry"][:11], "%d-%b-%Y").date()
        if row["lot"].isdigit():
            assert clock.lot_size("BANKNIFTY", expiry) == int(row["lot"]), row
            checked += 1
    assert checked >= 5


def test_market_is_open_from_the_open_to_before_the_close():
    """The opening minute trades, the closing minute does not."""
    day = clock.session(date(2026, 11, 20))
    assert clock.is_open(day.open)
    assert not clock.is_open(day.close)
    assert clock.next_open(day.close) == clock.session(date(2026, 11, 23)).open


def test_manual_clock_moves_only_when_told():
    """A manual clock stands still and advances by what it is told."""
    still = clock.ManualClock(at(date(2026, 11, 20), 11))
    still.advance(90)
    assert still.now() == at(date(2026, 11, 20), 11, 1) + timedelta(seconds=30)
