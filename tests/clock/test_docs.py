"""The blocks of docs/facts.md run as they stand, and the numbers in their comments are true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "facts.md"


def test_the_page_runs() -> None:
    """Every block must run, in order, in one session; a comment after a lot or a rate must be its value."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, Any] = {}
    compared = 0
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
        for code, said in re.findall(
            r"^(clock\.\S.*?|drill\.\S.*?)  # ([0-9.]+|\"\w+\"|True)", block, re.MULTILINE
        ):
            assert eval(code, names) == eval(said), code
            compared += 1
    assert compared >= 6
