"""Many tasks through a scheduler, their results as they come."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import SimpleQueue
from time import monotonic

from kit.parallel.pool import check_may_wait
from kit.parallel.scheduler import Scheduler
from kit.parallel.tasks import ProcessingResult, ProcessingTask

GATHER_S = 0.0005  # tasks of a list are started together that are queued within this


def stream(
    scheduler: Scheduler, tasks: Iterable[ProcessingTask], together: bool
) -> Generator[ProcessingResult]:
    """Queue tasks as places become free and yield how each ended, as it ends.

    Closing the iterator, or an exception in it, cancels what has not ended.

    Parameters
    ----------
    scheduler : Scheduler
        Runs them.
    tasks : iterable of ProcessingTask
        Read as the queue has places.
    together : bool
        Whether the next task is there at once. Then tasks may wait for one another until some are started
        together, which spares the workers most of their falling asleep, and what they share is pickled once.
    """
    ended: SimpleQueue[ProcessingResult] = SimpleQueue()
    pending: set[str] = set()
    source = iter(tasks)
    scope = scheduler.scope() if together else None  # what yields them may change what they share
    exhausted, started = False, 0.0
    try:
        while pending or not exhausted:
            while not exhausted and (not pending or scheduler.has_place()):
                start = not together or monotonic() - started > GATHER_S
                started = monotonic() if start else started
                task = next(source, None)
                exhausted = task is None
                if task is not None:
                    scheduler.admit(task, True, ended, scope, start)
                    pending.add(task.task_id)
            scheduler.start()
            if pending and (exhausted or not scheduler.has_place()):
                result = _next(scheduler, ended)
                pending.discard(result.task_id)
                yield result
    finally:
        scheduler.cancel(scheduler.heard_by(ended))
        if scope is not None:
            scope.close()


def _next(scheduler: Scheduler, ended: SimpleQueue[ProcessingResult]) -> ProcessingResult:
    while ended.empty() and scheduler.run_here():
        pass
    check_may_wait()
    return ended.get()
