"""What holds wherever a task can be stopped: in worker processes of this machine and on a Dask cluster."""

from __future__ import annotations

import ctypes
import os
import time

import numpy as np
import pandas as pd
import pytest

from kit.errors import TaskCancelled, TaskCrashed, TaskTimeout
from kit.parallel import ConcurrentProcessor, ProcessingTask, task_rng

SOON_S = 60.0  # far from the 600 s of what is stuck, however busy the machine; `kit bench` has the second


def endless_loop():
    """Return a pure-Python loop."""
    return lambda: [0 for _ in iter(int, 1)]


def swallowing_loop():
    """Return a loop that swallows every exception."""

    def loop():
        while True:
            try:
                while True:
                    sum(range(100))
            except BaseException:  # noqa: BLE001  that is what it is here for
                continue

    return loop


def sleeping():
    """Return a sleep."""
    return lambda: time.sleep(600)


def stuck_in_c():
    """Return a C call that never returns and never lets another Python thread run."""
    return lambda: ctypes.PyDLL(None).pause()


STUCK = [endless_loop, swallowing_loop, sleeping, stuck_in_c]


def noting(path):
    """Return an operation that notes that it ran."""

    def note(name):
        with path.open("a") as file:
            file.write(f"{name}\n")
        time.sleep(0.005)
        return name

    return note


@pytest.fixture(scope="module", params=["processes", "dask"])
def engine(request):
    """Return a processor of two workers, warm, wherever tasks can be stopped."""
    processor = request.getfixturevalue(request.param)
    processor.run([ProcessingTask(f"warm{number}", time.sleep, (0.1,)) for number in range(4)])
    return processor


def test_results_are_those_of_the_serial_backend(engine):
    """Values, random numbers and shared frames are the same bit for bit."""
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(20_000, 5)), columns=list("abcde"))

    def operation(number, table):
        return float(table["a"].iloc[number]) + task_rng().normal() + np.random.normal()

    tasks = [ProcessingTask(f"t{n}", operation, (n, frame)) for n in range(30)]
    with ConcurrentProcessor(1, backend="serial") as serial:
        expected = [result.value for result in serial.run(tasks)]
    assert [result.value for result in engine.run(tasks)] == expected


@pytest.mark.parametrize("kind", STUCK)
def test_an_overrunning_task_is_stopped(engine, log, kind):
    """It ends soon after its time-out; the others finish, each once, and the pool serves on."""
    note, ends = noting(log.path), {}
    tasks = [ProcessingTask(f"t{number}", note, (f"t{number}",), timeout=30) for number in range(40)]
    tasks.insert(5, ProcessingTask("stuck", kind(), timeout=0.5, priority=1))
    started = time.monotonic()
    results = engine.run(tasks, on_result=lambda r: ends.setdefault(r.task_id, time.monotonic() - started))
    assert [r.task_id for r in results if not r.success] == ["stuck"]
    assert isinstance(results[5].error, TaskTimeout)
    assert 0.5 <= results[5].running_s < SOON_S
    assert ends["stuck"] < SOON_S
    assert sorted(log()) == sorted(f"t{number}" for number in range(40))
    assert engine.run([ProcessingTask(f"a{n}", os.getpid) for n in range(4)])[3].success


def test_every_worker_can_be_stuck_at_once(engine, log):
    """With more stuck tasks than workers each is stopped in turn, a death is a crash, the others run once."""
    note = noting(log.path)
    tasks = [ProcessingTask(kind.__name__, kind(), timeout=0.3) for kind in STUCK]
    tasks += [ProcessingTask("exit", os._exit, (2,))]
    tasks += [ProcessingTask(f"t{n}", note, (f"t{n}",)) for n in range(20)]
    results = engine.run(tasks)
    assert [result.status for result in results[:4]] == ["timeout"] * 4
    assert isinstance(results[4].error, TaskCrashed)
    assert "exit code 2" in str(results[4].error)
    assert all(result.success for result in results[5:])
    assert sorted(log()) == sorted(f"t{n}" for n in range(20))


def test_a_stuck_task_runs_again_only_if_it_asks(engine, log):
    """retries= repeats a timed-out task; without it the task runs once."""
    note, loop = noting(log.path), endless_loop()

    def note_and_hang(name):
        note(name)
        loop()

    results = engine.run(
        [
            ProcessingTask("once", note_and_hang, ("once",), timeout=0.3),
            ProcessingTask("twice", note_and_hang, ("twice",), timeout=0.3, retries=1),
        ]
    )
    assert [result.attempts for result in results] == [1, 2]
    assert sorted(log()) == ["once", "twice", "twice"]


def test_short_tasks_beside_a_stuck_one_come_back(engine, log):
    """What is submitted with a task that hangs without a time-out runs beside it, once, and comes back."""
    note, came = noting(log.path), []
    engine.submit_task(ProcessingTask("stuck", endless_loop()))
    names = [f"q{number}" for number in range(60)]
    engine.run([ProcessingTask(name, note, (name,)) for name in names], on_result=came.append)
    assert sorted(log()) == sorted(names)
    assert len(came) == 60
    assert engine.get_active_tasks() == {"stuck": "running"}
    assert engine.cancel_task("stuck")
    assert engine.run([ProcessingTask("next", lambda: 1)])[0].value == 1


def test_a_higher_priority_starts_first_on_every_worker(engine, log):
    """Nothing less important lies ahead of a task, even after a spell of short ones."""
    note, path, gate = noting(log.path), log.path, log.path.with_name("gate")

    def first():
        while not gate.exists():
            time.sleep(0.01)

    def note_two(name):  # and hold this worker until both of them have begun
        note(name)
        while path.read_text().count("\n") < 2:
            time.sleep(0.01)

    engine.run(ProcessingTask(f"warm{number}", int) for number in range(100))
    for number in range(2):
        engine.submit_task(ProcessingTask(f"first{number}", first, priority=9))
    for name, priority in (("low0", 0), ("low1", 0), ("mid", 5), ("high", 7)):
        operation = note_two if priority else note
        engine.submit_task(ProcessingTask(name, operation, (name,), priority=priority))
    gate.touch()
    engine.wait_for_results(timeout=60)
    found = log()
    assert set(found[:2]) == {"high", "mid"}
    assert set(found[2:]) == {"low0", "low1"}


def test_a_running_task_is_cancelled(engine, log, eventually, quiet):
    """Cancelling stops the task where it runs, and that serves on."""
    path = log.path

    def count():
        while True:
            with path.open("a") as file:
                file.write("x\n")
            time.sleep(0.02)

    engine.submit_task(ProcessingTask("count", count))
    eventually(log)
    assert engine.cancel_task("count")
    with pytest.raises(TaskCancelled):
        engine.get_result("count")
    eventually(quiet)
    assert [r.value for r in engine.run([ProcessingTask(f"a{n}", lambda: 1) for n in range(4)])] == [1] * 4


def test_no_more_run_than_there_are_workers(engine, eventually):
    """Of many tasks as many are running as there are workers; cancel_all ends them all."""
    for number in range(40):
        engine.submit_task(ProcessingTask(f"t{number}", time.sleep, (60,)))
    eventually(lambda: engine.get_stats()["active"] == 2)
    assert [*engine.get_active_tasks().values()].count("running") == 2
    assert engine.cancel_all() == 40
    assert engine.get_active_tasks() == {}
