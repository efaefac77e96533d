"""Which contracts expire when, with and without hindsight."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import clock
from kit.clock.expiries import _by_rule
from kit.errors import DataError

DAYS = st.dates(date(2016, 6, 1), date(2028, 12, 31))


def days(text):
    """Read dates separated by blanks."""
    return [date.fromisoformat(part) for part in text.split()]


@pytest.mark.parametrize(
    ("year", "month", "expiry"),
    [
        (2018, 1, "2018-01-25"),
        (2020, 1, "2020-01-30"),
        (2023, 3, "2023-03-29"),  # the 30th was a holiday
        (2023, 6, "2023-06-28"),  # the 29th became one
        (2024, 2, "2024-02-29"),
        (2024, 3, "2024-03-27"),
        (2024, 12, "2024-12-24"),
        (2025, 1, "2025-01-30"),
        (2025, 8, "2025-08-28"),
        (2025, 9, "2025-09-30"),
        (2025, 11, "2025-11-25"),
        (2026, 3, "2026-03-30"),
        (2026, 11, "2026-11-23"),
    ],
)
def test_monthly_expiry_as_it_came_to_be(year, month, expiry):
    """The monthly expiry is the rule's weekday of its time, moved before a holiday."""
    assert clock.monthly_expiry(year, month) == date.fromisoformat(expiry)


@pytest.mark.parametrize(
    ("listed", "moved"),
    [
        ("2021-11-04", "2021-11-03"),
        ("2018-11-08", "2018-11-06"),
        ("2022-10-24", "2022-10-21"),
        ("2026-03-31", "2026-03-30"),
        ("2026-11-20", "2026-11-20"),
    ],
)
def test_a_muhurat_evening_is_no_business_day(listed, moved):
    """An expiry on a holiday moves to the business day before, and an hour at Diwali makes none."""
    assert clock.last_trading_day(date.fromisoformat(listed)) == date.fromisoformat(moved)


@pytest.mark.parametrize(
    ("on", "listed"),
    [
        # seven weeklies besides the months' own; quarters only since 30 October 2020
        ("2019-05-20", "2019-05-23 2019-05-30 2019-06-06 2019-06-13 2019-06-20 2019-06-27 2019-07-04 "
                       "2019-07-11 2019-07-18 2019-07-25"),
        ("2020-10-30", "2020-11-05 2020-11-12 2020-11-19 2020-11-26 2020-12-03 2020-12-10 2020-12-17 "
                       "2020-12-24 2020-12-31 2021-01-28 2021-03-25 2021-06-24 2021-09-30"),
        ("2023-04-10", "2023-04-13 2023-04-20 2023-04-27 2023-05-04 2023-05-11 2023-05-25 2023-06-29 "
                       "2023-09-28 2023-12-28 2024-03-28"),
        ("2024-03-01", "2024-03-06 2024-03-13 2024-03-20 2024-03-27 2024-04-03 2024-04-24 2024-05-29 "
                       "2024-06-26 2024-09-25 2024-12-24"),
        ("2024-11-12", "2024-11-13 2024-11-27 2024-12-24 2025-01-29 2025-03-26 2025-06-25 2025-09-24"),
        ("2025-04-25", "2025-05-29 2025-06-26 2025-07-31 2025-09-25 2025-12-24 2026-03-26"),
        ("2025-11-14", "2025-11-25 2025-12-30 2026-01-27 2026-03-31 2026-06-30 2026-09-29"),
        ("2026-11-20", "2026-11-23 2026-12-29 2027-01-25 2027-03-30 2027-06-29 2027-09-28"),
    ],
)  # fmt: skip
def test_listed_expiries_by_rule(on, listed):
    """The rules give what was listed on days known from circulars and files, as it was known then."""
    found = clock.expiries(date.fromisoformat(on))
    assert found == days(listed)
    assert found.basis == "rule"


@pytest.mark.parametrize("on", ["2020-01-01", "2020-01-02", "2023-05-03"])
def test_observed_expiries_agree_with_the_rules(on):
    """Where a whole list was seen it is handed out as seen, and the rules would have given the same."""
    day = date.fromisoformat(on)
    found = clock.expiries(day)
    assert found.basis == "observed"
    assert found.source
    assert found == list(_by_rule(day, "BANKNIFTY"))


def test_nifty_of_a_real_file_is_listed():
    """Every NIFTY expiry that traded on 14 November 2025 is in the list of that day."""
    traded = (
        "2025-11-18 2025-11-25 2025-12-02 2025-12-09 2025-12-16 2025-12-30 2026-01-27 2026-03-31 2026-06-30 "
        "2026-09-29 2026-12-29 2027-12-28"
    )
    assert set(days(traded)) <= set(clock.expiries(date(2025, 11, 14), "NIFTY"))


def test_a_moved_weekday_is_not_known_before():
    """In August 2023 the week after next still expires on a Thursday; from 4 September on a Wednesday."""
    assert date(2023, 9, 7) in clock.expiries(date(2023, 9, 1))
    assert date(2023, 9, 6) in clock.expiries(date(2023, 9, 4))
    assert date(2024, 3, 28) in clock.expiries(date(2024, 2, 29))


def test_a_holiday_is_not_known_before_it_is_announced():
    """Until the 27th of June 2023 the month expires on the 29th, which became a holiday, then on the 28th."""
    assert date(2023, 6, 29) in clock.expiries(date(2023, 6, 26))
    assert date(2023, 6, 28) in clock.expiries(date(2023, 6, 27))


@given(st.dates(date(2023, 9, 7), date(2024, 11, 13)))
def test_no_weekly_in_a_monthly_week(day):
    """While weeklies and months end on other weekdays, no week has both."""
    weeks = [expiry.isocalendar()[:2] for expiry in clock.expiries(day)]
    assert len(weeks) == len(set(weeks))


@given(DAYS)
def test_every_expiry_was_a_business_day_in_the_eyes_of_its_time(day):
    """Listed expiries ascend, none in the past, none on a weekend, and each moves to a trading day."""
    listed = clock.expiries(day)
    assert listed == sorted(set(listed))
    assert all(expiry >= day and expiry.weekday() < 5 for expiry in listed)
    assert all(clock.is_session(clock.last_trading_day(expiry)) for expiry in listed)


@given(st.dates(date(2016, 6, 1), date(2026, 11, 27)), st.sampled_from(["BANKNIFTY"]))
def test_the_nearest_expiry_stays_until_it_is_over(day, underlying):
    """A session's nearest expiry is listed the session after as well, unless it is over or was moved."""
    if clock.is_session(day):
        nearest, later = clock.expiries(day, underlying)[0], clock.next_session(day)
        then = clock.expiries(later, underlying)
        assert nearest < later or abs((then[0] - nearest).days) <= 1


@pytest.mark.parametrize(
    ("on", "underlying"),
    [
        ("2014-12-31", "BANKNIFTY"),
        ("2029-01-01", "BANKNIFTY"),
        ("2023-12-31", "NIFTY"),
        ("2026-01-01", "SENSEX"),
    ],
)
def test_a_day_beyond_the_rules_is_refused(on, underlying):
    """Expiries outside the range of the rules, or of another underlying, are refused."""
    with pytest.raises(DataError, match=f"{on}|{underlying}"):
        clock.expiries(date.fromisoformat(on), underlying)


@pytest.mark.parametrize("name", ["NIFTYBANK", "NIFTY BANK", "Nifty Bank", "banknifty", " BankNifty "])
def test_every_name_of_the_index(name):
    """However the index is called, its expiries are Bank Nifty's; a name that is none is refused."""
    on = date(2026, 11, 20)
    assert clock.expiries(on, name) == clock.expiries(on, "BANKNIFTY")
    assert clock.monthly_expiry(2026, 11, name) == clock.monthly_expiry(2026, 11, "BANKNIFTY")
    for wrong in (None, 5, "", "BANK OF NIFTY", ["BANKNIFTY"]):
        with pytest.raises(DataError):
            clock.monthly_expiry(2026, 11, wrong)
