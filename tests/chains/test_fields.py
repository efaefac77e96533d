"""The rules of a reader's fields: absent, null, zero, and of another type."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.chains import fields
from kit.chains.fields import UnfitError

NUMBERS = (fields.strike, fields.price, fields.count, fields.change, fields.percent, fields.lot)
ODD = (
    True, False, [], {}, "x", "1e", "--", "1_000", "nan", "inf", "-inf", "Infinity", "0x10", "१२", "1,2,3",
    math.inf, -math.inf, math.nan, 10**400, 1e300, "1e400", b"1",
)  # fmt: skip


@pytest.mark.parametrize("rule", NUMBERS)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_what_is_no_number_is_refused(rule, value):
    """No field takes a truth value, a list, an infinity, NaN, or a number beyond all bounds."""
    with pytest.raises(UnfitError):
        rule(value)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_absent(value):
    """An absent number is unknown where that can be, and refused where a contract needs it."""
    for rule in (fields.price, fields.count, fields.change, fields.percent):
        assert math.isnan(rule(value))
    for rule in (fields.strike, fields.lot, fields.day):
        with pytest.raises(UnfitError):
            rule(value)


def test_a_dash_and_a_zero():
    """The page's dash is no price but a volume of zero; a price of zero is none."""
    assert math.isnan(fields.price("-"))
    assert math.isnan(fields.price(0))
    assert math.isnan(fields.percent("0.00"))
    assert math.isnan(fields.change("-"))
    assert (fields.count("-"), fields.count(0), fields.change(0)) == (0.0, 0.0, 0.0)
    for rule in (fields.strike, fields.lot):
        for value in ("-", 0, "0"):
            with pytest.raises(UnfitError):
                rule(value)


@pytest.mark.parametrize("rule", [fields.strike, fields.price, fields.count, fields.percent, fields.lot])
def test_negative_numbers(rule):
    """Only a change can be negative."""
    with pytest.raises(UnfitError):
        rule(-5)
    assert fields.change("-5") == -5


@given(st.floats(0.05, 9e6))
def test_thousands_commas(value):
    """A number printed with thousands commas is the number."""
    assert fields.price(f"{value:,.2f}") == pytest.approx(round(value, 2))
    assert fields.price(f" {value:.2f} ") == pytest.approx(round(value, 2))


@given(st.dates(date(1000, 1, 1)))
def test_days_in_the_exchanges_three_forms(day):
    """A date is read in each of the three forms, and a shorter spelling of it never."""
    assert fields.day(day.isoformat()) == fields.day(f"{day:%d-%m-%Y}") == day
    word = ("Jan", "FEB", "mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[day.month - 1]
    assert fields.day(f"{day.day}-{word}-{day.year}") == day
    for cut in (day.isoformat()[:-1], f"{day:%d-%m-%y}", f"{day:%d%m%Y}", f"{day:%d/%m/%Y}", day.year):
        with pytest.raises(UnfitError):
            fields.day(cut)
