"""The samples of one operation and their exact statistics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, nan
from threading import Lock

from kit.monitor.requirements import LatencyRequirement, Level

OnViolation = Callable[[str, float, tuple[Level, float]], None]


@dataclass(frozen=True, slots=True)
class PerformanceMetrics:
    """The statistics of one operation; times in seconds, NaN while there is no sample.

    `calls`, `total_errors` and `total_time` count everything since the last reset. All other fields are
    exact over the window of the last `samples` executions.
    """

    operation: str
    calls: int
    samples: int
    avg_time: float
    min_time: float
    max_time: float
    median: float
    p95: float
    p99: float
    errors: int
    success_rate: float
    total_errors: int
    total_time: float


class Operation:
    """The samples of one operation.

    Parameters
    ----------
    name : str
        The operation.
    max_samples : int
        Executions remembered.
    on_violation : callable
        Told the name, the latency in milliseconds and the exceeded threshold, outside of every lock.
    """

    def __init__(self, name: str, max_samples: int, on_violation: OnViolation) -> None:
        self.name = name
        self.requirement: LatencyRequirement | None = None
        self._on_violation = on_violation
        self._lock = Lock()
        self._window: deque[tuple[float, bool]] = deque(maxlen=max_samples)
        self._calls = self._errors = 0
        self._total_s = 0.0

    def record(self, seconds: float, success: bool) -> None:
        """Add one execution and compare it with the budget."""
        with self._lock:
            self._window.append((seconds, success))
            self._calls += 1
            self._total_s += seconds
            if not success:
                self._errors += 1
        if self.requirement is not None and (limit := self.requirement.exceeded(seconds * 1000)):
            self._on_violation(self.name, seconds * 1000, limit)

    def reset(self) -> None:
        """Forget every execution; the budget stays."""
        with self._lock:
            self._window.clear()
            self._calls = self._errors = 0
            self._total_s = 0.0

    def metrics(self) -> PerformanceMetrics:
        """Compute the statistics of the window now."""
        with self._lock:
            window, calls, errors, total = [*self._window], self._calls, self._errors, self._total_s
        times = sorted(seconds for seconds, _ in window)
        failed = sum(not success for _, success in window)
        return PerformanceMetrics(
            operation=self.name,
            calls=calls,
            samples=len(times),
            avg_time=sum(times) / len(times) if times else nan,
            min_time=quantile(times, 0.0),
            max_time=quantile(times, 1.0),
            median=quantile(times, 0.5),
            p95=quantile(times, 0.95),
            p99=quantile(times, 0.99),
            errors=failed,
            success_rate=1 - failed / len(times) if times else nan,
            total_errors=errors,
            total_time=total,
        )


def quantile(ordered: list[float], fraction: float) -> float:
    """Return a quantile of sorted values by linear interpolation (NumPy's default); NaN of none."""
    if not ordered:
        return nan
    place = fraction * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))
