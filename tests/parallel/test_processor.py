"""The queue, the results and the statistics, the same with every backend."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time

import pytest

from kit.errors import KitError, QueueFull, ResultNotReady, TaskCancelled, TaskError, TaskFailed
from kit.monitor import LatencyRequirement, PerformanceMonitor
from kit.parallel import ConcurrentProcessor, ProcessingTask


def test_returns_what_the_operation_returns(processor):
    """A task's value comes back, with its arguments passed by position and by name."""
    processor.submit_task(ProcessingTask("sum", lambda a, b=0: a + b, (1,), {"b": 2}))
    assert processor.get_result("sum", timeout=20) == 3


def test_raises_what_the_operation_raised(processor):
    """Asking for a failed task raises TaskFailed, caused by the operation's exception, with its traceback."""

    def breaks():
        raise ValueError("no strikes")

    processor.submit_task(ProcessingTask("broken", breaks))
    with pytest.raises(TaskFailed, match="ValueError: no strikes") as caught:
        processor.get_result("broken", timeout=20)
    assert isinstance(caught.value.__cause__, ValueError)
    assert "in breaks" in caught.value.traceback
    result = processor.wait_for_results(["broken"])["broken"]
    assert (result.status, result.success, result.output) == ("failed", False, None)
    assert result.traceback == caught.value.traceback


def test_exit_in_a_task_fails_that_task(processor):
    """sys.exit in an operation is that task's failure and nothing more."""

    def leaves():
        raise SystemExit(3)

    (left, stays) = processor.run([ProcessingTask("a", leaves), ProcessingTask("b", lambda: 1)])
    assert left.status == "failed"
    assert stays.value == 1


def test_a_higher_priority_starts_first(processor, log):
    """Waiting tasks start by priority, equals as submitted, even after a spell of short ones."""
    path = log.path

    def note(name):
        with path.open("a") as file:
            file.write(f"{name}\n")

    processor.run(ProcessingTask(f"warm{number}", int) for number in range(60))
    processor.submit_task(ProcessingTask("first", time.sleep, (0.5,), priority=9))
    for name, priority in (("low", 0), ("mid1", 5), ("mid2", 5), ("high", 7)):
        processor.submit_task(ProcessingTask(name, note, (name,), priority=priority))
    processor.wait_for_results(timeout=20)
    assert log() == ["high", "mid1", "mid2", "low"]


def test_run_keeps_the_order_and_streams(processor):
    """A run returns results in the tasks' order and hands each to the callback in the calling thread."""
    heard = []

    def hear(result):
        heard.append((result.task_id, threading.get_ident()))

    tasks = [ProcessingTask(f"t{number}", lambda n: n * n, (number,)) for number in range(150)]
    results = processor.run(tasks, on_result=hear)
    assert [result.value for result in results] == [number * number for number in range(150)]
    assert sorted(heard) == sorted((task.task_id, threading.get_ident()) for task in tasks)


def test_a_failing_callback_ends_the_run(processor):
    """An exception in on_result ends the run and leaves a usable processor."""

    def refuses(result):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        processor.run(
            [ProcessingTask(f"t{number}", time.sleep, (0.01,)) for number in range(5)], on_result=refuses
        )
    assert processor.get_active_tasks() == {}
    assert processor.run([ProcessingTask("after", lambda: 1)])[0].value == 1


def test_retries_as_often_as_asked(processor, log):
    """A failing task runs again as often as it asks, and its result says how often."""
    path = log.path

    def third_time_lucky():
        with path.open("a+") as file:
            file.write("x\n")
            file.seek(0)
            if len(file.readlines()) < 3:
                raise OSError("not yet")
        return "done"

    (result,) = processor.run([ProcessingTask("patient", third_time_lucky, retries=5)])
    assert (result.value, result.attempts, len(log())) == ("done", 3, 3)
    (once,) = processor.run([ProcessingTask("once", lambda: 1 / 0)])
    assert (once.status, once.attempts) == ("failed", 1)


def test_a_full_queue_is_an_error_or_waits():
    """A full queue raises QueueFull, or waits for a place when asked."""
    gate = threading.Event()
    with ConcurrentProcessor(1, queue_size=2, backend="threads") as processor:
        for name in ("running", "waiting1", "waiting2"):
            processor.submit_task(ProcessingTask(name, gate.wait))
        with pytest.raises(QueueFull, match="2"):
            processor.submit_task(ProcessingTask("refused", int))
        threading.Timer(0.1, gate.set).start()
        processor.submit_task(ProcessingTask("patient", int), wait=True)
        assert processor.get_result("patient", timeout=60) == 0
        assert processor.get_stats()["submitted"] == 4


def test_waiting_gives_up_and_the_task_goes_on():
    """get_result raises ResultNotReady when its time is over, and the task still ends well."""
    gate = threading.Event()
    with ConcurrentProcessor(1, backend="threads") as processor:
        processor.submit_task(ProcessingTask("slow", gate.wait))
        with pytest.raises(ResultNotReady):
            processor.get_result("slow", timeout=0.05)
        gate.set()
        assert processor.get_result("slow", timeout=60) is True


def test_cancel_ends_waiting_and_running_tasks(processes, eventually):
    """A cancelled task ends at once, running or not, and the others go on."""
    for number in range(4):
        processes.submit_task(ProcessingTask(f"sleep{number}", time.sleep, (60,)))
    processes.submit_task(ProcessingTask("kept", lambda: 1))
    eventually(lambda: set(processes.get_active_tasks().values()) == {"queued", "running"})
    assert all(processes.cancel_task(f"sleep{number}") for number in range(4))
    assert not processes.cancel_task("sleep0")
    with pytest.raises(TaskCancelled):
        processes.get_result("sleep3")
    assert processes.get_result("kept", timeout=20) == 1


def test_cancel_all_ends_a_run_from_another_thread(processes):
    """A Cancel button ends a run: what finished is kept, the rest is marked as cancelled."""
    tasks = [
        ProcessingTask("quick", lambda: 1),
        *(ProcessingTask(f"s{n}", time.sleep, (60,)) for n in range(5)),
    ]

    def press(result):
        if result.task_id == "quick":
            threading.Thread(target=processes.cancel_all).start()

    results = processes.run(tasks, on_result=press)
    assert [result.status for result in results] == ["completed", *["cancelled"] * 5]


def test_ids_are_unique_while_unfinished():
    """A second unfinished task of the same id is refused; a finished id may be used again."""
    gate = threading.Event()
    with ConcurrentProcessor(1, backend="threads") as processor:
        processor.submit_task(ProcessingTask("one", gate.wait))
        with pytest.raises(TaskError, match="one"):
            processor.submit_task(ProcessingTask("one", int))
        gate.set()
        processor.get_result("one", timeout=60)
        processor.submit_task(ProcessingTask("one", int))
        assert processor.get_result("one", timeout=60) == 0


def test_results_are_bounded_in_number_and_age(monkeypatch):
    """Only the latest results are kept, and none beyond its age; asking for another says so."""
    later_s = 0.0
    monkeypatch.setattr("kit.parallel.store.monotonic", lambda: time.monotonic() + later_s)
    with ConcurrentProcessor(1, backend="serial", max_results=3, result_ttl_s=3600) as processor:
        processor.run([ProcessingTask(f"t{number}", int) for number in range(5)])
        assert processor.get_result("t4") == 0
        with pytest.raises(TaskError, match="t1"):
            processor.get_result("t1")
        later_s = 3601.0
        with pytest.raises(TaskError, match="t4"):
            processor.get_result("t4")
        processor.run([ProcessingTask("new", int)])
        assert processor.clear_results() == 1


def test_statistics_add_up(processor):
    """Counts by outcome add up to what was submitted, and quantiles are seconds."""
    processor.run([ProcessingTask(f"good{n}", time.sleep, (0.02,)) for n in range(3)])
    processor.run([ProcessingTask("bad", lambda: 1 / 0)])
    stats = processor.get_stats()
    assert (stats["submitted"], stats["completed"], stats["failed"]) == (4, 3, 1)
    assert stats["active"] == stats["queued"] == stats["timeout"] == stats["cancelled"] == 0
    assert stats["success_rate"] == 75
    assert 0.02 <= stats["running_p50_s"] <= stats["running_p95_s"] < 20  # milliseconds would be more


def test_worker_times_reach_the_monitor():
    """The caller's monitor counts each task under its name, with the time in the worker, errors included."""
    monitor = PerformanceMonitor()
    with ConcurrentProcessor(1, monitor=monitor) as processor:
        processor.run([ProcessingTask(f"nap{n}", time.sleep, (0.02,), name="nap") for n in range(3)])
        processor.run([ProcessingTask("bad", lambda: 1 / 0, name="bad")])
    assert monitor.get_metrics("nap").calls == 3
    assert monitor.get_metrics("nap").min_time >= 0.02
    assert monitor.get_metrics("bad").errors == 1


def test_named_submissions(processor):
    """Strategies and data processing are tasks with made-up ids."""
    strategy = processor.submit_strategy_evaluation(lambda chain: chain["spot"] * 2, {"spot": 4})
    data = processor.submit_data_processing(lambda rows, n: rows[:n], [1, 2, 3], 2, task_id="head")
    assert processor.get_result(strategy, timeout=20) == 8
    assert data == "head"
    assert processor.get_result("head", timeout=20) == [1, 2]
    with pytest.raises(KitError, match="callable"):
        processor.submit_strategy_evaluation("condor", {})


def test_a_closed_processor_refuses_work(processor):
    """After shutdown results stay and submitting fails."""
    processor.run([ProcessingTask("done", lambda: 5)])
    processor.shutdown()
    processor.shutdown()
    assert processor.get_result("done") == 5
    with pytest.raises(TaskError, match="shut down"):
        processor.submit_task(ProcessingTask("late", int))


def test_shutdown_can_let_tasks_end():
    """shutdown(wait=True) lets unfinished tasks end first."""
    processor = ConcurrentProcessor(1, backend="threads")
    processor.submit_task(ProcessingTask("nap", lambda: time.sleep(0.1) or 7))
    processor.shutdown(wait=True)
    assert processor.get_result("nap") == 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": "5"},
        {"retries": -1},
        {"priority": "high"},
        {"priority": float("nan")},
        {"args": "abc"},
        {"operation": 5},
    ],
)
def test_a_task_checks_what_it_is_given(wrong):
    """An operation, arguments or numbers that make no sense are refused before the task is queued."""
    with pytest.raises(KitError, match=re.escape(str(next(iter(wrong.values()))))):
        ProcessingTask(**{"task_id": "wrong", "operation": int, **wrong})


@pytest.mark.parametrize("backend", ["serial", "threads"])
def test_an_overrun_counts_as_timed_out_where_it_cannot_be_stopped(backend):
    """Serial and threads report an overrunning task as timed out, and others still run."""
    with ConcurrentProcessor(1, backend=backend) as processor:
        late, after = processor.run(
            [ProcessingTask("late", time.sleep, (0.3,), timeout=0.05), ProcessingTask("after", lambda: 1)]
        )
    assert late.status == "timeout"
    assert after.value == 1


def test_a_progress_bar_counts_the_tasks(capsys):
    """progress=True shows a bar that reaches the number of tasks."""
    with ConcurrentProcessor(1, backend="serial") as processor:
        processor.run((ProcessingTask(f"t{n}", int) for n in range(3)), progress=True)
    assert "3/3" in capsys.readouterr().err


def test_two_tasks_of_a_run_need_two_ids():
    """A run with an id twice is refused, leaves nothing behind and harms no other task of that id."""
    gate = threading.Event()
    with ConcurrentProcessor(2, backend="threads") as processor:
        processor.submit_task(ProcessingTask("other", gate.wait))
        with pytest.raises(TaskError, match="twice"):
            processor.run([ProcessingTask("twice", int), ProcessingTask("twice", int)])
        with pytest.raises(TaskError, match="other"):
            processor.run([ProcessingTask("other", int)])
        assert processor.get_active_tasks() == {"other": "running"}
        gate.set()
        assert processor.get_result("other", timeout=60) is True


def test_a_full_serial_queue_makes_its_own_place():
    """Waiting for a place with the serial backend runs what waits."""
    with ConcurrentProcessor(1, queue_size=2, backend="serial") as processor:
        for number in range(10):
            processor.submit_task(ProcessingTask(f"t{number}", int), wait=True)
        assert len(processor.run([ProcessingTask(f"r{n}", int) for n in range(5)])) == 5


class OfTwoParts(Exception):
    """Cannot be unpickled: pickle calls it with its message alone."""

    def __init__(self, what, why):
        super().__init__(f"{what}: {why}")


class Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self):
        raise ValueError("no words")


class Leaving:
    """Ends whoever unpickles it."""

    def __reduce__(self):
        return sys.exit, ("no",)


def test_an_exception_that_cannot_travel_keeps_its_text(processor):
    """The error of a task that raised one says what the operation said, with the operation's traceback."""

    def breaks():
        raise OfTwoParts("strike", "missing")

    (result,) = processor.run([ProcessingTask("t", breaks)])
    assert result.status == "failed"
    assert "OfTwoParts: strike: missing" in str(result.error)
    assert "in breaks" in result.traceback


def test_an_exception_that_cannot_be_shown_fails_its_task(processor):
    """An exception whose text cannot be made is that task's failure, and the next ones run."""

    def breaks():
        raise Speechless

    results = processor.run([ProcessingTask("t", breaks), ProcessingTask("after", lambda: 2)])
    assert [result.status for result in results] == ["failed", "completed"]
    assert "Speechless" in str(results[0].error)


def test_a_value_that_ends_whoever_reads_it_fails_its_task(processes):
    """Unpickling a result may raise anything; the task fails, and the next ones run."""
    results = processes.run([ProcessingTask("leaving", Leaving), ProcessingTask("after", lambda: 2)])
    assert [result.status for result in results] == ["failed", "completed"]


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_an_interrupt_raised_by_a_task_is_its_failure(backend):
    """KeyboardInterrupt from an operation in a worker fails that task, and the worker goes on."""

    def interrupts():
        raise KeyboardInterrupt

    with ConcurrentProcessor(1, backend=backend) as processor:
        results = processor.run([ProcessingTask("t", interrupts), ProcessingTask("after", lambda: 2)])
    assert [result.status for result in results] == ["failed", "completed"]


def test_an_interrupt_leaves_a_usable_serial_processor():
    """Ctrl-C during a serial task is raised where the result is asked for; the task ends as cancelled."""

    def interrupted():
        signal.raise_signal(signal.SIGINT)

    with ConcurrentProcessor(1, backend="serial") as processor:
        processor.submit_task(ProcessingTask("t", interrupted))
        with pytest.raises(KeyboardInterrupt):
            processor.get_result("t")
        with pytest.raises(TaskCancelled):
            processor.get_result("t", timeout=60)
        assert processor.run([ProcessingTask("after", lambda: 2)])[0].value == 2


def test_time_outs_without_end_are_none(processor):
    """Infinity and ages are as good as no time-out, and shorter ones beside them still count."""
    far = [ProcessingTask(f"t{n}", int, timeout=limit) for n, limit in enumerate((float("inf"), 1e10))]
    assert [result.status for result in processor.run(far)] == ["completed", "completed"]
    late = ProcessingTask("late", time.sleep, (0.4,), timeout=0.1)
    assert processor.run([late])[0].status == "timeout"
    assert processor.submit_task(ProcessingTask("waited", int)) == "waited"
    assert processor.get_result("waited", timeout=float("inf")) == 0


def test_waiting_returns_all_it_waited_for(processor, tmp_path):
    """A wait for more tasks than results are kept returns every one of them."""
    gate = tmp_path / "gate"

    def wait():
        while not gate.exists():
            time.sleep(0.01)
        time.sleep(0.01)

    with ConcurrentProcessor(2, 100, processor.backend, max_results=10) as small:
        for number in range(50):
            small.submit_task(ProcessingTask(f"t{number}", wait))
        gate.touch()
        assert len(small.wait_for_results(timeout=60)) >= 40  # the first may have ended before


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_workers": 0},
        {"max_workers": 1.5},
        {"queue_size": 0},
        {"max_results": 0},
        {"result_ttl_s": 0},
        {"task_timeout_s": -1},
        {"max_worker_memory_mb": -5},
        {"max_worker_memory_mb": 500, "backend": "threads"},
        {"backend": "gpu"},
        {"dask_address": "tcp://127.0.0.1:9"},
    ],
)
def test_a_processor_checks_its_settings(wrong):
    """A setting that makes no sense is refused with its value."""
    with pytest.raises(KitError, match=re.escape(str(next(iter(wrong.values()))))):
        ConcurrentProcessor(**wrong)


def test_ids_to_wait_for_come_as_a_list(processor):
    """A bare id is refused, and not taken for a list of letters."""
    with pytest.raises(TaskError, match="abc"):
        processor.wait_for_results("abc")


def test_a_callback_that_waits_for_a_task_is_refused():
    """An alert's callback that would wait where results arrive gets an error, and the tasks go on."""
    refused = []
    with ConcurrentProcessor(1) as processor:

        def asks(_alert):
            try:
                processor.run([ProcessingTask("inner", int)])
            except TaskError as error:
                refused.append(error)

        processor.monitor.set_requirement(LatencyRequirement("slow", alert_ms=1))
        processor.monitor.add_alert_callback(asks)
        processor.submit_task(ProcessingTask("t", time.sleep, (0.05,), name="slow"))
        assert processor.get_result("t", timeout=20) is None
        processor.run([ProcessingTask("after", int)])
    assert "callback" in str(refused[0])


def test_an_exception_that_python_cannot_format_fails_its_task(processor):
    """A SyntaxError of odd parts, which breaks Python's own formatting, is an ordinary failure."""

    def breaks():
        raise SyntaxError("bad", ("f", 1, 1, 5))

    results = processor.run([ProcessingTask("t", breaks), ProcessingTask("after", lambda: 2)])
    assert [result.status for result in results] == ["failed", "completed"]
