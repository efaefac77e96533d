"""Budgets and alerts, and no harm to what is measured."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import nan

import pytest

from kit.errors import KitError
from kit.monitor import LatencyRequirement, PerformanceMonitor, requirements_from
from kit.monitor.requirements import DEFAULT_BUDGETS_MS
from kit.settings import LatencyRequirements


@pytest.mark.parametrize(
    ("took_ms", "level", "limit_ms"),
    [(79, None, None), (90, "warning", 80), (150, "alert", 100), (201, "critical", 200)],
)
def test_each_threshold_has_its_level(took_ms, level, limit_ms):
    """A latency is reported with the highest threshold that it exceeds."""
    monitor, heard = PerformanceMonitor(), []
    monitor.add_alert_callback(heard.append)
    monitor.set_requirement(LatencyRequirement("chain", alert_ms=100, warning_ms=80, critical_ms=200))
    monitor.record_execution("chain", took_ms / 1000)
    kept = [{**violation, "timestamp": violation["timestamp"].isoformat()} for violation in heard]
    assert monitor.get_summary()["violation_events"] == kept
    assert [(v["violation_level"], v["requirement_ms"]) for v in heard] == (
        [(level, limit_ms)] if level else []
    )
    if level:
        assert heard[0]["operation"] == "chain"
        assert heard[0]["latency_ms"] == pytest.approx(took_ms)
        assert heard[0]["timestamp"].utcoffset() == timedelta(hours=5, minutes=30)


def test_thresholds_have_defaults_and_must_rise():
    """Warning is 80 % and critical twice the budget unless stated; falling thresholds are refused."""
    requirement = LatencyRequirement("chain", 100)
    assert (requirement.warning_ms, requirement.critical_ms) == (80, 200)
    for wrong in (
        {"alert_ms": 0},
        {"alert_ms": 100, "warning_ms": 120},
        {"alert_ms": 100, "critical_ms": 90},
    ):
        with pytest.raises(KitError, match="chain"):
            LatencyRequirement("chain", **wrong)
    budgets = {
        made.operation: made.alert_ms for made in requirements_from(LatencyRequirements().model_dump())
    }
    assert budgets["options_chain_processing"] == 2000


def test_a_failing_callback_harms_nothing_and_is_reported_once(caplog):
    """Measured code, later callbacks and later alerts are untouched by a callback that raises."""
    monitor, heard = PerformanceMonitor(), []

    def breaks(violation):
        violation.clear()
        raise RuntimeError("no bell")

    monitor.add_alert_callback(breaks)
    monitor.add_alert_callback(heard.append)
    monitor.set_requirement(LatencyRequirement("slow", 0.001))
    with caplog.at_level(logging.ERROR, "kit.monitor"):
        for _ in range(3):
            with monitor.measure("slow"):
                time.sleep(0.001)
    assert len(heard) == 3
    assert heard[0]["operation"] == "slow"
    assert len(caplog.records) == 1


def test_alerts_can_be_switched_off():
    """Without alerts no callback is called, and violations are remembered all the same."""
    monitor, heard = PerformanceMonitor(enable_alerts=False), []
    monitor.add_alert_callback(heard.append)
    monitor.set_requirement(LatencyRequirement("slow", 1))
    monitor.record_execution("slow", 1.0)
    assert heard == []
    assert len(monitor.get_summary()["violation_events"]) == 1


@dataclass
class _NoHash:
    """A callback that cannot be put into a set."""

    error: BaseException

    def __call__(self, _):
        raise self.error


class _Custom(BaseException):
    """Neither an Exception nor one of Python's own."""


@pytest.mark.parametrize(
    "error",
    [RuntimeError("no bell"), SystemExit(3), GeneratorExit(), asyncio.CancelledError(), _Custom()],
    ids=repr,
)
@pytest.mark.parametrize("fails", [False, True])
def test_whatever_a_callback_raises_harms_nothing(error, fails, caplog):
    """The measured block ends as it would alone, and the next callback is called; one report is left."""
    monitor, heard = PerformanceMonitor(), []
    monitor.add_alert_callback(_NoHash(error))
    monitor.add_alert_callback(heard.append)
    monitor.set_requirement(LatencyRequirement("slow", 1e-9))

    def block():
        with monitor.measure("slow"):
            if fails:
                raise ValueError("the block's own")
            return "done"

    with caplog.at_level(logging.ERROR, "kit.monitor"):
        for _ in range(2):
            if fails:
                with pytest.raises(ValueError, match="the block's own"):
                    block()
            else:
                assert block() == "done"
    assert (len(heard), len(caplog.records)) == (2, 1)


def test_a_keyboard_interrupt_goes_through_a_callback():
    """Ctrl-C reaches the user even while a callback runs; the sample and the violation are kept."""
    monitor = PerformanceMonitor()

    def interrupted(_):
        raise KeyboardInterrupt

    monitor.add_alert_callback(interrupted)
    monitor.set_requirement(LatencyRequirement("slow", 1))
    for calls in (1, 2):  # the second finds nothing left behind by the first
        with pytest.raises(KeyboardInterrupt):
            monitor.record_execution("slow", 1.0)
        assert monitor.get_metrics("slow").calls == len(monitor.get_summary()["violation_events"]) == calls


def test_a_broken_log_handler_harms_nothing():
    """The report of a failing callback may fail too."""

    class Broken(logging.Handler):
        def emit(self, _):
            raise RuntimeError("disk full")

    monitor, handler = PerformanceMonitor(), Broken()
    monitor.add_alert_callback(lambda _: 1 / 0)
    monitor.set_requirement(LatencyRequirement("slow", 1))
    logger = logging.getLogger("kit.monitor")
    logger.addHandler(handler)
    try:
        monitor.record_execution("slow", 1.0)
    finally:
        logger.removeHandler(handler)
    assert monitor.get_metrics("slow").calls == 1


def test_a_callback_that_is_measured_and_slow_calls_nobody():
    """Violations within a callback are remembered, and do not call the callbacks without end."""
    monitor, heard = PerformanceMonitor(), []

    def measures_itself(violation):
        heard.append(violation)
        monitor.record_execution("bell", 1.0)

    for _ in range(2):
        monitor.add_alert_callback(measures_itself)
    monitor.set_requirement(LatencyRequirement("slow", 1))
    monitor.set_requirement(LatencyRequirement("bell", 1))
    monitor.record_execution("slow", 1.0)
    assert [violation["operation"] for violation in heard] == ["slow", "slow"]
    assert len(monitor.get_summary()["violation_events"]) == 3


async def _asynchronous(_):
    pass


class _AsyncCall:
    """An object whose call makes a coroutine."""

    async def __call__(self, _):
        pass


@pytest.mark.parametrize("callback", [None, "bell", _asynchronous, partial(_asynchronous), _AsyncCall()])
def test_a_callback_that_would_never_ring_is_refused(callback):
    """What cannot be called, and a coroutine that nobody would await, are refused at once."""
    with pytest.raises(KitError, match="plain function"):
        PerformanceMonitor().add_alert_callback(callback)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alert_ms": 100, "warning_ms": 300, "critical_ms": 200},
        {"alert_ms": nan},
        {"alert_ms": -5},
        {"alert_ms": "100"},
        {"alert_ms": 100, "critical_ms": None},
    ],
)
def test_wrong_thresholds_are_named(wrong):
    """Thresholds that do not rise or are no numbers are refused, each named with its value."""
    with pytest.raises(KitError, match="warning_ms <= alert_ms <= critical_ms") as refused:
        LatencyRequirement("chain", **wrong)
    assert repr(refused.value.value["alert_ms"]) == repr(wrong["alert_ms"])


def test_a_new_monitor_has_the_budgets_of_the_settings():
    """A bare monitor watches the same operations against the same budgets as one made from the settings."""
    assert LatencyRequirements().model_dump() == DEFAULT_BUDGETS_MS
    for name, budget_ms in DEFAULT_BUDGETS_MS.items():
        heard, monitor = [], PerformanceMonitor()
        monitor.add_alert_callback(heard.append)
        monitor.record_execution(name, 0.79 * budget_ms / 1000)
        monitor.record_execution(name, 1.01 * budget_ms / 1000)
        assert [(each["operation"], each["violation_level"]) for each in heard] == [(name, "alert")]


@pytest.mark.parametrize(
    "given",
    [
        (LatencyRequirement("chain", 100),),
        ("chain", LatencyRequirement("chain", 100)),
        ("chain", LatencyRequirement("another", 100)),
        ("chain", 100),
    ],
)
def test_a_requirement_is_set_alone_or_by_name(given):
    """However it is given it watches the operation that was named."""
    monitor = PerformanceMonitor()
    monitor.set_requirement(*given)
    monitor.record_execution("chain", 0.15)
    (found,) = monitor.get_summary()["violations"]
    assert (found["operation"], found["requirement_ms"], found["violation_level"]) == ("chain", 100, "alert")


@pytest.mark.parametrize("given", [("chain",), ("chain", "fast"), (5, 100), (None,)])
def test_a_requirement_that_is_none_is_refused(given):
    """A name alone, a budget that is no number and a name that is no string are refused."""
    with pytest.raises(KitError):
        PerformanceMonitor().set_requirement(*given)


def test_a_requirement_tells_what_a_latency_violates():
    """check_violation names the highest threshold exceeded, and nothing within the budget."""
    requirement = LatencyRequirement("chain", 100)
    found = [requirement.check_violation(latency_ms) for latency_ms in (80, 81, 101, 201)]
    assert found == [None, "warning", "alert", "critical"]


def test_the_summary_counts_slow_operations_once():
    """Of each slow operation the worst recent violation is listed; events lists them all."""
    monitor = PerformanceMonitor()
    for seconds in (1.5, 2.5, 1.2):
        monitor.record_execution("atm_calculation", seconds)
    monitor.record_execution("strategy_evaluation", 6)
    summary = monitor.get_summary()
    assert [violation["latency_ms"] for violation in summary["violations"]] == [2500, 6000]
    assert len(summary["violation_events"]) == 4
    assert monitor.get_metrics("atm_calculation").total_calls == 3
