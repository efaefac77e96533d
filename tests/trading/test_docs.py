"""The blocks of docs/paper.md run as they stand."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from kit.clock import IST
from kit.desk import open_desk
from kit.simulator.process import launch

PAGE = Path(__file__).resolve().parents[2] / "docs" / "paper.md"


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    """Every block of the page must run; the plan agrees with its backtest, and no secret is kept."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with launch(at=datetime(2026, 11, 20, 11, 15, tzinfo=IST)) as exchange:  # as on any morning
        names = {"desk": open_desk(exchange=exchange)}
        for block in blocks:
            exec(compile(block.replace("desk = open_desk()\n", ""), str(PAGE), "exec"), names)
        secrets = [exchange.credentials.pin, exchange.credentials.totp_secret, exchange.credentials.api_key]
    said = capfd.readouterr().out
    assert said.startswith("complete 30 ")
    assert "enough for today [0]" in said
    assert names["report"].agrees
    assert len(names["report"].legs) > 0
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir() if ".sqlite" in file.name)
    for secret in secrets:
        told = secret.get_secret_value() if hasattr(secret, "get_secret_value") else secret
        assert told.encode() not in kept
