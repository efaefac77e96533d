"""The store of option minutes: month files of Parquet, what they hold and how good it is.

::

    data/minutes/BANKNIFTY/
        options-2024-01.parquet     contracts, one row group per session, ticks of 0.05 rupees
        series-2024-01.parquet      index, front future and India VIX, rupees
        arrays/all/2024-01-05.day   derived, memory-mapped; may be deleted at any time

pyarrow, pandas and DuckDB read the Parquet files as they are.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from math import nan
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import pandas as pd
import pyarrow as pa

from kit.arguments import instance, path
from kit.bars import arrays, quality
from kit.bars.day_bars import DayBars
from kit.bars.merging import merged
from kit.bars.minutes import DayMinutes
from kit.bars.month_file import (
    OPTIONS,
    SERIES,
    StoredSession,
    read_series,
    read_session,
    readable,
    refuse_damaged,
    sessions_in,
    write_sessions,
)
from kit.bars.writing import writing
from kit.errors import DataError
from kit.facts import underlying_name

MINUTES = Path("data/minutes")
_AHEAD = 4  # sessions read while one is used
Kind = Literal["options", "series"]
_KINDS: dict[Kind, pa.Schema] = {"options": OPTIONS, "series": SERIES}
_WRITTEN: tuple[Kind, ...] = ("series", "options")  # a day is there when its contracts are: they come last
Facts = Mapping[str, Any]


class MinuteStore:
    """Option minutes of one underlying, kept as month files.

    Parameters
    ----------
    folder : Path or str, default ``data/minutes``
        Root of the store.
    underlying : str, default "BANKNIFTY"
        Whose minutes.

    Examples
    --------
    >>> MinuteStore("nowhere").days()
    []
    """

    def __init__(self, folder: Path | str = MINUTES, underlying: str = "BANKNIFTY") -> None:
        self.underlying = underlying_name(underlying)
        self.folder = path(folder, "Not the folder of a store") / self.underlying

    def __repr__(self) -> str:
        return f"MinuteStore({str(self.folder)!r})"

    def days(
        self, first: date | None = None, last: date | None = None, least_score: float = 0.0
    ) -> list[date]:
        """Return the sessions whose contracts are stored, in order.

        Parameters
        ----------
        first, last : date, optional
            Both included; default all.
        least_score : float, default 0
            Leave out sessions of a worse quality, see `kit.bars.quality`.

        Raises
        ------
        UnreadableFile
            A month of these days is damaged.
        """
        refuse_damaged(self.folder, first, last)
        return [
            day
            for day, score in self.scores().items()
            if (first is None or first <= day) and (last is None or day <= last)
            if score >= least_score
        ]

    def scores(self) -> dict[date, float]:
        """Return the quality of each session, in order; those of a month that is damaged are not there."""
        known = readable(self.folder)
        return {day: float(known[day].facts["quality"]["score"]) for day in sorted(known)}

    def manifest(self) -> pd.DataFrame:
        """Return what is there, from where and how good, one row per session.

        Raises
        ------
        UnreadableFile
            A month is damaged.
        """
        refuse_damaged(self.folder)
        known = readable(self.folder)
        rows = [
            {"day": day, "bars": one.rows, "sources": ", ".join(one.facts["sources"])}
            | {name: nan if figure is None else figure for name, figure in one.facts["quality"].items()}
            for day, one in sorted(known.items())
        ]
        return pd.DataFrame(rows, columns=None if rows else ["day", "bars", "sources"]).set_index("day")

    def day(self, day: date, expiries: int | None = None) -> DayMinutes:
        """Return one session as arrays.

        Parameters
        ----------
        day : date
            The session.
        expiries : int, optional
            Only contracts of that many expiries, the nearest; default all.

        Raises
        ------
        DataError
            The store does not hold it; names the nearest that it holds.
        UnreadableFile
            Its month is damaged.
        """
        instance(day, date, "day")
        found = sessions_in(self.file("options", day)).get(day)
        if found is None:
            raise DataError(
                f"The store has no minutes of this day: {self.folder}", f"{day}", self._nearest(day)
            )
        columns = [name for name in arrays.COLUMNS if name != "volume" or not found.traded_throughout]
        options = read_session(self.file("options", day), found, columns)
        series, told = self._series(day)
        notes = tuple(found.facts["notes"]) + tuple(told)
        return arrays.day_minutes(self.underlying, day, options, series, notes, expiries)

    def load(
        self,
        days: Iterable[date],
        expiries: int | None = None,
        *,
        mapped: bool = False,
    ) -> Iterator[DayMinutes]:
        """Yield sessions as arrays, in the order asked for, reading ahead.

        Parameters
        ----------
        days : iterable of date
            Each must be stored.
        expiries : int, optional
            As in `day`.
        mapped : bool, default False
            Keep the arrays as memory-mapped files beside the store and read those from then on: three to ten
            times the room on the disk, and hardly any time.

        Raises
        ------
        DataError, UnreadableFile
            As in `day`.
        """
        reads = deque[Future[DayMinutes]]()
        with ThreadPoolExecutor(_AHEAD // 2, thread_name_prefix="minutes") as pool:
            for day in days:
                reads.append(pool.submit(self._read, day, expiries, mapped))
                if len(reads) > _AHEAD:
                    yield reads.popleft().result()
            while reads:
                yield reads.popleft().result()

    def keep(self, bars: Iterable[DayBars], *, replace: bool = False) -> list[date]:
        """Put sessions into the store, each with what is there already; a month is written once.

        Parameters
        ----------
        bars : iterable of DayBars
            In any order; of several sources of one day the bars are joined.
        replace : bool, default False
            Take new bars for those that are there where both say something of the same minute.

        Returns
        -------
        list of date
            The sessions that were written.

        Raises
        ------
        ContradictingBars
            Two sources say different things of one bar, and `replace` is not set; what is there stays.
        UnwritableFile
            The disk is full, or the folder may not be written; what is there stays.
        """
        by_day: dict[date, list[DayBars]] = {}
        for one in bars:
            by_day.setdefault(one.day, []).append(one)
        months: dict[str, list[date]] = {}
        for day in sorted(by_day):
            months.setdefault(f"{day:%Y-%m}", []).append(day)
        for days in months.values():
            with writing(self.folder):  # what another process has just written is read, joined and kept
                for kind in _WRITTEN:
                    self._keep_month(kind, {day: by_day[day] for day in days}, replace)
        return sorted(by_day)

    def _keep_month(self, kind: Kind, days: Mapping[date, list[DayBars]], replace: bool) -> None:
        new = {}
        for day, parts in days.items():
            tables = [(table, part.source) for part in parts if (table := getattr(part, kind)) is not None]
            before = sessions_in(file := self.file(kind, day)).get(day)
            if tables or (before and kind == "options"):  # a new index changes what is known of the contracts
                first = [(read_session(file, before), ", ".join(before.facts["sources"]))] if before else []
                table, twice = merged(_KINDS[kind], [*first, *tables], replace)
                new[day] = table, self._facts(kind, day, table, parts, before, twice)
        if new:
            write_sessions(self.file(kind, min(new)), _KINDS[kind], new)

    def _facts(
        self,
        kind: Kind,
        day: date,
        table: pa.Table,
        parts: list[DayBars],
        before: StoredSession | None,
        twice: int,
    ) -> Facts:
        old = before.facts if before else {}
        sources = [
            *old.get("sources", []),
            *(part.source for part in parts if getattr(part, kind) is not None),
        ]
        counted = Counter[str](old.get("counted", {}))
        for more in (*(part.counted for part in parts), {"duplicates": twice}):
            counted.update(more)
        facts = {"sources": list(dict.fromkeys(sources)), "counted": counted, "stamp": uuid4().hex}
        if kind == "series":
            return facts | {"notes": []}
        series, told = self._series(day)
        minutes = arrays.day_minutes(self.underlying, day, table, series)
        figures, digest = quality.figures(minutes, counted), quality.digest(minutes)
        notes = [*told, *quality.notes(figures)]
        alike = [one.day for one in readable(self.folder).values() if one.facts["digest"] == digest]
        if others := [other for other in alike if other != day]:
            figures["score"] = 0.0
            notes.append(f"repeats the bars of {others[0]}")
        return facts | {"quality": figures, "notes": notes, "digest": digest}

    def _read(self, day: date, expiries: int | None, mapped: bool) -> DayMinutes:
        if not mapped:
            return self.day(day, expiries)
        known = [sessions_in(self.file(kind, day)).get(day) for kind in _KINDS]
        stamp = "-".join(one.facts["stamp"] if one else "" for one in known)
        file = self.folder / "arrays" / (f"{expiries}" if expiries else "all") / f"{day}.day"
        found = arrays.mapped(file, stamp) if known[0] else None
        if found is None:
            found = self.day(day, expiries)
            arrays.keep_mapped(file, found, stamp)
        return found

    def _series(self, day: date) -> tuple[pa.Table | None, list[str]]:
        file = self.file("series", day)
        found = sessions_in(file).get(day)
        return (read_series(file, found), found.facts["notes"]) if found else (None, [])

    def file(self, kind: Kind, day: date) -> Path:
        """Return the month file in which contracts or series of a day lie, once they are stored.

        Parameters
        ----------
        kind : {"options", "series"}
            Contracts, or index, future and India VIX.
        day : date
            The session.
        """
        return self.folder / f"{kind}-{day:%Y-%m}.parquet"

    def _nearest(self, day: date) -> str:
        near = sorted(self.scores(), key=lambda other: abs(other - day))[:3]
        held = f"It has {', '.join(map(str, sorted(near)))}." if near else "It is empty."
        return f"{held} Run `kit collect` or `kit import`."
