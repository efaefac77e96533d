"""What each kind of field does when it is absent, null, zero or of another type; no reader has its own rule.

========  ===========================  ===============  ============  =====================================
kind      absent, null, blank          a dash           zero          refused
========  ===========================  ===============  ============  =====================================
strike    refused                      refused          refused       above 10 million
price     none (NaN)                   none (NaN)       none (NaN)    negative, above 10 million
count     unknown (NaN)                zero             zero          negative, above a million million
change    unknown (NaN)                unknown (NaN)    zero          beyond a million million, either way
percent   none (NaN)                   none (NaN)       none (NaN)    negative, above 1,000
lot       refused                      refused          refused       no whole number, above 100,000
day       refused                      refused                        not written in the file's own form
========  ===========================  ===============  ============  =====================================

A text that is a number is one, with commas as in 1,234,567 or 12,34,567; ``true``, lists, infinities, NaN and
the 12,34 of a spreadsheet that writes a decimal comma never are.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Final

NONE: Final = math.nan
PRICE_BOUND, COUNT_BOUND, PERCENT_BOUND, LOT_BOUND = 1e7, 1e12, 1e3, 1e5
_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{2,3})*,\d{3}|\d+)?(\.\d*)?([eE][+-]?\d{1,3})?", re.ASCII)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = (
    re.compile(r"(?P<day>\d{1,2})-(?P<word>[A-Za-z]{3})-(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<day>\d{2})-(?P<month>\d{2})-(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII),
)


class UnfitError(ValueError):
    """A value that no field of its kind can have; the reader adds where it stands."""


def is_blank(value: object) -> bool:
    """Tell whether a value is null or an empty text."""
    return value is None or (isinstance(value, str) and not value.strip())


def strike(value: object) -> float:
    """Return a strike, rupees."""
    found = price(value)
    if math.isnan(found):
        raise UnfitError("no strike")
    return found


def price(value: object) -> float:
    """Return a price or an index level, rupees; NaN: none."""
    found = _number(value, 0.0, PRICE_BOUND)
    return found if found > 0 else NONE


def count(value: object) -> float:
    """Return a volume or an open interest; NaN: unknown."""
    return 0.0 if _is_dash(value) else _number(value, 0.0, COUNT_BOUND)


def change(value: object) -> float:
    """Return a difference to the previous close; NaN: unknown."""
    return _number(value, -COUNT_BOUND, COUNT_BOUND)


def percent(value: object) -> float:
    """Return a printed volatility in percent; NaN: none."""
    found = _number(value, 0.0, PERCENT_BOUND)
    return found if found > 0 else NONE


def lot(value: object) -> int:
    """Return the units of one lot."""
    found = _number(value, 1.0, LOT_BOUND)
    if not found.is_integer():  # NaN is none either
        raise UnfitError("no lot")
    return int(found)


def day(value: object) -> date:
    """Return a date written ``27-Oct-2026``, ``27-10-2026`` or ``2026-10-27``, whatever the locale."""
    for form in _DAYS:
        if isinstance(value, str) and (found := form.fullmatch(value.strip())):
            parts = found.groupdict()
            word = str(parts.get("word", "")).upper()
            if word and word not in _MONTHS:
                break
            month = _MONTHS.index(word) + 1 if word else int(parts["month"])
            try:
                return date(int(parts["year"]), month, int(parts["day"]))
            except ValueError:
                break
    raise UnfitError("no date")


def _is_dash(value: object) -> bool:
    return isinstance(value, str) and value.strip() == "-"


def _number(value: object, low: float, high: float) -> float:
    """Return a number within bounds; NaN for one that is absent or a dash."""
    if is_blank(value) or _is_dash(value):
        return NONE
    found = _plain(value)
    if not low <= found <= high:  # NaN and infinities are outside as well
        raise UnfitError("no number that can be")
    return found


def _plain(value: object) -> float:
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text) or not any(letter.isdigit() for letter in text):
            raise UnfitError("no number")
        return float(text.replace(",", ""))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfitError("no number")
    try:
        return float(value)
    except OverflowError as error:
        raise UnfitError("no number that can be") from error
