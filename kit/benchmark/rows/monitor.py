"""What it costs to measure a block."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from threading import Thread
from time import perf_counter

from kit.benchmark.measure import Arms, Samples
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most, within
from kit.monitor import LatencyRequirement, PerformanceMonitor

_BLOCKS = 1000


def _blocks(measure: Callable[[], AbstractContextManager[object]]) -> Callable[[], None]:
    """Make a sample of many empty measured blocks."""

    def many() -> None:
        for _ in range(_BLOCKS):
            with measure():
                pass

    return many


def _watched() -> PerformanceMonitor:
    monitor = PerformanceMonitor()
    monitor.set_requirement(LatencyRequirement("block", 1000))
    return monitor


@row("monitor_measure", part="monitor", unit="us", target=at_most(1.5),
     peer="prometheus_client Histogram.time()", peer_target=within(1), quick=True)  # fmt: skip
def monitor_measure(run: Run) -> Arms:
    """Measure an empty block against a budget, on one thread; the peer sorts it into buckets."""
    monitor = _watched()
    ours = _blocks(partial(monitor.measure, "block"))
    library = run.peer("prometheus_client")
    if library is None:
        return Arms(ours, items=_BLOCKS)
    histogram = library.Histogram("block", "An empty block.", registry=library.CollectorRegistry())
    return Arms(ours, _blocks(histogram.time), items=_BLOCKS)


@row("monitor_lost_samples", part="monitor", unit="samples", target=at_most(0), quick=True)
def monitor_lost_samples(run: Run) -> Samples:
    """Count the samples missing after eight threads, switched often, have measured 10,000 blocks each."""
    monitor = _watched()
    threads = [Thread(target=lambda: [_blocks(partial(monitor.measure, "block"))() for _ in range(10)])
               for _ in range(8)]  # fmt: skip
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # at the usual 5 ms a thread would be done before the next one begins
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    run.checkpoint()
    return Samples([8 * 10 * _BLOCKS - monitor.get_metrics("block").calls])


@row("monitor_metrics", part="monitor", unit="us")
def monitor_metrics(run: Run) -> Samples:
    """Compute all statistics of an operation with a full window of 1,000 samples."""
    monitor = _watched()
    for _ in range(_BLOCKS):
        monitor.record_execution("block", run.rng.random())
    figures = []
    for _ in range(50):
        started = perf_counter()
        monitor.get_metrics("block")
        figures.append((perf_counter() - started) * 1e6)
    return Samples(figures)
