"""The same processor on a Dask cluster of two local workers."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from kit.errors import KitError, TaskCancelled, TaskCrashed
from kit.parallel import ConcurrentProcessor, ProcessingTask, task_rng
from kit.parallel.dask_cluster import Cluster
from kit.parallel.folders import Folder

pytest.importorskip("distributed")

UNMASKED = (  # a shell may have started the tests with the interrupt ignored
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


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

    return note


def counting(path):
    """Return an operation that never ends and says so."""

    def count():
        while True:
            with path.open("a") as file:
                file.write("x\n")
            time.sleep(0.02)

    return count


def quiet(log):
    """Tell whether nothing is written for a while."""
    before = len(log())
    time.sleep(0.2)
    return len(log()) == before


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


@pytest.fixture(scope="module")
def alone():
    """Return a processor on a cluster of its own with one worker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        with ConcurrentProcessor(1, backend="dask") as processor:
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


@pytest.mark.parametrize("kind", STUCK)
def test_an_overrunning_task_is_stopped(dask, log, kind):
    """It ends in its time-out and a second, on a warm cluster; the others finish, each once."""
    note = noting(log.path)
    dask.run([ProcessingTask(f"warm{number}", time.sleep, (0.1,)) for number in range(4)])
    ends = {}
    tasks = [ProcessingTask(f"t{number}", note, (f"t{number}",), timeout=30) for number in range(40)]
    tasks.insert(0, ProcessingTask("stuck", kind(), timeout=0.5, priority=1))
    started = time.monotonic()
    results = dask.run(tasks, on_result=lambda r: ends.setdefault(r.task_id, time.monotonic() - started))
    assert [(r.task_id, r.status) for r in results if not r.success] == [("stuck", "timeout")]
    assert ends["stuck"] < 0.5 + 1
    assert sorted(log()) == sorted(f"t{number}" for number in range(40))


def test_dying_and_stuck_tasks_cost_only_themselves(dask, log):
    """With more stuck tasks than workers each is stopped, a dying process is a crash, the others run once."""
    note = noting(log.path)
    tasks = [ProcessingTask(kind.__name__, kind(), timeout=0.3) for kind in STUCK]
    tasks += [ProcessingTask("exit", os._exit, (2,))]
    tasks += [ProcessingTask(f"t{n}", note, (f"t{n}",)) for n in range(20)]
    results = dask.run(tasks)
    assert [result.status for result in results[:4]] == ["timeout"] * 4
    assert isinstance(results[4].error, TaskCrashed)
    assert all(result.success for result in results[5:])
    assert sorted(log()) == sorted(f"t{n}" for n in range(20))


def test_a_higher_priority_starts_first(alone, log):
    """Nothing lies ahead of it behind a task that turned out long, even after a spell of short ones."""
    note = noting(log.path)
    alone.run(ProcessingTask(f"warm{number}", int) for number in range(100))
    alone.submit_task(ProcessingTask("first", time.sleep, (1,), priority=9))
    for name, priority in (("low0", 0), ("low1", 0), ("mid", 5), ("high", 7)):
        alone.submit_task(ProcessingTask(name, note, (name,), priority=priority))
    alone.wait_for_results(timeout=20)
    assert log() == ["high", "mid", "low0", "low1"]


def test_what_has_finished_comes_back_beside_an_endless_task(dask):
    """Short tasks that were sent with an endless one all come back while that runs on."""
    dask.run(ProcessingTask(f"warm{number}", int) for number in range(200))
    came = []

    def hear(result):
        came.append(result.task_id)
        if len(came) == 60:
            assert dask.cancel_task("endless")

    tasks = [ProcessingTask(f"t{n}", time.sleep, (0.002,)) for n in range(60)]
    tasks.insert(3, ProcessingTask("endless", endless_loop(), timeout=50))
    dask.run(tasks, on_result=hear)
    assert (len(came), came[-1]) == (61, "endless")


def test_a_shared_frame_is_shipped_once(dask):
    """Fifty tasks on one frame scatter it once, not once per batch."""
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(100_000, 10)))
    before = len(dask._scheduler._engine._crates.made)
    results = dask.run([ProcessingTask(f"t{n}", lambda table: table.shape, (frame,)) for n in range(50)])
    assert {result.value for result in results} == {(100_000, 10)}
    assert len(dask._scheduler._engine._crates.made) - before <= 2  # the frame, and at most the function
    assert len(dask._scheduler._engine._cluster.backend.call_data_futures) <= before + 2


def test_a_running_task_is_cancelled(dask, log, eventually):
    """Cancelling stops the task on its worker, which serves on."""
    dask.submit_task(ProcessingTask("count", counting(log.path)))
    eventually(log)
    assert dask.cancel_task("count")
    with pytest.raises(TaskCancelled):
        dask.get_result("count")

    eventually(lambda: quiet(log))
    assert [r.value for r in dask.run([ProcessingTask(f"a{n}", lambda: 1) for n in range(4)])] == [1] * 4


def test_a_killed_dask_worker_loses_nothing(cluster, dask, log):
    """When a Dask worker is killed mid-run, every task returns its value, and none runs again that had."""
    victim, path = next(iter(cluster.workers.values())).pid, log.path
    frame = pd.DataFrame(np.ones((50_000, 4)))
    before: list[str] = []

    def strike(result):
        if len(before) < 30:
            before.append(result.task_id)
            if len(before) == 30:
                os.kill(victim, signal.SIGKILL)

    def work(number, table):
        with path.open("a") as file:
            file.write(f"t{number}\n")
        time.sleep(0.02)
        return number + table.iloc[number, 0]

    dask.run(ProcessingTask(f"warm{number}", int) for number in range(100))
    results = dask.run([ProcessingTask(f"t{n}", work, (n, frame)) for n in range(100)], on_result=strike)
    assert [result.value for result in results] == [number + 1 for number in range(100)]
    runs = Counter(log())
    assert {runs[task_id] for task_id in before} == {1}
    assert len(runs) == 100


def test_frames_that_cannot_leave_are_sent_again(cluster, dask, log, monkeypatch):
    """Frames that Dask fails to take, each way it can, cost no task: all values come back, each run once."""
    client, note = dask._scheduler._engine.client, noting(log.path)
    scatter, submit, failing = client.scatter, client.submit, {"scatter": 3, "submit": 2}

    def broken(name):
        failing[name] -= 1
        return failing[name] >= 0

    async def scattered(*args, **options):
        if broken("scatter"):
            raise OSError("Stream is closed")
        return await scatter(*args, **options)

    def submitted(*args, **options):
        if broken("submit"):
            raise RuntimeError("No loop")
        return submit(*args, **options)

    def work(number, table):
        note(f"t{number}")
        return table.iloc[0, 0]

    monkeypatch.setattr(client, "scatter", scattered)
    monkeypatch.setattr(client, "submit", submitted)
    tasks = [ProcessingTask(f"t{n}", work, (n, pd.DataFrame(np.full((20_000, 4), n)))) for n in range(12)]
    assert [result.value for result in dask.run(tasks)] == [*range(12)]
    assert max(failing.values()) < 0
    assert sorted(log()) == sorted(f"t{number}" for number in range(12))


def test_dask_workers_killed_while_frames_travel_lose_nothing(cluster, dask):
    """With a frame of its own per task and Dask workers killed among them, every task has its value."""
    heard = []

    def strike(result):
        heard.append(result)
        if len(heard) in (10, 40):
            victims = [worker.pid for worker in cluster.workers.values() if worker.pid]
            os.kill(victims[len(heard) % len(victims)], signal.SIGKILL)

    def work(table):
        time.sleep(0.02)
        return table.iloc[0, 0]

    tasks = [ProcessingTask(f"t{n}", work, (pd.DataFrame(np.full((40_000, 8), n)),)) for n in range(70)]
    results = dask.run(tasks, on_result=strike)
    assert [result.value for result in results] == [*range(70)]
    assert len(heard) == 70


def test_an_interrupt_of_the_whole_group_leaves_a_usable_processor(tmp_path):
    """Ctrl-C, which reaches the local cluster's processes too, ends the run, and the next task is served."""
    script = tmp_path / "caller.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, signal, threading, time
            from kit.parallel import ConcurrentProcessor, ProcessingTask

            if __name__ == "__main__":
                with ConcurrentProcessor(2, backend="dask") as processor:
                    tasks = [ProcessingTask("quick", lambda: 7)]
                    tasks += [ProcessingTask(f"s{n}", time.sleep, (600,)) for n in range(6)]
                    press = threading.Timer(1, os.killpg, (os.getpgid(0), signal.SIGINT))
                    try:
                        processor.run(tasks, on_result=lambda _: press.start())
                    except KeyboardInterrupt:
                        pass
                    kept = processor.get_result("quick")
                    after = processor.run([ProcessingTask("after", lambda: 8, timeout=20)])[0].value
                    print(kept, after, processor.get_active_tasks())
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", UNMASKED, str(script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
    )
    assert done.stdout.split() == ["7", "8", "{}"], done.stderr


def test_tasks_end_when_no_dask_worker_is_left(monkeypatch, eventually):
    """Running and later tasks end as crashed, and are served again once a Dask worker has come."""
    from distributed import LocalCluster

    monkeypatch.setattr("kit.parallel.dask_engine.PATIENCE_S", 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dask warns of its own ports and clocks
        with (
            LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
            ConcurrentProcessor(1, backend="dask", dask_address=cluster.scheduler_address) as processor,
        ):
            processor.submit_task(ProcessingTask("running", time.sleep, (600,)))
            processor.submit_task(ProcessingTask("queued", int))
            cluster.scale(0)
            for name in ("running", "queued"):
                with pytest.raises(TaskCrashed, match="No Dask worker"):
                    processor.get_result(name, timeout=20)
            processor.submit_task(ProcessingTask("later", int))
            with pytest.raises(TaskCrashed, match="No Dask worker"):
                processor.get_result("later", timeout=20)
            cluster.scale(1)
            cluster.wait_for_workers(1, timeout=30)
            eventually(lambda: processor.run([ProcessingTask("again", lambda: 1)])[0].success, 20)


def test_a_cluster_at_an_address_outlives_its_processor(cluster, dask, log, eventually):
    """After shutdown the cluster is alive and the processor's tasks are stopped."""
    processor = ConcurrentProcessor(2, backend="dask", dask_address=cluster.scheduler_address)
    processor.submit_task(ProcessingTask("count", counting(log.path)))
    eventually(log)
    processor.shutdown()
    eventually(lambda: quiet(log))
    assert [r.value for r in dask.run([ProcessingTask(f"a{n}", lambda: 1) for n in range(4)])] == [1] * 4


def test_tasks_end_with_a_killed_caller(cluster, dask, log, tmp_path, eventually):
    """When the caller is killed, a cluster at an address goes on, its task ends, its folder is swept."""
    script = tmp_path / "caller.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import time
            from pathlib import Path
            from kit.parallel import ConcurrentProcessor, ProcessingTask

            def count():
                while True:
                    with Path({str(log.path)!r}).open("a") as file:
                        file.write("x\\n")
                    time.sleep(0.02)

            processor = ConcurrentProcessor(1, backend="dask", dask_address={cluster.scheduler_address!r})
            processor.submit_task(ProcessingTask("count", count))
            time.sleep(600)
            """
        )
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # whoever is killed cannot tidy up
    caller = subprocess.Popen([sys.executable, str(script)], env=environment)
    eventually(log, 30)
    caller.kill()
    caller.wait()
    eventually(lambda: quiet(log), 20)
    left = next(tmp_path.glob("kit-*/owner"))
    os.utime(left, (0, 0))  # a young folder is let alone
    Folder(str(tmp_path)).remove()
    assert not left.parent.exists()
    assert dask.run([ProcessingTask("after", lambda: 1)])[0].value == 1


@pytest.mark.filterwarnings("ignore")  # Dask warns of its own ports and clocks
def test_a_client_that_has_gone_has_nobody_to_tell(cluster, monkeypatch):
    """Telling Dask workers what to stop is quiet when the client left in between."""
    raised = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    for address in (cluster.scheduler_address, None):
        left = Cluster(1, address)
        left.client.close()
        left.spread(print, [1])
        left.close()
    assert raised == []


def test_no_scheduler_is_a_clear_error(monkeypatch):
    """An address where nothing listens, or nobody answers, is a KitError that names it."""
    monkeypatch.setattr("kit.parallel.dask_cluster.GREETING_S", 1.0)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        address = "tcp://{}:{}".format(*mute.getsockname())
        for _ in range(2):
            with pytest.raises(KitError, match=address):
                ConcurrentProcessor(2, backend="dask", dask_address=address)
            mute.listen()
