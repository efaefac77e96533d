"""The monitor: exact statistics, budgets, alerts, and no harm to what it measures."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from datetime import timedelta
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import KitError
from kit.monitor import LatencyRequirement, PerformanceMonitor, prometheus_text, requirements_from
from kit.settings import LatencyRequirements

seconds = st.floats(1e-7, 1e3)


@settings(max_examples=80, deadline=None)
@given(
    samples=st.lists(st.tuples(seconds, st.booleans()), min_size=1, max_size=60), window=st.integers(1, 40)
)
def test_statistics_are_exact_over_the_window(samples, window):
    """Statistics are NumPy's of the last samples; the count of calls is of all."""
    monitor = PerformanceMonitor(max_samples=window)
    for took, success in samples:
        monitor.record_execution("work", took, success)
    metrics = monitor.get_metrics("work")
    kept = samples[-window:]
    times = np.array([took for took, _ in kept])
    assert (metrics.calls, metrics.samples) == (len(samples), len(kept))
    assert metrics.errors == sum(not success for _, success in kept)
    assert metrics.total_errors == sum(not success for _, success in samples)
    assert metrics.success_rate == pytest.approx(np.mean([success for _, success in kept]))
    assert (metrics.min_time, metrics.max_time) == (times.min(), times.max())
    assert metrics.avg_time == pytest.approx(times.mean())
    for found, percent in ((metrics.median, 50), (metrics.p95, 95), (metrics.p99, 99)):
        assert found == pytest.approx(np.percentile(times, percent))


def test_measures_a_block_and_what_is_nested_in_it():
    """Nested blocks are timed each for itself, the outer one including the inner ones."""
    monitor = PerformanceMonitor()
    with monitor.measure("outer"):
        for _ in range(2):
            with monitor.measure("inner"):
                time.sleep(0.01)
    outer, inner = monitor.get_metrics("outer"), monitor.get_metrics("inner")
    assert (outer.calls, inner.calls) == (1, 2)
    assert outer.min_time >= 2 * inner.min_time >= 0.02


def test_counts_an_exception_and_raises_it_again():
    """An exception passes through unchanged and counts as an error."""
    monitor = PerformanceMonitor()
    with pytest.raises(ZeroDivisionError), monitor.measure("division"):
        1 / 0  # noqa: B018  the point of it
    assert monitor.get_metrics("division").errors == 1
    assert monitor.get_metrics("division").success_rate == 0


def test_decorates_functions_of_both_kinds():
    """A decorated function keeps its name and value, is timed per call, sync or async, recursion included."""
    monitor = PerformanceMonitor()

    @monitor.measure("factorial")
    def factorial(n):
        """Multiply."""
        return n * factorial(n - 1) if n else 1

    @monitor.measure("nap")
    async def nap():
        await asyncio.sleep(0.02)
        return "rested"

    async def block():
        async with monitor.measure("async block"):
            await asyncio.sleep(0.02)

    assert factorial(3) == 6
    assert (factorial.__name__, factorial.__doc__) == ("factorial", "Multiply.")
    assert asyncio.run(nap()) == "rested"
    asyncio.run(block())
    assert monitor.get_metrics("factorial").calls == 4
    assert monitor.get_metrics("nap").min_time >= 0.02
    assert monitor.get_metrics("async block").min_time >= 0.02


def test_overlapping_coroutines_are_timed_apart():
    """Two calls of one coroutine at the same time are two samples, each with its own time."""
    monitor = PerformanceMonitor()

    @monitor.measure("nap")
    async def nap(duration):
        await asyncio.sleep(duration)

    async def both():
        await asyncio.gather(nap(0.1), nap(0.02))

    asyncio.run(both())
    metrics = monitor.get_metrics("nap")
    assert (metrics.min_time < 0.08, metrics.max_time >= 0.1) == (True, True)


def test_eight_threads_lose_no_sample():
    """Samples of eight threads add up, errors included, while another thread reads."""
    monitor = PerformanceMonitor(max_samples=50_000)

    def work():
        for number in range(2000):
            with monitor.measure("shared"):
                pass
            monitor.record_execution("shared", 0.001, success=number % 2 == 0)
            if number % 500 == 0:
                monitor.get_summary()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = monitor.get_metrics("shared")
    assert (metrics.calls, metrics.samples, metrics.errors) == (32_000, 32_000, 8_000)


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
    assert monitor.get_summary()["violations"] == heard
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
    assert len(monitor.get_summary()["violations"]) == 1


def test_no_lock_is_held_while_user_code_runs():
    """A measured block and an alert callback may use the monitor from another thread and wait for it."""
    monitor = PerformanceMonitor()

    def use():
        monitor.record_execution("work", 0.0)
        monitor.reset_metrics("work")
        monitor.get_summary()
        monitor.set_requirement(LatencyRequirement("other", 5))

    def elsewhere(_=None):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
        done.append(1)

    done: list[int] = []
    monitor.add_alert_callback(elsewhere)
    with monitor.measure("work"):
        elsewhere()
    monitor.set_requirement(LatencyRequirement("work", 1))
    monitor.record_execution("work", 1.0)
    assert len(done) == 2


def test_slow_and_error_prone_operations_are_found():
    """Slow means a P95 beyond the budget or the threshold given; both lists start with the worst."""
    monitor = PerformanceMonitor()
    for name, took in (("fast", 0.001), ("slow", 0.2), ("slowest", 0.3)):
        monitor.set_requirement(LatencyRequirement(name, 100))
        monitor.record_execution(name, took)
    monitor.record_execution("unwatched", 9.0, success=False)
    monitor.record_execution("flaky", 0.1, success=False)
    monitor.record_execution("flaky", 0.1)
    assert [m.operation for m in monitor.get_slow_operations()] == ["slowest", "slow"]
    assert [m.operation for m in monitor.get_slow_operations(250)] == ["unwatched", "slowest"]
    assert [m.operation for m in monitor.get_error_prone_operations()] == ["unwatched", "flaky"]
    assert [m.operation for m in monitor.get_error_prone_operations(0.6)] == ["unwatched"]


def test_reset_forgets_samples_and_keeps_budgets():
    """One operation or all can be reset; a budget outlives it."""
    monitor = PerformanceMonitor()
    monitor.set_requirement(LatencyRequirement("a", 1))
    for name in "ab":
        monitor.record_execution(name, 1.0)
    monitor.reset_metrics("a")
    assert (monitor.get_metrics("a").calls, monitor.get_metrics("b").calls) == (0, 1)
    monitor.reset_metrics()
    assert monitor.get_summary() == {"calls": 0, "errors": 0, "operations": {}, "violations": []}
    monitor.record_execution("a", 1.0)
    assert len(monitor.get_summary()["violations"]) == 1


def test_an_operation_that_never_ran_has_no_times():
    """Asking for an unknown operation gives zero calls and NaN times, and does not make it known."""
    monitor = PerformanceMonitor()
    metrics = monitor.get_metrics("never")
    assert metrics.calls == 0
    assert isnan(metrics.avg_time)
    assert isnan(metrics.p99)
    assert monitor.get_summary()["operations"] == {}


def test_shows_a_table():
    """The frame has a row per operation in seconds, and the notebook form milliseconds."""
    monitor = PerformanceMonitor()
    assert monitor.to_frame().empty
    monitor.record_execution("chain <b>", 0.25)
    frame = monitor.to_frame()
    assert frame.loc["chain <b>", "median"] == 0.25
    html = monitor._repr_html_()
    assert "250" in html
    assert "<b>" not in html


def test_prometheus_reads_the_export():
    """The text export parses, with counts, sums, errors and quantiles per operation."""
    parser = pytest.importorskip("prometheus_client.parser")
    monitor = PerformanceMonitor()
    monitor.record_execution('na"me', 0.5)
    monitor.record_execution('na"me', 1.5, success=False)
    families = parser.text_string_to_metric_families(prometheus_text(monitor))
    samples = {(s.name, s.labels.get("quantile")): s.value for family in families for s in family.samples}
    assert samples["kit_operation_seconds_count", None] == 2
    assert samples["kit_operation_seconds_sum", None] == 2.0
    assert samples["kit_operation_errors_total", None] == 1
    assert samples["kit_operation_window_seconds", "0.5"] == 1.0


def test_the_import_is_light():
    """Importing the monitor loads neither pandas nor prometheus_client."""
    code = "import sys, kit.monitor; print({'pandas', 'prometheus_client'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "set()"


def test_needs_room_for_a_sample():
    """A monitor without samples is refused."""
    with pytest.raises(KitError, match="max_samples"):
        PerformanceMonitor(max_samples=0)
