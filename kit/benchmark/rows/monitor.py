"""What it costs to measure a block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from kit.benchmark.measure import Arms
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


@row("monitor", "us", at_most(1.5), peer=("prometheus_client Histogram.time()", within(1)), quick=True)
def monitor_measure(run: Run) -> Arms:
    """Measure an empty block against a budget, on one thread; the peer sorts it into buckets."""
    monitor = PerformanceMonitor()
    monitor.set_requirement(LatencyRequirement("block", 1000))
    ours = _blocks(partial(monitor.measure, "block"))
    library = run.peer("prometheus_client")
    if library is None:
        return Arms(ours, items=_BLOCKS)
    histogram = library.Histogram("block", "An empty block.", registry=library.CollectorRegistry())
    return Arms(ours, _blocks(histogram.time), items=_BLOCKS)
