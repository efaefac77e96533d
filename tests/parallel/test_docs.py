"""The how-to pages of this room run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (
            "parallel.md",
            [
                "[0, 15, 30, 45, 60]",
                "6",
                "overran its time: 'stuck'",
                "1",
                "3 timeout",
                "cannot stop",
                "[1, 2]",
            ],
        ),
        (
            "monitoring.md",
            ["Average time:", "order_placement took 3200ms: alert", "Slow operations: 1", "# HELP"],
        ),
    ],
)
def test_the_blocks_of_a_page_run_one_after_the_other(page, shown, capsys):
    """All Python blocks of a page, run in one namespace, print what the page says."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    exec("\n".join(blocks), {"__name__": "__main__"})
    printed = capsys.readouterr().out.splitlines()
    assert [line for line, part in zip(printed, shown, strict=True) if part not in line] == []
