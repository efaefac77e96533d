"""Many small evaluations in few tasks, without losing a row.

A built-in strategy is scored in some 40 µs, less than it takes to send it to a worker, and is known to
end. So those share tasks; the error of one stays beside the scores of the others. Whatever a user wrote,
a function, a class, a rule for strikes, may do anything and take any time: it has a task and a time-out
of its own, and is never run twice. Where the worker of a shared task dies, killed from outside or by a
task before, the built-in ones in it are run again, each alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from threading import Event, Lock
from typing import Any

from kit.errors import TaskError
from kit.evaluation.request import EvaluationRequest
from kit.evaluation.worker import Ended, OnChain, Part, evaluate, evaluate_batch
from kit.model import ChainSnapshot
from kit.parallel import ConcurrentProcessor, ProcessingResult, ProcessingTask
from kit.parallel.execution import Outcome
from kit.parallel.tasks import failure
from kit.strategies import FAMILIES
from kit.strategies.strikes import Delta, Distance, Offset, Percent, Premium, Width

PRELOAD = ("kit.evaluation.worker",)  # what workers import while they start
ONE = "strategy"  # the name under which the monitor counts a single strategy, timed in its worker
BATCH = "strategy_batch"
OnEnded = Callable[[EvaluationRequest, ProcessingResult], object]
_LEAST, _MOST = 32, 64  # built-in strategies in one task
_PER_WORKER = 4  # batches for each worker, so that none idles at the end
_SHARED_S = 1.0  # with a shorter time-out each strategy has a task of its own, lest a batch overrun
_RULES = (Delta, Distance, Offset, Percent, Premium, Width)


class _Stopped(Exception):
    """The run was cancelled; never leaves this room."""


class _Watched(list[ProcessingTask]):
    """Tasks that are all there, so that several are started at a time, and that tell which were sent."""

    def __init__(self, tasks: Iterable[ProcessingTask], was_sent: Callable[[str], None]) -> None:
        super().__init__(tasks)
        self._was_sent = was_sent

    def __iter__(self) -> Iterator[ProcessingTask]:
        for task in super().__iter__():
            yield task
            self._was_sent(task.task_id)


class Batches:
    """One run of many strategies on a processor.

    Parameters
    ----------
    processor : ConcurrentProcessor
        Runs the tasks.
    timeout : float
        Seconds that one strategy may run.
    keep : callable
        Given each request with its result, also what an interrupt or `cancel` left unfinished, as cancelled.
    tell : callable
        Given each request with its result as it ends, in the thread that runs.
    """

    def __init__(self, processor: ConcurrentProcessor, timeout: float, keep: OnEnded, tell: OnEnded) -> None:
        self._processor = processor
        self._timeout = timeout
        self._keep = keep
        self._tell = tell
        self._stopped = Event()
        self._tasks: dict[str, list[EvaluationRequest]] = {}
        self._sent: list[str] = []
        self._chains: dict[int, OnChain] = {}  # by the chain's id
        self._left: dict[int, EvaluationRequest] = {}
        self._again: list[EvaluationRequest] = []

    @property
    def stopped(self) -> bool:
        """Whether the run was cancelled."""
        return self._stopped.is_set()

    def cancel(self) -> None:
        """End the run from another thread: what runs is stopped, nothing more is begun."""
        self._stopped.set()
        # one end is enough: the run hears of it, sees that it shall stop and ends the rest by itself
        for task_id in self._processor.get_active_tasks():
            if task_id in self._tasks and self._processor.cancel_task(task_id):
                return

    def run(self, requests: Sequence[EvaluationRequest]) -> None:
        """Evaluate everything; however this ends, each of them has been kept."""
        self._left, self._again = {request.place: request for request in requests}, []
        groups = _groups(requests, self._processor.max_workers, self._timeout)
        try:
            if not self._processor.start(PRELOAD):
                groups = self._run_here(groups)
            with _run_number() as number:
                # two runs may share a processor at the same time; alone, a task is called what it is
                suffix = f" (run {number + 1})" if number else ""
                self._run(groups, suffix)
                again, self._again = self._again, []
                self._run([[request] for request in again], suffix)
        except _Stopped:
            pass
        finally:
            for request in [*self._left.values()]:
                error = failure(Outcome(0, "cancelled", None), ProcessingTask(request.label, evaluate))
                self._end(request, ProcessingResult(request.label, "cancelled", error=error, attempts=0))

    def _run_here(self, groups: list[list[EvaluationRequest]]) -> list[list[EvaluationRequest]]:
        """Evaluate a few built-in strategies while workers start, which takes longer; return the rest."""
        bounded = [request for group in groups for request in group if _is_bounded(request)]
        if len(bounded) > _MOST or self._timeout < _SHARED_S:
            return groups
        for request in bounded:
            self._raise_if_stopped()
            part = Part(request.idea, request.name, seed=request.place)
            (one,) = evaluate_batch([part], request.market_data)
            if isinstance(one.error, KeyboardInterrupt):
                raise one.error
            result = _part(request, ProcessingResult(request.label, "completed", worker="caller"), one)
            self._processor.monitor.record_execution(ONE, result.running_s, result.error is None)
            self._tell(request, self._end(request, result))
        return [group for group in groups if not _is_bounded(group[0])]

    def _run(self, groups: list[list[EvaluationRequest]], suffix: str) -> None:
        self._tasks, self._sent, self._chains = {}, [], {}
        for group in groups:
            task_id = f"{group[0].label}{suffix}"
            while task_id in self._tasks:  # names such as 1 and "1"
                task_id += "'"
            self._tasks[task_id] = group
        tasks = _Watched((self._task(*item) for item in self._tasks.items()), self._was_sent)
        try:
            self._raise_if_stopped()
            self._processor.run(tasks, on_result=self._report)
        except BaseException:  # also an interrupt: what had ended is kept, whatever ends the run
            self._collect()
            raise

    def _was_sent(self, task_id: str) -> None:
        """Look after each task whether to stop: `cancel` sees only those that were sent."""
        self._sent.append(task_id)
        self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self.stopped:
            raise _Stopped

    def _task(self, task_id: str, group: list[EvaluationRequest]) -> ProcessingTask:
        first, data = group[0], group[0].market_data
        args: tuple[Any, ...] = evaluate, first.idea, first.name, first.terms
        if len(group) > 1:
            args = evaluate_batch, [Part(one.idea, one.name, one.place, one.terms) for one in group]
        operation, *rest = args
        if type(data) is ChainSnapshot:
            operation = self._chains.setdefault(id(data), OnChain(data))
        else:
            args = rest[0], data, *rest[1:]
        seed, name = (first.place, ONE) if len(group) == 1 else (None, BATCH)
        return ProcessingTask(task_id, operation, args, timeout=self._timeout, seed=seed, name=name)

    def _report(self, result: ProcessingResult) -> None:
        for request, own in self._taken(result):
            if not (self.stopped and own.status == "cancelled"):  # that has not finished
                self._tell(request, own)
        self._raise_if_stopped()

    def _collect(self) -> None:
        """Keep what had ended when the run was cut short and nobody had been told of yet."""
        for task_id in self._sent:
            if any(request.place in self._left for request in self._tasks[task_id]):
                with suppress(TaskError):  # the processor has let it go
                    self._taken(self._processor.wait_for_results([task_id], 0)[task_id])

    def _taken(self, result: ProcessingResult) -> list[tuple[EvaluationRequest, ProcessingResult]]:
        """Take in what a task came to, strategy by strategy; those to be run again are left out."""
        group = self._tasks[result.task_id]
        if len(group) == 1:
            ended = [(group[0], result)]
        elif result.status == "completed":
            ended = [
                (request, _part(request, result, one))
                for request, one in zip(group, result.output, strict=True)
            ]
            for _, own in ended:
                self._processor.monitor.record_execution(ONE, own.running_s, own.error is None)
        elif result.status in ("cancelled", "timeout"):
            ended = [(request, replace(result, error=_renamed(result.error, request))) for request in group]
        else:
            self._again += group
            return []
        return [(request, self._end(request, own)) for request, own in ended]

    def _end(self, request: EvaluationRequest, result: ProcessingResult) -> ProcessingResult:
        own = replace(result, task_id=request.label)
        del self._left[request.place]
        self._keep(request, own)
        return own


def _part(request: EvaluationRequest, whole: ProcessingResult, one: Ended) -> ProcessingResult:
    if not one.raised:
        return replace(whole, output=one.output, running_s=one.seconds)
    failed = Outcome(0, "failed", one.error, one.details, raised=one.raised)
    error = failure(failed, ProcessingTask(request.label, evaluate))
    return replace(whole, status="failed", output=None, error=error, running_s=one.seconds)


def _renamed(error: TaskError | None, request: EvaluationRequest) -> TaskError | None:
    return error and type(error)(error.what, request.label, error.remedy)


def _groups(
    requests: Sequence[EvaluationRequest], workers: int, timeout: float | None
) -> list[list[EvaluationRequest]]:
    """Put built-in strategies on one chain together, as many as leave every worker enough, and first."""
    fair = len(requests) // (_PER_WORKER * workers)
    size = min(_MOST, max(_LEAST, fair)) if timeout is None or timeout >= _SHARED_S else 1
    alike: dict[int, list[EvaluationRequest]] = {}
    alone: list[list[EvaluationRequest]] = []
    for request in requests:
        if _is_bounded(request):
            alike.setdefault(id(request.market_data), []).append(request)
        else:
            alone.append([request])
    shared = [own[first : first + size] for own in alike.values() for first in range(0, len(own), size)]
    return shared + alone


def _is_bounded(request: EvaluationRequest) -> bool:
    """Tell whether nothing in it is the user's: not the class, not its rules for strikes, not the chain."""
    if type(request.idea) not in FAMILIES or type(request.market_data) is not ChainSnapshot:
        return False
    return all(type(value) in _RULES or not callable(value) for value in vars(request.idea).values())


_numbers: set[int] = set()
_numbers_lock = Lock()


@contextmanager
def _run_number() -> Iterator[int]:
    """Give each of the runs under way a number of its own, the lowest that is free: usually 0."""
    with _numbers_lock:
        number = next(number for number in count() if number not in _numbers)
        _numbers.add(number)
    try:
        yield number
    finally:
        with _numbers_lock:
            _numbers.discard(number)
