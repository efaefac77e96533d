"""A queue with priorities in front of an engine, and the result store behind it.

Of a task this holds, under the scheduler's lock:

1. From `admit` until it ends a task is in `_attempts` by its id, so no two unfinished tasks share one.
2. Meanwhile it is in exactly one of two places: in `_heap`, waiting, or in `_running` by its key, with the
   engine or, in a run that the caller has given another joblib backend, with that.
3. What an engine tells of a key that is not in `_running` is dropped: the task has been cancelled.
4. It ends once, in `_finish`: then its result is in the store, and who listens is told.
5. What it packed is freed once: by whoever ended it, or by whoever did not admit it.
6. A priority decides what is submitted next, and nothing is submitted beyond the engine's room: so nothing
   less important lies ahead of a task at a worker.

The lock is taken before those of engines, and no operation, callback or pickling runs under it.
"""

from __future__ import annotations

import heapq
import os
import secrets
from collections.abc import Callable, Iterable
from itertools import count
from math import inf
from threading import TIMEOUT_MAX, Condition, RLock
from time import monotonic

from kit.errors import QueueFull, ResultNotReady, TaskError
from kit.monitor import PerformanceMonitor
from kit.parallel.engines import Attempt, Heard, SerialEngine, TaskEngine
from kit.parallel.execution import Outcome, failed
from kit.parallel.interrupts import uninterrupted
from kit.parallel.packing import Scope
from kit.parallel.pool import check_may_wait
from kit.parallel.store import ResultStore
from kit.parallel.tasks import ProcessingResult, ProcessingTask

_keys = count(secrets.randbits(60))  # keys of several schedulers meet on one Dask worker


class Scheduler:
    """Decides which task starts next, and tells those who wait how each ended; see `ConcurrentProcessor`."""

    def __init__(
        self,
        engine: TaskEngine,
        store: ResultStore,
        monitor: PerformanceMonitor,
        queue_size: int,
        task_timeout_s: float | None,
        seed: int,
    ) -> None:
        self.engine, self._store, self._monitor = engine, store, monitor
        self._queue_size, self._task_timeout_s, self._seed = queue_size, task_timeout_s, seed
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._heap: list[Attempt] = []
        self._attempts: dict[str, Attempt] = {}  # by task id: waiting and running
        self._running: dict[int, Attempt] = {}  # by key
        self._closed = False
        self._process = os.getpid()
        engine.done, engine.free = self.ended, self.start

    def prepared(self, task: ProcessingTask, scope: Scope | None = None, *, pack: bool = True) -> Attempt:
        """Return a task made ready to travel, its arguments as they are now; `admit` it, else unpack it."""
        self._check_process()
        timeout_s = self._task_timeout_s if task.timeout is None else task.timeout
        timeout_s = None if timeout_s == inf else timeout_s
        attempt = Attempt(next(_keys), task, task.seed_with(self._seed), timeout_s, monotonic())
        if pack:
            try:
                self.engine.pack(attempt, scope)
            except Exception as error:  # noqa: BLE001  pickling runs the user's code and raises anything
                attempt.unfit = failed(attempt.key, error, 0.0, "")
        return attempt

    def admit(
        self, attempt: Attempt, wait: bool, heard: Heard | None = None, elsewhere: bool = False
    ) -> None:
        """Queue a task, and start what can start; one that cannot travel ends as failed at once.

        A task that runs elsewhere, in no engine of ours, counts as running until somebody calls `ended`. One
        that may not enter is dropped, see `ConcurrentProcessor.submit_task`.
        """
        attempt.heard = heard
        try:
            while not self._entered(attempt, wait, elsewhere):
                if not self.run_here():
                    self._sleep(lambda: self._closed or self.has_place())
        except BaseException:
            if self._attempts.get(attempt.task.task_id) is not attempt:
                self.engine.unpack(attempt)
            raise

    def _entered(self, attempt: Attempt, wait: bool, elsewhere: bool) -> bool:
        """Queue a task that may enter; False when it has to wait for a place."""
        task_id = attempt.task.task_id
        with uninterrupted(), self._lock:
            if self._closed:
                remedy = "Make a new one; where a desk was closed, open it again with open_desk()."
                raise TaskError("The processor is shut down", task_id, remedy)
            if task_id in self._attempts:
                raise TaskError("An unfinished task has this id already", task_id, "Give each task its own.")
            if elsewhere:
                self._begun(attempt)
            elif not self.has_place():
                if wait:
                    return False
                remedy = "Use wait=True, or a larger queue_size."
                raise QueueFull("The queue is full", self._queue_size, remedy)
            elif attempt.unfit is None:
                heapq.heappush(self._heap, attempt)
            self._store.submitted += 1
            self._store.forget(task_id)
            self._attempts[task_id] = attempt
            if attempt.unfit is not None:
                self._finish(attempt, attempt.unfit)
            self._pump()
        return True

    def _check_process(self) -> None:
        """Raise in a fork, which has none of the threads, and locks that no thread will release."""
        if os.getpid() != self._process:
            remedy = "Make a processor of its own."
            raise TaskError("A fork has no workers of its parent", os.getpid(), remedy)

    def cancel(self, task_ids: Iterable[str]) -> int:
        """End tasks that wait or run; return how many of them had not ended."""
        ended = []
        with uninterrupted():
            with self._lock:
                for task_id in task_ids:
                    if attempt := self._attempts.get(task_id):
                        ended.append((attempt, attempt.key in self._running))
                        self._finish(attempt, Outcome(attempt.key, "cancelled", None))
                self._heap = [one for one in self._heap if one.task.task_id in self._attempts]
                heapq.heapify(self._heap)
            self.engine.stop([attempt.key for attempt, running in ended if running])
            for attempt, _ in ended:
                self.engine.unpack(attempt)
            self.start()
        return len(ended)

    def wait(self, task_ids: Iterable[str] | None, timeout: float | None) -> dict[str, ProcessingResult]:
        """Wait for tasks, by default all, and return how each ended; see `ConcurrentProcessor`."""
        self._check_process()
        deadline = inf if timeout is None else monotonic() + timeout
        with self._lock:
            wanted = [*self._attempts] if task_ids is None else [*task_ids]
            open_ = {task_id: self._attempts[task_id] for task_id in wanted if task_id in self._attempts}
            results = {task_id: self._store.get(task_id) for task_id in wanted if task_id not in open_}

        def all_ended() -> bool:
            return all(attempt.ended is not None for attempt in open_.values())

        while not all_ended() and monotonic() < deadline and self.run_here():
            pass
        self._sleep(all_ended, deadline - monotonic())
        if late := [task_id for task_id, attempt in open_.items() if attempt.ended is None]:
            raise ResultNotReady("Tasks have not ended", late[:5], "Wait longer, or cancel them.")
        results |= {task_id: attempt.ended for task_id, attempt in open_.items() if attempt.ended}
        return {task_id: results[task_id] for task_id in wanted}

    def _sleep(self, until: Callable[[], bool], seconds: float = inf) -> None:
        with self._changed:
            if not until():
                check_may_wait()
                self._changed.wait_for(until, min(max(seconds, 0.0), TIMEOUT_MAX))

    def start(self) -> None:
        """Start what waits and can start."""
        with uninterrupted(), self._lock:
            self._pump()

    def active(self) -> dict[str, str]:
        """Return the unfinished tasks, each ``"queued"`` or ``"running"``."""
        with self._lock:
            running = {attempt.task.task_id for attempt in self._running.values()}
            return {task_id: "running" if task_id in running else "queued" for task_id in self._attempts}

    def clear(self) -> int:
        """Drop all kept results and return how many there were."""
        with self._lock:
            return self._store.clear()

    def statistics(self) -> dict[str, float]:
        """Return the store's statistics with ``active`` and ``queued``."""
        with self._lock:
            queued = len(self._attempts) - len(self._running)
            return {**self._store.statistics(), "active": len(self._running), "queued": queued}

    def close(self) -> None:
        """Admit nothing more and cancel everything."""
        with self._lock:
            self._closed = True
        self.cancel([*self._attempts])
        self.engine.close()

    def has_place(self) -> bool:
        """Tell whether the queue has a place for one more."""
        return len(self._heap) < self._queue_size

    def _pump(self) -> None:
        """Submit the most important tasks that the engine has room for; lock held."""
        if not self._heap or self._closed:
            return
        room = min(self.engine.room(), len(self._heap))
        attempts = [self._begun(heapq.heappop(self._heap)) for _ in range(room)]
        self.engine.submit(attempts)
        self._changed.notify_all()  # there are places in the queue

    def _begun(self, attempt: Attempt) -> Attempt:
        attempt.number += 1
        self._running[attempt.key] = attempt
        return attempt

    def run_here(self) -> bool:
        """With the serial engine, run the next task in this thread; tell whether there was one."""
        if not isinstance(self.engine, SerialEngine):
            return False
        with self._lock:
            if not self._heap:
                return False
            attempt = self._begun(heapq.heappop(self._heap))
        try:
            self.engine.run_here(attempt)
        except BaseException:  # an interrupt may come at any moment
            self.cancel([attempt.task.task_id])
            raise
        return True

    def ended(self, outcome: Outcome, *, final: bool = False) -> None:
        """Note how an attempt ended; it runs again if its task has retries left, unless this is final."""
        with uninterrupted(), self._lock:
            self._pump()  # first, so that whoever has become free need not wait for the rest
            attempt = self._running.get(outcome.key)
        if attempt is None:
            return
        completed = outcome.status == "completed"
        # before anybody can ask, and without the lock: alerts are the user's code
        self._monitor.record_execution(attempt.task.metric(), outcome.running_s, completed)
        with uninterrupted(), self._lock:
            if self._running.get(outcome.key) is not attempt:
                return  # it has been cancelled meanwhile
            if not final and not completed and attempt.number <= attempt.task.retries:
                del self._running[outcome.key]
                attempt.submitted = monotonic()
                heapq.heappush(self._heap, attempt)
                self._pump()
                return
            self._finish(attempt, outcome)
        self.engine.unpack(attempt)

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Keep a task's result and tell who waits; lock held."""
        self._running.pop(attempt.key, None)
        del self._attempts[attempt.task.task_id]
        attempt.ended = attempt.result(outcome)
        self._store.add(attempt.ended)
        if attempt.heard is not None:
            attempt.heard(attempt.ended)
        self._changed.notify_all()
