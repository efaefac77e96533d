"""Successive halving on workloads whose best candidate is known."""

import random

import pytest

from kit.monitor.progress import Stopped
from kit.tuning.halving import successive_halving


def noisy(costs, spread, seed=1):
    """Return a measurement of known cost with uniform noise."""
    rng = random.Random(seed)
    return lambda candidate: costs[candidate] * rng.uniform(1 - spread, 1 + spread)


def test_the_cheapest_candidate_wins_and_gets_the_most_samples():
    """Losers are dropped early, so that the samples go where the choice is close."""
    costs = {number: 1 + number / 4 for number in range(16)}
    tried = successive_halving(list(costs), noisy(costs, 0.1))
    assert tried[0].candidate == 0
    assert len(tried) == 16
    assert tried[-1].samples < tried[0].samples
    assert tried[-1].round == 0


def test_it_stops_as_soon_as_the_interval_is_tight():
    """One candidate far ahead of the others, is decided once an interval means anything."""
    tried = successive_halving([1, 2, 3, 4], float, most_samples=1000)
    assert [one.samples for one in tried] == [6, 6, 2, 2]


def test_it_ends_when_two_candidates_cannot_be_told_apart():
    """Equal candidates use up their samples and no more."""
    tried = successive_halving(["a", "b"], noisy({"a": 1, "b": 1}, 0.3), most_samples=10)
    assert max(one.samples for one in tried) == 10


def test_of_equals_the_leaner_one_is_kept():
    """A candidate that is better by less than the tightness does not displace a preferred one."""
    costs = {"lean": 1.0, "rich": 0.98, "poor": 2.0}
    assert successive_halving(list(costs), costs.__getitem__)[0].candidate == "lean"


def test_one_candidate_needs_no_contest():
    """With nothing to compare it is measured briefly and returned."""
    assert successive_halving(["only"], lambda _: 1.0)[0].samples == 2


def test_cancel_ends_the_search():
    """The checkpoint runs before every sample and may raise."""
    left = iter(range(3))

    def checkpoint():
        if next(left, None) is None:
            raise Stopped

    with pytest.raises(Stopped):
        successive_halving([1, 2, 3, 4], float, checkpoint=checkpoint)
