"""The blocks of docs/orders.md run as they stand."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from kit.clock import IST
from kit.desk import open_desk
from kit.simulator.process import launch

PAGE = Path(__file__).resolve().parents[2] / "docs" / "orders.md"


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    """Every code block of the page must run, in order, and the orders come to what the page says."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with launch(at=datetime(2026, 11, 20, 11, 15, tzinfo=IST)) as exchange:  # as on any morning
        names = {"desk": open_desk(exchange=exchange)}
        for block in blocks:
            exec(compile(block.replace("desk = open_desk()\n", ""), str(PAGE), "exec"), names)
    said = capfd.readouterr().out
    for word in ("60 2 NORMAL", "open 0 60", "cancelled", "rejected - Your order", "Stamp Duty", "INTRADAY"):
        assert word in said
    assert said.endswith("cancelled\n")
    assert said.count("BANKNIFTY23NOV26") >= 2
