"""Bars in plain arrays to the store's sessions; what cannot be a bar is set aside and counted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kit.bars.day_bars import DayBars
from kit.bars.importing.convert import ImportedBars, ImportFile, ticks
from kit.bars.importing.times import day_of, number_of
from kit.bars.importing.units import refuse_paise
from kit.bars.minutes import OHLC, inside_of
from kit.bars.month_file import OPTIONS, SERIES
from kit.clock import is_session, session
from kit.errors import UnreadableFile
from kit.shown import counted


def sessions_of(bars: ImportedBars, source: ImportFile) -> Iterator[DayBars]:
    """Yield the sessions of a source.

    Parameters
    ----------
    bars : ImportedBars
        In any order, volume by minute.
    source : ImportFile
        Counts what is set aside.

    Raises
    ------
    UnreadableFile
        Nothing of it is of the underlying or within a session, its bars are longer than minutes, or its
        prices look like paise and nobody has said so.
    """
    bars = _inside(_living(_priced(_ours(bars, source), source), source), source)
    _refuse_longer(bars, source)
    refuse_paise(bars, source)
    bars = bars.rows(np.argsort(bars.day, kind="stable"))
    edges = np.flatnonzero(np.diff(bars.day, prepend=-1, append=-1)).tolist()
    for first, last in pairwise(edges):
        yield _day(bars.rows(np.arange(first, last)), source, first == 0)


def _set_aside(bars: ImportedBars, kept: NDArray[np.bool_], name: str, source: ImportFile) -> ImportedBars:
    if kept.all():
        return bars
    source.counted[name] += int((~kept).sum())
    return bars.rows(kept)


def _ours(bars: ImportedBars, source: ImportFile) -> ImportedBars:
    """Keep what the store has a place for: options, index, front future and VIX."""
    bars = _set_aside(bars, bars.of_contract("kind") != "other", "other_instruments", source)
    if not len(bars.day):
        raise UnreadableFile(
            f"The file holds nothing of {source.underlying}",
            f"{source.file}: {', '.join(sorted(source.others)[:5])}",
            "Declare what it is: --map kind:=index.",
        )
    dated = [(one.expiry, at) for at, one in enumerate(bars.contracts) if one.kind == "future" and one.expiry]
    if len(dated) < 2:
        return bars
    front = np.ones(len(bars.day), np.bool_)
    for day in np.unique(bars.day).tolist():
        living = [at for expiry, at in sorted(dated) if expiry >= day_of(day)]
        behind = [at for _, at in dated if at not in living[:1]]
        front[(bars.day == day) & np.isin(bars.contract, behind)] = False
    return _set_aside(bars, front, "other_instruments", source)


def _priced(bars: ImportedBars, source: ImportFile) -> ImportedBars:
    with np.errstate(invalid="ignore"):
        priced = np.all((bars.prices > 0) & (bars.prices < 1e7), axis=0)
    return _set_aside(bars, priced, "zero_prices", source)


def _living(bars: ImportedBars, source: ImportFile) -> ImportedBars:
    """Keep what is not after the contract's last day: a vendor may carry the last price on."""
    far = np.iinfo(np.int64).max
    last = np.array([number_of(one.expiry) if one.expiry else far for one in bars.contracts])
    return _set_aside(bars, bars.day <= last[bars.contract], "after_expiry", source)


def _inside(bars: ImportedBars, source: ImportFile) -> ImportedBars:
    """Keep what begins within a session; a closed day's bars are a repeat of another day's."""
    inside = np.zeros(len(bars.day), np.bool_)
    for number in np.unique(bars.day).tolist():
        day, mine = day_of(number), bars.day == number
        if is_session(day):
            inside |= mine & inside_of(bars.minute, session(day).intervals)
        else:
            source.notes.append(f"{day} is no session: {counted(int(mine.sum()), 'bar')} set aside")
    found = _set_aside(bars, inside, "outside_bars", source)
    if not len(found.day):
        raise UnreadableFile(
            "The file has no bar within a session",
            str(source.file),
            "Check its time and its zone: --map stamp=..., and whether it holds minutes.",
        )
    return found


def _refuse_longer(bars: ImportedBars, source: ImportFile) -> None:
    """Refuse bars of five minutes and longer; and say it where bars seem to be named by their end."""
    key = bars.contract * 10_000_000_000 + bars.day * 10_000 + bars.minute
    steps = np.diff(np.sort(key))
    near = steps[(steps > 0) & (steps < 400)]
    if near.size > 10 and near.min() > 1:
        raise UnreadableFile(
            "The file holds longer bars, not minutes",
            f"{source.file}: {int(near.min())} minutes",
            "Use minutes.",
        )
    if source.counted["outside_bars"] and source.declared.get("bar") != "=end":
        first = min(int(bars.minute[bars.day == day].min()) for day in np.unique(bars.day).tolist()[:5])
        if first == 556:
            source.notes.append("no bar begins at 09:15: named by their end? then --map bar:=end")


def _day(bars: ImportedBars, source: ImportFile, first: bool) -> DayBars:
    kinds = bars.of_contract("kind")
    option = kinds == "option"
    options = _options(bars.rows(option), source) if option.any() else None
    series = _series(bars.rows(~option), kinds[~option]) if not option.all() else None
    counted = dict(source.counted) if first else {}
    return DayBars(day_of(int(bars.day[0])), options, series, source.file.name, counted)


def _options(bars: ImportedBars, source: ImportFile) -> pa.Table:
    whole, sound = ticks(bars.prices)
    if not sound.all():
        source.counted["off_tick"] += int((~sound).sum())
        bars, whole = bars.rows(sound), whole[:, sound]
    expiry = np.array([number_of(one.expiry) if one.expiry else 0 for one in bars.contracts], np.int32)
    right = pa.array(np.array([one.right == "PE" for one in bars.contracts], np.int8)[bars.contract])
    columns = {
        "day": pa.array(bars.day.astype(np.int32)).cast(pa.date32()),
        "expiry": pa.array(expiry[bars.contract]).cast(pa.date32()),
        "strike": bars.of_contract("strike").astype(np.int32),
        "option_type": pa.DictionaryArray.from_arrays(right, ["CE", "PE"]),
        "minute": bars.minute.astype(np.int16),
        **dict(zip(OHLC, whole, strict=True)),
        "volume": _whole(bars.volume),
        "oi": _whole(bars.oi),
    }
    return pa.table(columns, schema=OPTIONS)


def _series(bars: ImportedBars, kinds: NDArray[np.str_]) -> pa.Table:
    columns = {
        "day": pa.array(bars.day.astype(np.int32)).cast(pa.date32()),
        "name": pa.array(kinds.tolist(), pa.string()).dictionary_encode().cast(SERIES.field("name").type),
        "minute": bars.minute.astype(np.int16),
        **dict(zip(OHLC, bars.prices, strict=True)),
    }
    return pa.table(columns, schema=SERIES)


def _whole(values: NDArray[np.float64]) -> pa.Array:
    unknown = np.isnan(values)
    return pa.array(np.where(unknown, 0, values).astype(np.int64), mask=unknown if unknown.any() else None)
