"""When a bar starts: dates, times, texts, epochs and zones to a day and a minute of exchange time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kit.bars.importing.arrow import as_float, codes
from kit.bars.minutes import minute_of
from kit.clock import is_session, session
from kit.errors import DataError

_DATES = (
    "%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%Y%m%d", "%Y/%m/%d", "%d-%b-%Y", "%d-%b-%y", "%d%b%Y", "%m/%d/%Y",
    "%m-%d-%Y",
)  # fmt: skip
_TIMES = ("%H:%M:%S", "%H:%M", "%H%M", "%H%M%S", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p")
_MINUTE_OF_IST = 330  # ahead of UTC
_FIRST = date(1970, 1, 1).toordinal()
_ENOUGH = 100_000  # rows that tell a file's zone
LEAST_EPOCH = 1e8  # of seconds: March 1973
_UNITS = ((1e17, 60e9), (1e14, 60e6), (1e11, 60e3), (LEAST_EPOCH, 60.0))  # least, units in a minute
Ints = NDArray[np.int64]


def day_of(number: int) -> date:
    """Return the day of so many days since 1970."""
    return date.fromordinal(_FIRST + number)


def number_of(day: date) -> int:
    """Return how many days since 1970 a day is."""
    return day.toordinal() - _FIRST


def minutes_since_epoch(date_column: Any, time_column: Any) -> Ints:
    """Return minutes since 1970 of exchange time, the start of each bar.

    Parameters
    ----------
    date_column : Array
        Timestamps, epochs, or texts of both; else dates, with `time_column`.
    time_column : Array or None
        Times of day.

    Raises
    ------
    DataError
        A value is no time, or a form fits that cannot be told from another.
    """
    if time_column is not None:
        return _days(date_column) * 1440 + _clock(time_column)
    kind = date_column.type
    if pa.types.is_timestamp(kind):
        zoned = kind.tz is not None
        stamps: Ints = date_column.cast(pa.timestamp("ns", kind.tz)).cast(pa.int64()).to_numpy()
        return stamps // 60_000_000_000 + (_MINUTE_OF_IST if zoned else 0)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _epochs(as_float(date_column, "time"))
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)):
        what = "Days without times of day" if pa.types.is_date(kind) else "Not the start of a bar"
        remedy = "Declare both: --map date=... time=...; a daily bar is no minute."
        raise DataError(what, str(date_column[0]), remedy)
    return _texts(date_column)


def _epochs(values: NDArray[np.float64]) -> Ints:
    """Read epochs in UTC, which they are by definition, unless only exchange time falls into sessions."""
    for least, units in _UNITS:
        if len(values) and np.nanmin(values) >= least:
            minutes = np.floor(values / units).astype(np.int64)
            some = minutes[:: len(minutes) // _ENOUGH + 1]
            ahead = _MINUTE_OF_IST if _inside(some + _MINUTE_OF_IST) >= _inside(some) else 0
            return minutes + ahead
    raise DataError("Not an epoch", float(values[0]) if len(values) else None, "Declare the time: --map.")


def _inside(minutes: Ints) -> int:
    """Return how many of some minutes of exchange time lie within a session, an evening's too."""
    known, found = np.sort(minutes), 0
    for number in np.unique(known // 1440).tolist():
        day = day_of(number)
        for part in session(day).intervals if is_session(day) else ():
            bounds = [number * 1440 + minute_of(at) for at in (part.open, part.close)]
            first, last = np.searchsorted(known, bounds).tolist()
            found += last - first
    return found


def _texts(column: Any) -> Ints:
    known, at = codes(column)
    if all(text is not None and text.replace(".", "").isdigit() and len(text) >= 9 for text in known[:5]):
        return _epochs(np.array([float(text) for text in known]))[at]
    return np.array(list(map(_stamp_reader(known), known)), np.int64)[at]


def _stamp_reader(known: list[Any]) -> Callable[[Any], int]:
    """Return a reader of ISO stamps, or of one of the forms that all of them have."""
    try:
        [datetime.fromisoformat(text) for text in known]
    except (ValueError, TypeError):
        forms = [f"{day}{gap}{clock}" for day in _DATES for gap in (" ", "T") for clock in _TIMES]
        form = _fitting(known, forms)
        return lambda text: _minutes(datetime.strptime(text, form))
    return lambda text: _minutes(datetime.fromisoformat(text))


def _minutes(at: datetime) -> int:
    zone = at.utcoffset()
    ahead = _MINUTE_OF_IST - int(zone.total_seconds()) // 60 if zone is not None else 0
    return number_of(at) * 1440 + minute_of(at) + ahead


def _fitting(known: list[Any], forms: list[str]) -> str:
    """Return the first form in which every text can be read."""
    left = [form for form in forms if _fits(known[0], form)] if known else []
    odd = known[0] if known else None
    for text in known:
        if not (fitting := [form for form in left if _fits(text, form)]):
            odd = text  # the first that no form fits which fits those before it
            break
        left = fitting
    else:
        if left:
            return left[0]
    raise DataError("Not a time that can be read", odd, "Declare the columns: --map.")


def _fits(text: Any, form: str) -> bool:
    try:
        datetime.strptime(text.strip(), form)
    except (ValueError, AttributeError, TypeError):
        return False
    return True


def _days(column: Any) -> Ints:
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return np.asarray(
            column.cast(pa.timestamp("s")).cast(pa.date32()).cast(pa.int32()).to_numpy(), np.int64
        )
    known, at = codes(column.cast(pa.int64()) if pa.types.is_floating(column.type) else column)
    texts = [str(value) for value in known]
    if all(len(text) > 10 for text in texts):  # a stamp at midnight beside the time
        texts = [text[:10] for text in texts]
    form = _fitting(texts, list(_DATES))
    days = [number_of(datetime.strptime(text.strip(), form)) for text in texts]
    return np.array(days, np.int64)[at]


def _clock(column: Any) -> Ints:
    if pa.types.is_time(column.type):
        seconds = column.cast(pa.time64("us")).cast(pa.int64()).to_numpy() // 1_000_000
        return np.asarray(seconds, np.int64) // 60
    known, at = codes(column)
    texts = [_padded(value) for value in known]
    form = _fitting(texts, list(_TIMES))
    return np.array([minute_of(datetime.strptime(text, form)) for text in texts], np.int64)[at]


def _padded(value: Any) -> str:
    """Write 915 and 91500 as 0915 and 091500."""
    text = str(value).strip()
    return text.zfill(4 if len(text) <= 4 else 6) if text.isdigit() else text
