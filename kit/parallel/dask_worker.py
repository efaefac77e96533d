"""What the Dask engine has run on a Dask worker: calls, in worker processes of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from threading import Lock
from typing import NamedTuple

from kit.parallel.execution import Outcome, travelling
from kit.parallel.pool import WorkerPool
from kit.parallel.process import Job

_FORGOTTEN_KEYS = 10_000


class Crate:
    """The content of a shelf's token on its way to another machine."""

    def __init__(self, token: str, content: bytes) -> None:
        self.token = token
        self.content = content

    def __sizeof__(self) -> int:
        """Tell Dask what it weighs."""
        return len(self.content) + 2000  # joblib scatters objects from 1,000 bytes on


class Order(NamedTuple):
    """One call, as a Dask worker is told of it."""

    key: int
    message: bytes
    timeout_s: float | None


def run_orders(orders: Sequence[Order], memory_mb: int | None, *crates: Crate) -> list[bytes]:
    """Run orders in this Dask worker's own processes (called by Dask).

    Parameters
    ----------
    orders : sequence of Order
        The calls.
    memory_mb : int or None
        Limit of a process's own memory, MiB.
    crates : Crate
        What the messages speak of.

    Returns
    -------
    list of bytes
        The outcomes, as `kit.parallel.execution.outcome_from` reads them.
    """
    pool = _pool_here(memory_mb)
    tokens = [pool.shelf.receive(crate.token, crate.content) for crate in crates]
    ended: SimpleQueue[list[Outcome]] = SimpleQueue()
    bodies: list[bytes] = []
    jobs: list[Job] = []
    try:
        for order in orders:
            if order.key in _cancelled:
                bodies.append(travelling(Outcome(order.key, "cancelled", None)))
            else:
                jobs.append(Job(order.key, order.message, order.timeout_s, ended.put))
        pool.submit(jobs)
        while len(bodies) < len(orders):
            bodies += map(travelling, ended.get())
    finally:
        pool.shelf.release(tokens)
    return bodies


def stop_here(keys: Sequence[int]) -> None:
    """Stop calls that run or will run on this Dask worker (called by Dask)."""
    _cancelled.extend(keys)
    for pool in _pools.values():
        for key in keys:
            pool.stop(key, "cancelled")


_cancelled: deque[int] = deque(maxlen=_FORGOTTEN_KEYS)
_pools: dict[int | None, WorkerPool] = {}
_making = Lock()


def _pool_here(memory_mb: int | None) -> WorkerPool:
    """Return this Dask worker's pool, one process per thread of it."""
    from distributed import get_worker

    with _making:
        if memory_mb not in _pools:
            worker = get_worker()
            _pools[memory_mb] = WorkerPool(worker.state.nthreads, memory_mb, worker.local_directory)
    return _pools[memory_mb]
