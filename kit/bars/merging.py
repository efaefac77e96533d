"""Bars of several sources made one: the same bar twice is counted, two different ones are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kit.bars.minutes import OHLC, TICK_INR
from kit.errors import ContradictingBars

_TEXTS = ("CE", "PE", "future", "index", "vix")  # what the store's columns of text hold
_OPEN = ("volume", "oi")  # what a source may leave open
_MINUTES, _STRIKES = 2_000, 1_000_000  # more than a day has, more rupees than any strike


def merged(schema: pa.Schema, tables: Sequence[tuple[pa.Table, str]], replace: bool) -> tuple[pa.Table, int]:
    """Return one session's bars sorted by contract and minute, each once, and how many came twice.

    Parameters
    ----------
    schema : Schema
        `kit.bars.month_file.OPTIONS` or `SERIES`.
    tables : sequence of (Table, str)
        Bars and their source, the earlier first.
    replace : bool
        Where two differ, take the later.

    Raises
    ------
    ContradictingBars
        Two differ, and `replace` is not set.
    """
    whole = pa.concat_tables([table.select(schema.names).cast(schema) for table, _ in tables])
    whole = whole.unify_dictionaries().combine_chunks()
    keys = _keys(whole)
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    if same.any():
        if not replace:
            _refuse_different(whole, order[:-1][same], order[1:][same], tables)
        stated = {name: _stated(whole.column(name), order, same) for name in _OPEN if name in schema.names}
        order = order[np.append(~same, True)]  # of equals the last, which is the latest source's
        whole = whole.take(pa.array(order))
        for name, column in stated.items():
            whole = whole.set_column(schema.get_field_index(name), schema.field(name), column)
        return whole, int(same.sum())
    return whole.take(pa.array(order)), 0


def _stated(column: pa.ChunkedArray, order: NDArray[np.intp], same: NDArray[np.bool_]) -> pa.ChunkedArray:
    """Return of each bar the latest value that is known: a source without volumes takes away no other's."""
    known = column.is_valid().to_numpy()[order]
    place = np.arange(order.size)
    first = np.maximum.accumulate(np.where(np.append(True, ~same), place, 0))  # of the rows of the same bar
    latest = np.maximum(np.maximum.accumulate(np.where(known, place, -1)), first)
    return column.take(pa.array(order[latest[np.append(~same, True)]]))


def _keys(table: pa.Table) -> NDArray[np.int64]:
    """Return one whole number per contract or series, and minute, in the order of the store."""
    minute: NDArray[np.int64] = table.column("minute").to_numpy().astype(np.int64)
    if "name" in table.column_names:
        return _ranks(table.column("name")) * _MINUTES + minute
    days: NDArray[np.int64] = table.column("expiry").cast(pa.int32()).to_numpy().astype(np.int64)
    contract = (days * _STRIKES + table.column("strike").to_numpy()) * 2 + _ranks(table.column("option_type"))
    keys: NDArray[np.int64] = contract * _MINUTES + minute
    return keys


def _ranks(column: Any) -> NDArray[np.int64]:
    """Return texts as numbers, the call before the put."""
    array = column.combine_chunks()
    place: NDArray[np.int64] = np.array(
        [_TEXTS.index(text) for text in array.dictionary.to_pylist()], np.int64
    )
    ranks: NDArray[np.int64] = place[array.indices.to_numpy(zero_copy_only=False)]
    return ranks


def _refuse_different(
    whole: pa.Table,
    earlier: NDArray[np.intp],
    later: NDArray[np.intp],
    tables: Sequence[tuple[pa.Table, str]],
) -> None:
    for name in (*OHLC, *_OPEN):
        if name in whole.column_names:
            column = whole.column(name)
            one, two = column.take(pa.array(earlier)), column.take(pa.array(later))
            differ = pc.fill_null(pc.not_equal(one, two), False).to_numpy()
            if differ.any():
                _refuse(whole, int(earlier[differ][0]), int(later[differ][0]), name, tables)


def _refuse(
    whole: pa.Table, earlier: int, later: int, name: str, tables: Sequence[tuple[pa.Table, str]]
) -> None:
    ends = np.cumsum([table.num_rows for table, _ in tables])
    sources = [tables[int(np.searchsorted(ends, row, side="right"))][1] for row in (earlier, later)]
    row = whole.slice(later, 1).to_pylist()[0]
    place = {key: row[key] for key in ("day", "expiry", "strike", "option_type", "name") if key in row}
    at = f"{row['minute'] // 60:02d}:{row['minute'] % 60:02d}"
    told = [whole.column(name)[number].as_py() for number in (earlier, later)]
    if name in OHLC and "name" not in row:  # ticks, which no reader counts in
        told = [f"{ticks * TICK_INR:.2f}" for ticks in told]
    raise ContradictingBars(
        f"{sources[0]} and {sources[1]} contradict each other",
        f"{' '.join(str(value) for value in place.values())} {at}: {name} {told[0]} and {told[1]}",
        "Leave one out, or take the newer for the older: --replace, or replace=True.",
    )
