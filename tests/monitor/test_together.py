"""Threads, signal handlers and callbacks on one monitor at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from kit.monitor import LatencyRequirement, PerformanceMonitor


@pytest.fixture
def switched_often():
    """Let threads take turns every 10 µs, so that they meet inside of every step."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("switched_often")
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


@pytest.mark.usefixtures("switched_often")
def test_eight_threads_lose_nothing_beyond_the_window():
    """Totals are exact when eight threads overrun a small window again and again."""
    monitor = PerformanceMonitor(max_samples=10)

    def work():
        for number in range(5000):
            monitor.record_execution("shared", 0.5, success=number % 2 == 0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = monitor.get_metrics("shared")
    assert (metrics.calls, metrics.samples, metrics.total_errors) == (40_000, 10, 20_000)
    assert metrics.total_time == 20_000.0


def _in_time(work):
    """Run on a thread of its own, so that a deadlock fails instead of hanging."""
    errors = []

    def guarded():
        try:
            work()
        except BaseException as error:  # noqa: BLE001  shown below
            errors.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(40)
    assert not thread.is_alive(), "deadlock"
    assert errors == []


def test_between_any_two_steps_the_same_thread_may_use_the_monitor():
    """As a signal handler may: the same name is recorded and read amid recording and reading it."""
    monitor = PerformanceMonitor(max_samples=2)
    inner = outer = 0

    def handler(frame, event, argument):
        nonlocal inner
        if "kit/monitor/" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            monitor.record_execution("same", 1.0)
            inner += 1
            found = monitor.get_metrics("same")
            assert abs(found.calls - inner - outer) <= 1  # the sample under way
            assert found.total_time == found.calls
            assert found.samples <= 2
        return handler

    def work():
        nonlocal outer
        sys.settrace(handler)
        try:
            for _ in range(40):
                with monitor.measure("other"):
                    monitor.record_execution("same", 1.0)
                outer += 1
                monitor.get_metrics("same")
        finally:
            sys.settrace(None)

    _in_time(work)
    metrics = monitor.get_metrics("same")
    assert (metrics.calls, metrics.samples, metrics.total_time) == (inner + outer, 2, inner + outer)
    assert monitor.get_metrics("other").calls == 40


def test_a_signal_handler_measures_what_it_interrupts():
    """A timer's signal that measures and reads the same name neither hangs nor loses a sample."""
    code = """
import signal
from kit.monitor import PerformanceMonitor
monitor, rung = PerformanceMonitor(max_samples=5), 0

def ring(number, frame):
    global rung
    rung += 1
    with monitor.measure("same"):
        monitor.get_summary()

signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 5e-4, 5e-4)  # more often, a busy machine does nothing but ring
for _ in range(100_000):
    with monitor.measure("same"):
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
assert rung > 10, rung
assert monitor.get_metrics("same").calls == 100_000 + rung
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=40)
