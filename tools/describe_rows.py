"""The register as Markdown, for ``docs/benchmark.md``: ``python -m tools.describe_rows``.

It replaces the part of the page between the two marks, and nothing else.
"""

from __future__ import annotations

import re
from pathlib import Path

from kit.benchmark.registry import Row, all_rows
from kit.benchmark.score import WEIGHTS

PAGE = Path("docs/benchmark.md")
_MARKS = re.compile(r"(<!-- rows -->\n).*(<!-- end of rows -->)", re.DOTALL)


def rows_markdown() -> str:
    """Return one table per part, one line per row, from the register."""
    rows = all_rows().values()
    parts = [(part, [row for row in rows if row.part == part]) for part in WEIGHTS]
    return "\n".join(_table(part, found) for part, found in parts if found)


def _table(part: str, rows: list[Row]) -> str:
    lines = [_line(row) for row in sorted(rows, key=lambda row: row.name)]
    head = [f"### {part} (weight {WEIGHTS[part]:g})", "", "| row | what is measured | target | peer |"]
    return "\n".join([*head, "|---|---|---|---|", *lines, ""])


def _line(row: Row) -> str:
    what = " ".join((row.measure.__doc__ or "").split())
    name = f"`{row.name}`" + ("" if row.quick else " (full)") + (" (2 cores)" if row.cores > 1 else "")
    return f"| {name} | {what} | {row.goal or f'none, {row.unit}'} | {row.peer or '–'} |"


def write(page: Path = PAGE) -> Path:
    """Renew the rows in the page."""
    text = page.read_text(encoding="utf-8")
    renewed = _MARKS.sub(lambda marks: f"{marks[1]}\n{rows_markdown()}\n{marks[2]}", text)
    page.write_text(renewed, encoding="utf-8")
    return page


if __name__ == "__main__":
    write()
