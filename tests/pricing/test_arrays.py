from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit.errors import DataError, SettingsError
from kit.pricing.arrays import sides
from kit.pricing.black76 import greeks, implied_volatility, iv_and_greeks, price
from kit.pricing.chain import analyse

STRIKES = np.array([42_000.0, 43_000.0, 43_000.0, 44_000.0])
CALLS = np.array([True, True, False, False])
WORDS = ["CE", "CE", "PE", "PE"]
MARKET = (43_000.0, STRIKES, 0.05, 0.2, 0.99)


@pytest.mark.parametrize(
    "given",
    [
        WORDS,
        np.array(WORDS),
        np.array(WORDS, dtype=object),
        pd.Series(WORDS),
        pd.Series(WORDS, dtype="category"),
        [1, 1, 0, 0],
        np.array([1.0, 1.0, 0.0, 0.0]),
        np.array([1, 1, 0, 0], dtype=np.uint8),
        pd.Series(CALLS, dtype="boolean"),
        np.ma.array(CALLS),
    ],
)
def test_a_side_may_be_a_word_or_a_number(given: Any) -> None:
    """Words of a chain, ones and zeros, and nullable booleans price calls as calls and puts as puts."""
    np.testing.assert_allclose(price(*MARKET, given), price(*MARKET, CALLS), rtol=1e-13)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["CE", "CE", "PE", "pe"], "pe"),
        (np.array([np.True_, np.True_, np.False_, "put"], dtype=object), "put"),
        (np.array(["CE", "CE", "PE", {}], dtype=object), "{}"),
        (["CE", "CE", "PE", "call"], "call"),
        ([1, 1, 0, 2], "2"),
        (np.array([1, 1, 0, -1]), "-1"),
        ([1.0, 1.0, 0.0, np.nan], "nan"),
        (["CE", "CE", "PE", None], "None"),
        (np.ma.array(CALLS, mask=[0, 0, 0, 1]), "masked"),
        ([True, True, False, pd.NA], "NA"),
    ],
)
def test_what_is_no_side_is_refused_by_name(given: Any, named: str) -> None:
    """Whatever is neither call nor put raises with the value and the words that will do."""
    for call in (
        lambda: price(*MARKET, given),
        lambda: implied_volatility(2_000.0, 43_000.0, STRIKES, 0.05, 0.99, given),
        lambda: analyse([0] * 4, STRIKES, given, *[[9.0] * 4] * 5, 0.05, spot=43_000.0, rate=0.06),
    ):
        with pytest.raises(DataError, match=named) as caught:
            call()
        assert "CE" in caught.value.remedy


def test_words_analyse_a_chain() -> None:
    """A chain whose sides are words gives the volatilities of the same chain with booleans."""
    middle = price(*MARKET, CALLS)
    columns = (middle - 1, middle + 1, middle, middle, middle, 0.05)
    by_word, by_flag = (
        analyse([0] * 4, STRIKES, side, *columns, spot=43_000.0, rate=0.06) for side in (WORDS, CALLS)
    )
    np.testing.assert_allclose(by_word.greeks.iv, by_flag.greeks.iv, rtol=1e-12)


@pytest.mark.parametrize("pair", [[1, 0], [1.0, 0.0], ["CE", "PE"]])
def test_sides_in_plain_arrays_are_not_looked_at_one_by_one(pair: list[Any]) -> None:
    """Numbers and words of NumPy's own types never become a list of objects, which takes far longer."""
    given = np.tile(pair, 50_000).reshape(500, 200)
    tracemalloc.start()
    found = sides(given)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5 * given.size  # bytes; a list takes eight per object
    np.testing.assert_array_equal(found, np.tile([True, False], (500, 100)))
    assert isinstance(sides(given[0, 0]), np.ndarray)


@pytest.mark.parametrize("word", ["Spot", "futures", ""])
def test_a_misspelt_delta_is_refused(word: Any) -> None:
    """No misspelling gives the other delta in silence."""
    for call in (
        lambda: greeks(*MARKET, CALLS, delta_of=word),
        lambda: iv_and_greeks(2_000.0, 43_000.0, STRIKES, 0.05, 0.99, CALLS, delta_of=word),
        lambda: analyse(
            [0] * 4, STRIKES, CALLS, *[[9.0] * 4] * 5, 0.05, spot=43_000.0, rate=0.06, delta_of=word
        ),
    ):
        with pytest.raises(SettingsError, match="spot"):
            call()


def test_what_a_mask_hides_is_missing() -> None:
    """Masked prices and strikes give NaN, whatever lies under the mask."""
    masked = np.ma.array([2_000.0, 800.0, 800.0, 1_900.0], mask=[1, 0, 0, 0])
    iv = implied_volatility(masked, 43_000.0, STRIKES, 0.05, 0.99, CALLS).iv
    assert np.isnan(iv).tolist() == [True, False, False, False]
    hidden = np.ma.array(STRIKES, mask=[0, 0, 0, 1])
    assert np.isnan(price(43_000.0, hidden, 0.05, 0.2, 0.99, CALLS)).tolist() == [False, False, False, True]
