"""The score falls when a part of the kit is slow: each part is slowed down on purpose, in place."""

import functools
from importlib import import_module
from time import sleep

import pytest

from kit.benchmark.registry import all_rows
from kit.benchmark.score import WEIGHTS, components, score
from kit.benchmark.suite import run_performance_benchmark

# part: (a row of it, what is slowed down, by how many seconds a call)
SLOWED = {
    "pipeline": ("chain_hot", "kit.market.manager:DataManager.option_chain", 0.005),
    "cache": ("hot_hit", "kit.cache.manager:CacheManager.get", 0.0002),
    "evaluation": ("strategy_evaluation", "kit.evaluation.metrics:opening_inr", 0.005),
    "pricing": ("iv_greeks_call", "kit.pricing.black76:_columns", 0.005),
    "bars": ("day_of_minutes", "kit.bars.minute_store:read_session", 0.03),
    "monitor": ("monitor_measure", "kit.monitor.measurement:Measurement.__enter__", 0.0002),
    "parallel": ("parallel_10us", "kit.parallel.scheduler:Scheduler._finish", 0.001),
    "transport": ("ltp_overhead", "kit.transport.adapter:PoolAdapter.send", 0.02),
}


def points(name):
    """Return the score that one row alone would give."""
    lines = run_performance_benchmark(rows=[name], progress=lambda *_: None)["lines"]
    return score(components(lines))


@pytest.mark.parametrize("part", SLOWED)
def test_the_score_falls_when_a_part_is_slow(part, monkeypatch):
    """A real delay inside the part costs its row points, and its component and the score with it."""
    name, target, delay_s = SLOWED[part]
    assert all_rows()[name].part == part
    before = points(name)
    _slow_down(monkeypatch, target, delay_s)
    assert points(name) < 0.8 * before


def test_every_part_is_slowed_down():
    """No component of the score goes without this proof."""
    assert set(SLOWED) == set(WEIGHTS)


def _slow_down(monkeypatch, target, delay_s):
    module, _, path = target.partition(":")
    *parents, name = path.split(".")
    owner = functools.reduce(getattr, parents, import_module(module))
    fast = getattr(owner, name)

    @functools.wraps(fast)
    def slow(*args, **kwargs):
        sleep(delay_s)
        return fast(*args, **kwargs)

    monkeypatch.setattr(owner, name, slow)
