"""A vendor's file as Arrow tables, a batch at a time: Parquet, feather, CSV, packed CSV."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pyarrow import feather

from kit.errors import UnreadableFile

_BATCH = 1_000_000  # rows
_BLOCK = 32 << 20  # bytes of CSV
_HEAD = 1 << 16  # bytes that hold its first line
KNOWN = "Give Parquet, feather (.feather, .arrow) or CSV (.csv, .txt, also .gz)."


def batches(file: Path) -> Iterator[pa.Table]:
    """Yield a file's rows.

    Raises
    ------
    UnreadableFile
        It is not there, of another kind, or damaged.
    """
    kind = file.name.lower().removesuffix(".gz").rsplit(".", 1)[-1]
    try:
        if kind == "parquet":
            texts = [one.name for one in pq.read_schema(file) if pa.types.is_string(one.type)]
            with pq.ParquetFile(file, read_dictionary=texts) as held:
                yield from (pa.Table.from_batches([batch]) for batch in held.iter_batches(_BATCH))
        elif kind in ("feather", "arrow", "ft"):
            yield feather.read_table(file)
        elif kind in ("csv", "txt"):
            yield from _csv(file)
        else:
            raise UnreadableFile("Not a kind of file with minutes that the kit knows", str(file), KNOWN)
    except UnreadableFile:
        raise
    except OSError as error:
        raise UnreadableFile("The file cannot be read", f"{file}: {error}", "Check it.") from error
    except (pa.ArrowException, UnicodeError) as error:
        raise UnreadableFile(
            "The file is damaged", f"{file}: {str(error)[:160]}", "Fetch it again."
        ) from error


def _csv(file: Path) -> Iterator[pa.Table]:
    """Read plainly typed columns; a column that changes its type further down is text from the start."""
    coding, mark = _spelling(file)
    reading = pa_csv.ReadOptions(block_size=_BLOCK, encoding=coding)
    parsing = pa_csv.ParseOptions(delimiter=mark)
    converting = pa_csv.ConvertOptions(timestamp_parsers=[pa_csv.ISO8601], auto_dict_encode=True)
    with pa_csv.open_csv(file, reading, parsing, converting) as rows:
        yield from (pa.Table.from_batches([batch]) for batch in rows)


def _spelling(file: Path) -> tuple[str, str]:
    """Return how a file's letters are coded, by its first bytes, and what stands between its first cells."""
    with pa.input_stream(file) as stream:  # unpacks by the name
        head = stream.read(_HEAD)
    coding = "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf8"
    first = head.decode(coding, "ignore").partition("\n")[0]
    return coding, max(",\t;|", key=first.count)
