"""`import_files`: vendor files in, sessions in the store out, and a report of what was seen and set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from kit.bars.importing.convert import ImportFile, converted, joined
from kit.bars.importing.files import batches
from kit.bars.importing.sessions import sessions_of
from kit.bars.importing.volumes import per_minute
from kit.bars.importing.wide import long_tables
from kit.bars.minute_store import DayBars, MinuteStore
from kit.errors import DataError, KitError, UnreadableFile

_FLUSH = 3_000_000  # rows that wait before they are written


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
        lines = [f"{len(self.days)} sessions written{span}", self.files.to_string()]
        lines += [f"not taken: {file}: {error}" for file, error in self.failed.items()]
        return "\n".join(lines)


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
        ``=end`` where bars are named by their end.
    replace : bool, default False
        As `MinuteStore.keep`.

    Returns
    -------
    ImportReport
        Nothing is repaired in silence: what was set aside is counted. A file that cannot be taken is listed,
        and the others are kept.

    Raises
    ------
    ContradictingBars
        Two sources say different things of one bar, and `replace` is not set.
    UnwritableFile
        The disk is full.
    """
    waiting: list[DayBars] = []
    report, rows, days = ImportReport(pd.DataFrame()), {}, set[date]()
    for file in _listed(files):
        source = ImportFile(file, store.underlying, declared or {})
        try:
            found = list(_sessions(source))
        except KitError as error:
            report.failed[str(file)] = error
            continue
        waiting += found
        kept = sum(part.num_rows for one in found for part in (one.options, one.series) if part is not None)
        rows[file.name] = {"bars": kept, **source.counted, "notes": "; ".join(source.notes)}
        if sum(one.options.num_rows for one in waiting if one.options is not None) > _FLUSH:
            days.update(store.keep(waiting, replace=replace))
            waiting = []
    days.update(store.keep(waiting, replace=replace))
    report.files, report.days = pd.DataFrame.from_dict(rows, orient="index"), sorted(days)
    return report


def _listed(files: Iterable[Path | str]) -> Iterator[Path]:
    for one in files:
        path = Path(one)
        if path.is_dir():
            yield from sorted(inner for inner in path.rglob("*") if inner.is_file())
        else:
            yield path


def _sessions(source: ImportFile) -> Iterator[DayBars]:
    """Yield the sessions of one file, what cannot be a bar set aside and counted."""
    tables = (table for batch in batches(source.file) for table in long_tables(batch))
    try:
        bars = joined([converted(table, source) for table in tables if table.num_rows])
    except UnreadableFile:
        raise
    except DataError as error:
        raise UnreadableFile(
            f"The file cannot be taken: {error.what}", f"{source.file}: {error.value}", error.remedy
        ) from error
    bars.volume = per_minute(bars, source)
    yield from sessions_of(bars, source)
