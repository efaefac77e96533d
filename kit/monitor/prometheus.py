"""The monitor in Prometheus' text format, written by ``prometheus_client`` (an extra)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kit.arguments import checked
from kit.errors import KitError
from kit.monitor.monitor import PerformanceMonitor


@checked
def prometheus_text(monitor: PerformanceMonitor) -> str:
    """Return the metrics in Prometheus' text format.

    Raises
    ------
    KitError
        ``prometheus_client`` is not installed (the extra ``prometheus``).
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError as error:
        raise KitError(
            "The Prometheus export needs prometheus_client", remedy="Install banknifty-kit[prometheus]."
        ) from error
    registry = CollectorRegistry()
    registry.register(_Families(monitor))
    return generate_latest(registry).decode()


class _Families:
    """The monitor as a Prometheus collector: totals since the reset and quantiles of the window."""

    def __init__(self, monitor: PerformanceMonitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            SummaryMetricFamily,
        )

        name = "kit_operation_seconds"
        times = SummaryMetricFamily(name, "Executions and their seconds.", labels=["operation"])
        errors = CounterMetricFamily("kit_operation_errors", "Failed executions.", labels=["operation"])
        window = GaugeMetricFamily(
            "kit_operation_window_seconds", "Quantiles of the window.", labels=["operation", "quantile"]
        )
        for operation, found in self._monitor.get_summary()["operations"].items():
            times.add_metric([operation], found["calls"], found["total_time"])
            errors.add_metric([operation], found["total_errors"])
            for share, name in (("0.5", "median"), ("0.95", "p95"), ("0.99", "p99")):
                window.add_metric([operation, share], found[name])
        return [times, errors, window]
