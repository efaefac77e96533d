"""The statistics: exact over the window, listed, reset and refused what is no measurement."""

from __future__ import annotations

from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import KitError
from kit.monitor import LatencyRequirement, PerformanceMonitor

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
    assert metrics.success_rate == pytest.approx(100 * np.mean([success for _, success in kept]))
    assert (metrics.min_time, metrics.max_time) == (times.min(), times.max())
    assert metrics.avg_time == pytest.approx(times.mean())
    for found, percent in ((metrics.median, 50), (metrics.p95, 95), (metrics.p99, 99)):
        assert found == pytest.approx(np.percentile(times, percent))


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
    summary = monitor.get_summary()
    assert (summary["calls"], summary["operations"], summary["violations"]) == (0, {}, [])
    monitor.record_execution("a", 1.0)
    assert len(monitor.get_summary()["violation_events"]) == 1


def test_an_operation_that_never_ran_has_no_times():
    """Asking for an unknown operation gives zero calls and NaN times, and does not make it known."""
    monitor = PerformanceMonitor()
    metrics = monitor.get_metrics("never")
    assert metrics.calls == 0
    assert isnan(metrics.avg_time)
    assert isnan(metrics.p99)
    assert monitor.get_summary()["operations"] == {}


def test_needs_room_for_a_sample():
    """A monitor without samples is refused."""
    with pytest.raises(KitError, match="max_samples"):
        PerformanceMonitor(max_samples=0)


@pytest.mark.parametrize("took", [nan, inf, -inf, -1e-9, "0.5", None, 1j])
def test_a_time_that_cannot_be_is_refused(took):
    """What is no finite time of 0 or more is refused by value and remedy, and leaves the statistics alone."""
    monitor = PerformanceMonitor()
    monitor.record_execution("chain", 0.25)
    with pytest.raises(KitError, match="perf_counter") as refused:
        monitor.record_execution("chain", took)
    assert refused.value.value is took
    assert (monitor.get_metrics("chain").calls, monitor.get_metrics("chain").p99) == (1, 0.25)


@pytest.mark.parametrize("took", [0, 2, np.float64(0.5), np.float32(0.5), np.int64(3)])
def test_any_real_number_of_seconds_is_kept_as_a_float(took):
    """NumPy's numbers and whole ones count, and come back as plain floats."""
    monitor = PerformanceMonitor()
    monitor.record_execution("chain", took, success=np.bool_(False))
    metrics = monitor.get_metrics("chain")
    assert (metrics.median, type(metrics.median), metrics.errors) == (took, float, 1)


@pytest.mark.parametrize("name", [None, 5, b"chain", ["chain"], ("chain",), print])
@pytest.mark.parametrize(
    "use",
    [
        PerformanceMonitor.measure,
        PerformanceMonitor.get_metrics,
        lambda monitor, name: monitor.record_execution(name, 0.1),
        lambda _, name: LatencyRequirement(name, 100),
    ],
)
def test_a_name_is_a_string(use, name):
    """Whatever takes a name refuses what is no string, for instance the function of a bare decorator."""
    with pytest.raises(KitError, match="string") as refused:
        use(PerformanceMonitor(), name)
    assert refused.value.value is name


def test_reset_refuses_a_name_that_is_no_string():
    """Resetting by a wrong type of name fails, where None means all."""
    with pytest.raises(KitError, match="string"):
        PerformanceMonitor().reset_metrics(5)


@pytest.mark.parametrize("room", [0, -1, 2.5, "10", None])
def test_the_room_for_samples_is_a_whole_number(room):
    """A window that is no whole number of at least 1 is refused when the monitor is made."""
    with pytest.raises(KitError, match="max_samples") as refused:
        PerformanceMonitor(max_samples=room)
    assert refused.value.value == room


@pytest.mark.parametrize("failed", range(1, 21))
def test_an_error_rate_is_reached_exactly(failed):
    """An operation of which exactly the asked fraction failed is found, whatever its rounding."""
    monitor = PerformanceMonitor()
    for number in range(20):
        monitor.record_execution("flaky", 0.1, success=number >= failed)
    assert [m.operation for m in monitor.get_error_prone_operations(failed / 20)] == ["flaky"]


@pytest.mark.parametrize("rate", [5, -0.1, nan])
def test_an_error_rate_is_no_percentage(rate):
    """A rate outside of 0 to 1 would find nothing, or everything; it is refused."""
    with pytest.raises(KitError, match="fraction"):
        PerformanceMonitor().get_error_prone_operations(rate)


def test_what_left_the_window_still_counts_in_the_totals():
    """Calls, errors and seconds are those of all executions, long after the window has moved on."""
    monitor = PerformanceMonitor(max_samples=3)
    for number in range(1000):
        monitor.record_execution("chain", 0.5, success=number % 4 > 0)
    metrics = monitor.get_metrics("chain")
    assert (metrics.calls, metrics.samples, metrics.total_errors, metrics.total_time) == (1000, 3, 250, 500.0)


def test_the_summary_is_the_callers():
    """Changing a summary changes nothing that the monitor remembers."""
    monitor = PerformanceMonitor()
    monitor.set_requirement(LatencyRequirement("chain", 1))
    monitor.record_execution("chain", 1.0)
    monitor.get_summary()["violation_events"][0].clear()
    assert monitor.get_summary()["violation_events"][0]["operation"] == "chain"
