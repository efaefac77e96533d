"""Every joblib backend by joblib's own convention: the same tasks, the same results."""

from __future__ import annotations

import os
import threading
import time
import warnings

import pytest
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import ThreadingBackend

from kit.errors import TaskCancelled, TaskCrashed, TaskTimeout
from kit.parallel import ConcurrentProcessor, ProcessingTask, task_rng


class RegisteredBackend(ThreadingBackend):
    """A backend that a user has registered."""


register_parallel_backend("mine", RegisteredBackend)


@pytest.fixture(scope="module", params=["loky", "threading", "multiprocessing", "sequential", "mine", "dask"])
def chosen(request):
    """Return the name of a joblib backend, of which two workers can be had."""
    if request.param != "dask":
        yield request.param
        return
    distributed, cluster = pytest.importorskip("distributed"), request.getfixturevalue("cluster")
    with distributed.Client(cluster.scheduler_address):
        yield request.param


@pytest.fixture(scope="module")
def processor():
    """Return a processor whose own workers are not to be asked."""
    with ConcurrentProcessor(2) as made:
        yield made


def test_the_same_tasks_end_the_same_way(processor, chosen):
    """Values, random numbers and failures are those of the kit's own workers, and are kept and counted."""
    wide = [0] * 10_000

    def operation(number, table):
        if number == 3:
            raise ValueError("no strikes")
        return number, len(table), task_rng().integers(2**60)

    tasks = [ProcessingTask(f"t{n}", operation, (n, wide)) for n in range(20)]
    own, heard = processor.run(tasks), []
    before = processor.get_stats()
    with parallel_config(chosen, n_jobs=2), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # of forks beside threads
        theirs = processor.run(tasks, on_result=heard.append)
    assert [result.output for result in theirs] == [result.output for result in own]
    assert [result.status for result in theirs] == [result.status for result in own]
    assert not {result.worker for result in theirs} & {result.worker for result in own}  # it ran elsewhere
    assert str(theirs[3].error) == str(own[3].error)
    assert isinstance(theirs[3].error.__cause__, ValueError)
    assert "in operation" in theirs[3].traceback
    assert {result.task_id for result in heard} == {task.task_id for task in tasks}
    assert processor.get_result("t7") == own[7].value
    assert processor.get_stats()["completed"] == before["completed"] + 19
    assert processor.get_active_tasks() == {}


def test_what_a_backend_cannot_do_is_said_in_the_result(processor, chosen):
    """A task that overran where nobody could stop it ends as timed out, and says who could not."""
    tasks = [ProcessingTask("late", time.sleep, (0.3,), timeout=0.1), ProcessingTask("after", int)]
    with parallel_config(chosen, n_jobs=2), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # as above
        late, after = processor.run(tasks)
    assert after.success
    assert isinstance(late.error, TaskTimeout)
    assert "Backend cannot stop a task" in str(late.error)


def test_a_failing_callback_ends_the_run(processor, chosen):
    """An exception in on_result is the caller's; nothing is left over and the next run is whole."""

    def refuse(result):
        raise RuntimeError("enough")

    tasks = [ProcessingTask(f"t{number}", time.sleep, (0.01,)) for number in range(9)]
    with parallel_config(chosen, n_jobs=2), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # as above
        with pytest.raises(RuntimeError, match="enough"):
            processor.run(tasks, on_result=refuse)
        assert processor.get_active_tasks() == {}
        assert [result.success for result in processor.run(tasks)] == [True] * 9


def test_a_broken_backend_costs_no_result(processor):
    """Where loky loses its workers, what had come is kept and the rest says so."""
    tasks = [ProcessingTask(f"d{n}", os._exit, (3,)) for n in range(3)]
    with parallel_config("loky", n_jobs=2):
        results = processor.run(tasks)
        (after,) = processor.run([ProcessingTask("after", lambda: 5)])
    assert all(isinstance(result.error, TaskCrashed) for result in results)
    assert "LokyBackend gave up" in str(results[1].error)
    assert after.value == 5


def test_what_cannot_travel_fails_alone(processor):
    """A task whose argument cannot be pickled costs no other its result on another backend."""
    tasks = [ProcessingTask("frame", len, ((n for n in "abc"),)), ProcessingTask("fine", lambda: 1)]
    with parallel_config("loky", n_jobs=2):
        frame, fine = processor.run(tasks)
    assert "pickle" in str(frame.error)
    assert fine.value == 1


def test_a_cancelled_task_of_another_backend_is_cancelled(processor):
    """cancel_all ends what had not ended; results that still come are not heard."""
    gate = threading.Event()

    def strike(result):
        if result.task_id == "t0":
            processor.cancel_all()
            gate.set()

    tasks = [ProcessingTask("t0", int), *(ProcessingTask(f"t{n}", gate.wait, (60,)) for n in range(1, 6))]
    with parallel_config("threading", n_jobs=2):
        results = processor.run(tasks, on_result=strike)
    assert results[0].success
    assert any(isinstance(result.error, TaskCancelled) for result in results)
    assert processor.get_active_tasks() == {}


def test_a_hint_is_no_choice(processor):
    """A number of jobs alone, a hint, or the kit's own name leave the tasks on the processor's workers."""
    for options in ({"n_jobs": 3}, {"prefer": "threads"}, {"backend": "kit"}):
        with parallel_config(**options):
            (result,) = processor.run([ProcessingTask("t", os.getpid)])
        assert result.value != os.getpid()
        assert result.worker == f"pid {result.value}"
