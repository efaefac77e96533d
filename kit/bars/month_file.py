"""A month of sessions as one Parquet file, one row group per session; whole or absent.

The footer says of every session where it lies and what is known of it, so that finding a day reads a few
kilobytes. Prices of contracts are whole ticks of 0.05 rupees; the index, the future and India VIX lie in a
file of their own, in rupees, for they come from other sources and at other times. Pages carry checksums.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kit.bars.minutes import OHLC
from kit.errors import UnreadableFile, UnwritableFile
from kit.files import replacing

_TEXT = pa.dictionary(pa.int8(), pa.string())
OPTIONS = pa.schema(
    [  # what is never null is read in three quarters of the time
        pa.field("day", pa.date32(), nullable=False),
        pa.field("expiry", pa.date32(), nullable=False),
        pa.field("strike", pa.int32(), nullable=False),  # rupees
        pa.field("option_type", _TEXT, nullable=False),  # CE or PE
        pa.field("minute", pa.int16(), nullable=False),  # start of the bar, minutes since midnight
        *(pa.field(name, pa.int32(), nullable=False) for name in OHLC),  # ticks of 0.05 rupees
        ("volume", pa.int64()),  # units within the minute; 0: carried on without a trade; null: unknown
        ("oi", pa.int64()),  # units; null: unknown
    ]
)
SERIES = pa.schema(
    [
        ("day", pa.date32()),
        ("name", _TEXT),  # index, future or vix
        ("minute", pa.int16()),
        *((name, pa.float64()) for name in OHLC),  # rupees
    ]
)
_PACKED = ("minute", "open", "high", "low", "close", "volume", "oi")  # neighbours differ little
_SESSIONS = b"kit.sessions"
_CONTRACTS = "options-????-??.parquet"  # an underlying's months
_AGAIN = "Delete it, and import or collect its days again; the other months are whole."


@dataclass(frozen=True)
class StoredSession:
    """What a month file's footer says of one session.

    Parameters
    ----------
    day : date
        The session.
    group : int
        Its row group.
    rows : int
        Bars.
    facts : mapping
        Sources, quality and what else was noted: plain JSON.
    footer : FileMetaData
        Where the columns lie, so that it is parsed once for all sessions of a month.
    """

    day: date
    group: int
    rows: int
    facts: Mapping[str, Any] = field(repr=False)
    footer: pq.FileMetaData = field(repr=False, compare=False)

    @property
    def traded_throughout(self) -> bool:
        """Whether the footer knows that every bar has a volume, so that it need not be read."""
        known = self.footer.row_group(self.group).column(OPTIONS.get_field_index("volume")).statistics
        return known is not None and known.has_min_max and known.min > 0


def sessions_in(file: Path) -> Mapping[date, StoredSession]:
    """Return what a month file holds, by day; nothing where there is no file.

    Raises
    ------
    UnreadableFile
        The file is damaged.
    """
    try:
        found = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UnreadableFile("The store cannot be read", str(file), f"{error.strerror or error}.") from error
    return _footer(file, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=512)
def _footer(file: Path, changed: int, size: int) -> Mapping[date, StoredSession]:  # noqa: ARG001 - the key
    try:
        footer = pq.read_metadata(file)
        known = json.loads((footer.metadata or {})[_SESSIONS])
        listed = [
            StoredSession(date.fromisoformat(one["day"]), group, one["rows"], one["facts"], footer)
            for group, one in enumerate(known)
        ]
    except (pa.ArrowException, KeyError, TypeError, ValueError, OSError) as error:
        raise UnreadableFile("A month of the store is damaged", str(file), _AGAIN) from error
    return {one.day: one for one in listed}


def damaged_months(
    folder: Path, first: date | None = None, last: date | None = None
) -> dict[Path, UnreadableFile]:
    """Return the months of contracts in a folder that cannot be read, and why not.

    Parameters
    ----------
    folder : Path
        Of one underlying.
    first, last : date, optional
        Only months with days from the one to the other.
    """
    found = {}
    for file in sorted(folder.glob(_CONTRACTS)):
        month = file.stem[-7:]
        if (first is None or f"{first:%Y-%m}" <= month) and (last is None or month <= f"{last:%Y-%m}"):
            try:
                sessions_in(file)
            except UnreadableFile as error:
                found[file] = error
    return found


def refuse_damaged(folder: Path, first: date | None = None, last: date | None = None) -> None:
    """Raise the error of the first month that cannot be read, as `damaged_months` finds it.

    Raises
    ------
    UnreadableFile
        There is one.
    """
    for error in damaged_months(folder, first, last).values():
        raise error


def readable(folder: Path) -> dict[date, StoredSession]:
    """Return the sessions of the months of contracts that can be read."""
    files = [*set(folder.glob(_CONTRACTS)) - {*damaged_months(folder)}]
    return {day: one for file in sorted(files) for day, one in sessions_in(file).items()}


def read_session(file: Path, session: StoredSession, columns: list[str] | None = None) -> pa.Table:
    """Return one session's bars, sorted by contract and minute.

    Raises
    ------
    UnreadableFile
        The file is damaged.
    """
    try:
        with pq.ParquetFile(file, metadata=session.footer, page_checksum_verification=True) as month:
            table = month.read_row_group(session.group, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile("A month of the store is damaged", str(file), _AGAIN) from error
    if table.num_rows != session.rows:
        raise UnreadableFile("A month of the store lost bars", str(file), _AGAIN)
    return table


def read_series(file: Path, session: StoredSession) -> pa.Table:
    """Return one session of a file of series: a month of them is small, and read at once.

    Raises
    ------
    UnreadableFile
        The file is damaged.
    """
    found = file.stat()
    try:
        table = _whole(file, found.st_mtime_ns, found.st_size)
    except (pa.ArrowException, OSError):  # another session's bars may be what is damaged
        return read_session(file, session)
    groups = (session.footer.row_group(number).num_rows for number in range(session.group))
    return table.slice(sum(groups), session.rows)


@lru_cache(maxsize=8)
def _whole(file: Path, changed: int, size: int) -> pa.Table:  # noqa: ARG001 - the key
    with pq.ParquetFile(file, page_checksum_verification=True) as month:
        return month.read(use_threads=False).combine_chunks()


def write_sessions(
    file: Path, schema: pa.Schema, new: Mapping[date, tuple[pa.Table, Mapping[str, Any]]]
) -> None:
    """Put sessions into a month file, in place of those of the same days, in one step.

    Parameters
    ----------
    file : Path
        The month.
    schema : Schema
        `OPTIONS` or `SERIES`.
    new : mapping of date to (Table, mapping)
        Bars, sorted, and facts.

    Raises
    ------
    UnwritableFile
        The disk is full, or the folder may not be written; the file is as it was.
    UnreadableFile
        The sessions that are there already cannot be read.
    """
    kept = sessions_in(file)
    days = sorted({*kept, *new})
    sizes = {day: new[day][0].num_rows if day in new else kept[day].rows for day in days}
    facts = {day: new[day][1] if day in new else kept[day].facts for day in days}
    told = [{"day": f"{day}", "rows": sizes[day], "facts": facts[day]} for day in days]
    told_schema = schema.with_metadata({_SESSIONS: json.dumps(told)})
    try:
        with replacing(file, sync=True) as draft, _writer(draft, told_schema) as writer:
            for day in days:
                table = new[day][0] if day in new else read_session(file, kept[day])
                writer.write_table(table.cast(schema), row_group_size=max(1, table.num_rows))
    except UnreadableFile:
        raise
    except OSError as error:
        raise UnwritableFile(
            "The month cannot be written", f"{file}: {error.strerror or error}", "Free space, then try again."
        ) from error


def _writer(draft: Path, schema: pa.Schema) -> pq.ParquetWriter:
    packed = [
        name for name in _PACKED if name in schema.names and pa.types.is_integer(schema.field(name).type)
    ]
    return pq.ParquetWriter(
        draft,
        schema,
        compression="lz4",  # packed prices hardly shrink, and zstd takes as long as all the rest of reading
        use_dictionary=[name for name in schema.names if name not in packed],
        column_encoding=dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
        write_page_checksum=True,
        write_statistics=["day", *({"volume"} & {*schema.names})],  # by which a query, or a reader, skips
    )
