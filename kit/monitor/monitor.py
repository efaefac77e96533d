"""The monitor: every operation's samples, budgets and alerts behind one door."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import asdict
from datetime import datetime
from math import nan
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kit.errors import KitError
from kit.monitor.measurement import Measurement
from kit.monitor.operation import Operation, PerformanceMetrics
from kit.monitor.requirements import AlertCallback, LatencyRequirement, Level, Violation

if TYPE_CHECKING:
    import pandas as pd

_IST = ZoneInfo("Asia/Kolkata")
_log = logging.getLogger(__name__)


class PerformanceMonitor:
    """Times operations and compares them with their budgets.

    Parameters
    ----------
    max_samples : int, default 1000
        Executions remembered per operation, and violations remembered in all.
    enable_alerts : bool, default True
        Call the alert callbacks; violations are remembered either way.
    """

    def __init__(self, max_samples: int = 1000, enable_alerts: bool = True) -> None:
        if max_samples < 1:
            raise KitError("A monitor needs room for a sample", max_samples, "Use max_samples >= 1.")
        self.max_samples = max_samples
        self.enable_alerts = enable_alerts
        self._operations: dict[str, Operation] = {}
        self._violations: deque[Violation] = deque(maxlen=max_samples)
        self._callbacks: tuple[AlertCallback, ...] = ()
        self._muted: set[AlertCallback] = set()

    def measure(self, name: str) -> Measurement:
        """Time a ``with`` block (sync or async) or a decorated function (sync or async).

        An exception is counted as an error and raised again.
        """
        return Measurement(self._operations.get(name) or self._operation(name))

    def record_execution(self, name: str, seconds: float, success: bool = True) -> None:
        """Add one execution that was timed elsewhere, for instance in a worker."""
        (self._operations.get(name) or self._operation(name)).record(seconds, success)

    def get_metrics(self, name: str) -> PerformanceMetrics:
        """Return the statistics of an operation; without samples it has no calls and NaN times."""
        known = self._operations.get(name)
        return known.metrics() if known else self._fresh(name).metrics()

    def set_requirement(self, requirement: LatencyRequirement) -> None:
        """Watch an operation against a budget; replaces the budget it had."""
        self._operation(requirement.operation).requirement = requirement

    def add_alert_callback(self, callback: AlertCallback) -> None:
        """Call `callback` with each `Violation`, on the thread that measured.

        A callback that raises is reported once through ``logging`` and harms nothing else.
        """
        self._callbacks += (callback,)

    def get_summary(self) -> dict[str, Any]:
        """Return ``calls``, ``errors``, ``operations`` (metrics by name) and the recent ``violations``."""
        operations = {metrics.operation: metrics for metrics in self._all()}
        return {
            "calls": sum(metrics.calls for metrics in operations.values()),
            "errors": sum(metrics.total_errors for metrics in operations.values()),
            "operations": operations,
            "violations": list(self._violations),
        }

    def get_slow_operations(self, threshold_ms: float | None = None) -> list[PerformanceMetrics]:
        """List operations whose 95th percentile exceeds a threshold, slowest first.

        Parameters
        ----------
        threshold_ms : float, optional
            Milliseconds; default each operation's own budget, and none without a budget.
        """

        def limit_ms(name: str) -> float:
            requirement = self._operations[name].requirement
            return threshold_ms if threshold_ms is not None else requirement.alert_ms if requirement else nan

        slow = [metrics for metrics in self._all() if metrics.p95 * 1000 > limit_ms(metrics.operation)]
        return sorted(slow, key=lambda metrics: -metrics.p95)

    def get_error_prone_operations(self, min_error_rate: float = 0.05) -> list[PerformanceMetrics]:
        """List operations of which at least this fraction of the window failed, worst first."""
        prone = [m for m in self._all() if m.errors and 1 - m.success_rate >= min_error_rate]
        return sorted(prone, key=lambda metrics: metrics.success_rate)

    def reset_metrics(self, name: str | None = None) -> None:
        """Forget the samples of one operation, or of all together with the violations; budgets stay."""
        if name is None:
            self._violations.clear()
        for operation in [*self._operations.values()]:
            if name in (None, operation.name):
                operation.reset()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per operation, the fields of `PerformanceMetrics` as columns, seconds."""
        import pandas as pd

        rows = [asdict(metrics) for metrics in self._all()]
        return pd.DataFrame(rows, columns=list(PerformanceMetrics.__slots__)).set_index("operation")

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        times = ["avg_time", "min_time", "max_time", "median", "p95", "p99"]
        shown = frame[["calls", "total_errors", "success_rate"]].join(
            (frame[times] * 1000).add_suffix(" [ms]")
        )
        return str(shown.to_html(float_format="{:,.3g}".format))

    def _operation(self, name: str) -> Operation:
        return self._operations.setdefault(name, self._fresh(name))  # one atomic step

    def _fresh(self, name: str) -> Operation:
        return Operation(name, self.max_samples, self._violated)

    def _all(self) -> list[PerformanceMetrics]:
        """Return the metrics of every operation that ran, by name."""
        found = (operation.metrics() for _, operation in sorted(self._operations.items()))
        return [metrics for metrics in found if metrics.calls]

    def _violated(self, name: str, latency_ms: float, limit: tuple[Level, float]) -> None:
        level, requirement_ms = limit
        violation = Violation(
            operation=name,
            latency_ms=latency_ms,
            requirement_ms=requirement_ms,
            violation_level=level,
            timestamp=datetime.now(_IST),
        )
        self._violations.append(violation)
        for callback in self._callbacks if self.enable_alerts else ():
            try:
                callback(violation.copy())
            except Exception:  # noqa: BLE001  the user's callback must never harm the measured code
                self._report(callback)

    def _report(self, callback: AlertCallback) -> None:
        if callback not in self._muted:
            self._muted.add(callback)
            _log.exception("An alert callback failed; further failures of %r are not reported", callback)
