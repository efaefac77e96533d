"""`import_files`: vendor files in, sessions in the store out, and a report of what was seen and set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from kit.arguments import checked, path
from kit.bars.day_bars import DayBars
from kit.bars.importing.convert import ImportedBars, ImportFile, converted, joined
from kit.bars.importing.files import batches
from kit.bars.importing.sessions import sessions_of
from kit.bars.importing.volumes import per_minute
from kit.bars.importing.wide import long_tables
from kit.bars.minute_store import MinuteStore
from kit.errors import DataError, KitError, UnreadableFile
from kit.shown import counted, printed, written

_FLUSH = 3_000_000  # rows that wait before they are written
_HELD = 2_000_000  # rows of one file that are held at once; a larger one is read again for each run of days


@dataclass
class ImportReport:
    """What an import did, file by file.

    Parameters
    ----------
    files : DataFrame
        One row per file: bars kept, what was set aside and why, notes.
    days : list of date
        Sessions that were written.
    failed : dict of str to KitError
        Files that could not be taken, and why; the others are in the store.
    """

    files: pd.DataFrame
    days: list[date] = field(default_factory=list)
    failed: dict[str, KitError] = field(default_factory=dict)

    def __str__(self) -> str:
        span = f", {self.days[0]} to {self.days[-1]}" if self.days else ""
        lines = [f"{counted(len(self.days), 'session')} written{span}"]
        lines += [printed(self.files.map(written))] if len(self.files) else []
        named = {file: "" if file in str(error) else f"{file}: " for file, error in self.failed.items()}
        lines += [f"not taken: {named[file]}{error}" for file, error in self.failed.items()]
        return "\n".join(lines)


@checked
def import_files(
    files: Iterable[Path | str],
    store: MinuteStore,
    declared: Mapping[str, str] | None = None,
    *,
    replace: bool = False,
) -> ImportReport:
    """Put vendor files into the store.

    Parameters
    ----------
    files : iterable of Path or str
        Parquet, feather or CSV; folders are searched. Long or wide; one file per contract with the name as
        its key; the index, the future and India VIX as series.
    store : MinuteStore
        Where to.
    declared : mapping of str to str, optional
        Field to heading, or to ``"=value"``, for what cannot be detected: see
        `kit.bars.importing.columns.SPELLINGS`; ``kind`` is ``=index``, ``=future`` or ``=vix``; ``bar`` is
        ``=end`` where bars are named by their end; ``unit`` is ``=paise`` where prices are.
    replace : bool, default False
        As `MinuteStore.keep`.

    Returns
    -------
    ImportReport
        Nothing is repaired in silence: what was set aside is counted. A file that cannot be taken is listed,
        and the others are kept.

    Raises
    ------
    DataError
        There is no file: the folders are empty.
    ContradictingBars
        Two sources say different things of one bar, and `replace` is not set.
    UnwritableFile
        The disk is full.
    """
    waiting: list[DayBars] = []
    report, rows, days = ImportReport(pd.DataFrame()), {}, set[date]()
    for file in _listed(list(files)):
        source = ImportFile(file, store.underlying, declared or {})
        found, kept = [], 0
        for one in _taken(source, report):
            found.append(one)
            kept += _rows([one])
            if _rows(found) > _FLUSH:  # what is left of a larger file is left out where it cannot be taken
                days.update(store.keep([*waiting, *found], replace=replace))
                waiting, found = [], []
        if str(file) in report.failed:
            continue
        waiting += found
        rows[file.name] = {"bars": kept, **source.counted, "notes": "; ".join(dict.fromkeys(source.notes))}
        if _rows(waiting) > _FLUSH:
            days.update(store.keep(waiting, replace=replace))
            waiting = []
    days.update(store.keep(waiting, replace=replace))
    report.files, report.days = pd.DataFrame.from_dict(rows, orient="index"), sorted(days)
    return report


def _listed(named: Sequence[Path | str]) -> list[Path]:
    found: list[Path] = []
    for one in named:
        place = path(one, "Not the path of a vendor's file")
        inside = place.rglob("*") if place.is_dir() else [place]
        found += sorted(file for file in inside if file == place or file.is_file())
    if not found:
        raise DataError(
            "No file to import is here", [*map(str, named)], "Name Parquet, feather or CSV files."
        )
    return found


def _rows(bars: Iterable[DayBars]) -> int:
    return sum(part.num_rows for one in bars for part in (one.options, one.series) if part is not None)


def _taken(source: ImportFile, report: ImportReport) -> Iterator[DayBars]:
    """Yield the sessions of one file; where it cannot be taken the report says why, and they end."""
    try:
        yield from _sessions(source)
    except UnreadableFile as error:
        report.failed[str(source.file)] = error
    except DataError as error:
        value = f"{source.file}: {error.value}"
        report.failed[str(source.file)] = UnreadableFile(error.what, value, error.remedy)
    except KitError as error:
        report.failed[str(source.file)] = error


def _sessions(source: ImportFile) -> Iterator[DayBars]:
    """Yield the sessions of one file, what cannot be a bar set aside and counted."""
    total: Counter[str] = Counter()
    for bars in _parts(source):
        bars.volume = per_minute(bars, source)
        yield from sessions_of(bars, source)
        total.update(source.counted)
        source.counted.clear()
    source.counted.update(total)


def _parts(source: ImportFile) -> Iterator[ImportedBars]:
    """Yield a file's bars: all at once, or of a large file run after run of days."""
    chunks, held = [], 0
    for bars in _converted(source):
        chunks.append(bars)
        held += len(bars.day)
        if held > _HELD:
            break
    else:
        yield joined(chunks)
        return
    chunks.clear()
    for first, last in _runs(source):
        inside = ((bars, (bars.day >= first) & (bars.day <= last)) for bars in _converted(source))
        yield joined([bars.rows(kept) for bars, kept in inside])


def _converted(source: ImportFile) -> Iterator[ImportedBars]:
    tables = (table for batch in batches(source.file) for table in long_tables(batch))
    return (converted(table, source) for table in tables if table.num_rows)


def _runs(source: ImportFile) -> list[tuple[int, int]]:
    """Return first and last day of runs that together hold as many rows as are held at once, or one day."""
    counts: Counter[int] = Counter()
    for bars in _converted(source):
        days, times = np.unique(bars.day, return_counts=True)
        counts.update(dict(zip(days.tolist(), times.tolist(), strict=True)))
    runs, held = list[tuple[int, int]](), _HELD
    for day, count in sorted(counts.items()):
        fits = runs and held + count <= _HELD
        runs = [*runs[:-1], (runs[-1][0], day)] if fits else [*runs, (day, day)]
        held = held + count if fits else count
    return runs
