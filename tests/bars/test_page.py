"""The blocks of docs/minutes.md run as they stand."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from kit import plots
from kit.bars import quality
from kit.bars.day_bars import DayBars
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.bars.month_file import read_session, sessions_in

PAGE = Path(__file__).resolve().parents[2] / "docs" / "minutes.md"


def test_every_block_runs(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    """Every code block of the page must run, in order, with nothing but a `folder` of vendor files given."""
    pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    folder = shared_data / "intraday" / "bnf_exp_20240110"
    import_files([folder / "47600CE.parquet"], MinuteStore("data/minutes"))
    names = {"folder": folder}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert len(blocks) == 6
    assert "1 session collected" in capfd.readouterr().out
    assert len(names["store"].days()) == 25
    assert names["report"].failed == {}


def test_quality_by_contract(shared_data: Path, tmp_path: Path):
    """A contract's row says what its bars are: traded, carried on, between when."""
    store = MinuteStore(tmp_path)
    import_files([shared_data / "intraday" / "bnf_exp_20240110"], store)
    day = store.day(date(2024, 1, 10))
    table = quality.by_contract(day)
    assert len(table) == 6
    assert (table["bars"] == 375).all()
    assert (table["traded"] + table["carried"] == 375).all()
    row = table.loc[(pd.Timestamp("2024-01-10"), 47_600, "CE")]
    assert (row["first"], row["last"]) == ("09:15", "15:29")
    assert 0 < row["share"] <= 1


def test_a_snapshot_that_is_repeated(shared_data: Path, tmp_path: Path):
    """A day whose bars are another day's has no score, and its notes say whose they are."""
    store = MinuteStore(tmp_path)
    import_files([shared_data / "intraday" / "bnf_exp_20240110"], store)
    month = store.folder / "options-2024-01.parquet"
    table = read_session(month, sessions_in(month)[date(2024, 1, 9)])
    other = date(2024, 1, 8)
    again = table.set_column(0, "day", pa.array([other] * table.num_rows))
    fresh = MinuteStore(tmp_path / "fresh")
    fresh.keep([DayBars(date(2024, 1, 9), table, None, "a")])
    fresh.keep([DayBars(other, again, None, "b")])
    assert fresh.manifest().loc[other, "score"] == 0.0
    assert "repeats the bars of 2024-01-09" in fresh.day(other).notes
    assert fresh.days(least_score=0.1) == [date(2024, 1, 9)]


def test_the_calendar_of_coverage(shared_data: Path, tmp_path: Path):
    """The picture has a row for each month and a cross for each session that is lacking."""
    store = MinuteStore(tmp_path)
    _, axes = plots.figure()
    plots.coverage_calendar(axes, store.manifest())
    assert "empty" in axes.texts[0].get_text()
    import_files([shared_data / "intraday" / "bnf_exp_20240110"], store)
    manifest = store.manifest().drop(date(2023, 12, 20))
    _, axes = plots.figure()
    plots.coverage_calendar(axes, manifest)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["2023-12", "2024-01"]
    assert axes.lines[0].get_xdata().tolist() == [20]
    assert axes.get_title() == "23 sessions stored, 1 lacking"
