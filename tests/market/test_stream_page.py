"""The blocks of docs/stream.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stream.md"


def test_every_block_runs(capsys):
    """Every block must run, in order, and show ticks, a streamed chain and damage set aside."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert len(blocks) == 4
    assert "from stream" in shown
    assert "SNAPQUOTE" in shown
    assert "3 set aside" in shown


def test_every_figure_of_the_health_is_on_the_page(open_data):
    """The table names what `health` returns."""
    table = PAGE.read_text(encoding="utf-8").split("| in `health()` |")[1]
    assert {f"`{name}`" for name in open_data()._present().client.feed.health()} <= set(
        re.findall(r"`\w+`", table)
    )
