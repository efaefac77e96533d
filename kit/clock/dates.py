"""Days as the broker, the exchange and ISO write them, read strictly: what is not one of these is refused."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from functools import lru_cache

from kit.clock.present import IST, in_ist
from kit.errors import DataError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ISO = re.compile(r"(?P<year>20[0-9]{2})(?P<dash>-?)(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})")
_NAMED = re.compile(
    r"(?P<day>[0-9]{1,2})(?P<dash>-?)(?P<month>[A-Z]{3})(?P=dash)(?P<year>20[0-9]{2}|[0-9]{2})"
)
_REMEDY = "Write it as 2026-11-23 or 23NOV2026."


def parse_day(text: str | date) -> date:
    """Read a day, strictly, as the broker, the exchange or ISO writes it.

    Parameters
    ----------
    text : str or date
        ``2026-11-23``, ``20261123``, ``23NOV2026``, ``23-Nov-2026``, ``23NOV26`` or ``23-Nov-26``, whatever
        the locale; a date as it is; a datetime's day in exchange time.

    Raises
    ------
    DataError
        It is none of these: names it and the right form.
    """
    if isinstance(text, datetime):
        return in_ist(text).date()
    if isinstance(text, date):
        return text
    if not isinstance(text, str):
        raise DataError("Not a date", text, _REMEDY)
    return _read(text)


@lru_cache(1024)  # each of hundreds of contracts of one expiry says it
def _read(text: str) -> date:
    plain = text.strip().upper()
    found = _ISO.fullmatch(plain) or _NAMED.fullmatch(plain)
    try:
        if found:
            month = found["month"]
            number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
            return date(int(found["year"][-2:]) + 2000, number, int(found["day"]))
    except ValueError as error:
        raise DataError("No such day", text, _REMEDY) from error
    raise DataError("Not a date", text, _REMEDY)


def parse_moment(text: str) -> datetime:
    """Read a moment as the broker writes it, ``23-Nov-2026 14:53:57``: exchange time, whatever the locale.

    Raises
    ------
    DataError
        It is none.
    """
    day, _, hours = text.partition(" ")
    try:
        return datetime.combine(parse_day(day), time.fromisoformat(hours), IST)
    except ValueError as error:
        raise DataError("Not a moment", text, "Write it as 23-Nov-2026 14:53:57.") from error


def format_expiry(day: date) -> str:
    """Write a date as the broker does: ``23NOV2026``, whatever the locale.

    Raises
    ------
    DataError
        It is no date.
    """
    day = parse_day(day)
    return f"{day.day:02d}{_MONTHS[day.month - 1]}{day.year}"
