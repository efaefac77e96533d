"""`ConcurrentProcessor`: tasks that run beside the caller."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import count
from typing import Any, Self

from kit.arguments import real
from kit.errors import KitError, TaskError
from kit.monitor import PerformanceMonitor
from kit.monitor.progress import progress_bar
from kit.parallel.engines import SerialEngine, TaskEngine, ThreadEngine
from kit.parallel.pool import WorkerPool
from kit.parallel.runs import chosen_backend, stream
from kit.parallel.scheduler import Scheduler
from kit.parallel.store import ResultStore
from kit.parallel.tasks import ProcessingResult, ProcessingTask, check_timeout
from kit.settings import Backend, WorkersConfig
from kit.shown import Showable

OnResult = Callable[[ProcessingResult], object]


class ConcurrentProcessor(Showable):
    """Runs tasks in parallel, by priority, each with its own time-out.

    Parameters
    ----------
    max_workers, queue_size : int, default 4, 100
        How many tasks may run at once, and how many may wait.
    backend : {"processes", "serial", "threads", "dask"}
        Where they run. Only processes and Dask can stop a task that overruns; threads give it up, and
        serial tasks, which run in the thread that waits for them, are found out afterwards.
    dask_address : str, optional
        Scheduler of a Dask cluster; default a cluster on this machine, ended with the processor.
    max_worker_memory_mb : int, optional
        Limit of a worker's own memory, MiB (Linux, processes and Dask).
    monitor : PerformanceMonitor, optional
        Hears how long each task ran.
    task_timeout_s, seed : float, optional, and int, default 0
        Time-out in seconds, and base of the seed, of a task that states none.
    max_results, result_ttl_s : int and float, default 1000, 3600
        How many results are kept for `get_result`, and for how many seconds.
    """

    def __init__(
        self,
        max_workers: int = 4,
        queue_size: int = 100,
        backend: Backend = "processes",
        *,
        dask_address: str | None = None,
        max_worker_memory_mb: int | None = None,
        monitor: PerformanceMonitor | None = None,
        task_timeout_s: float | None = None,
        seed: int = 0,
        max_results: int = 1000,
        result_ttl_s: float = 3600.0,
    ) -> None:
        _check_whole(1, max_workers=max_workers, queue_size=queue_size, max_results=max_results)
        if max_worker_memory_mb is not None:
            _check_whole(1, max_worker_memory_mb=max_worker_memory_mb)
        check_timeout(task_timeout_s)
        if not real(result_ttl_s) > 0:
            raise KitError("Results must be kept for some time", result_ttl_s, "Give result_ttl_s seconds.")
        self.max_workers, self.queue_size, self.backend = max_workers, queue_size, backend
        self.task_timeout_s = task_timeout_s
        self.monitor = monitor or PerformanceMonitor()
        engine = _engine_of(backend, max_workers, dask_address, max_worker_memory_mb)
        store = ResultStore(max_results, result_ttl_s)
        self._numbers = count(1)  # its own, so that tasks without an id have the same seeds in every run
        self._scheduler = Scheduler(engine, store, self.monitor, queue_size, task_timeout_s, seed)
        weakref.finalize(self, engine.close)

    @classmethod
    def from_settings(cls, workers: WorkersConfig, monitor: PerformanceMonitor | None = None) -> Self:
        """Make a processor of the section ``workers`` of the settings."""
        return cls(monitor=monitor, **workers.model_dump())

    def start(self, preload: Sequence[str] = ()) -> bool:
        """Have the workers start now and import modules; return, without waiting, if tasks start at once."""
        engine = self._scheduler.engine
        serves = chosen_backend()[0] is not None or engine.serves()
        if not serves:
            engine.start(preload)
        return serves

    def submit_task(self, task: ProcessingTask, *, wait: bool = False) -> str:
        """Queue a task, its arguments as they are now, and return its id.

        With `wait` this waits for a place in a full queue.

        Raises
        ------
        QueueFull
            The queue is full and `wait` is false.
        TaskError
            The processor is shut down, or an unfinished task has this id.
        """
        self._scheduler.admit(self._scheduler.prepared(task), wait)
        return task.task_id

    def submit_strategy_evaluation(
        self, strategy: Callable[[Any], Any], market_data: Any, *, task_id: str | None = None, **options: Any
    ) -> str:
        """Queue ``strategy(market_data)`` and return its id, made up unless given.

        `options` are those of `ProcessingTask`: priority, timeout, retries, seed, name.
        """
        name = task_id or f"strategy-{next(self._numbers)}"
        return self.submit_task(ProcessingTask(name, strategy, (market_data,), **options))

    def submit_data_processing(
        self, operation: Callable[..., Any], data: Any, *args: Any, task_id: str | None = None, **options: Any
    ) -> str:
        """Queue ``operation(data, *args)``, else like `submit_strategy_evaluation`."""
        name = task_id or f"data-{next(self._numbers)}"
        return self.submit_task(ProcessingTask(name, operation, (data, *args), **options))

    def get_result(self, task_id: str, timeout: float | None = None) -> Any:
        """Return the value of a task, waiting for it if need be.

        Raises
        ------
        TaskFailed, TaskTimeout, TaskCrashed, TaskCancelled
            How the task ended instead; the cause is the operation's own exception.
        ResultNotReady
            It has not ended within `timeout` seconds; it goes on.
        TaskError
            No task of this id is known, or its result was let go.
        """
        return self.wait_for_results([task_id], timeout)[task_id].value

    def wait_for_results(
        self, task_ids: Iterable[str] | None = None, timeout: float | None = None
    ) -> dict[str, ProcessingResult]:
        """Wait for tasks, by default all unfinished ones, and return how each ended.

        Raises
        ------
        ResultNotReady
            Some have not ended within `timeout` seconds; they go on.
        TaskError
            A task is not known, or its result was let go.
        """
        if isinstance(task_ids, str):
            raise TaskError("Task ids come as a list", task_ids, "Write [task_id], or use get_result.")
        return self._scheduler.wait(task_ids, timeout)

    def run(
        self, tasks: Iterable[ProcessingTask], *, on_result: OnResult | None = None, progress: bool = False
    ) -> list[ProcessingResult]:
        """Run tasks and return how each ended, in their order.

        What the tasks of a list share is pickled and shipped once and must not change meanwhile; a generator
        may change it between two tasks. An interrupt cancels what has not ended and is raised again; results
        so far went to `on_result` and stay available through `wait_for_results`.

        Parameters
        ----------
        tasks : iterable of ProcessingTask
            Read as the queue has places.
        on_result : callable, optional
            Called in this thread with each `ProcessingResult` as it comes; if it raises, the run ends.
        progress : bool, default False
            Show a progress bar.
        """
        tasks = [*tasks] if progress else tasks
        order: dict[str, None] = {}

        def noted() -> Iterator[ProcessingTask]:
            for task in tasks:
                if task.task_id in order:
                    raise TaskError("Two tasks of the run have this id", task.task_id, "Give each its own.")
                order[task.task_id] = None
                yield task

        total = len(tasks) if isinstance(tasks, Sequence) else None  # a generator may change what they share
        results: dict[str, ProcessingResult] = {}
        ended = stream(self._scheduler, noted(), total is not None, self.max_workers, self.queue_size)
        with progress_bar(total, "task", progress) as advance, closing(ended):
            for result in ended:
                results[result.task_id] = result
                advance()
                if on_result is not None:
                    on_result(result)
        return [results[task_id] for task_id in order]

    def cancel_task(self, task_id: str) -> bool:
        """End a task that waits or runs; False when it has ended already."""
        return self._scheduler.cancel([task_id]) > 0

    def cancel_all(self) -> int:
        """End every task that waits or runs and return how many those were."""
        return self._scheduler.cancel(self.get_active_tasks())

    def get_active_tasks(self) -> dict[str, str]:
        """Return the unfinished tasks by id, each ``"queued"`` or ``"running"``."""
        return self._scheduler.active()

    def clear_results(self) -> int:
        """Drop all kept results and return how many there were."""
        return self._scheduler.clear()

    def get_stats(self) -> dict[str, float]:
        """Return counts of tasks (failed: with the crashed ones), success rate, and quantiles in seconds.

        Built-in strategies of an evaluation share tasks; the monitor counts each of them, under ``strategy``.
        """
        return self._scheduler.statistics()

    def _figures(self) -> dict[str, object]:
        told = self.get_stats()
        counts: dict[str, object] = {name: it for name, it in told.items() if not name.endswith("_s")}
        return counts | {"running p95 ms": 1e3 * told["running_p95_s"]}

    def shutdown(self, wait: bool = False) -> None:
        """End the workers, at once or after what has not ended; kept results stay available."""
        if wait:
            self.wait_for_results()
        self._scheduler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


def _check_whole(least: int, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise KitError(f"{name} is a whole number", value, f"Use {name} >= {least}.")


def _engine_of(backend: Backend, max_workers: int, address: str | None, memory_mb: int | None) -> TaskEngine:
    """Make the engine of a backend; raises a `KitError` where there is none, or it cannot limit memory."""
    if memory_mb and (sys.platform != "linux" or backend in ("serial", "threads")):
        raise KitError(f"Nothing limits the memory of {backend} here", memory_mb, "Use processes on Linux.")
    if address is not None and backend != "dask":
        raise KitError(f"{backend} has no scheduler", address, "Use dask, or leave dask_address out.")
    if backend == "processes":
        return WorkerPool(max_workers, memory_mb)
    if backend == "threads":
        return ThreadEngine(max_workers)
    if backend == "serial":
        return SerialEngine()
    if backend == "dask":
        from kit.parallel.dask_engine import DaskEngine  # distributed takes a second to import

        return DaskEngine(max_workers, address, memory_mb)
    raise KitError("There is no such backend", backend, "Use serial, threads, processes or dask.")
