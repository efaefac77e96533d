"""The arithmetic that judges the pricing."""

import mpmath as mp
import pytest

from kit.benchmark.rows.accuracy import _exact_price
from kit.benchmark.rows.pricing import _raw_table
from kit.benchmark.suite import run_performance_benchmark


@pytest.mark.parametrize(
    ("strike", "sigma", "call"), [(43_000.1, 0.001, True), (9_000, 5, False), (6e4, 0.2, 1)]
)
def test_the_judge_is_exact(strike, sigma, call):
    """The decimal price equals mpmath's to the last digit of a float."""
    forward, years, discount = 43_000.0, 0.3, 0.98
    with mp.workdps(60):
        deviation = mp.mpf(sigma) * mp.sqrt(mp.mpf(years))
        d1 = mp.log(forward / mp.mpf(strike)) / deviation + deviation / 2
        side = 1 if call else -1
        legs = forward * mp.ncdf(side * d1) - mp.mpf(strike) * mp.ncdf(side * (d1 - deviation))
        assert _exact_price(forward, strike, years, sigma, discount, call) == float(side * discount * legs)


def test_the_volatility_is_judged_by_it():
    """The row's figure is the error against exact prices, and meets its target."""
    (line,) = run_performance_benchmark(quick=True, rows=["iv_error"], progress=lambda *_: None)["lines"]
    assert line.met
    assert line.figure > 0


def test_the_raw_table_is_as_real_as_a_chain():
    """Ten expiries, 638 strikes, both sides, some quoted on one side only and some never traded."""
    table, spot = _raw_table()
    assert table.groupby("expiry")["strike"].nunique().sum() == 638
    assert table["expiry"].nunique() == 10
    assert set(table["right"]) == {"CE", "PE"}
    assert ((table["bid"] == 0) != (table["ask"] == 0)).any()
    assert (table["volume"] == 0).any()
    assert table["strike"].min() < spot < table["strike"].max()
