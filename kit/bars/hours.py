"""Which bars lie within the exchange's hours: pauses, nights and closed days do not, an auction does."""

from __future__ import annotations

from datetime import UTC, date
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.bars.candles import INTERVALS, Interval
from kit.clock import IST, Segment, is_session, session

_DAY = INTERVALS["ONE_DAY"]


def inside(starts: pd.DatetimeIndex, length: Interval, segment: Segment) -> NDArray[np.bool_]:
    """Tell for each bar whether it holds a minute of its session.

    Parameters
    ----------
    starts : DatetimeIndex
        Timezone-aware, ascending.
    length : Interval
        Of the bars; a day's bar is inside when its day is a session.
    segment : {"derivatives", "cash"}
        Whose hours count, its auction included.
    """
    local = starts.tz_convert(IST)
    days = [day.date() for day in local.normalize().unique()]
    if length is _DAY:
        known = {day: is_session(day) for day in days}
        return np.array([known[at.date()] for at in local], np.bool_)
    spans = np.array([span for day in days for span in _spans(day, segment)], np.int64).reshape(-1, 2)
    if not len(spans):
        return np.zeros(len(starts), np.bool_)
    at = starts.as_unit("ns").asi8
    ahead = np.minimum(np.searchsorted(spans[:, 1], at, side="right"), len(spans) - 1)
    begins_before = spans[ahead, 0] < at + length.minutes * 60_000_000_000
    found: NDArray[np.bool_] = begins_before & (at < spans[ahead, 1])
    return found


@lru_cache(maxsize=20_000)
def _spans(day: date, segment: Segment) -> tuple[tuple[int, int], ...]:
    """Return where a day's intervals begin and end, nanoseconds since 1970; none on a closed day."""
    if not is_session(day):
        return ()
    return tuple(
        (
            int(part.open.astimezone(UTC).timestamp()) * 10**9,
            int(part.close.astimezone(UTC).timestamp()) * 10**9,
        )
        for part in session(day, segment).intervals
    )
