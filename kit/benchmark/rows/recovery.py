"""What cannot be stuck: overrunning tasks, dying workers, interrupts; nothing is lost and nothing left."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Samples
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most
from kit.errors import KitError
from kit.parallel import ConcurrentProcessor, ProcessingTask
from kit.settings import Backend

_WORKERS = 2
_TIMEOUT_S = 0.3


def _kinds() -> dict[str, Callable[[], object]]:
    """Return what gets stuck, by kind; functions of a function travel by value and need no import."""

    def loop() -> None:
        while True:
            pass

    def swallow() -> None:
        while True:
            try:
                time.sleep(0.001)
            except BaseException:  # noqa: BLE001, S112 - that is what it is here for
                continue

    def c_call() -> None:
        ctypes.PyDLL(None).pause()  # holds the interpreter: no other thread of the worker runs

    return {"loop": loop, "swallow": swallow, "sleep": lambda: time.sleep(600), "C call": c_call}


def _stuck(run: Run, backend: Backend, rounds: int) -> Samples:
    """Return the worst excess over the time-out of each round over all kinds."""
    run.need_signals()
    processor = run.enter(ConcurrentProcessor(_WORKERS, backend=backend))
    excess: dict[str, list[float]] = {kind: [] for kind in _kinds()}
    for _ in range(rounds):
        for kind, operation in _kinds().items():
            run.checkpoint()
            _whole(processor)
            began = perf_counter()
            (result,) = processor.run([ProcessingTask(kind, operation, timeout=_TIMEOUT_S)])
            excess[kind].append(perf_counter() - began - _TIMEOUT_S)
            if result.status != "timeout":
                raise KitError("A stuck task was not stopped but ended as", result.status, "See its error.")
    _whole(processor)
    run.notes.append(", ".join(f"{kind} {max(late_s):.2f} s" for kind, late_s in excess.items()))
    return Samples([max(late) for late in zip(*excess.values(), strict=True)])


def _whole(processor: ConcurrentProcessor) -> None:
    """Have every worker sleep a moment at once, which only a whole pool can."""
    naps = [ProcessingTask(f"nap {number}", time.sleep, (0.1,)) for number in range(_WORKERS)]
    if not all(result.success for result in processor.run(naps)):
        raise KitError("The pool does not serve", "a nap failed", "Run the row alone.")


@row("stuck_processes", part="parallel", unit="s", target=at_most(1), quick=True)
def stuck_processes(run: Run) -> Samples:
    """Worst time that a loop, one that swallows errors, a sleep or a C call outlives its time-out."""
    return _stuck(run, "processes", 1 if run.quick else 5)


@row("stuck_dask", part="parallel", unit="s", target=at_most(1))
def stuck_dask(run: Run) -> Samples:
    """Worst time that each of these outlives its time-out on two local Dask workers."""
    run.need("distributed", "dask")
    return _stuck(run, "dask", 1 if run.quick else 3)


@lru_cache(maxsize=1)
def _deaths(run: Run) -> tuple[int, int, int]:
    """Return, after three deaths and a loop among forty tasks: other tasks lost, run twice, orphans."""
    run.need_signals()
    psutil, log = run.need("psutil", "lab"), run.folder() / "log"
    others = {child.pid for child in psutil.Process().children(recursive=True)}
    with ConcurrentProcessor(_WORKERS) as processor:
        results = {result.task_id: result for result in processor.run(_tasks(str(log)))}
        mine = [child for child in psutil.Process().children(recursive=True) if child.pid not in others]
        for number in range(_WORKERS):
            processor.submit_task(ProcessingTask(f"left {number}", _kinds()["C call"]))
    orphans = psutil.wait_procs(mine, timeout=5)[1]
    ran = Counter(log.read_text().split())
    lost = [name for name, result in results.items() if name in ran and not result.success]
    never = 40 - len(ran)
    return len(lost) + never, sum(times > 1 for times in ran.values()), len(orphans)


def _tasks(log: str) -> list[ProcessingTask]:
    def note(name: str) -> None:
        with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would have to be imported
            file.write(f"{name}\n")
        time.sleep(0.005)

    deadly: dict[str, tuple[Callable[..., Any], Any]] = {
        "exit": (os._exit, 3),
        "segfault": (ctypes.string_at, 0),
        "killed": (lambda sent: os.kill(os.getpid(), sent), signal.SIGKILL),
    }
    tasks = [ProcessingTask(f"t{number}", note, (f"t{number}",)) for number in range(40)]
    for place, (name, (operation, word)) in enumerate(deadly.items()):
        tasks.insert(10 * place + 3, ProcessingTask(name, operation, (word,)))
    return [*tasks, ProcessingTask("loop", _kinds()["loop"], timeout=_TIMEOUT_S)]


@row("dying_workers", part="parallel", unit="tasks", target=at_most(0), quick=True)
def dying_workers(run: Run) -> Samples:
    """Count the tasks lost beside those whose worker exits, breaks or is killed, out of forty."""
    return Samples([_deaths(run)[0]])


@row("run_twice", part="parallel", unit="tasks", target=at_most(0), quick=True)
def run_twice(run: Run) -> Samples:
    """Count the tasks that ran more than once while workers died and one was stuck, out of forty."""
    return Samples([_deaths(run)[1]])


@row("orphans", part="parallel", unit="processes", target=at_most(0), quick=True)
def orphans(run: Run) -> Samples:
    """Count the worker processes that live on after a shutdown with tasks stuck in C."""
    return Samples([_deaths(run)[2]])


_INTERRUPTED = """
import os, signal, threading, time
from kit.parallel import ConcurrentProcessor, ProcessingTask

def press():
    global pressed
    pressed = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)

with ConcurrentProcessor(2) as processor:
    tasks = [ProcessingTask("quick", lambda: 7)]
    tasks += [ProcessingTask(f"s{n}", time.sleep, (600,)) for n in range(20)]
    seen = lambda result: threading.Timer(0.2, press).start()
    try:
        processor.run(tasks, on_result=seen)
    except KeyboardInterrupt:
        took = time.monotonic() - pressed
    kept, after = processor.get_result("quick"), processor.run([ProcessingTask("a", lambda: 8)])[0].value
    assert (kept, after, processor.get_active_tasks()) == (7, 8, {}), "something was lost"
print(took)
"""


@row("interrupt", part="parallel", unit="s", target=at_most(1), quick=True)
def interrupt(run: Run) -> Samples:
    """Time from Ctrl-C to the end of a run of sleepers; what finished is kept and the processor usable."""
    run.need_signals()
    samples = []
    for _ in range(1 if run.quick else 6):
        run.checkpoint()
        samples.append(float(fresh(_INTERRUPTED, deadline_s=30)))
    return Samples(samples)


@row("dask_worker_killed", part="parallel", unit="tasks", target=at_most(0))
def dask_worker_killed(run: Run) -> Samples:
    """Count the tasks, out of a hundred, without their value after one of two Dask workers was killed."""
    run.need_signals()
    distributed = run.need("distributed", "dask")
    where = {"n_workers": _WORKERS, "threads_per_worker": 1, "dashboard_address": None}
    cluster = run.enter(distributed.LocalCluster(**where))
    processor = run.enter(
        ConcurrentProcessor(_WORKERS, backend="dask", dask_address=cluster.scheduler_address)
    )
    victims = [next(iter(cluster.workers.values())).pid]

    def strike(_: object) -> None:
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)

    def work(number: int) -> int:
        time.sleep(0.02)
        return number

    tasks = [ProcessingTask(f"t{number}", work, (number,)) for number in range(100)]
    results = processor.run(tasks, on_result=strike)
    return Samples([sum(not (r.success and r.value == n) for n, r in enumerate(results))])
