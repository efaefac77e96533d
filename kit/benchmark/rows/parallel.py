"""What the processor makes of two cores, beside bare joblib."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from time import perf_counter
from typing import Any

from kit.benchmark.machine import ceiling
from kit.benchmark.measure import Figures, speedups
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, at_most, within
from kit.parallel import ConcurrentProcessor, ProcessingTask

_WORKERS = 2


def work(turns: int) -> int:
    """Add squares in plain Python."""
    total = 0
    for number in range(turns):
        total += number * number
    return total


@cache
def _turns(seconds: float) -> int:
    """Return how many turns of `work` take so long on this machine."""
    turns = 1000
    while (took := min(_timed(partial(work, turns)) for _ in range(5))) < 0.005:
        turns *= 2
    return max(1, round(turns * seconds / took))


def _timed(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


def _tasks(count: int, turns: int) -> list[ProcessingTask]:
    return [ProcessingTask(f"task {number}", work, (turns,), timeout=30) for number in range(count)]


def _run(processor: ConcurrentProcessor, count: int, turns: int) -> None:
    assert all(result.value == work_value(turns) for result in processor.run(_tasks(count, turns)))


@cache
def work_value(turns: int) -> int:
    """Return the sum that `work` must find."""
    return work(turns)


@contextmanager
def _warm(backend: Any = "processes") -> Iterator[ConcurrentProcessor]:
    with ConcurrentProcessor(_WORKERS, backend=backend) as processor:
        processor.run(
            [ProcessingTask(f"warm {number}", time.sleep, (0.2,)) for number in range(2 * _WORKERS)]
        )
        _run(processor, 40, 100)
        yield processor


def workers(run: Run) -> ConcurrentProcessor:
    """Return two warm worker processes for `Run.once`."""
    return run.keep(_warm())


def _speedups(run: Run, processor: ConcurrentProcessor, count: int, seconds: float) -> Figures:
    turns = _turns(seconds)

    def alone() -> None:
        for _ in range(count):
            work(turns)

    together = partial(_run, processor, count, turns)
    work_value(turns)
    run.notes.append(ceiling())
    return speedups(alone, together, 3 if run.quick else 7, run.checkpoint, warm=0)


@row("parallel", "times", at_least(1.8), quick=True, cores=2)
def parallel_10ms(run: Run) -> Figures:
    """200 pure-Python tasks of 10 ms, 50 in a quick run: in process against two warm workers."""
    return _speedups(run, run.once(workers), 50 if run.quick else 200, 0.01)


def column_sum(frame: Any, number: int) -> float:
    """Return the sum of one column of a frame."""
    return float(frame.iloc[:, number % frame.shape[1]].sum())


@row("parallel", "times", at_most(3), peer=("joblib.Parallel(n_jobs=2), by its memory map", within(1.1)),
     quick=True)  # fmt: skip
def parallel_shared_frame(run: Run) -> Figures:
    """50 tasks on one 8 MB frame, the peer's too, over one task of ours on another frame of that size."""
    import numpy as np
    import pandas as pd
    from joblib import Parallel, delayed

    processor = run.once(workers)

    def shipment(count: int, peer: bool = False) -> float:
        frame = pd.DataFrame(np.random.default_rng(run.rng.randrange(2**32)).normal(size=(100_000, 10)))
        if peer:
            return _timed(lambda: Parallel(_WORKERS)(delayed(column_sum)(frame, n) for n in range(count)))
        tasks = [ProcessingTask(f"sum {n}", column_sum, (frame, n)) for n in range(count)]
        return _timed(lambda: processor.run(tasks))

    shipment(_WORKERS), shipment(_WORKERS, peer=True)
    rounds = [(shipment(50), shipment(50, peer=True), shipment(1)) for _ in range(3 if run.quick else 7)]
    return Figures([ours / one for ours, _, one in rounds], [peer / one for _, peer, one in rounds])


@row("parallel", "times", at_least(1.8), cores=2)
def parallel_dask(run: Run) -> Figures:
    """100 pure-Python tasks of 100 ms, 20 without --full: in process against two local Dask workers."""
    run.hush()
    run.need("distributed", "dask")
    return _speedups(run, run.enter(_warm("dask")), 20 if run.quick else 100, 0.1)
