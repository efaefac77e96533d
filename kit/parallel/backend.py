"""A joblib backend whose workers can be ended one by one; plain joblib code may use it too.

>>> from joblib import Parallel, delayed, parallel_config
>>> import kit.parallel.backend
>>> with parallel_config(backend="kit", n_jobs=2):
...     Parallel()(delayed(abs)(number) for number in (-1, 2))
[1, 2]
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from typing import Any

from joblib.parallel import ParallelBackendBase, register_parallel_backend

from kit.errors import TaskCrashed
from kit.parallel.execution import Outcome
from kit.parallel.packing import pack
from kit.parallel.pool import WorkerPool
from kit.parallel.process import Job
from kit.parallel.tasks import ProcessingTask

_keys = count()


class KillableBackend(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """joblib's interface to a `WorkerPool`.

    Parameters
    ----------
    max_workers : int, optional
        Most processes; default as many as processors, or joblib's ``n_jobs``.
    memory_mb : int, optional
        Limit of a worker's own memory, MiB.
    """

    supports_retrieve_callback = True

    def __init__(self, max_workers: int | None = None, memory_mb: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._memory_mb = memory_mb
        self._pool: WorkerPool | None = None
        self._max_workers = max_workers or os.cpu_count() or 1

    @property
    def pool(self) -> WorkerPool:
        """The workers, made on first use."""
        if self._pool is None:
            self._pool = WorkerPool(self._max_workers, self._memory_mb)
        return self._pool

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many workers there will be; joblib counts negative numbers from the end."""
        processors = os.cpu_count() or 1
        return max(1, processors + 1 + n_jobs) if n_jobs and n_jobs < 0 else n_jobs or self._max_workers

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_options: Any) -> int:
        """Prepare for a call of ``Parallel``."""
        self.parallel = parallel
        self._max_workers = self.effective_n_jobs(n_jobs)
        return self._max_workers

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], None] | None = None) -> Job:
        """Run what ``Parallel`` wants called."""
        job = self._packed(func, callback or (lambda _: None))
        self.pool.submit([job])
        return job

    def retrieve_result_callback(self, out: Outcome) -> Any:
        """Return the value of an outcome, or raise what the call raised."""
        if out.status == "completed":
            return out.payload
        if isinstance(out.payload, BaseException):
            raise out.payload
        raise TaskCrashed("The worker died during a call of joblib", out.details)

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: ARG002  a new pool is made on use
        """End all calls."""
        self.terminate()

    def terminate(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _packed(self, function: Callable[[], Any], callback: Callable[[Any], None]) -> Job:
        key, shelf = next(_keys), self.pool.shelf
        parcel = pack(key, ProcessingTask(str(key), function), 0, shelf, None)

        def done(outcomes: list[Outcome]) -> None:
            shelf.release(parcel.tokens)
            callback(outcomes[0])

        return Job(key, parcel.message, None, done)


register_parallel_backend("kit", KillableBackend)
