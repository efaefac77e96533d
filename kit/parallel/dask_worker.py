"""Runs the Dask engine's tasks on a Dask worker, each in a worker process that can be stopped."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, NamedTuple

from kit.parallel.execution import Outcome, travelling
from kit.parallel.pool import WorkerPool
from kit.parallel.process import WorkerJob

LOOK_S = 0.1  # how often a task makes sure that somebody still wants it


class WorkItem(NamedTuple):
    """One task as it is sent to a Dask worker."""

    key: int
    message: bytes  # what its worker process reads
    timeout_s: float | None
    references: Sequence[str]  # shared objects that the message refers to; their contents come beside it
    memory_mb: int | None


def run_item(item: WorkItem, *contents: bytes) -> bytes:
    """Run a task in this Dask worker's pool and return its outcome; stop it when Dask cancels it."""
    from distributed import get_worker

    here: Any = get_worker()
    pool = _pool_here(here, item.memory_mb)
    for reference, content in zip(item.references, contents, strict=True):
        pool.objects.receive(reference, content)
    ended: SimpleQueue[Outcome] = SimpleQueue()
    pool.run([WorkerJob(item.key, item.message, item.timeout_s, ended.put)])
    try:
        while True:
            with suppress(Empty):
                return travelling(ended.get(timeout=LOOK_S))
            if _abandoned(here):
                pool.stop([item.key])
    finally:
        pool.objects.release(item.references)


def dask_setup(worker: Any) -> None:  # noqa: ARG001  Dask calls it so
    """Let a Dask worker ignore Ctrl-C, which reaches the whole process group but is meant for the caller."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_pools: dict[int | None, WorkerPool] = {}
_making = Lock()


def _pool_here(here: Any, memory_mb: int | None) -> WorkerPool:
    """Return this Dask worker's pool, one process per thread of it."""
    with _making:
        if memory_mb not in _pools:
            _pools[memory_mb] = WorkerPool(here.state.nthreads, memory_mb, here.local_directory)
    return _pools[memory_mb]


def _abandoned(here: Any) -> bool:
    """Tell whether nobody waits for the running Dask task any more."""
    state = here.state.tasks.get(here.get_current_task())
    return state is None or state.state in ("cancelled", "released", "forgotten")
