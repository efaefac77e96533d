"""What the tuner repeats while it searches: a burst of requests, and a run of evaluations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from kit.benchmark.run import ROUND_TRIP_S
from kit.parallel import ConcurrentProcessor, ProcessingTask
from kit.settings import Settings
from kit.transport.pool import ConnectionPoolManager

REQUESTS = 12  # two chains asked for at once
_STALLED = {"X-Kit-Fault": f"stall:{ROUND_TRIP_S}"}


@dataclass(frozen=True)
class Choice:
    """One setting of pool size, workers and evaluations per task."""

    pool_size: int
    workers: int
    batch_size: int

    def __str__(self) -> str:
        return f"pool_size {self.pool_size}, max_workers {self.workers}, batches of {self.batch_size}"


class Workload:
    """The user's work under a choice: requests through a pool, then evaluations by workers.

    Parameters
    ----------
    settings : Settings
        Everything that the choice does not change.
    url : str
        What the requests ask for.
    evaluate : callable
        One evaluation; must be picklable where the backend is ``processes`` or ``dask``.
    items : sequence
        One evaluation each.

    Notes
    -----
    Pools and processors are kept between calls, so that what is timed is the work and not the start.
    """

    def __init__(
        self, settings: Settings, url: str, evaluate: Callable[[Any], object], items: Sequence[Any]
    ) -> None:
        self._settings, self._url = settings, url
        self._evaluate, self._items = evaluate, items
        self._pools: dict[int, ConnectionPoolManager] = {}
        self._processors: dict[int, ConcurrentProcessor] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def seconds(self, choice: Choice) -> float:
        """Run the work once and return how long it took."""
        pool, processor = self._pool(choice.pool_size), self._processor(choice.workers)
        started = perf_counter()
        self._fetch(pool)
        self._run(processor, choice.batch_size)
        return perf_counter() - started

    def _fetch(self, pool: ConnectionPoolManager) -> None:
        def ask(_: int) -> None:
            with pool.get_connection() as connection:
                connection.session.get(self._url, headers=_STALLED).raise_for_status()

        with ThreadPoolExecutor(REQUESTS) as threads:
            list(threads.map(ask, range(REQUESTS)))

    def _run(self, processor: ConcurrentProcessor, batch_size: int) -> None:
        batches = [
            self._items[start : start + batch_size] for start in range(0, len(self._items), batch_size)
        ]
        tasks = [
            ProcessingTask(f"batch {number}", evaluate_batch, (self._evaluate, batch))
            for number, batch in enumerate(batches)
        ]
        for result in processor.run(tasks):
            result.value  # noqa: B018 - raises the error of a batch that failed

    def _pool(self, size: int) -> ConnectionPoolManager:
        if size not in self._pools:
            config = self._settings.connection_pool.model_copy(update={"pool_size": size})
            self._pools[size] = ConnectionPoolManager(config)
            self._closing.callback(self._pools[size].close)
            self._fetch(self._pools[size])  # opens the sockets
        return self._pools[size]

    def _processor(self, workers: int) -> ConcurrentProcessor:
        if workers not in self._processors:
            plan = self._settings.workers
            queue = max(plan.queue_size, len(self._items))
            self._processors[workers] = ConcurrentProcessor(workers, queue, plan.backend)
            self._closing.callback(self._processors[workers].shutdown)
            self._run(self._processors[workers], 1)  # starts the workers
        return self._processors[workers]


def evaluate_batch(evaluate: Callable[[Any], object], items: Sequence[Any]) -> list[object]:
    """Evaluate a few items in one task."""
    return [evaluate(item) for item in items]
