"""What is different on a Dask cluster: its workers die, its callers go, it outlives them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from kit.errors import KitError, TaskCrashed
from kit.parallel import ConcurrentProcessor, ProcessingTask
from kit.parallel.folders import Folder

pytest.importorskip("distributed")

UNMASKED = (  # a shell may have started the tests with the interrupt ignored
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


def counting(path):
    """Return an operation that never ends and says so."""

    def count():
        while True:
            with path.open("a") as file:
                file.write("x\n")
            time.sleep(0.02)

    return count


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
                    after = processor.run([ProcessingTask("after", lambda: 8, timeout=60)])[0].value
                    print(kept, after, processor.get_active_tasks())
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", UNMASKED, str(script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
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
                    processor.get_result(name, timeout=60)
            processor.submit_task(ProcessingTask("later", int))
            with pytest.raises(TaskCrashed, match="No Dask worker"):
                processor.get_result("later", timeout=60)
            cluster.scale(1)
            cluster.wait_for_workers(1, timeout=30)
            eventually(lambda: processor.run([ProcessingTask("again", lambda: 1)])[0].success, 60)


def test_a_cluster_at_an_address_outlives_its_processor(cluster, dask, log, eventually, quiet):
    """After shutdown the cluster is alive and the processor's tasks are stopped."""
    processor = ConcurrentProcessor(2, backend="dask", dask_address=cluster.scheduler_address)
    processor.submit_task(ProcessingTask("count", counting(log.path)))
    eventually(log)
    processor.shutdown()
    eventually(quiet)
    assert [r.value for r in dask.run([ProcessingTask(f"a{n}", lambda: 1) for n in range(4)])] == [1] * 4


def test_tasks_end_with_a_killed_caller(cluster, dask, log, tmp_path, eventually, quiet):
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
    eventually(log, 100)
    caller.kill()
    caller.wait()
    eventually(quiet, 60)
    left = next(tmp_path.glob("kit-*/owner"))
    os.utime(left, (0, 0))  # a young folder is let alone
    Folder(str(tmp_path)).remove()
    assert not left.parent.exists()
    assert dask.run([ProcessingTask("after", lambda: 1)])[0].value == 1


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


def test_a_script_without_a_guard_is_told_so(tmp_path):
    """A script that makes a local cluster without the usual guard ends with an error that names it."""
    script = tmp_path / "script.py"
    script.write_text(
        "from kit.parallel import ConcurrentProcessor\nConcurrentProcessor(1, backend='dask')\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1
    assert "KitError" in done.stderr.splitlines()[-1]
    assert 'if __name__ == "__main__"' in done.stderr.splitlines()[-1]
