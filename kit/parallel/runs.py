"""Many tasks through ``joblib.Parallel``, their results as they come.

By default ``Parallel`` runs on the processor's own engine (`kit.parallel.backend.KillableBackend`). Where
the caller has chosen another backend, with ``joblib.parallel_config``, the same tasks run there, and the
processor takes note of them: their results, statistics and measurements are kept as those of its own.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from queue import SimpleQueue
from threading import current_thread, main_thread
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it has no types
from joblib import Parallel, delayed, wrap_non_picklable_objects
from joblib.parallel import ParallelBackendBase, get_active_backend

from kit.parallel.backend import KillableBackend
from kit.parallel.engines import Attempt, SerialEngine, in_time
from kit.parallel.execution import Outcome, execute, failed, outcome_from, seeded, text_of, travelling
from kit.parallel.pool import check_may_wait
from kit.parallel.scheduler import Scheduler
from kit.parallel.tasks import ProcessingResult, ProcessingTask

Tasks = Iterable[ProcessingTask]
Results = Generator[ProcessingResult]
Facts = tuple[int, int, int, int]  # key, seed, retries, the caller's process


def stream(scheduler: Scheduler, tasks: Tasks, together: bool, workers: int, ahead: int) -> Results:
    """Yield how each task ended, as it ends; closing the generator cancels what has not.

    So many as there are `workers` run at once, and `ahead` more are read, in a thread of their own unless
    they run in this one. What tasks share is pickled once where all are there `together`; else what yields
    them may change it in between.
    """
    check_may_wait()
    chosen, n_jobs = chosen_backend()
    if chosen is not None:
        return _elsewhere(scheduler, tasks, chosen, n_jobs or workers)
    if isinstance(scheduler.engine, SerialEngine):
        return _here(scheduler, tasks, together)
    return _on_engine(scheduler, tasks, together, workers, workers + ahead)


def chosen_backend() -> tuple[ParallelBackendBase | None, int | None]:
    """Return the joblib backend and number of jobs that the caller has configured, None for the kit's own."""
    threads, n_jobs = get_active_backend(prefer="threads")
    processes, _ = get_active_backend(prefer="processes")
    # joblib lets a hint move its default, and never a choice
    if type(threads) is not type(processes) or isinstance(threads, KillableBackend):
        return None, None
    return threads, n_jobs


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
        for task in tasks:
            scheduler.admit(scheduler.prepared(task), wait=True, heard=ended.put)
            unfinished[task.task_id] = None
            while unfinished and not (together and scheduler.has_place()):
                yield delayed(next_result)()
        while unfinished:
            yield delayed(next_result)()

    try:
        yield from Parallel(1, backend="sequential", return_as="generator")(calls())
    finally:
        scheduler.cancel(unfinished)


def _on_engine(scheduler: Scheduler, tasks: Tasks, together: bool, workers: int, ahead: int) -> Results:
    """Run tasks on the processor's engine."""
    scope = scheduler.engine.scope() if together else None
    unsent: list[Attempt] = []

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
    options: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": ahead}
    parallel = Parallel(workers, backend=backend, **options)
    try:
        with _reading(parallel, attempts()) as results:
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
    """Ends a run early; it never leaves this module."""


@contextmanager
def _reading(parallel: Parallel, calls: Iterator[Any]) -> Iterator[Iterator[Any]]:
    """Yield what ``Parallel`` returns for calls; raise here what drawing them raised in another thread."""
    broken: list[BaseException] = []

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
    inside = getattr(backend, "supports_sharedmem", False)
    lazily = "generator_unordered" if backend.supports_return_generator else "list"
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

    try:
        with _reading(Parallel(n_jobs, return_as=lazily), calls()) as outputs:
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
    """Return the next outcome and its attempts; where the backend broke, an outcome for every open task."""
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
    """Return a thing that plain pickle takes, wrapping it if need be; raises what pickling raises."""
    if id(thing) not in seen:
        try:
            pickle.dumps(thing)
            seen[id(thing)] = thing, thing
        except Exception:  # noqa: BLE001  pickling runs the user's code and raises anything
            cloudpickle.dumps(thing)
            seen[id(thing)] = thing, wrap_non_picklable_objects(thing, keep_wrapper=False)
    return seen[id(thing)][1]


def _performed(facts: Facts, operation: Any, kwargs: Any, *args: Any) -> tuple[int, Outcome | bytes]:
    """Run a task where a backend has brought it; return its number of attempts and the last outcome."""
    key, seed, retries, caller = facts
    alone, here = current_thread() is main_thread(), os.getpid() == caller
    number, completed = 0, False
    with seeded(seed) if alone else nullcontext():  # threads share them
        while not completed and number <= retries:
            outcome = execute(key, operation, args, kwargs, seed, f"pid {os.getpid()}")
            number, completed = number + 1, outcome.status == "completed"
    if here and alone and isinstance(outcome.payload, KeyboardInterrupt):
        raise outcome.payload
    return number, outcome if here else travelling(outcome)
