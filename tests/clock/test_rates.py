"""The risk-free rate by date."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import clock
from kit.errors import DataError


@pytest.mark.parametrize(
    ("on", "rate"),
    [
        (date(2019, 4, 15), 0.0640),
        (date(2020, 11, 15), 0.0287),
        (date(2021, 7, 7), 0.0344),
        (date(2022, 6, 10), 0.0500),
        (date(2022, 9, 23), 0.0588),
        (date(2022, 12, 30), 0.0641),
        (date(2023, 9, 8), 0.0680),
        (date(2024, 7, 3), 0.0678),
        (date(2025, 9, 3), 0.0551),
        (date(2026, 1, 28), 0.0550),
    ],
)
def test_the_rate_is_that_of_the_bill(on, rate):
    """On days whose auction or month is known the rate is the bill's, to half a basis point."""
    assert clock.risk_free_rate(on) == pytest.approx(rate, abs=5e-5)


@given(st.dates(date(2015, 1, 1), date(2028, 12, 30)))
def test_the_rate_has_no_steps(day):
    """Between two yields the rate is a line: no day moves it by more than twenty basis points."""
    change = clock.risk_free_rate(day + timedelta(1)) - clock.risk_free_rate(day)
    assert abs(change) < 0.0020
    assert 0.02 < clock.risk_free_rate(day) < 0.09


@pytest.mark.parametrize("day", [date(2014, 12, 31), date(2029, 1, 1)])
def test_a_day_beyond_the_rates_is_refused(day):
    """Neither before the first yield nor after the table's last day is there a rate."""
    with pytest.raises(DataError, match=str(day)):
        clock.risk_free_rate(day)
