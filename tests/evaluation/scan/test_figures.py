"""A scan's figures are those of the score and of the margin, whatever the positions and whichever engine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.chains.readers import read_chain
from kit.evaluation.margin import margin, snapshot_parameters
from kit.evaluation.metrics import score_on
from kit.evaluation.scan.columns import FIGURES
from kit.evaluation.scan.engine import figures
from kit.evaluation.scan.ladder import Ladder, ladder
from kit.evaluation.terms import Terms
from kit.evaluation.views import empirical, lognormal, market
from kit.model import ChainSnapshot
from kit.pricing import using

MakeChain = Callable[..., ChainSnapshot]
DAYS = pd.date_range("2024-01-01", periods=500, freq="B")
CLOSES = pd.Series(50_000 * np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.01, 500))), index=DAYS)
VIEWS = (market, lognormal(0.2, 0.05), empirical(CLOSES, 8))
engines = pytest.mark.parametrize("engine", ["compiled", "numpy"])


def _quoted(chain: ChainSnapshot, seed: int) -> ChainSnapshot:
    """Give a chain spreads, sizes, volumes, and rows with one side or none."""
    random = np.random.default_rng(seed)
    table = chain.table
    count = len(table)
    half = np.round(random.uniform(0.0, 0.04, count) * table["ltp"] / 0.05) * 0.05
    table.loc[random.random(count) < 0.1, "ltp"] *= 1.3  # off the smile
    table["bid"], table["ask"] = table["ltp"] - half, table["ltp"] + half
    table.loc[random.random(count) < 0.1, "bid"] = np.nan
    table.loc[random.random(count) < 0.1, "ask"] = np.nan
    table["volume"] = np.where(random.random(count) < 0.1, np.nan, np.round(random.uniform(0, 9000, count)))
    table["bid_qty"], table["ask_qty"] = random.integers(0, 3000, (2, count)).astype(float)
    table["iv_quality"] = np.where(random.random(count) < 0.1, 0.05, random.uniform(0.2, 1, count))
    return replace(chain, frame=table)


def _compare(found: Ladder, chain: ChainSnapshot, terms: Terms, places: Any, lots: Any, engine: Any) -> None:
    with using(engine):
        rows = figures(found, places, lots)
    for row, held in zip(rows, places, strict=True):
        legs = found.legs(held, lots, chain)
        scored, blocked = score_on(legs, chain, terms), margin(legs, chain)
        expected = {name: getattr(scored, name) for name in FIGURES if hasattr(scored, name)}
        first, last = (scored.breakevens[0], scored.breakevens[-1]) if scored.breakevens else (np.nan, np.nan)
        expected |= {"breakeven_low": first, "breakeven_high": last, "sound": scored.verdict == "ok"}
        expected |= {"margin_inr": blocked.total_inr}
        found_row = dict(zip(FIGURES, row.tolist(), strict=True))
        on_margin = found_row.pop("return_on_margin")
        if blocked.total_inr > 1 or scored.premium_inr < -1:
            assert on_margin == pytest.approx(scored.return_on_margin, rel=1e-5, nan_ok=True)
        for name, value in found_row.items():
            assert value == pytest.approx(float(expected[name]), rel=1e-8, abs=1e-6, nan_ok=True), (
                name,
                legs,
            )


@engines
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    legs=st.integers(1, 6),
    view=st.sampled_from(VIEWS),
    entry=st.sampled_from(["touch", "mid"]),
    basis=st.sampled_from(["held", "closed"]),
)
def test_every_figure_is_the_scores(
    engine: str, seed: int, legs: int, view: Any, entry: Any, basis: Any, make_chain: MakeChain
) -> None:
    """On random positions of any number of legs every column equals the definition."""
    random = np.random.default_rng(seed)
    chain = _quoted(make_chain(strikes=31, step=500.0, days=float(random.uniform(1, 40))), seed)
    terms = Terms(view, entry, basis)
    found = ladder(chain, terms, snapshot_parameters(chain))
    strikes = found.contracts[:, 0]
    places = random.integers(0, len(found.keys), (12, legs)).astype(np.int32)
    places = np.take_along_axis(places, np.argsort(strikes[places], axis=1, kind="stable"), axis=1)
    lots = random.choice([-3, -2, -1, 1, 2, 3], legs).astype(np.int32)
    _compare(found, chain, terms, places, lots, engine)


@engines
@pytest.mark.parametrize("entry", ["touch", "mid"])
def test_riskless_free_and_one_sided_positions(engine: str, entry: Any, make_chain: MakeChain) -> None:
    """What is riskless, costs nothing, cannot lose or has one side has the score's figures."""
    table = make_chain(strikes=21, step=500.0).table
    table.loc[table["strike"] == 56_000, ["bid", "ask", "ltp"]] = 100.0
    table.loc[table["strike"] == 56_500, ["bid", "ask", "ltp"]] = 100.0  # a spread of these costs nothing
    table.loc[table["strike"] == 57_000, ["bid", "ask", "ltp"]] = 140.0  # and this one is paid for
    table.loc[table["strike"] == 57_500, "bid"] = np.nan
    table.loc[table["strike"] == 58_000, "ask"] = np.nan
    chain = replace(make_chain(strikes=21, step=500.0), frame=table)
    terms = Terms(market, entry, "held")
    found = ladder(chain, terms, snapshot_parameters(chain))
    place = {key: at for at, key in enumerate(found.keys)}

    def of(*legs: tuple[Any, float]) -> Any:
        return np.array([[place[leg] for leg in legs]], np.int32)

    cases = [
        (of(("PE", 55_000), ("CE", 55_000), ("PE", 55_500), ("CE", 55_500)), [-1, 1, 1, -1]),
        (of(("CE", 55_000), ("CE", 55_000)), [1, -1]),
        (of(("CE", 56_000), ("CE", 56_500)), [1, -1]),
        (of(("CE", 56_500), ("CE", 57_000)), [1, -1]),
        (of(("FUT", 0.0), ("PE", 55_000), ("CE", 55_000)), [1, 1, -1]),
        (
            of(
                ("CE", 57_500),
            ),
            [-1],
        ),
        (of(("CE", 57_500), ("CE", 58_000)), [-2, 2]),
        (
            of(
                ("FUT", 0.0),
            ),
            [-1],
        ),
    ]
    for places, lots in cases:
        _compare(found, chain, terms, places, np.array(lots, np.int32), engine)


@engines
def test_a_chain_without_volatility_leaves_its_figures_open(engine: str, make_chain: MakeChain) -> None:
    """Where nothing is known of the volatility, chances are NaN and what needs none is there."""
    whole = make_chain(strikes=21, step=500.0)
    blank = dict.fromkeys(("iv", "delta", "gamma", "theta", "vega", "rho"), np.nan)
    chain = replace(whole, frame=whole.table.assign(**blank, iv_reason="missing"))
    terms = Terms()
    found = ladder(chain, terms, snapshot_parameters(chain))
    places = np.array([[3, 4], [7, 9]], np.int32)
    _compare(found, chain, terms, places, np.array([-1, 1], np.int32), engine)


@engines
def test_real_chains(engine: str, shared_data: Path) -> None:
    """On real pages random condors and strangles have the score's figures."""
    random = np.random.default_rng(1)
    for name in (
        "nse_option_chain_BANKNIFTY_20230503_1530.json.gz",
        "option-chain-ED-BANKNIFTY-26-May-2026.csv",
    ):
        chain = read_chain(shared_data / "chain" / name)[0]
        found = ladder(chain, Terms(), snapshot_parameters(chain))
        strikes = found.contracts[:, 0]
        for lots in ([1, -1, -1, 1], [-1, -1]):
            places = random.integers(0, len(found.keys), (40, len(lots))).astype(np.int32)
            places = np.take_along_axis(places, np.argsort(strikes[places], axis=1, kind="stable"), axis=1)
            _compare(found, chain, Terms(), places, np.array(lots, np.int32), engine)
