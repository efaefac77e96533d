"""What the tuner repeats while it searches: a burst of requests, and a run of evaluations."""

from __future__ import annotations

import random
import runpy
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Self

from kit.errors import SettingsError
from kit.evaluation.worker import Idea, evaluate
from kit.model import ChainSnapshot
from kit.parallel import ConcurrentProcessor, ProcessingTask
from kit.settings import Settings
from kit.simulator.distance import ROUND_TRIP_S
from kit.transport.pool import ConnectionPoolManager

IDEAS = 24
REQUESTS = 12  # two chains asked for at once
_ROLLS = 70_000  # of the idea's simulation: about 10 ms
_STALLED = {"X-Kit-Fault": f"stall:{ROUND_TRIP_S}"}


def slow_idea(snapshot: ChainSnapshot) -> float:
    """Return the mean payoff of the straddle over simulated closes: about 10 ms of plain Python."""
    rng = random.Random(7)  # noqa: S311 - a simulation
    middle, forward = snapshot.atmf_strike, snapshot.forward
    return sum(abs(forward * (0.98 + 0.04 * rng.random()) - middle) for _ in range(_ROLLS)) / _ROLLS


@dataclass(frozen=True)
class WorkerPlan:
    """One setting of workers and evaluations per task."""

    workers: int
    batch_size: int

    def __str__(self) -> str:
        return f"max_workers {self.workers}, batches of {self.batch_size}"


def ideas_from(found: Any) -> list[Idea]:
    """Return the evaluations of one run.

    Parameters
    ----------
    found : strategy, callable, or a sequence or mapping of those
        A single one is evaluated as often as the tuner's own idea. None: that idea, about 10 ms of plain
        Python each time.

    Raises
    ------
    SettingsError
        Something in it is neither a strategy nor callable, or it is empty.
    """
    found = slow_idea if found is None else found
    several = list(found.values()) if isinstance(found, Mapping) else found
    ideas = list(several) if isinstance(several, Sequence) else [several] * IDEAS
    wrong = [idea for idea in ideas if not (callable(idea) or hasattr(idea, "legs"))]
    if wrong or not ideas:
        what = wrong[0] if wrong else "nothing"
        raise SettingsError("The tuner evaluates strategies and functions of a chain, not", what)
    return ideas


def read_ideas(place: str) -> list[Idea]:
    """Read a workload from ``FILE.py:NAME``.

    Raises
    ------
    SettingsError
        The file or the name is not there, or it is no workload.
    """
    file, _, name = place.rpartition(":")
    if not Path(file).is_file():
        raise SettingsError("There is no workload file here", place, "Write FILE.py:NAME.")
    try:
        held = runpy.run_path(file)
    except (SyntaxError, ValueError) as error:
        raise SettingsError("The workload's file is not Python that runs", file, f"{error}.") from error
    if name not in held:
        raise SettingsError("The file has no such name", place, "Write FILE.py:NAME.")
    return ideas_from(held[name])


class Workload:
    """The user's work: requests through a pool, and evaluations by workers.

    Parameters
    ----------
    settings : Settings
        Everything that is not searched.
    url : str
        What the requests ask for.
    ideas : sequence
        Strategies or functions of a snapshot.
    snapshots : sequence
        What each of them is evaluated on.

    Notes
    -----
    Pools and processors are kept between calls, so that what is timed is the work and not the start.
    """

    def __init__(self, settings: Settings, url: str, ideas: Sequence[Idea], snapshots: Sequence[Any]) -> None:
        self._settings, self._url = settings, url
        self._ideas, self._snapshots = ideas, snapshots
        self._pools: dict[int, ConnectionPoolManager] = {}
        self._processors: dict[int, ConcurrentProcessor] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def fetch_seconds(self, pool_size: int) -> float:
        """Send the burst once through a pool of this size and return how long it took."""
        pool = self._pool(pool_size)
        started = perf_counter()
        self._fetch(pool)
        return perf_counter() - started

    def run_seconds(self, plan: WorkerPlan) -> float:
        """Evaluate everything once and return how long it took."""
        processor = self._processor(plan.workers)
        started = perf_counter()
        self._run(processor, plan.batch_size)
        return perf_counter() - started

    def _fetch(self, pool: ConnectionPoolManager) -> None:
        def ask(_: int) -> None:
            with pool.get_connection() as connection:
                connection.session.get(self._url, headers=_STALLED).raise_for_status()

        with ThreadPoolExecutor(REQUESTS) as threads:
            list(threads.map(ask, range(REQUESTS)))

    def _run(self, processor: ConcurrentProcessor, batch_size: int) -> None:
        batches = [
            (self._ideas[start : start + batch_size], snapshot)
            for snapshot in self._snapshots
            for start in range(0, len(self._ideas), batch_size)
        ]
        limit_s = self._settings.workers.task_timeout_s * batch_size
        tasks = [
            ProcessingTask(f"batch {number}", evaluate_batch, batch, timeout=limit_s)
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
            queue = max(plan.queue_size, len(self._ideas) * len(self._snapshots))
            self._processors[workers] = ConcurrentProcessor(workers, queue, plan.backend)
            self._closing.callback(self._processors[workers].shutdown)
            self._run(self._processors[workers], 1)  # starts the workers
        return self._processors[workers]


def evaluate_batch(ideas: Sequence[Idea], snapshot: Any) -> list[object]:
    """Evaluate a few ideas in one task."""
    return [evaluate(idea, snapshot) for idea in ideas]


def worker_counts(most: int) -> list[int]:
    """Return 1, 2, 4, ... up to `most`, and `most` itself."""
    return sorted({1, most, *(2**power for power in range(1, 11) if 2**power <= most)})


def speedups(
    settings: Settings,
    snapshot: Any,
    checkpoint: Callable[[str], object],
    rounds: int = 3,
) -> dict[int, float]:
    """Return how many times as fast ideas are evaluated by 1, 2, 4, ... workers as by one.

    Parameters
    ----------
    settings : Settings
        Gives the backend and the most workers.
    snapshot : ChainSnapshot
        What the tuner's own idea is evaluated on.
    checkpoint : callable
        Called with a word before each sample; may raise to stop.
    rounds : int, default 3
        Samples of each number of workers, taken in turns.
    """
    taken_s: dict[int, list[float]] = {count: [] for count in worker_counts(settings.workers.max_workers)}
    with Workload(settings, "", ideas_from(None), [snapshot]) as work:
        for _ in range(rounds):
            for count, found_s in taken_s.items():
                checkpoint(f"evaluation, workers: {count}")
                found_s.append(work.run_seconds(WorkerPlan(count, 1)))
    return {
        count: median(alone / together for alone, together in zip(taken_s[1], found_s, strict=True))
        for count, found_s in taken_s.items()
    }
