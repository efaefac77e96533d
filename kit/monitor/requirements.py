"""Latency budgets, and the violation that is reported when one is exceeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf, nan
from numbers import Real
from typing import Literal, TypedDict

from kit.arguments import checked, real
from kit.errors import KitError
from kit.short_repr import short_repr

Level = Literal["warning", "alert", "critical"]


class Violation(TypedDict):
    """What an alert callback is given: the operation, what it took, and the threshold it exceeded."""

    operation: str
    latency_ms: float
    requirement_ms: float
    violation_level: Level
    timestamp: datetime


DEFAULT_BUDGETS_MS = {
    "atm_calculation": 1000.0,
    "options_chain_processing": 2000.0,
    "order_placement": 3000.0,
    "position_monitoring": 30_000.0,
    "strategy_evaluation": 5000.0,
}
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
        The thresholds are not positive and rising, or the operation is no string.
    """

    operation: str
    alert_ms: float
    warning_ms: float = nan
    critical_ms: float = nan

    def __post_init__(self) -> None:
        require_name(self.operation)
        given = (self.warning_ms, self.alert_ms, self.critical_ms)
        if not all(_is_number(each) for each in given):
            raise self._refused("Latency thresholds are numbers of milliseconds", given)
        if self.warning_ms != self.warning_ms:
            object.__setattr__(self, "warning_ms", 0.8 * self.alert_ms)
        if self.critical_ms != self.critical_ms:
            object.__setattr__(self, "critical_ms", 2.0 * self.alert_ms)
        if not 0 < self.warning_ms <= self.alert_ms <= self.critical_ms:
            thresholds = (self.warning_ms, self.alert_ms, self.critical_ms)
            raise self._refused("Latency thresholds must be positive and rise to critical", thresholds)

    def _refused(self, what: str, thresholds: tuple[object, ...]) -> KitError:
        shown = dict(zip(("warning_ms", "alert_ms", "critical_ms"), thresholds, strict=True))
        return KitError(
            what,
            shown,
            f"Correct that of {short_repr(self.operation)}: 0 < warning_ms <= alert_ms <= critical_ms.",
        )

    def check_violation(self, latency_ms: float) -> Level | None:
        """Return the highest threshold that a latency exceeds, None within all of them."""
        return self.exceeded(latency_ms)[0] if latency_ms > self.warning_ms else None

    def exceeded(self, latency_ms: float) -> tuple[Level, float]:
        """Return the highest threshold that a latency beyond the lowest exceeds, as (level, milliseconds)."""
        if latency_ms > self.critical_ms:
            return "critical", self.critical_ms
        if latency_ms > self.alert_ms:
            return "alert", self.alert_ms
        return "warning", self.warning_ms


def _is_number(value: object) -> bool:
    """Tell a number, NaN and infinity included, from a truth value and from what no float holds."""
    return isinstance(value, float) or abs(real(value)) < inf


def require_name(name: object) -> str:
    """Return the name of an operation.

    Raises
    ------
    KitError
        It is no string.
    """
    if isinstance(name, str):
        return name
    raise KitError("The name of an operation is a string", name, 'Write monitor.measure("name").')


def require_seconds(name: object, seconds: object) -> float:
    """Return what an execution took.

    Raises
    ------
    KitError
        It is no finite number of seconds, or negative.
    """
    # the exact type first: asking for any real number takes longer than all the rest
    if (type(seconds) is float or isinstance(seconds, Real)) and 0 <= float(seconds) < inf:
        return float(seconds)
    raise KitError(
        f"No execution of {name!r} can take this time",
        seconds,
        "Pass finite seconds, 0 or more, as the difference of two time.perf_counter().",
    )


@checked
def requirements_from(budgets_ms: Mapping[str, float]) -> list[LatencyRequirement]:
    """Turn operation -> budget in milliseconds into requirements with the default thresholds."""
    return [LatencyRequirement(operation, budget) for operation, budget in budgets_ms.items()]
