"""Many tasks through ``joblib.Parallel``, their results as they come.

By default ``Parallel`` runs on the processor's own engine (`kit.parallel.backend.KillableBackend`). Where
the caller has chosen another backend, with ``joblib.parallel_config``, the same tasks run there, and the
processor takes note of them: their results, statistics and measurements are kept as those of its own.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from queue import SimpleQueue
from threading import current_thread, main_thread
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it has no types
from joblib import Parallel, delayed, wrap_non_picklable_objects
from joblib.parallel import ParallelBackendBase, get_active_backend

from kit.parallel.attempts import Attempt
from kit.parallel.backend import KillableBackend
from kit.parallel.engines import SerialEngine, in_time
from kit.parallel.execution import (
    Outcome,
    borrowed_globals,
    execute,
    failed,
    outcome_from,
    text_of,
    travelling,
)
from kit.parallel.pool import check_may_wait
from kit.parallel.scheduler import Scheduler
from kit.parallel.tasks import ProcessingResult, ProcessingTask

Tasks = Iterable[ProcessingTask]
Results = Generator[ProcessingResult]


def stream(scheduler: Scheduler, tasks: Tasks, together: bool, workers: int, ahead: int) -> Results:
    """Yield how each task ended, as it ends; closing the generator cancels what has not.

    Parameters
    ----------
    scheduler : Scheduler
        Of the processor.
    tasks : iterable of ProcessingTask
        Read as others end, in a thread of their own unless they run in this one.
    together : bool
        Whether all are there already. Then what they share is pickled once; else what yields them may change
        it in between.
    workers : int
        How many run at once.
    ahead : int
        How many more are read.
    """
    check_may_wait()
    chosen, n_jobs = _chosen()
    if chosen is not None:
        return _elsewhere(scheduler, tasks, chosen, n_jobs or workers)
    if isinstance(scheduler.engine, SerialEngine):
        return _here(scheduler, tasks, together)
    return _on_engine(scheduler, tasks, together, workers, workers + ahead)


def _chosen() -> tuple[ParallelBackendBase | None, int | None]:
    """Return the joblib backend and number of jobs that the caller has configured, None for the kit's own.

    joblib lets a hint move its default, and never a choice: that tells the two apart.
    """
    threads, n_jobs = get_active_backend(prefer="threads")
    processes, _ = get_active_backend(prefer="processes")
    if type(threads) is not type(processes) or isinstance(threads, KillableBackend):
        return None, None
    return threads, n_jobs


def is_elsewhere() -> bool:
    """Tell whether the caller has chosen a joblib backend of its own."""
    return _chosen()[0] is not None


def _here(scheduler: Scheduler, tasks: Tasks, together: bool) -> Results:
    """Run tasks in the calling thread, which is joblib's sequential backend, by priority."""
    ended: SimpleQueue[ProcessingResult] = SimpleQueue()
    unfinished: dict[str, None] = {}

    def next_result() -> ProcessingResult:
        while ended.empty() and scheduler.run_here():
            pass
        result = ended.get()
        del unfinished[result.task_id]
        return result

    def calls() -> Iterator[Any]:
        source = iter(tasks)
        while True:
            while not unfinished or (together and scheduler.has_place()):
                if (task := next(source, None)) is None:
                    break
                scheduler.admit(scheduler.prepared(task), wait=True, heard=ended.put)
                unfinished[task.task_id] = None
            if not unfinished:
                return
            yield delayed(next_result)()

    try:
        yield from Parallel(1, backend="sequential", return_as="generator")(calls())
    finally:
        scheduler.cancel(unfinished)


def _on_engine(scheduler: Scheduler, tasks: Tasks, together: bool, workers: int, ahead: int) -> Results:
    """Run tasks on the processor's engine."""
    scope = scheduler.engine.scope() if together else None
    unsent: list[Attempt] = []
    broken: list[BaseException] = []

    def attempts() -> Iterator[Any]:
        try:
            for task in tasks:
                unsent[:] = [attempt for attempt in unsent if attempt.heard is None]
                unsent.append(scheduler.prepared(task, scope))
                yield unsent[-1], (), {}
        except BaseException:
            backend.look()
            raise

    backend = KillableBackend(scheduler)
    parallel = Parallel(
        workers, backend=backend, return_as="generator_unordered", batch_size=1, pre_dispatch=ahead
    )
    try:
        with _reading(parallel, attempts(), broken) as results:
            for result in results:
                yield result
                backend.await_next()
    finally:
        backend.abort_everything(ensure_ready=False)
        backend.stop_call()
        for attempt in unsent:
            if attempt.heard is None:
                scheduler.engine.unpack(attempt)
        if scope is not None:
            scope.close()


class _Left(Exception):
    """A run ends early; never leaves this room."""


@contextmanager
def _reading(
    parallel: Parallel, calls: Iterator[Any], broken: list[BaseException]
) -> Iterator[Iterator[Any]]:
    """Read what ``Parallel`` makes of calls; raise what drawing them raised, in whatever thread."""

    def drawn() -> Iterator[Any]:
        try:
            yield from calls
        except GeneratorExit:
            raise
        except BaseException as error:  # an interrupt or exit would end another thread unheard
            broken.append(error)
            raise _Left from error

    def outputs() -> Generator[Any]:
        yield from parallel(drawn())

    reading = outputs()
    try:
        yield reading
    except _Left:
        raise broken[0] from None
    finally:
        with suppress(_Left):  # to close it would have joblib complain of unread results
            reading.throw(_Left())


def _elsewhere(scheduler: Scheduler, tasks: Tasks, backend: ParallelBackendBase, n_jobs: int) -> Results:
    """Run tasks on the joblib backend that the caller has chosen; what it cannot do, their results say."""
    ended: SimpleQueue[ProcessingResult] = SimpleQueue()
    unfinished: dict[int, Attempt] = {}
    broken: list[BaseException] = []
    inside = getattr(backend, "supports_sharedmem", False)
    name, seen = type(backend).__name__, dict[int, tuple[Any, Any]]()

    def calls() -> Iterator[Any]:
        for task in tasks:
            attempt = scheduler.prepared(task, pack=False)
            parts: Sequence[Any] = (task.operation, task.kwargs, *task.args)
            if not inside:
                try:
                    parts = [_fit(part, seen) for part in parts]
                except Exception as error:  # noqa: BLE001  pickling runs the user's code and raises anything
                    attempt.unfit = failed(attempt.key, error, 0.0, "")
            scheduler.admit(attempt, wait=False, heard=ended.put, elsewhere=True)
            if attempt.unfit is None:
                unfinished[attempt.key] = attempt
                yield delayed(_performed)((attempt.key, attempt.seed, task.retries, os.getpid()), *parts)

    lazily = "generator_unordered" if backend.supports_return_generator else "list"
    try:
        with _reading(Parallel(n_jobs, return_as=lazily), calls(), broken) as outputs:
            while found := _next(outputs, unfinished, name):
                for outcome, number in found:
                    attempt = unfinished.pop(outcome.key)
                    attempt.number = number
                    scheduler.ended(in_time(outcome, attempt.timeout_s, name), final=True)
                while not ended.empty():
                    yield ended.get()
        while not ended.empty():
            yield ended.get()
    finally:
        scheduler.cancel([attempt.task.task_id for attempt in unfinished.values()])


def _next(outputs: Iterator[Any], unfinished: Iterable[int], name: str) -> list[tuple[Outcome, int]]:
    """Return what came next, with the number of attempts; where the backend broke, that of all."""
    try:
        number, sent = next(outputs)
        return [(sent if isinstance(sent, Outcome) else outcome_from(sent), number)]
    except StopIteration:
        return []
    except _Left:
        raise
    except Exception as error:  # noqa: BLE001  each backend breaks in its own way
        why = f"{name} gave up all it had: {text_of(error)}."
        return [(Outcome(key, "crashed", None, why), 1) for key in unfinished]


def _fit(thing: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    """Return what any backend can pickle; raises what pickling raises, and looks at each object once."""
    if id(thing) not in seen:
        fit = thing
        try:
            pickle.dumps(thing)
        except Exception:  # noqa: BLE001  pickling runs the user's code and raises anything
            cloudpickle.dumps(thing)
            fit = wrap_non_picklable_objects(thing, keep_wrapper=False)
        seen[id(thing)] = thing, fit
    return seen[id(thing)][1]


def _performed(
    facts: tuple[int, int, int, int], operation: Callable[..., Any], kwargs: Any, *args: Any
) -> tuple[int, Outcome | bytes]:
    """Run a task wherever a backend has brought it; return its attempts and what came of the last."""
    key, seed, retries, caller = facts
    alone, here = current_thread() is main_thread(), os.getpid() == caller
    with borrowed_globals(seed) if alone else nullcontext():  # threads share them
        for number in range(1, retries + 2):  # noqa: B007  it is returned
            outcome = execute(key, operation, args, kwargs, seed, f"pid {os.getpid()}")
            if outcome.status == "completed":
                break
    if here and alone and isinstance(outcome.payload, KeyboardInterrupt):
        raise outcome.payload
    return number, outcome if here else travelling(outcome)
