"""The page about caches, limits and connections does as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "caching.md"


def test_the_examples_run_in_order(host: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Every Python block of docs/caching.md runs, each after the ones before it."""
    names: dict[str, Any] = {"url": f"{host.url}/x"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, names)
    assert names["spot"] == 51_234.5
    assert names["chain"] == {"rows": []}
    assert names["response"].ok
    assert capsys.readouterr().out.splitlines()[-3:] == ["[] False", "2", "0"]
