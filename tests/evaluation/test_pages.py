"""The pages on positions show code that works."""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit.model import ChainSnapshot


def _histories() -> dict[str, Any]:
    """Return a year of days, and a morning of minutes of two contracts."""
    random = np.random.default_rng(3)
    close = 55_000 * np.exp(np.cumsum(random.normal(0, 0.01, 300)))
    day = pd.date_range("2025-09-01", periods=300, freq="B")
    bars = pd.DataFrame({"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}, index=day)
    minute = pd.date_range("2026-11-20 09:15", periods=60, freq="min", tz="Asia/Kolkata")
    contract = pd.DataFrame(dict.fromkeys(("high", "low", "close", "volume", "oi"), 100.0), index=minute)
    return {"bars": bars, "history": bars["close"] / 4e5, "call": contract, "put": contract * 1.1}


DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["analytics.md", "margin.md", "positions.md", "scan.md"])
def test_every_block_runs_in_order(page: str, make_chain: Callable[..., ChainSnapshot]) -> None:
    """The blocks of a page run one after the other as notebook cells."""
    chain = make_chain()
    far = replace(make_chain(days=42.0), expiry=date(2026, 12, 29))
    cell: dict[str, Any] = {"chain": chain, "near": chain, "far": far, "chain_later": make_chain(days=13.0)}
    cell |= _histories()
    for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(ast.parse(block), page, "exec"), cell)
