"""From a stored session to the arrays that a backtest reads, and their memory-mapped copies.

A copy is derived: it may be deleted at any time, and is made anew when the month file has changed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kit.bars.minutes import OHLC, DayMinutes, minutes_of
from kit.clock import lot_size
from kit.files import replacing

COLUMNS = ["expiry", "strike", "option_type", "minute", *OHLC, "volume"]
_ALIGN = 64  # bytes; arrays begin on a cache line
_TYPES = {
    "expiry": "<M8[D]", "strike": "<i4", "is_call": "|b1", "lot_size": "<i4", "traded": "|b1",
    "index": "<f8", "future": "<f8", **dict.fromkeys(OHLC, "<i4"),
}  # fmt: skip


def day_minutes(
    underlying: str,
    day: date,
    options: pa.Table,
    series: pa.Table | None,
    notes: tuple[str, ...] = (),
    expiries: int | None = None,
) -> DayMinutes:
    """Return a stored session as arrays.

    Parameters
    ----------
    underlying, day, notes
        As in `kit.bars.minutes.DayMinutes`.
    options : Table
        As stored: sorted by contract and minute, every minute within the session; without volumes where
        every bar traded.
    series : Table or None
        Index and future, as stored.
    expiries : int, optional
        Only that many, the nearest; default all.
    """
    minutes = minutes_of(day)
    columns = {name: _numbers(options, name) for name in COLUMNS if name in ("expiry", "strike", *OHLC)}
    expiry, strike = columns["expiry"], columns["strike"]  # as whole days, which compare five times as fast
    if expiries is not None and len(expiry):
        last = np.unique(expiry)[:expiries][-1]
        count = int(np.searchsorted(expiry, last, side="right"))
        options, expiry, strike = options.slice(0, count), expiry[:count], strike[:count]
        columns = {name: column[:count] for name, column in columns.items()}
    is_call = _is_call(options)
    new = np.ones(len(strike), np.bool_)
    new[1:] = (expiry[1:] != expiry[:-1]) | (strike[1:] != strike[:-1]) | (is_call[1:] != is_call[:-1])
    first = np.flatnonzero(new)
    shape = (len(first), len(minutes))
    before = np.arange(shape[0]) * shape[1] - minutes[0]
    cells = np.repeat(before, np.diff(first, append=len(new))) + _numbers(options, "minute")
    prices = {name: _spread(columns[name].astype(np.int32, copy=False), cells, shape) for name in OHLC}
    expiry = expiry[first].astype("datetime64[D]")
    lots = {one: lot_size(underlying, one, day) for one in np.unique(expiry).tolist()}
    return DayMinutes(
        underlying=underlying,
        day=day,
        minutes=minutes,
        expiry=expiry,
        strike=strike[first].astype(np.int32, copy=False),
        is_call=is_call[first],
        lot_size=np.array([lots[one] for one in expiry.tolist()], np.int32),
        **prices,
        traded=_spread(_traded(options), cells, shape),
        index=_level(series, "index", minutes),
        future=_level(series, "future", minutes),
        notes=notes,
    )


def _array(table: pa.Table, name: str) -> Any:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.unify_dictionaries().combine_chunks()


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    array = _array(table, name)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_date32(array.type):
        array = array.view(pa.int32())
    numbers: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return numbers


def _is_call(options: pa.Table) -> NDArray[np.bool_]:
    array = _array(options, "option_type")
    code = pc.index(array.dictionary, "CE").as_py()  # -1, which no contract has, where none is a call
    is_call: NDArray[np.bool_] = array.indices.to_numpy(zero_copy_only=False) == code
    return is_call


def _traded(options: pa.Table) -> NDArray[np.bool_]:
    """Return whether each bar traded; where no volume is known or was read, a bar is taken for a trade."""
    if "volume" not in options.column_names:
        return np.ones(options.num_rows, np.bool_)
    column = options.column("volume")
    filled = column.fill_null(1) if column.null_count else column
    volume: NDArray[np.int64] = filled.to_numpy()
    return volume > 0


def _spread(values: NDArray[Any], cells: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    grid = np.zeros(shape[0] * shape[1], values.dtype)
    grid[cells] = values
    return grid.reshape(shape)


def _level(series: pa.Table | None, name: str, minutes: NDArray[np.int16]) -> NDArray[np.float64]:
    level = np.full((4, len(minutes)), np.nan)
    if series is not None and series.num_rows:
        names = _array(series, "name")
        code = names.dictionary.to_pylist().index(name) if name in names.dictionary.to_pylist() else -1
        at = series.column("minute").to_numpy() - minutes[0]
        mine = (names.indices.to_numpy(zero_copy_only=False) == code) & (at >= 0) & (at < len(minutes))
        for row, price in enumerate(OHLC):
            level[row, at[mine]] = series.column(price).to_numpy()[mine]
    return level


def mapped(file: Path, stamp: str) -> DayMinutes | None:
    """Return the session of a derived file, read on demand; None where it is missing, older or damaged."""
    try:
        with file.open("rb") as held:
            head = json.loads(held.readline())
        if head["stamp"] != stamp or file.stat().st_size != head["size"]:
            return None
        block = np.memmap(file, np.uint8, "r")
        found = {
            name: block[start : start + length].view(_TYPES[name]).reshape(shape)
            for name, (start, length, shape) in head["parts"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):  # whatever is wrong with a copy, it is made anew
        return None
    day = date.fromisoformat(head["day"])
    return DayMinutes(head["underlying"], day, minutes_of(day), **found, notes=tuple(head["notes"]))


def keep_mapped(file: Path, day: DayMinutes, stamp: str) -> None:
    """Write the derived file of a session; where that cannot be done, there is none."""
    arrays = {name: np.ascontiguousarray(getattr(day, name), _TYPES[name]) for name in _TYPES}
    parts: dict[str, tuple[int, int, tuple[int, ...]]] = {}
    head = {"stamp": stamp, "day": f"{day.day}", "underlying": day.underlying, "notes": day.notes}
    start = room = -(-(len(json.dumps(head)) + 100 * len(arrays) + 100) // _ALIGN) * _ALIGN
    for name, array in arrays.items():
        parts[name] = (start, array.nbytes, array.shape)
        start += -(-array.nbytes // _ALIGN) * _ALIGN
    line = json.dumps(head | {"size": start, "parts": parts}).encode().ljust(room - 1) + b"\n"
    # derived: a full disk costs speed, no data
    with suppress(OSError), replacing(file) as draft, draft.open("wb") as held:
        held.write(line)
        for name, (begin, _, _) in parts.items():
            held.seek(begin)
            held.write(arrays[name].tobytes())
        held.truncate(start)
