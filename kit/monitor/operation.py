"""The samples of one operation and their exact statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, fsum, nan

from kit.monitor.requirements import LatencyRequirement
from kit.monitor.samples import Samples

OnViolation = Callable[[str, float, LatencyRequirement], None]


@dataclass(frozen=True, slots=True)
class PerformanceMetrics:
    """The statistics of one operation; times in seconds, NaN while there is no sample.

    `calls`, `total_errors` and `total_time` count everything since the last reset. All other fields are
    exact over the window of the last `samples` executions; `success_rate` is in per cent.
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

    @property
    def total_calls(self) -> int:
        """The same as `calls`."""
        return self.calls


class Operation:
    """The samples of one operation and its budget.

    Parameters
    ----------
    name : str
        The operation.
    max_samples : int
        Executions remembered.
    on_violation : callable
        Told the name, the latency in milliseconds and the budget, without a lock.
    """

    def __init__(self, name: str, max_samples: int, on_violation: OnViolation) -> None:
        self.name = name
        self.requirement: LatencyRequirement | None = None
        self._max_samples = max_samples
        self._on_violation = on_violation
        self._samples = Samples(max_samples)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to a worker with a measured function as a new operation; the samples stay here."""
        return Operation, (self.name, self._max_samples, self._on_violation)

    def record(self, seconds: float, success: bool) -> None:
        """Add one execution and compare it with the budget."""
        samples = self._samples
        samples.recent.append((seconds, success))
        if len(samples.recent) > samples.full:
            samples.trim()
        requirement = self.requirement
        if requirement is not None and seconds * 1000 > requirement.warning_ms:
            self._on_violation(self.name, seconds * 1000, requirement)

    def reset(self) -> None:
        """Forget every execution; the budget stays."""
        self._samples = Samples(self._max_samples)  # one atomic step, whoever is recording

    def metrics(self) -> PerformanceMetrics:
        """Compute the statistics of the window now."""
        window, past = self._samples.read()
        times = sorted([seconds for seconds, _ in window])
        failed = [success for _, success in window].count(False)
        total = fsum(times)
        return PerformanceMetrics(
            operation=self.name,
            calls=past.calls + len(times),
            samples=len(times),
            avg_time=total / len(times) if times else nan,
            min_time=quantile(times, 0.0),
            max_time=quantile(times, 1.0),
            median=quantile(times, 0.5),
            p95=quantile(times, 0.95),
            p99=quantile(times, 0.99),
            errors=failed,
            success_rate=100 * (len(times) - failed) / len(times) if times else nan,
            total_errors=past.errors + failed,
            total_time=past.seconds + total,
        )


def quantile(ordered: list[float], fraction: float) -> float:
    """Return a quantile of sorted values by linear interpolation (NumPy's default); NaN of none."""
    if not ordered:
        return nan
    place = fraction * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))
