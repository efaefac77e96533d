from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kit.errors import DataError
from kit.pricing.black76 import price
from kit.pricing.chain import ChainAnalysis, analyse

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
