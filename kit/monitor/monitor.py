"""The monitor: every operation's samples, budgets and alerts behind one door."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, replace
from datetime import datetime
from math import nan
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kit.errors import KitError
from kit.monitor.alerts import Alerts
from kit.monitor.measurement import Measurement
from kit.monitor.operation import Operation, PerformanceMetrics
from kit.monitor.requirements import (
    DEFAULT_BUDGETS_MS,
    AlertCallback,
    LatencyRequirement,
    Violation,
    require_name,
    require_seconds,
    requirements_from,
)
from kit.shown import Showable, table

if TYPE_CHECKING:
    import pandas as pd

_IST = ZoneInfo("Asia/Kolkata")


class PerformanceMonitor(Showable):
    """Times operations and compares them with their budgets.

    A new one watches the five operations that have a budget in every kit (`DEFAULT_BUDGETS_MS`).

    Parameters
    ----------
    max_samples : int, default 1000
        Executions remembered per operation, and violations remembered in all.
    enable_alerts : bool, default True
        Call the alert callbacks; violations are remembered either way.

    Raises
    ------
    KitError
        `max_samples` is no whole number of at least 1; in every method, a name that is no string.
    """

    def __init__(self, max_samples: int = 1000, enable_alerts: bool = True) -> None:
        if not isinstance(max_samples, int) or not 1 <= max_samples <= 10**9:
            raise KitError(
                "A monitor needs room for a sample", max_samples, "Use a whole number, max_samples >= 1."
            )
        self.max_samples = max_samples
        self.enable_alerts = enable_alerts
        self._operations: dict[str, Operation] = {}
        self._violations: deque[Violation] = deque(maxlen=max_samples)
        self._alerts = Alerts()
        for requirement in requirements_from(DEFAULT_BUDGETS_MS):
            self.set_requirement(requirement)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to a worker with a function that uses it as a new monitor; all it knows stays here."""
        return PerformanceMonitor, (self.max_samples, self.enable_alerts)

    def measure(self, name: str) -> Measurement:
        """Time a ``with`` block (sync or async), or each call of a decorated function.

        Functions are plain or asynchronous, or generators of either kind. An exception is counted as
        an error and raised again.
        """
        try:
            return Measurement(self._operations[name])
        except (KeyError, TypeError):  # new, or a name that is none
            return Measurement(self._operation(name))

    def record_execution(self, name: str, seconds: float, success: bool = True) -> None:
        """Add one execution that was timed elsewhere, for instance in a worker.

        Raises
        ------
        KitError
            The time is not a finite number of seconds, or negative.
        """
        took = require_seconds(name, seconds)
        self._operation(name).record(took, bool(success))

    def get_metrics(self, name: str) -> PerformanceMetrics:
        """Return the statistics of an operation; without samples it has no calls and NaN times."""
        return (self._operations.get(require_name(name)) or self._fresh(name)).metrics()

    def set_requirement(
        self, operation: str | LatencyRequirement, requirement: LatencyRequirement | float | None = None
    ) -> None:
        """Watch an operation against a budget; replaces the budget it had.

        Parameters
        ----------
        operation : str or LatencyRequirement
            Its name, or the requirement alone, which has the name too.
        requirement : LatencyRequirement or float, optional
            Its thresholds, or the budget in milliseconds.

        Raises
        ------
        KitError
            There is no requirement, or its thresholds are not positive and rising.
        """
        if isinstance(operation, LatencyRequirement) and requirement is None:
            requirement = operation
        name = operation.operation if isinstance(operation, LatencyRequirement) else require_name(operation)
        if not isinstance(requirement, LatencyRequirement):
            requirement = LatencyRequirement(name, nan if requirement is None else requirement)
        self._operation(name).requirement = replace(requirement, operation=name)

    def add_alert_callback(self, callback: AlertCallback) -> None:
        """Call `callback` with each `Violation`, on the thread that measured.

        What it raises, SystemExit included, is reported once through ``logging`` and harms nothing;
        only a KeyboardInterrupt, which is the user's, goes through. While it runs, violations on its
        thread are remembered and call nobody.

        Raises
        ------
        KitError
            It cannot be called, or it is asynchronous.
        """
        self._alerts.add(callback)

    def get_summary(self) -> dict[str, Any]:
        """Return what has been measured.

        Returns
        -------
        dict
            ``calls``, ``errors``; ``operations``, the fields of `PerformanceMetrics` by name; ``violations``,
            the worst recent one of each operation that was too slow; ``violation_events``, all recent ones,
            the oldest first. It can be written as JSON.
        """
        events = self._violations.copy()
        worst: dict[str, Violation] = {}
        for event in events:
            known = worst.setdefault(event["operation"], event)
            worst[event["operation"]] = max(known, event, key=lambda one: one["latency_ms"])
        operations = {metrics.operation: asdict(metrics) for metrics in self._all()}
        return {
            "calls": sum(metrics["calls"] for metrics in operations.values()),
            "errors": sum(metrics["total_errors"] for metrics in operations.values()),
            "operations": operations,
            "violations": [_plain(one) for one in worst.values()],
            "violation_events": [_plain(one) for one in events],
        }

    def get_slow_operations(self, threshold_ms: float | None = None) -> list[PerformanceMetrics]:
        """List operations whose 95th percentile exceeds a threshold, slowest first.

        Parameters
        ----------
        threshold_ms : float, optional
            Milliseconds; default each operation's own budget, and none without a budget.
        """

        def limit_ms(name: str) -> float:
            return self._budget_ms(name) if threshold_ms is None else threshold_ms

        slow = [metrics for metrics in self._all() if metrics.p95 * 1000 > limit_ms(metrics.operation)]
        return sorted(slow, key=lambda metrics: -metrics.p95)

    def get_error_prone_operations(self, min_error_rate: float = 0.05) -> list[PerformanceMetrics]:
        """List operations of which at least this fraction of the window failed, worst first.

        Raises
        ------
        KitError
            The fraction is not within 0 and 1.
        """
        if not 0 <= min_error_rate <= 1:
            raise KitError("An error rate is a fraction", min_error_rate, "Write 5 % as 0.05.")
        prone = [m for m in self._all() if m.errors and m.errors / m.samples >= min_error_rate]
        return sorted(prone, key=lambda metrics: metrics.success_rate)

    def reset_metrics(self, name: str | None = None) -> None:
        """Forget the samples of one operation, or of all together with the violations; budgets stay."""
        if name is not None:
            require_name(name)
        else:
            self._violations.clear()
        for operation in self._operations.copy().values():
            if name in (None, operation.name):
                operation.reset()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per operation, the fields of `PerformanceMetrics` as columns, seconds."""
        import pandas as pd

        rows = [asdict(metrics) for metrics in self._all()]
        return pd.DataFrame(rows, columns=list(PerformanceMetrics.__slots__)).set_index("operation")

    def _figures(self) -> dict[str, object]:
        found = self.get_summary()
        return {
            "operations": len(found["operations"]),
            "calls": found["calls"],
            "errors": found["errors"],
            "too slow": len(found["violations"]),
        }

    def _details(self) -> list[str]:
        found = self._all()
        slow = [place for place, one in enumerate(found) if one.p95 * 1000 > self._budget_ms(one.operation)]
        return [table([self._row(one) for one in found], "Milliseconds, against the budget", slow)]

    def _row(self, one: PerformanceMetrics) -> dict[str, object]:
        percentiles, rest = ("median", "p95", "p99"), ("avg_time", "min_time", "max_time")
        return {
            "operation": one.operation,
            "calls": one.calls,
            "errors": one.errors,
            "success": f"{one.success_rate:.2f} %",
            **{name: 1000 * getattr(one, name) for name in percentiles},
            "budget": self._budget_ms(one.operation),
            **{name.removesuffix("_time"): 1000 * getattr(one, name) for name in rest},
        }

    def _budget_ms(self, name: str) -> float:
        requirement = self._operations[name].requirement
        return float(requirement.alert_ms) if requirement else nan

    def _operation(self, name: str) -> Operation:
        known = self._operations.get(require_name(name))
        return known or self._operations.setdefault(name, self._fresh(name))  # one atomic step

    def _fresh(self, name: str) -> Operation:
        return Operation(name, self.max_samples, self._violated)

    def _all(self) -> list[PerformanceMetrics]:
        """Return the metrics of every operation that ran, by name."""
        found = (operation.metrics() for _, operation in sorted(self._operations.copy().items()))
        return [metrics for metrics in found if metrics.calls]

    def _violated(self, name: str, latency_ms: float, requirement: LatencyRequirement) -> None:
        level, requirement_ms = requirement.exceeded(latency_ms)
        violation = Violation(
            operation=name,
            latency_ms=latency_ms,
            requirement_ms=requirement_ms,
            violation_level=level,
            timestamp=datetime.now(_IST),
        )
        self._violations.append(violation)
        if self.enable_alerts:
            self._alerts.tell(violation)


def _plain(violation: Violation) -> dict[str, Any]:
    """Return a violation with its time as text, which JSON has a word for."""
    return {**violation, "timestamp": violation["timestamp"].isoformat()}
