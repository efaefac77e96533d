"""Many small evaluations in few tasks, without losing a row.

A built-in strategy is scored in some 40 µs, less than it takes to send it to a worker. Strategies are
pure, so several of them share a task; the error of one stays beside the scores of the others, and where
a shared task overruns, dies or cannot travel, each of its strategies is run once more in a task of its
own. Plain functions may do anything and always have a task of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from threading import Lock
from typing import Any, Literal, NamedTuple

from kit.evaluation.worker import Ended, Idea, Part, evaluate, evaluate_batch
from kit.parallel import ConcurrentProcessor, ProcessingResult, ProcessingTask
from kit.parallel.tasks import Status
from kit.strategies import ALL
from kit.strategies.base import Strategy

_Kind = Literal["built-in", "own", "function"]
ONE = "strategy"  # the name under which the monitor counts a single strategy, timed in its worker
BATCH = "strategy_batch"
# strategies in one task; the built-in ones are known to take microseconds
_LEAST: dict[_Kind, int] = {"built-in": 32, "own": 1, "function": 1}
_MOST: dict[_Kind, int] = {"built-in": 64, "own": 64, "function": 1}
_PER_WORKER = 4  # batches for each worker, so that none idles at the end


class Ask(NamedTuple):
    """One strategy on one chain, and what errors call it."""

    idea: Idea
    market_data: Any
    name: str
    label: str


class Batches:
    """One run of many strategies on a processor.

    Parameters
    ----------
    processor : ConcurrentProcessor
        Runs the tasks.
    asks : sequence of Ask
        What to evaluate; the labels differ.
    timeout : float
        Seconds that one strategy, or one batch of them, may run.
    on_ended : callable
        Called with the position and the result of each strategy as it ends.
    """

    def __init__(
        self,
        processor: ConcurrentProcessor,
        asks: Sequence[Ask],
        timeout: float,
        on_ended: Callable[[int, ProcessingResult], object],
    ) -> None:
        self._processor = processor
        self._asks = asks
        self._timeout = timeout
        self._on_ended = on_ended
        self._results: dict[int, ProcessingResult] = {}
        self._again: list[int] = []

    def run(self) -> list[ProcessingResult]:
        """Evaluate everything and return the results in the order asked."""
        with _turn() as turn:
            # two runs may share a processor at the same time; alone, a task is called what it is
            suffix = f" (run {turn + 1})" if turn else ""
            self._run(_groups(self._asks, self._processor.max_workers), suffix)
            again, self._again = self._again, []
            self._run([[place] for place in again], suffix)
        return [self._results[place] for place in range(len(self._asks))]

    def _run(self, groups: list[list[int]], suffix: str) -> None:
        tasks = {f"{self._asks[group[0]].label}{suffix}": group for group in groups}
        ended = self._processor.run(
            [self._task(task_id, group) for task_id, group in tasks.items()],
            on_result=lambda result: self._take(tasks[result.task_id], result),
        )
        assert len(ended) == len(groups)

    def _task(self, task_id: str, group: list[int]) -> ProcessingTask:
        first = self._asks[group[0]]
        if len(group) == 1:
            args = (first.idea, first.market_data, first.name)
            return ProcessingTask(task_id, evaluate, args, timeout=self._timeout, seed=group[0], name=ONE)
        # the chain is an argument of its own, so that a worker keeps it from batch to batch
        asks = ((place, self._asks[place]) for place in group)
        parts = [Part(ask.idea, ask.name, ask.label, seed=place) for place, ask in asks]
        return ProcessingTask(
            task_id, evaluate_batch, (parts, first.market_data), timeout=self._timeout, name=BATCH
        )

    def _take(self, group: list[int], result: ProcessingResult) -> None:
        """Hand on what a task came to, strategy by strategy."""
        if len(group) == 1:
            self._end(group[0], result)
        elif result.status == "completed":
            for place, one in zip(group, result.output, strict=True):
                self._processor.monitor.record_execution(ONE, one.seconds, one.error is None)
                self._end(place, _part(result, one))
        elif result.status == "cancelled":
            for place in group:
                self._end(place, result)
        else:
            self._again += group

    def _end(self, place: int, result: ProcessingResult) -> None:
        self._results[place] = replace(result, task_id=self._asks[place].label)
        self._on_ended(place, self._results[place])


def _part(whole: ProcessingResult, one: Ended) -> ProcessingResult:
    status: Status = "completed" if one.error is None else "failed"
    return replace(whole, status=status, output=one.output, error=one.error, running_s=one.seconds)


def _groups(asks: Sequence[Ask], workers: int) -> list[list[int]]:
    """Put strategies of one kind on one chain together, as many as leave every worker enough."""
    alike: dict[tuple[_Kind, int], list[int]] = {}
    for place, ask in enumerate(asks):
        alike.setdefault((_kind(ask.idea), id(ask.market_data)), []).append(place)
    fair = len(asks) // (_PER_WORKER * workers)
    groups: list[list[int]] = []
    for (kind, _), places in alike.items():
        size = min(_MOST[kind], max(_LEAST[kind], fair))
        groups += [places[first : first + size] for first in range(0, len(places), size)]
    return groups


def _kind(idea: Idea) -> _Kind:
    if type(idea) in ALL:
        return "built-in"
    return "own" if isinstance(idea, Strategy) else "function"


_turns: set[int] = set()
_turns_lock = Lock()


@contextmanager
def _turn() -> Iterator[int]:
    """Give each of the runs under way a number of its own, the lowest that is free: usually 0."""
    with _turns_lock:
        number = next(number for number in count() if number not in _turns)
        _turns.add(number)
    try:
        yield number
    finally:
        with _turns_lock:
            _turns.discard(number)
