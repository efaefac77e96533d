from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.chains.readers import read_chain
from kit.errors import DataError
from kit.pricing.black76 import price
from kit.pricing.chain import ChainAnalysis, analyse
from kit.pricing.forward import carried_forward

STRIKES = np.arange(42_000.0, 44_600.0, 100.0)
MIDDLE = price(43_322.0, STRIKES, 0.06, 0.14, 0.996, np.array([[True], [False]])).ravel()
EXPIRY = np.datetime64("2023-05-25")


def analysed(**changed: Any) -> ChainAnalysis:
    """Analyse 26 strikes, calls first, some columns changed."""
    columns = {
        "expiry": np.full(MIDDLE.size, EXPIRY),
        "strike": np.tile(STRIKES, 2),
        "is_call": np.repeat(["CE", "PE"], STRIKES.size),
        "bid": MIDDLE - 1,
        "ask": MIDDLE + 1,
        "ltp": MIDDLE,
        "oi": np.full(MIDDLE.size, 3.0),
        "volume": np.full(MIDDLE.size, 3.0),
        "t_years": 0.06,
    }
    return analyse(**{**columns, **changed}, spot=43_312.7, rate=0.068)


@pytest.mark.parametrize("changed", [{"expiry": EXPIRY}, {"oi": 3.0}, {"volume": 3.0}, {"ltp": np.nan}])
def test_one_value_stands_for_all_rows(changed: dict[str, Any]) -> None:
    """A column given as one value gives what the whole column gives."""
    whole, short = analysed(), analysed(**changed)
    assert short.forwards == whole.forwards
    assert short.analytics[0].pcr_oi == whole.analytics[0].pcr_oi
    np.testing.assert_array_equal(short.greeks.iv, whole.greeks.iv)


@pytest.mark.parametrize("years", [np.inf, -np.inf, np.nan, 1e9, 1e300])
@pytest.mark.parametrize("rate", [0.068, -0.02, 0.0, np.inf, np.nan])
def test_years_without_a_discount_factor_give_no_number(years: float, rate: float) -> None:
    """An expiry that is endlessly far away, or whose rate is no number, is NaN and raises nothing."""
    assert np.isnan(carried_forward(years, [0.1, 0.2], [110.0, 111.0], np.nan, rate))
    t_years = np.where(np.arange(MIDDLE.size) % 2 == 0, 0.06, years)
    expiry = np.arange(MIDDLE.size) % 2
    found = analyse(
        expiry, np.tile(STRIKES, 2), np.repeat([True, False], STRIKES.size), MIDDLE - 1, MIDDLE + 1, MIDDLE,
        3.0, 3.0, t_years, spot=43_312.7, rate=rate,
    )  # fmt: skip
    assert np.isnan(found.greeks.iv[1::2]).all()
    if np.isfinite(rate):
        assert np.isfinite(found.greeks.iv[::2]).all()


def test_one_side_may_stand_for_all_rows() -> None:
    """Half a chain, calls alone, may say so once."""
    calls = dict.fromkeys(("bid", "ask", "ltp", "oi", "volume"), MIDDLE[: STRIKES.size])
    found = analysed(expiry=EXPIRY, strike=STRIKES, is_call="CE", **calls)
    assert found.forwards[0].source == "spot"
    assert found.price.shape == STRIKES.shape


@pytest.mark.parametrize("name", ["expiry", "is_call", "bid", "ask", "ltp", "oi", "volume", "t_years"])
def test_a_column_of_another_length_is_refused_by_name(name: str) -> None:
    """A column that is too short or too long raises with its name, and is never cut or repeated."""
    for size in (STRIKES.size, 2 * MIDDLE.size):
        column = np.full(size, EXPIRY) if name == "expiry" else np.zeros(size)
        with pytest.raises(DataError, match=f"column {name} "):
            analysed(**{name: column})


def test_a_stale_last_trade_does_not_cost_the_twin(shared_data: Path) -> None:
    """A deep call with a bid alone, its last trade stale, takes the volatility of its quoted put."""
    (chain,) = read_chain(shared_data / "chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv")
    call, put = (chain.quote(46_400.0, right) for right in ("CE", "PE"))
    assert np.isnan(call["ask"])
    assert call["ltp"] < call["bid"]
    assert call["iv"] == pytest.approx(put["iv"], rel=1e-6)


@pytest.mark.parametrize(
    ("file", "volatilities"),
    [
        ("chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv", 448),
        ("chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz", 1_067),
    ],
)
def test_as_many_rows_have_a_volatility_as_can(shared_data: Path, file: str, volatilities: int) -> None:
    """Every row has one whose own price, or whose counterpart's, is known."""
    chains = read_chain(shared_data / file)
    assert sum(int(chain.frame["iv"].notna().sum()) for chain in chains) == volatilities
