"""docs/benchmark.md tells what is measured."""

from pathlib import Path

from kit.benchmark.registry import all_rows
from kit.benchmark.score import WEIGHTS
from tools.describe_rows import rows_markdown, write

PAGE = Path(__file__).parents[2] / "docs" / "benchmark.md"


def test_every_row_is_documented_as_the_register_has_it():
    """Name, question, target and peer of each row stand in the page; else run tools.describe_rows."""
    page = PAGE.read_text(encoding="utf-8")
    assert [line for line in rows_markdown().splitlines() if line not in page.splitlines()] == []
    assert [name for name in all_rows() if f"`{name}`" not in page] == []


def test_renewing_the_rows_changes_nothing_else(tmp_path):
    """The page around the rows stays as it was written, however often they are renewed."""
    copy = tmp_path / "page.md"
    copy.write_text("before\n<!-- rows -->\nold\n<!-- end of rows -->\nafter\n", encoding="utf-8")
    once = write(copy).read_text(encoding="utf-8")
    assert once.startswith("before\n<!-- rows -->\n\n###")
    assert once.endswith("<!-- end of rows -->\nafter\n")
    assert "\nold\n" not in once
    assert write(copy).read_text(encoding="utf-8") == once


def test_the_published_weights_are_those_of_the_score():
    """The page shows every part with its weight."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("| pipeline"))
    names, weights = (
        [cell.strip() for cell in lines[place].strip("|").split("|")] for place in (head, head + 2)
    )
    assert dict(zip(names, map(float, weights), strict=True)) == WEIGHTS
