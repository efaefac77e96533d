"""Every table that the kit hands out is a plain one: it can be written, read, pickled, joined and grouped."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kit.bars.resample import resample
from kit.evaluation.attribution import attribution_by_leg
from kit.evaluation.scan import scan
from kit.market.manager import DataManager
from kit.monitor import PerformanceMonitor
from kit.pricing.realised import realised_volatility
from kit.pricing.term_structure import term_structure
from kit.strategies import IronCondor


@pytest.fixture(scope="module")
def tables(data: DataManager) -> dict[str, pd.DataFrame]:
    """Return tables of every room that a network is not needed for twice."""
    chain, monitor = data.option_chain(), PerformanceMonitor()
    monitor.record_execution("a", 0.1)
    minutes = data.candles("BANKNIFTY", "FIVE_MINUTE", "2026-11-18", "2026-11-19")
    days = data.candles("BANKNIFTY", "ONE_DAY", "2026-11-02", "2026-11-19")
    return {
        "minutes": minutes,
        "a day's minutes": minutes.loc["2026-11-18"],
        "days": days,
        "resampled": resample(minutes, "75min", segment="cash"),
        "realised": realised_volatility(days, 5),
        "chain": chain.frame,
        "chain, wide": chain.wide(),
        "term": term_structure([chain]),
        "scan": scan(chain, "iron_condor", top=5).table,
        "attribution": attribution_by_leg(IronCondor().legs(chain), chain, chain),
        "monitor": monitor.to_frame(),
    }


def _again(folder: Path, table: pd.DataFrame, form: str) -> pd.DataFrame:
    if form == "parquet":
        table.to_parquet(folder / "table")
        return pd.read_parquet(folder / "table")
    table.reset_index().to_feather(folder / "table")
    return (
        pd.read_feather(folder / "table").set_index(table.index.name or "index").rename_axis(table.index.name)
    )


WAYS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "parquet": lambda table, folder: _again(folder, table, "parquet"),
    "feather": lambda table, folder: _again(folder, table, "feather"),
    "pickle": lambda table, _: pickle.loads(pickle.dumps(table)),
    "deep copy": lambda table, _: copy.deepcopy(table),
    "twice": lambda table, _: pd.concat([table, table]).iloc[: len(table)],
    "rows": lambda table, _: table.groupby(level=0).first().loc[table.index],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_a_plain_one(way: str, tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """What a table says is the same after it was written and read, pickled, copied, joined or grouped."""
    for table in tables.values():
        again = WAYS[way](table, tmp_path)
        pd.testing.assert_frame_equal(
            again, table, check_dtype=False, check_index_type=False, check_column_type=False, check_freq=False
        )
        assert len(table.to_csv().splitlines()) > len(table)
        assert repr(table)
