from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pricing.md"


def test_the_page_runs_from_top_to_bottom() -> None:
    """Every Python block of the pricing page runs, and its numbers are the ones it speaks of."""
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        exec(block, names)
    assert abs(names["forward"].value - 43_322) < 0.1
    assert abs(names["found"].iv - 0.14).max() < 1e-11
    assert names["chain"].forwards[0].source == "parity"
