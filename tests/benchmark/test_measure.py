"""Timing in turns, and the median with its interval."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.benchmark.measure import Arms, interval, time_arms
from kit.benchmark.run import Stopped

SAMPLES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)


@given(SAMPLES)
def test_the_interval_encloses_the_median_and_stays_among_the_samples(values):
    """Low, median and high are in order and within the range of the samples."""
    found = interval(values)
    assert min(values) <= found.low <= found.figure <= found.high <= max(values)


@given(SAMPLES, st.floats(0.01, 100))
def test_the_interval_scales_with_the_samples(values, factor):
    """Measuring in another unit changes the unit and nothing else."""
    found, scaled = interval(values), interval([value * factor for value in values])
    assert scaled.figure == pytest.approx(found.figure * factor)
    assert scaled.low == pytest.approx(found.low * factor)


def test_the_interval_covers_the_true_median_as_often_as_it_says():
    """Of 500 samples from a known distribution, at least 93 % of the intervals hold its median."""
    import random

    rng = random.Random(3)
    held = 0
    for _ in range(500):
        found = interval([rng.lognormvariate(0, 1) for _ in range(25)])
        held += found.low <= 1 <= found.high
    assert held >= 465


def test_no_samples_and_nan_give_nan():
    """Nothing measured is NaN, never zero."""
    assert math.isnan(interval([]).figure)
    assert math.isnan(interval([1.0, math.nan]).high)


def test_both_arms_run_in_turns():
    """A slow moment of the machine hits both arms: each round holds one sample of each, order swapped."""
    order = []
    arms = Arms(lambda: order.append("ours"), lambda: order.append("peer"), calls=1, rounds=4, warm=0)
    found = time_arms(arms, seconds=1)
    assert order == ["ours", "peer", "peer", "ours"] * 2
    assert len(found.ours) == len(found.peer) == 4


def test_a_sample_is_seconds_per_call():
    """A call of 2 ms is measured as at least 2 ms, however many calls make a sample."""
    found = time_arms(Arms(lambda: time.sleep(0.002), rounds=5), seconds=0.1)
    assert 0.002 <= interval(found.ours).figure < 0.2
    assert found.peer == ()


def test_preparation_is_not_timed():
    """What runs before each sample costs the figure nothing."""
    found = time_arms(Arms(lambda: None, before=lambda: time.sleep(0.02), rounds=5), seconds=0.1)
    assert interval(found.ours).figure < 0.02


def test_a_wall_clock_that_jumps_changes_no_figure(monkeypatch):
    """Times are monotonic: a wall clock set back by a day leaves every sample positive and small."""
    jumps = iter(range(0, -10_000_000, -86_400))
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    found = time_arms(Arms(lambda: (time.time(), None), calls=1, rounds=5), seconds=0.1)
    assert all(0 <= sample < 60 for sample in found.ours)


def test_cancel_ends_between_rounds():
    """A checkpoint that raises ends the timing at once."""

    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        time_arms(Arms(lambda: None), seconds=10, checkpoint=stop)
