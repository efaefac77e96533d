"""The same processor on a Dask cluster of two local workers."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
import warnings

import numpy as np
import pandas as pd
import pytest

from kit.errors import KitError, TaskCancelled, TaskCrashed
from kit.parallel import ConcurrentProcessor, ProcessingTask, task_rng

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """Return two Dask workers with one thread each."""
    from distributed import LocalCluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dask warns of its own ports and clocks
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
            yield made


@pytest.fixture(scope="module")
def dask(cluster):
    """Return a processor on the cluster, addressed as a remote one would be."""
    with ConcurrentProcessor(2, backend="dask", dask_address=cluster.scheduler_address) as processor:
        yield processor


def test_results_are_those_of_the_other_backends(dask):
    """Values, random numbers and shared frames are the same bit for bit as serially."""
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(20_000, 5)), columns=list("abcde"))

    def operation(number, table):
        return float(table["a"].iloc[number]) + task_rng().normal() + np.random.normal()

    tasks = [ProcessingTask(f"t{n}", operation, (n, frame)) for n in range(30)]
    with ConcurrentProcessor(1, backend="serial") as serial:
        expected = [result.value for result in serial.run(tasks)]
    assert [result.value for result in dask.run(tasks)] == expected


def test_stuck_tasks_are_stopped(dask, log):
    """Every kind of stuck task ends as timed out, a dying process is a crash, the others run once."""
    path = log.path

    def note(name):
        with path.open("a") as file:
            file.write(f"{name}\n")

    def swallow():
        while True:
            try:
                time.sleep(0.01)
            except BaseException:  # noqa: BLE001  that is what it is here for
                continue

    stuck = {
        "loop": lambda: [0 for _ in iter(int, 1)],
        "swallow": swallow,
        "sleep": lambda: time.sleep(600),
        "c": lambda: ctypes.PyDLL(None).pause(),
    }
    tasks = [ProcessingTask(name, operation, timeout=0.5) for name, operation in stuck.items()]
    tasks += [ProcessingTask("exit", os._exit, (2,))]
    tasks += [ProcessingTask(f"t{n}", note, (f"t{n}",)) for n in range(20)]
    ends = {}
    started = time.monotonic()
    results = dask.run(
        tasks, on_result=lambda result: ends.setdefault(result.task_id, time.monotonic() - started)
    )
    assert [result.status for result in results[:4]] == ["timeout"] * 4
    assert isinstance(results[4].error, TaskCrashed)
    assert all(result.success for result in results[5:])
    assert sorted(log()) == sorted(f"t{n}" for n in range(20))
    assert max(ends.values()) < 2 * (0.5 + 1) + 5  # two workers, two stuck tasks each, and starting up


def test_a_shared_frame_is_shipped_once(dask):
    """Fifty tasks on one frame scatter it once, not once per batch."""
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(100_000, 10)))
    before = len(dask._scheduler._engine._crates)
    results = dask.run([ProcessingTask(f"t{n}", lambda table: table.shape, (frame,)) for n in range(50)])
    assert {result.value for result in results} == {(100_000, 10)}
    assert len(dask._scheduler._engine._crates) - before <= 2  # the frame, and at most the function
    assert len(dask._scheduler._engine._backend.call_data_futures) <= before + 2


def test_a_running_task_is_cancelled(dask, log, eventually):
    """Cancelling stops the task on its worker, which serves on."""
    path = log.path

    def count():
        while True:
            with path.open("a") as file:
                file.write("x\n")
            time.sleep(0.02)

    dask.submit_task(ProcessingTask("count", count))
    eventually(log)
    assert dask.cancel_task("count")
    with pytest.raises(TaskCancelled):
        dask.get_result("count")

    def quiet():
        before = len(log())
        time.sleep(0.2)
        return len(log()) == before

    eventually(quiet)
    assert [r.value for r in dask.run([ProcessingTask(f"a{n}", lambda: 1) for n in range(4)])] == [1] * 4


def test_a_killed_dask_worker_loses_nothing(cluster, dask, eventually):
    """When a Dask worker is killed mid-run, every task still returns its value."""
    victim = next(iter(cluster.workers.values())).pid
    killed = []

    def strike(result):
        if not killed:
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    def work(number):
        time.sleep(0.02)
        return number

    results = dask.run([ProcessingTask(f"t{n}", work, (n,)) for n in range(100)], on_result=strike)
    assert [result.value for result in results] == list(range(100))


def test_no_scheduler_is_a_clear_error(monkeypatch):
    """An address where nothing listens, or nobody answers, is a KitError that names it."""
    monkeypatch.setattr("kit.parallel.dask_engine.GREETING_S", 1.0)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        address = "tcp://{}:{}".format(*mute.getsockname())
        for _ in range(2):
            with pytest.raises(KitError, match=address):
                ConcurrentProcessor(2, backend="dask", dask_address=address)
            mute.listen()
