"""The page on strategies shows code that works."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.evaluation.metrics import FIGURES
from kit.model import ChainSnapshot
from kit.strategies import FAMILIES

PAGE = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")


def test_every_block_runs_in_order(make_chain: Callable[..., ChainSnapshot]) -> None:
    """The blocks run one after the other as notebook cells, and the last shows what the page says."""
    cell: dict[str, Any] = {"chain": make_chain()}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(ast.parse(block), "docs/strategies.md", "exec"), cell)
    assert cell["results"]["condor"].value.legs == cell["condor"].legs(cell["chain"])
    assert list(cell["results"].table()["status"])[-1] == "failed"
    assert cell["results"].table().index[-1] == "broken"
    assert cell["results"]["skew"].value > 0
    assert (cell["table"]["status"] == "completed").all()
    assert cell["grid"].keys() == set(cell["table"]["strategy"])


@pytest.mark.parametrize("name", [kind.__name__ for kind in FAMILIES])
def test_every_strategy_is_described(name: str) -> None:
    """Each family stands in the page's table."""
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_described(name: str) -> None:
    """Each figure of a score stands in the page's table."""
    assert f"`{name}`" in PAGE
