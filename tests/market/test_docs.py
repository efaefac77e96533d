"""The blocks of docs/data.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.market.manager import DataManager

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"


def test_every_block_runs(
    data: DataManager, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
):
    """Every code block of the page must run, in order, with nothing but `data` and a `file` given."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    file = shared_data / "chain" / "nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
    names = {"data": data, "file": file}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert len(blocks) == 6
    assert "0 broken" in capfd.readouterr().out
    assert list((tmp_path / "data" / "store").rglob("*.parquet"))
