"""The pages on positions show code that works."""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kit.model import ChainSnapshot

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["margin.md", "positions.md"])
def test_every_block_runs_in_order(page: str, make_chain: Callable[..., ChainSnapshot]) -> None:
    """The blocks of a page run one after the other as notebook cells."""
    chain = make_chain()
    far = replace(make_chain(days=42.0), expiry=date(2026, 12, 29))
    cell: dict[str, Any] = {"chain": chain, "near": chain, "far": far, "chain_later": make_chain(days=13.0)}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(ast.parse(block), page, "exec"), cell)
