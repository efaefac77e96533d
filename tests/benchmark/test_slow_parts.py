"""The score falls when a part of the kit is slow: each part is slowed down on purpose, in place."""

import functools
from importlib import import_module
from math import isnan
from time import sleep

import pytest

from kit.benchmark.registry import all_rows
from kit.benchmark.score import WEIGHTS, components, score
from kit.benchmark.suite import run_performance_benchmark

# part: (a row of it, what is slowed down, once or more in each operation that the row times)
SLOWED = {
    "pipeline": ("chain_hot", "kit.market.manager:DataManager.option_chain"),
    "cache": ("hot_hit", "kit.cache.manager:CacheManager.get"),
    "evaluation": ("strategy_evaluation", "kit.evaluation.metrics:breakevens"),
    "backtest": ("backtest_one_day", "kit.backtest.engine:_trade"),
    "pricing": ("iv_greeks_call", "kit.pricing.black76:_columns"),
    "bars": ("day_of_minutes", "kit.bars.minute_store:read_session"),
    "monitor": ("monitor_measure", "kit.monitor.measurement:Measurement.__enter__"),
    "parallel": ("stuck_processes", "kit.parallel.process:WorkerProcess.end"),
    "transport": ("ltp_overhead", "kit.transport.adapter:PoolAdapter.send"),
}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def measured(name):
    """Return a row's result, and the score that it alone would give."""
    (line,) = run_performance_benchmark(rows=[name], progress=lambda *_: None)["lines"]
    return line, score(components([line]))


@pytest.mark.parametrize("part", SLOWED)
def test_the_score_falls_when_a_part_is_slow(part, monkeypatch):
    """A delay of four times what a row measured here, and twice what it was asked, costs its part points."""
    name, target = SLOWED[part]
    assert all_rows()[name].part == part
    fast, before = measured(name)
    known = [4 * fast.figure, 4 * fast.peer_figure, 2 * fast.limit.limit if fast.limit else 0.0]
    delay_s = max(figure for figure in known if not isnan(figure)) * SECONDS[fast.unit]
    _slow_down(monkeypatch, target, delay_s)
    slow, after = measured(name)
    assert slow.figure > fast.figure  # it was measured, and has not failed
    assert after < 0.8 * before


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
