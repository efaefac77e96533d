"""Stored history: Parquet parts that are whole or absent, so that a killed download goes on where it was.

One part per piece of the calendar lies under ``data/store/<symbol>/<interval>/``. A part of closed days
is final; the part that the present falls into is replaced when there is more. No part is half written:
it is written beside its place and put there in one step.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from kit.bars import candles
from kit.bars.candles import Interval, Piece
from kit.bars.coverage import Coverage
from kit.bars.hours import inside
from kit.clock import Segment
from kit.errors import UnreadableFile
from kit.facts import underlying_name
from kit.files import replacing

STORE = Path("data/store")
_DRAFT_S = 600.0  # no draft takes this long to write


def folder_of(symbol: str, length: Interval, store: Path = STORE) -> Path:
    """Return where the parts of one symbol and interval lie."""
    plain = "".join(
        letter if letter.isalnum() or letter in "-_" else "_" for letter in underlying_name(symbol)
    )
    return store / plain / length.name


def missing(folder: Path, wanted: list[Piece], today: date) -> list[Piece]:
    """Return the pieces whose part is not there or does not reach as far; today's is always fetched."""
    there = {path.name for path in folder.glob("*.parquet")}
    return [piece for piece in wanted if _name(piece) not in there or piece.last >= today]


def keep(folder: Path, piece: Piece, bars: pd.DataFrame) -> Path:
    """Write a part in one step, and drop the older parts whose days it covers."""
    part = folder / _name(piece)
    with replacing(part, sync=True) as draft:
        bars.to_parquet(draft)
    for other in folder.glob("*.parquet"):
        first, last = _days(other)
        if other != part and piece.first <= first and last <= piece.last:
            other.unlink()
    return part


def sweep(folder: Path) -> None:
    """Remove the drafts of downloads that were killed while they wrote; one being written is younger."""
    for draft in folder.glob("*.new"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _DRAFT_S:
                draft.unlink()


def stored(folder: Path, first: date, last: date) -> pd.DataFrame:
    """Return every stored bar between two days, each once, the latest part's word for it.

    Raises
    ------
    UnreadableFile
        A part is damaged.
    """
    near = [part for part in sorted(folder.glob("*.parquet")) if _meets(_days(part), first, last)]
    if not near:
        return candles.frame([])
    bars = pd.concat([_read(part) for part in near])
    bars = bars[~bars.index.duplicated(keep="last")].sort_index()
    opening, ending = Piece(first, last).span
    return bars[(bars.index >= opening) & (bars.index <= ending)]


def sound(
    folder: Path, length: Interval, first: date, last: date, segment: Segment = "derivatives"
) -> pd.DataFrame:
    """Return the stored bars that lie within the hours of a segment and do not contradict themselves."""
    bars = stored(folder, first, last)
    return bars[inside(pd.DatetimeIndex(bars.index), length, segment) & ~candles.broken(bars)]


def report(
    folder: Path, length: Interval, first: date, last: date, now: datetime, segment: Segment = "derivatives"
) -> Coverage:
    """Return how much of two days' range is stored, by the hours of a segment."""
    bars = stored(folder, first, last)
    outside = ~inside(pd.DatetimeIndex(bars.index), length, segment)
    wrong = candles.broken(bars) & ~outside
    kept, counts = bars[~(wrong | outside)], (int(wrong.sum()), int(outside.sum()))
    return candles.coverage(kept, length, first, last, now, *counts, segment=segment)


def _read(part: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(part)
    except ValueError as error:  # which is what Arrow's error for a damaged file is
        raise UnreadableFile(
            "A stored part is damaged", str(part), "Delete it and download again."
        ) from error


def _meets(days: tuple[date, date], first: date, last: date) -> bool:
    return days[0] <= last and first <= days[1]


def _days(part: Path) -> tuple[date, date]:
    first, last = part.stem.split("_")
    return date.fromisoformat(first), date.fromisoformat(last)


def _name(piece: Piece) -> str:
    return f"{piece.first}_{piece.last}.parquet"
