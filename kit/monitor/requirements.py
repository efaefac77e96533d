"""Latency budgets, and what is said when one is exceeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Literal, TypedDict

from kit.errors import KitError

Level = Literal["warning", "alert", "critical"]


class Violation(TypedDict):
    """What an alert callback is told."""

    operation: str
    latency_ms: float
    requirement_ms: float
    violation_level: Level
    timestamp: datetime


AlertCallback = Callable[[Violation], object]


@dataclass(frozen=True, slots=True)
class LatencyRequirement:
    """The latency budget of one operation, with three thresholds in milliseconds.

    Parameters
    ----------
    operation : str
        The name given to `PerformanceMonitor.measure`.
    alert_ms : float
        The budget.
    warning_ms : float, optional
        Where the budget is nearly spent; default 80 % of it.
    critical_ms : float, optional
        Where it is spent for good; default twice the budget.

    Raises
    ------
    KitError
        The thresholds are not positive and rising.
    """

    operation: str
    alert_ms: float
    warning_ms: float = nan
    critical_ms: float = nan

    def __post_init__(self) -> None:
        if self.warning_ms != self.warning_ms:
            object.__setattr__(self, "warning_ms", 0.8 * self.alert_ms)
        if self.critical_ms != self.critical_ms:
            object.__setattr__(self, "critical_ms", 2.0 * self.alert_ms)
        if not 0 < self.warning_ms <= self.alert_ms <= self.critical_ms:
            raise KitError(
                "Latency thresholds must be positive and rise from warning to critical",
                (self.warning_ms, self.alert_ms, self.critical_ms),
                f"Correct the requirement of {self.operation!r}.",
            )

    def exceeded(self, latency_ms: float) -> tuple[Level, float] | None:
        """Return the highest threshold that a latency exceeds, as (level, milliseconds)."""
        if latency_ms > self.critical_ms:
            return "critical", self.critical_ms
        if latency_ms > self.alert_ms:
            return "alert", self.alert_ms
        if latency_ms > self.warning_ms:
            return "warning", self.warning_ms
        return None


def requirements_from(budgets_ms: Mapping[str, float]) -> list[LatencyRequirement]:
    """Turn operation -> budget in milliseconds into requirements with the default thresholds."""
    return [LatencyRequirement(operation, budget) for operation, budget in budgets_ms.items()]
