"""The median with its interval."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.monitor.estimate import estimate

SAMPLES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)


@given(SAMPLES)
def test_the_interval_encloses_the_median_and_stays_among_the_samples(values):
    """Low, median and high are in order and within the range of the samples."""
    found = estimate(values)
    assert min(values) <= found.low <= found.figure <= found.high <= max(values)


@given(SAMPLES, st.floats(0.01, 100))
def test_the_interval_scales_with_the_samples(values, factor):
    """Measuring in another unit changes the unit and nothing else."""
    found, scaled = estimate(values), estimate([value * factor for value in values])
    assert scaled.figure == pytest.approx(found.figure * factor)
    assert scaled.low == pytest.approx(found.low * factor)


def test_the_interval_covers_the_true_median_as_often_as_it_says():
    """Of 500 samples from a known distribution, at least 93 % of the intervals hold its median."""
    import random

    rng = random.Random(3)
    held = 0
    for _ in range(500):
        found = estimate([rng.lognormvariate(0, 1) for _ in range(25)])
        held += found.low <= 1 <= found.high
    assert held >= 465


def test_no_samples_and_nan_give_nan():
    """Nothing measured is NaN, never zero."""
    assert math.isnan(estimate([]).figure)
    assert math.isnan(estimate([1.0, math.nan]).high)
