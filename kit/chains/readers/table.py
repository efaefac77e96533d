"""Rows of a delimited file, each whole and with its place, so that every complaint says where."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NoReturn, TypeVar

from kit.chains.fields import UnfitError
from kit.errors import UnreadableFile

T = TypeVar("T")
LEAD = 8  # rows among which a heading stands
_AGAIN = "Download it again; it was cut or edited."


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file.

    Parameters
    ----------
    cells : sequence of str
        As they stand.
    line : int
        The file's line that the row ends on, from 1.
    """

    cells: Sequence[str]
    line: int


def records(text: str, name: str) -> Iterator[Record]:
    """Read a text of comma-, tab- or semicolon-separated cells; wholly empty rows are no rows.

    Raises
    ------
    UnreadableFile
        A quote is never closed, a cell is longer than any of the exchange, or a character is none.
    """
    if (at := text.find("\0")) >= 0:  # what a disk or a download leaves where it wrote nothing
        line = text.count("\n", 0, at) + 1
        raise UnreadableFile("The file is damaged: a character of nothing", name, _AGAIN, line=line)
    head = "".join(islice(io.StringIO(text), LEAD))
    mark = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield Record(cells, reader.line_num)
    except csv.Error as error:
        raise UnreadableFile(
            "The file is damaged", name, f"{_AGAIN} ({error})", line=reader.line_num
        ) from error


class Table:
    """A header and its rows; every row must be as long as the header.

    Parameters
    ----------
    header : sequence of str
        Headings as the rows' errors name them.
    name : str
        The file's name, for errors.
    """

    def __init__(self, header: Sequence[str], name: str) -> None:
        self.header = [heading.strip() for heading in header]
        self.name = name
        self._seen: dict[Hashable, int] = {}

    def whole(self, rows: Iterator[Record]) -> list[Record]:
        """Return the rows, after checking that none is shorter or longer than the header.

        Raises
        ------
        UnreadableFile
            One is: the file was cut, or two records run into each other.
        """
        found = list(rows)
        for row in found:
            if len(row.cells) != len(self.header):
                wrong = "ends too early" if len(row.cells) < len(self.header) else "is too long"
                self.refuse(
                    f"The file is damaged: the row {wrong}",
                    f"{len(row.cells)} of {len(self.header)} cells",
                    row,
                )
        return found

    def cell(self, row: Record, at: int, read: Callable[[object], T]) -> T:
        """Return one cell, read by the rule of its kind.

        Raises
        ------
        UnreadableFile
            It holds what no such field can.
        """
        try:
            return read(row.cells[at])
        except UnfitError as error:
            self.refuse(f"The file is damaged: the cell is {error}", row.cells[at][:40], row, at)

    def once(self, key: Hashable, row: Record) -> None:
        """Remember a row's key.

        Raises
        ------
        UnreadableFile
            Another row had it: the contract would count twice.
        """
        if (before := self._seen.setdefault(key, row.line)) != row.line:
            self.refuse(f"The file is damaged: the row repeats line {before}", str(key), row)

    def refuse(self, what: str, value: str, row: Record, at: int | None = None) -> NoReturn:
        """Complain about a row or one of its cells.

        Raises
        ------
        UnreadableFile
            Always.
        """
        column = "" if at is None else self.header[at] or str(at + 1)
        if at is None and len(row.cells) < len(self.header):
            column = self.header[len(row.cells)] or str(len(row.cells) + 1)  # the first that is not there
        raise UnreadableFile(what, f"{self.name}: {value}", _AGAIN, line=row.line, column=column)


def one_block(flags: Sequence[bool]) -> bool:
    """Tell whether everything that is flagged stands together."""
    return sum(after and not before for before, after in pairwise([False, *flags])) == 1


def plain(header: Sequence[str], spellings: Mapping[str, str]) -> list[str]:
    """Return headings by their letters alone, in today's spelling."""
    letters = ["".join(letter for letter in cell.upper() if letter.isalpha()) for cell in header]
    return [spellings.get(heading, heading) for heading in letters]
