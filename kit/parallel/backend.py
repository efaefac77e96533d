"""The kit's workers as joblib's backend ``"kit"``: each call can be stopped alone.

Plain joblib code may use it too, once this is imported: ``with joblib.parallel_config("kit")``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from math import inf
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from joblib.parallel import ParallelBackendBase, register_parallel_backend

from kit.errors import TaskError
from kit.monitor import PerformanceMonitor
from kit.parallel.engines import Attempt
from kit.parallel.pool import WorkerPool
from kit.parallel.scheduler import Scheduler
from kit.parallel.store import ResultStore
from kit.parallel.tasks import ProcessingResult, ProcessingTask

LOOK_S = 0.01  # how often the reader of a run looks for results; one waking per small task would cost more
_numbers = count()
Callback = Callable[[Any], None]
Heard = tuple[bool, ProcessingResult] | TaskError  # whether it was an attempt of a processor's run


class KillableBackend(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """joblib's interface to a processor's scheduler, by default to ``n_jobs`` worker processes of its own.

    ``Parallel`` draws its calls, and so pickles them, in the caller's thread first and then as others end, in
    a thread of this backend: what a task pickles or a generator does holds up no worker.
    """

    supports_retrieve_callback = True
    default_n_jobs = -1

    def __init__(self, scheduler: Scheduler | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._given = scheduler
        self._own: Scheduler | None = None
        self._max_workers = os.cpu_count() or 1
        self._open: dict[str, None] = {}
        self._ended: SimpleQueue[tuple[Callback, Heard] | None] = SimpleQueue()
        self._left = False  # the run was interrupted
        self._sent = self._heard = self._read = 0  # batches
        self._look = Event()  # all that was sent has been heard of, or the reader shall look at once
        self._look.set()

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many calls joblib sends at a time: at least two, as it makes a single one itself."""
        if n_jobs:
            self._max_workers = n_jobs if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + n_jobs)
        return max(2, self._max_workers)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_options: Any) -> int:
        """Prepare for a call of ``Parallel``."""
        self.parallel = parallel
        return self.effective_n_jobs(n_jobs)

    def start_call(self) -> None:
        """Begin to tell ``Parallel`` of what has ended."""
        self._left = False
        Thread(target=self._tell, name="kit-joblib", daemon=True).start()

    def stop_call(self) -> None:
        """Stop telling ``Parallel``."""
        self._ended.put(None)

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """Let ``Parallel`` read once there is something to read."""
        self.await_next()
        yield

    def await_next(self) -> None:
        """Wait for a result; ``Parallel`` itself would go on sleeping after the last one."""
        while self._heard == self._read and not self._look.wait(LOOK_S):
            pass
        self._read += 1

    def look(self) -> None:
        """Wake the reader, since no more results come."""
        self._look.set()

    def submit(self, func: Any, callback: Callback) -> None:
        """Run a batch of joblib's: an attempt of a processor's run as it is, anything else as one task."""
        self._sent += 1
        self._look.clear()
        attempt = func.items[0][0]
        own = isinstance(attempt, Attempt)
        if not own:
            attempt = self._scheduler().prepared(ProcessingTask(f"joblib-{next(_numbers)}", func))
        self._open[attempt.task.task_id] = None
        try:
            self._scheduler().admit(attempt, wait=True, heard=partial(self._hear, callback, own))
        except TaskError as error:  # `Parallel` would wait for ever for what was never sent
            del self._open[attempt.task.task_id]
            self._ended.put((callback, error))
            return
        if self._left:  # meanwhile, in another thread
            self._scheduler().cancel([attempt.task.task_id])

    def retrieve_result_callback(self, out: Heard) -> list[Any]:
        """Return the results of a batch; raise what a call raised unless a processor sent it."""
        if isinstance(out, TaskError):
            raise out
        own, result = out
        if own:
            return [result]
        if result.error is not None:
            raise result.error.__cause__ or result.error
        return list(result.output)

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: ARG002  it is ready in any case
        """End all calls."""
        self._left = True
        self._scheduler().cancel([*self._open])

    def terminate(self) -> None:
        """End the workers, unless they are a processor's."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _scheduler(self) -> Scheduler:
        if self._given is not None:
            return self._given
        if self._own is None:
            engine = WorkerPool(self._max_workers)
            self._own = Scheduler(engine, ResultStore(1, inf), PerformanceMonitor(), 2**31, None, 0)
        return self._own

    def _hear(self, callback: Callback, own: bool, result: ProcessingResult) -> None:
        self._open.pop(result.task_id, None)
        self._ended.put((callback, (own, result)))

    def _tell(self) -> None:
        while told := self._ended.get():
            callback, out = told
            callback(out)
            self._heard += 1
            if self._heard == self._sent:
                self._look.set()


register_parallel_backend("kit", KillableBackend)
