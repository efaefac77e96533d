"""How much time an option has left."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import clock
from kit.clock import IST
from kit.errors import DataError, SettingsError

HOUR = 1 / (365 * 24)


def at(day, hour, minute=0):
    """Return a moment of a day in exchange time."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST)


def test_years_to_expiry_counts_to_the_dated_close():
    """Calendar time runs to 15:30, and to 15:40 from 3 August 2026."""
    before, since = date(2025, 11, 25), date(2026, 11, 23)
    assert clock.years_to_expiry(at(before, 14, 30), before) == pytest.approx(HOUR)
    assert clock.years_to_expiry(at(since, 14, 40), since) == pytest.approx(HOUR)


def test_an_expiry_that_became_a_holiday_counts_to_the_business_day_before():
    """A printed expiry that is a holiday, or a Muhurat evening, ends with the business day before."""
    for now, printed, moved in (
        (at(date(2025, 11, 14), 15, 30), date(2026, 3, 31), date(2026, 3, 30)),
        (at(date(2021, 11, 1), 12), date(2021, 11, 4), date(2021, 11, 3)),
    ):
        for convention in ("calendar", "trading"):
            assert clock.years_to_expiry(now, printed, convention) == clock.years_to_expiry(
                now, moved, convention
            )


@given(st.datetimes(datetime(2016, 1, 1), datetime(2026, 11, 27)), st.integers(0, 400))
def test_trading_time_is_the_sum_of_the_sessions_left(now, days):
    """Trading time is what is left of every session to the expiry, added up one by one."""
    expiry = clock.last_trading_day(now.date() + timedelta(days))
    aware = now.replace(tzinfo=IST)
    last = clock.session(expiry)
    if aware < last.close:
        between = [clock.session(day) for day in clock.sessions(now.date(), expiry)]
        left_s = sum(part.length_s - part.traded_s(aware) for part in between)
        expected = left_s / last.length_s / 252
        assert clock.years_to_expiry(now, expiry, "trading") == pytest.approx(expected, abs=1e-12)


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


def test_a_misspelt_convention_is_refused():
    """Time runs by calendar or by trading days, and by nothing else in silence."""
    with pytest.raises(SettingsError, match="trading"):
        clock.years_to_expiry(at(date(2026, 11, 20), 12), date(2026, 11, 23), "Trading")


def test_an_expiry_beyond_the_calendar_is_refused():
    """An expiry that no calendar reaches gives no number."""
    with pytest.raises(DataError, match="2040-01-31"):
        clock.years_to_expiry(at(date(2026, 11, 20), 12), date(2040, 1, 31))
