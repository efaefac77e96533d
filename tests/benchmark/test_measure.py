"""Timing in turns."""

import re
import time

import pytest

from kit.benchmark.machine import ceiling
from kit.benchmark.measure import Arms, time_arms
from kit.monitor.estimate import estimate
from kit.monitor.progress import Stopped


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
    assert 0.002 <= estimate(found.ours).figure < 2
    assert found.peer == ()


def test_preparation_is_not_timed():
    """What runs before each sample costs the figure nothing."""
    found = time_arms(Arms(lambda: None, before=lambda: time.sleep(0.1), rounds=5), seconds=0.1)
    assert estimate(found.ours).figure < 0.1


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


def test_the_machine_tells_what_it_gives_two_processes():
    """Beside a speed-up stands that of two processes that share nothing, a number above 0."""
    told = re.fullmatch(r"two processes that share nothing were (\d+\.\d\d) times as fast as one", ceiling(1))
    assert told is not None
    assert float(told[1]) > 0
