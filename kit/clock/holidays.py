"""On which days the exchange does business, as it came to be and as it was known on an earlier day.

A year whose circular is out has its list in ``data/holidays.csv``. For a later year only the holidays that a
rule fixes are known (``data/holiday_rules.csv``); its other days are provisional.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

from kit.clock.dates import parse_day
from kit.facts import span, table


@cache
def _listed() -> dict[date, tuple[tuple[str, str], ...]]:
    """Return for each day of a circular when it was announced and, where it was, withdrawn."""
    found: dict[date, tuple[tuple[str, str], ...]] = {}
    for row in table("holidays"):
        day = date.fromisoformat(row["date"])
        found[day] = (*found.get(day, ()), (row["known_from"], row["withdrawn"]))
    return found


@cache
def by_rule(year: int) -> frozenset[date]:
    """Return the holidays of a year that a rule fixes: days of the calendar, and Good Friday."""
    days = set()
    for row in table("holiday_rules"):
        if row["rule"].startswith("easter"):
            days.add(_easter(year) + timedelta(int(row["rule"].removeprefix("easter"))))
        else:
            days.add(date(year, *(int(part) for part in row["rule"].split("-"))))
    return frozenset(days)


def _easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar.

    Source: Oudin (1940), as the US Naval Observatory prints it; the tests compare it with dateutil.
    """
    golden, century = year % 19, year // 100
    moon = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    moon -= moon // 28 * (1 - 29 // (moon + 1) * ((21 - golden) // 11))
    weekday = (year + year // 4 + moon + 2 - century + century // 4) % 7
    month = 3 + (moon - weekday + 40) // 44
    return date(year, month, moon - weekday + 28 - 31 * (month // 4))


def is_business_day(day: date) -> bool:
    """Tell whether a day is an ordinary business day: an expiry can fall on it, a Muhurat evening is none."""
    day = parse_day(day)
    if day.weekday() > 4:
        return False
    if day <= span("calendar").certain_to:
        return all(withdrawn for _, withdrawn in _listed().get(day, ()))
    return day not in by_rule(day.year)


def was_business_day(day: date, on: date) -> bool:
    """Tell whether a day was taken for a business day on an earlier one, by the circulars out by then."""
    if day.weekday() > 4 or day in by_rule(day.year):
        return False
    as_of = on.isoformat()
    listed = _listed().get(day, ())
    return not any(known <= as_of < (withdrawn or "9999") for known, withdrawn in listed)


def is_provisional(day: date) -> bool:
    """Tell whether the calendar of a day rests on rules alone: its year's circular is not out."""
    return parse_day(day) > span("calendar").certain_to
