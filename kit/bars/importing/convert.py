"""One table of a vendor's bars as plain arrays: times, contracts, prices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kit.bars.importing.arrow import as_float, codes
from kit.bars.importing.columns import PRICES, Layout
from kit.bars.importing.symbols import OTHER, Meaning, day_in, meaning, names_no_other, says
from kit.bars.importing.times import LEAST_EPOCH, day_of, minutes_since_epoch
from kit.bars.minutes import TICKS_PER_RUPEE
from kit.clock import parse_day
from kit.errors import DataError

_PAISE = 100  # in a rupee
_TELL = "Declare it: --map strike:=43000 right:=CE expiry:=2023-01-05, or kind:=index."
_NEARLY = 0.02  # of a tick: what a 32-bit price loses
_STEM = re.compile(r"(?P<strike>\d{3,6})[-_ ]?(?P<right>CE|PE)", re.IGNORECASE)
_WITHIN = re.compile(r"(?<![A-Z\d])(?P<strike>\d{3,6})[-_ ]?(?P<right>CE|PE)(?![A-Z])", re.IGNORECASE)
_INDEX = re.compile("SPOT|INDEX|CASH", re.IGNORECASE)
_CONTRACT = re.compile(r"(?<![A-Z])(CE|PE|CALL|PUT)(?![A-Z])|FUT|VIX", re.IGNORECASE)
Rows = dict[str, NDArray[Any]]


@dataclass
class ImportedBars:
    """Bars in plain arrays: one entry per row, contracts by their number in `contracts`.

    Parameters
    ----------
    day, minute, contract : ndarray of int
        Days since 1970, minutes since midnight, and which contract.
    prices : ndarray, shape (4, n)
        Open, high, low, close, rupees.
    volume, oi : ndarray of float
        NaN: unknown.
    contracts : list of Meaning
        By number.
    """

    day: NDArray[np.int64]
    minute: NDArray[np.int64]
    contract: NDArray[np.intp]
    prices: NDArray[np.float64]
    volume: NDArray[np.float64]
    oi: NDArray[np.float64]
    contracts: list[Meaning]

    def of_contract(self, field: str) -> NDArray[Any]:
        """Return for each row a field of its contract: `kind` or `strike`."""
        return np.array([getattr(one, field) for one in self.contracts])[self.contract]

    def rows(self, kept: NDArray[Any]) -> ImportedBars:
        """Return some of the rows."""
        taken = (self.day[kept], self.minute[kept], self.contract[kept], self.prices[:, kept])
        return ImportedBars(*taken, self.volume[kept], self.oi[kept], self.contracts)


@dataclass
class ImportFile:
    """What is known of a file before its rows are read.

    Parameters
    ----------
    file : Path
        Where it lies; its name may be the only key to its contract.
    underlying : str
        Whose options the store keeps.
    declared : mapping of str to str
        As `kit.bars.importing.columns.Layout`.
    counted, notes, others
        What was set aside, what a reader should know, and instruments that the store has no place for; they
        grow while the file is read.
    """

    file: Path
    underlying: str
    declared: Mapping[str, str]
    counted: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)


def converted(table: pa.Table, source: ImportFile) -> ImportedBars:
    """Return a long table's bars as plain arrays; nothing is set aside yet.

    Raises
    ------
    DataError
        A column is missing, holds what it cannot, or the contract is not known.
    """
    layout = Layout(table.column_names, source.declared)
    at = _starts(table, layout)
    if layout.constants.get("bar") == "end":
        at -= 1
    day, minute = at // 1440, at % 1440
    names, which = _names(table, layout, source)
    spans = _spans(day, which, len(names))
    contracts = [
        _meaning(name, source, span, len(names) == 1) for name, span in zip(names, spans, strict=True)
    ]
    prices = np.array([as_float(layout.column(table, name), name) for name in PRICES])
    if layout.constants.get("unit") == "paise":
        prices /= _PAISE
    unknown = np.full(table.num_rows, np.nan)
    volume, oi = (
        as_float(layout.column(table, name), name) if name in layout else unknown for name in ("volume", "oi")
    )
    return ImportedBars(day, minute, which, prices, volume, oi, contracts)


def _starts(table: pa.Table, layout: Layout) -> NDArray[np.int64]:
    first, clock = layout.column(table, "date"), layout.column(table, "time")
    if first is not None and clock is not None:
        return minutes_since_epoch(first, clock)
    for column in (layout.column(table, "stamp"), first, clock):
        if column is not None and not _row_numbers(column, layout):
            return minutes_since_epoch(column, None)
    raise DataError(
        "The file has no time", ", ".join(table.column_names)[:200], "Declare it: --map stamp=..."
    )


def _row_numbers(column: Any, layout: Layout) -> bool:
    """Tell whether what pandas wrote as an index only counts rows; it may hold the times as well."""
    counts = layout.get("stamp", "").startswith("__index_level") and pa.types.is_integer(column.type)
    return bool(counts and (as_float(column, "time") < LEAST_EPOCH).all())


def _names(table: pa.Table, layout: Layout, source: ImportFile) -> tuple[list[Any], NDArray[np.intp]]:
    """Return the distinct contracts of a table, as texts or as (expiry, strike, right), and each row's."""
    if "strike" in layout or "strike" in layout.constants:
        return _stated(table, layout, source)
    alone = np.zeros(table.num_rows, np.intp)
    if "kind" in layout.constants:
        return [Meaning(layout.constants["kind"])], alone  # type: ignore[arg-type]
    if "symbol" in layout:
        return codes(layout.column(table, "symbol"))
    return [layout.constants.get("symbol") or _of_file(layout, source)], alone


def _stated(table: pa.Table, layout: Layout, source: ImportFile) -> tuple[list[Any], NDArray[np.intp]]:
    places, parts = np.zeros(table.num_rows, np.int64), []
    for name in ("expiry", "strike", "right"):
        if name in layout:
            known, at = codes(layout.column(table, name))
        else:
            told = layout.constants.get(name) or (day_in(str(source.file)) if name == "expiry" else None)
            if told is None:
                raise DataError(
                    f"The file does not state the {name}", source.file.name, f"Declare it: --map {name}:=..."
                )
            known, at = [told], np.zeros(table.num_rows, np.intp)
        parts.append(known)
        places = places * len(known) + at
    distinct, which = np.unique(places, return_inverse=True)
    found = []
    for place in distinct.tolist():
        rest, right = divmod(place, len(parts[2]))
        expiry, strike = divmod(rest, len(parts[1]))
        found.append(_contract(parts[0][expiry], parts[1][strike], parts[2][right]))
    return found, which


def _contract(expiry: Any, strike: Any, right: Any) -> Meaning:
    plain = str(right).strip().upper()
    side = {"C": "CE", "CALL": "CE", "P": "PE", "PUT": "PE"}.get(plain, plain)
    if side not in ("CE", "PE"):
        return OTHER if plain in ("XX", "FUT", "") else _refuse("an option's right", right)
    try:
        level = float(strike)
    except (TypeError, ValueError):
        level = float("nan")
    if not (0 < level < 1e6 and level == int(level)):
        _refuse("a strike in whole rupees", strike)
    return Meaning("option", parse_day(expiry), int(level), side)


def _refuse(what: str, value: Any) -> Meaning:
    raise DataError(f"Not {what}", value, "Declare the columns: --map.")


def _of_file(layout: Layout, source: ImportFile) -> Any:
    """Return what a file's name says of the one contract in it."""
    stem = source.file.name.split(".", 1)[0]
    dated, alone = day_in(stem), _STEM.fullmatch(stem)
    within = _WITHIN.search(stem) if dated and names_no_other(stem, source.underlying) else None
    if found := alone or within:
        told = layout.constants.get("expiry") or dated or day_in(source.file.parent.name)
        if told is None:
            raise DataError(
                "Neither the file nor its folder says when the contract expires",
                str(source.file),
                "Declare it: --map expiry:=2024-01-10.",
            )
        return Meaning("option", parse_day(told), int(found["strike"]), found["right"].upper())
    if "VIX" in stem.upper():
        return Meaning("vix")
    contract = _CONTRACT.search(stem)
    index = _INDEX.search(stem) and not contract and says(stem, source.underlying)
    return Meaning("index") if index else stem


def _meaning(name: Any, source: ImportFile, span: tuple[date, date], alone: bool) -> Meaning:
    if isinstance(name, Meaning):
        if name.expiry and name.expiry < span[0]:
            raise DataError(
                f"Bars of {span[0]} are later than the contract's last day",
                f"{name.expiry}",
                "Check the expiry.",
            )
        return name
    found = meaning(str(name), source.underlying, *span)
    if found.kind == "other" and alone and says(source.file.name, source.underlying):
        if _CONTRACT.search(source.file.name) or _CONTRACT.search(str(name)):  # never the index by mistake
            raise DataError("Neither symbol nor file name tells the contract", name, _TELL)
        source.notes.append(f"calls itself {name}, taken for {source.underlying} as its file is named")
        return Meaning("index")
    if found.kind == "other":
        source.others.add(str(name))
    return found


def _spans(day: NDArray[np.int64], which: NDArray[np.intp], contracts: int) -> list[tuple[date, date]]:
    """Return each contract's own first and last day: others of the same file may live longer."""
    first = np.full(contracts, day.max(initial=0))
    last = np.zeros(contracts, np.int64)
    np.minimum.at(first, which, day)
    np.maximum.at(last, which, day)
    ends = np.maximum(first, last)
    return [(day_of(start), day_of(end)) for start, end in zip(first.tolist(), ends.tolist(), strict=True)]


def joined(chunks: Sequence[ImportedBars]) -> ImportedBars:
    """Return bars of several tables as one.

    Raises
    ------
    DataError
        There are none.
    """
    if not chunks:
        raise DataError("The file has no rows", 0, "Fetch it again.")
    contracts = list(dict.fromkeys(one for chunk in chunks for one in chunk.contracts))
    number = {contract: at for at, contract in enumerate(contracts)}
    which = [np.array([number[one] for one in chunk.contracts], np.intp)[chunk.contract] for chunk in chunks]
    return ImportedBars(
        np.concatenate([chunk.day for chunk in chunks]),
        np.concatenate([chunk.minute for chunk in chunks]),
        np.concatenate(which),
        np.concatenate([chunk.prices for chunk in chunks], axis=1),
        np.concatenate([chunk.volume for chunk in chunks]),
        np.concatenate([chunk.oi for chunk in chunks]),
        contracts,
    )


def ticks(prices: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return prices as whole ticks, and for each row whether all of them are; others are worth nothing."""
    exact = prices * TICKS_PER_RUPEE
    whole = np.round(exact)
    sound = np.all(np.abs(exact - whole) < _NEARLY, axis=0)
    return np.where(sound, whole, 0).astype(np.int32), sound
