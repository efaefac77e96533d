"""Which contracts expire when: as it came to be, and as it was listed on a day, without hindsight.

Sources: ``data/expiry_rules.csv``; for days whose whole list was seen, ``data/listed_expiries.csv``.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Literal

from kit.arguments import checked
from kit.clock.dates import parse_day
from kit.clock.holidays import is_business_day, was_business_day
from kit.errors import DataError
from kit.facts import Row, fact, span, table, underlying_name, within

Basis = Literal["observed", "rule"]
_WEEKDAYS = {name: number for number, name in enumerate(calendar.day_abbr)}
_QUARTER, _HALF_YEAR = 3, 6  # months


class ListedExpiries(list[date]):
    """Expiries listed on a day, nearest first, and what is known of them.

    Parameters
    ----------
    days : iterable of date
        The expiries.
    basis : {"observed", "rule"}
        Whether the list was seen in a file of that day, or follows from the exchange's rules.
    source : str
        The file, or where the rule stands.
    """

    def __init__(self, days: tuple[date, ...], basis: Basis, source: str) -> None:
        super().__init__(days)
        self.basis = basis
        self.source = source


def last_trading_day(day: date) -> date:
    """Return the day itself, or the business day before a holiday, where the exchange moves an expiry.

    A Muhurat evening is no business day.
    """
    return _moved(parse_day(day), None)


def _moved(day: date, on: date | None) -> date:
    """Return an expiry moved before holidays: all of them, or those known on a day."""
    while not (is_business_day(day) if on is None else was_business_day(day, on)):
        day -= timedelta(1)
    return day


@checked
def monthly_expiry(year: int, month: int, underlying: str = "BANKNIFTY") -> date:
    """Return the monthly expiry as it came to be: the month's last rule weekday, moved before a holiday.

    Raises
    ------
    DataError
        The rules for this underlying do not reach to this month.
    """
    underlying = underlying_name(underlying)
    if not (1 <= month <= 12 and 1 <= year <= 9999):
        raise DataError("No such month", f"{year}-{month}", "Write for instance 2026, 11.")
    last = date(year, month, calendar.monthrange(year, month)[1])
    rules = sorted(_rules(underlying), key=lambda row: row["from"], reverse=True)
    within("expiry_rules", min(last, span("expiry_rules", underlying).last), underlying)
    within("calendar", last)  # a contract listed on the last day the rules know expires later
    moved = (
        (_moved(_last_weekday(year, month, row["monthly"]), None), date.fromisoformat(row["from"]))
        for row in rules
        if row["from"] <= last.isoformat()
    )
    return next(expiry for expiry, since in moved if expiry >= since or since == _first(underlying))


def _rules(underlying: str) -> list[Row]:
    return [row for row in table("expiry_rules") if row["underlying"] == underlying]


def _first(underlying: str) -> date:
    return min(date.fromisoformat(row["from"]) for row in _rules(underlying))


def _last_weekday(year: int, month: int, weekday: str) -> date:
    last = date(year, month, calendar.monthrange(year, month)[1])
    return last - timedelta((last.weekday() - _WEEKDAYS[weekday]) % 7)


def expiries(on: date, underlying: str = "BANKNIFTY") -> ListedExpiries:
    """List the option expiries that are listed on a day, nearest first, without hindsight.

    Parameters
    ----------
    on : date
        The trading day; an expiry on this very day is included.
    underlying : str, default "BANKNIFTY"
        Whose options.

    Returns
    -------
    ListedExpiries
        As seen on that day where the whole list was; else by rule (``basis`` says which): weeklies while
        there are any, but none in the week of a monthly, serial months, quarters and half-years, each moved
        before the holidays that were known by then.

    Raises
    ------
    DataError
        The rules for this underlying do not reach to this day.
    """
    on = parse_day(on)
    underlying = underlying_name(underlying)
    seen = _observed().get((underlying, on.isoformat()))
    if seen:
        days = tuple(date.fromisoformat(text) for text in seen["expiries"].split())
        return ListedExpiries(days, "observed", seen["source"])
    return ListedExpiries(_by_rule(on, underlying), "rule", "data/expiry_rules.csv")


@cache
def _observed() -> dict[tuple[str, str], Row]:
    return {(row["underlying"], row["on"]): row for row in table("listed_expiries")}


@lru_cache(maxsize=8192)
def _by_rule(on: date, underlying: str) -> tuple[date, ...]:
    rule = fact("expiry_rules", on, key=underlying, underlying=underlying)
    months = _months(on, rule)
    weekly = list(_weeklies(on, rule, {day for day, _ in months}))[: int(rule["weeklies"])]
    until = date.fromisoformat(rule["last_weekly"] or "9999-12-31")
    serial, rest = months[: int(rule["months"])], months[int(rule["months"]) :]
    quarters = [pair for pair in rest if pair[0].month % _QUARTER == 0][: int(rule["quarters"])]
    beyond = quarters[-1][0] if quarters else on
    halves = [pair for pair in rest if pair[0] > beyond and pair[0].month % _HALF_YEAR == 0]
    listed = [*serial, *quarters, *halves[: int(rule["half_years"])]]
    return tuple(sorted({*(moved for _, moved in listed), *(day for day in weekly if day <= until)}))


def _months(on: date, rule: Row) -> list[tuple[date, date]]:
    """Return the monthly expiries not before a day, as the rule has them and as moved before holidays."""
    most = int(rule["months"]) + _QUARTER * int(rule["quarters"]) + _HALF_YEAR * int(rule["half_years"]) + 2
    ahead = (divmod(on.year * 12 + on.month - 1 + number, 12) for number in range(most))
    pairs = [_last_weekday(year, month + 1, rule["monthly"]) for year, month in ahead]
    moved = [(day, _moved(day, on)) for day in pairs]
    return [pair for pair in moved if pair[1] >= on]


def _weeklies(on: date, rule: Row, monthly: set[date]) -> Iterator[date]:
    """Yield the weekly expiries not before a day, none in the week of a monthly."""
    if not rule["weekly"]:
        return
    taken = {_monday(day) for day in monthly}
    for number in range(int(rule["weeklies"]) * 2 + 2):
        monday = _monday(on) + timedelta(7 * number)
        moved = _moved(monday + timedelta(_WEEKDAYS[rule["weekly"]]), on)
        if monday not in taken and moved >= on:
            yield moved


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())
