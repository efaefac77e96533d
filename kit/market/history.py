"""Candles from the broker: pieces fetched through the caches, joined, checked and cut to what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time

import pandas as pd

from kit.bars import candles
from kit.bars.candles import Interval, Piece
from kit.bars.hours import inside
from kit.broker.client import AngelAPIClient
from kit.broker.shapes import Reply, oldest
from kit.clock import IST, in_ist
from kit.errors import DataError
from kit.market.hot import Hot
from kit.market.smart import candles_key
from kit.model import Instrument

Moment = str | date | datetime
_LAST_YEAR = 2199  # tables of times reach a little further
Fetch = Callable[[Piece], Reply[pd.DataFrame]]


@dataclass(frozen=True)
class Asked:
    """A question for candles.

    Parameters
    ----------
    instrument : Instrument
        What.
    length : Interval
        How long each bar.
    start, end : datetime
        Bar starts, both included, Asia/Kolkata.
    """

    instrument: Instrument
    length: Interval
    start: datetime
    end: datetime


def moment(value: Moment, last: bool = False) -> datetime:
    """Return a day or a time as a time in Asia/Kolkata.

    Parameters
    ----------
    value : str, date or datetime
        Text in ISO form; without a zone it means Asia/Kolkata.
    last : bool, default False
        Whether a day means its last minute instead of its first.

    Raises
    ------
    DataError
        The text is no date.
    """
    try:
        found = value if isinstance(value, date) else datetime.fromisoformat(value)
        whole_day = not isinstance(found, datetime) or (isinstance(value, str) and len(value) <= 10)
    except (ValueError, TypeError) as error:
        raise DataError("Not a date", value, "Write it as 2026-11-20 or 2026-11-20 09:15.") from error
    if found.year > _LAST_YEAR:
        raise DataError("This is too far ahead", value, "Ask for days up to today.")
    if whole_day:
        return datetime.combine(found, time(23, 59) if last else time.min, IST)
    assert isinstance(found, datetime)
    return in_ist(found)


def span(start: Moment, end: Moment) -> tuple[datetime, datetime]:
    """Return both ends of a range as times; the end as its last minute where it is a day.

    Raises
    ------
    DataError
        One is no date, or the end lies before the start.
    """
    first, last = moment(start), moment(end, last=True)
    if last < first:
        raise DataError("The range ends before it begins", f"{start} to {end}", "Swap the two.")
    return first, last


def fetch(
    client: AngelAPIClient, instrument: Instrument, length: Interval, piece: Piece
) -> Reply[pd.DataFrame]:
    """Return the bars of one piece as they came, broken ones included."""
    start, end = piece.span
    reply = client.candles(instrument.exchange, instrument.token, length.name, start, end)
    return reply.holding(candles.frame(reply.data))


def kept(client: AngelAPIClient, hot: Hot, asked: Asked, piece: Piece) -> Reply[pd.DataFrame]:
    """Return the bars of one piece, from memory while they are there."""
    what = asked.instrument
    key = candles_key(what.exchange, what.token, asked.length.name, piece.first, piece.last)
    return hot.once(key, pd.DataFrame, lambda: fetch(client, what, asked.length, piece))


def collect(asked: Asked, now: datetime, fetch_piece: Fetch, drop_forming: bool = False) -> pd.DataFrame:
    """Return the bars that were asked for.

    Parameters
    ----------
    asked : Asked
        What, how long, from when to when.
    now : datetime
        The present.
    fetch_piece : callable
        Returns the bars of a piece.
    drop_forming : bool, default False
        Leave out the bar that is still being made.

    Returns
    -------
    DataFrame
        As `kit.bars.candles.frame`, bars that are broken or outside the session left out; ``attrs`` holds
        ``coverage`` (a `Coverage`), ``source`` and ``age_s``.
    """
    first, last = asked.start.date(), asked.end.date()
    replies = [fetch_piece(piece) for piece in candles.pieces(asked.length, first, last, now.date())]
    if not replies:
        return _described(candles.frame([]), asked, now, (0, 0), None)
    whole = pd.concat([reply.data for reply in replies]) if len(replies) > 1 else replies[0].data
    bars = whole.iloc[
        whole.index.searchsorted(asked.start) : whole.index.searchsorted(asked.end, side="right")
    ]
    segment = asked.instrument.segment
    outside = ~inside(pd.DatetimeIndex(bars.index), asked.length, segment)
    wrong = candles.broken(bars) & ~outside
    sound = bars[~(wrong | outside)] if wrong.any() or outside.any() else bars
    if drop_forming:
        sound = sound[~candles.forming(sound, asked.length, now, segment)]
    return _described(sound, asked, now, (int(wrong.sum()), int(outside.sum())), oldest(replies))


def _described(
    bars: pd.DataFrame, asked: Asked, now: datetime, set_aside: tuple[int, int], age: Reply[None] | None
) -> pd.DataFrame:
    first, last, segment = asked.start.date(), asked.end.date(), asked.instrument.segment
    found = bars.copy(deep=False)
    found.attrs = {
        "coverage": candles.coverage(bars, asked.length, first, last, now, *set_aside, segment=segment),
        "source": age.source if age else "network",
        "age_s": age.age_s if age else 0.0,
    }
    return found
