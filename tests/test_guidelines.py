"""The pages of advice do what they say: every block runs, and every point asserts its effect."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from kit.clock import IST
from kit.desk import open_desk
from kit.settings import Settings, WorkersConfig
from kit.simulator.process import ExchangeProcess, launch

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def morning() -> Iterator[ExchangeProcess]:
    """Serve the simulated exchange as on any morning; each page logs in, so without limits."""
    with launch(at=datetime(2026, 11, 20, 11, 15, tzinfo=IST), limits=False) as exchange:
        yield exchange


def blocks(text: str) -> list[str]:
    """Return the Python blocks of a text."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", ["guidelines.md", "troubleshooting.md", "from-the-original.md"])
def test_every_block_runs(page, morning, tmp_path, monkeypatch):
    """The blocks of a page run in order, as notebook cells on one desk, and what they assert holds."""
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    with open_desk(Settings(workers=WorkersConfig(max_workers=2)), exchange=morning) as desk:
        names = {"__name__": "__main__", "desk": desk}
        for number, block in enumerate(blocks(text)):
            code = block.replace("desk = open_desk()\n", "")
            exec(compile(code, f"{page}, block {number}", "exec"), names)


@pytest.mark.parametrize(
    ("page", "headings", "points"), [("guidelines.md", 5, 20), ("troubleshooting.md", 4, 12)]
)
def test_every_point_asserts_its_effect(page, headings, points):
    """Each point of a page is a bold sentence with one block, which ends by asserting the effect."""
    _, *sections = re.split(r"^## \d\. ", (DOCS / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(sections) == headings
    told = [
        point for section in sections for point in re.split(r"^(?=\*\*)", section, flags=re.MULTILINE)[1:]
    ]
    assert len(told) == points
    for point in told:
        (block,) = blocks(point)
        assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(block).body[-1])), point
