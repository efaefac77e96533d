"""A queue with priorities in front of an engine, and a ledger behind it."""

from __future__ import annotations

import heapq
import secrets
from collections.abc import Iterable, Sequence
from itertools import count
from math import isinf
from queue import SimpleQueue
from threading import TIMEOUT_MAX, Condition, RLock
from time import monotonic
from typing import cast

from kit.errors import QueueFull, ResultNotReady, TaskError
from kit.monitor import PerformanceMonitor
from kit.parallel.engines import Call, Engine, SerialEngine, packed
from kit.parallel.execution import Outcome
from kit.parallel.interrupts import uninterrupted
from kit.parallel.ledger import Found, Ledger
from kit.parallel.packing import Scope
from kit.parallel.pool import check_may_wait
from kit.parallel.records import Record
from kit.parallel.tasks import ProcessingResult, ProcessingTask

_keys = count(secrets.randbits(60))  # keys of several schedulers meet on one Dask worker


class Scheduler:
    """Decides which task starts next, and tells those who wait how each ended.

    Parameters
    ----------
    engine, ledger
        Runs the tasks; keeps the results.
    monitor, queue_size, task_timeout_s, seed
        As in `ConcurrentProcessor`.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        monitor: PerformanceMonitor,
        queue_size: int,
        task_timeout_s: float | None,
        seed: int,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._monitor = monitor
        self._queue_size = queue_size
        self._task_timeout_s = task_timeout_s
        self._seed = seed
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._orders = count()
        self._waiters = 0
        self._lowest = float("inf")  # no running task has a lower priority
        self._heap: list[Record] = []
        self._records: dict[str, Record] = {}  # by task id: waiting and running
        self._running: dict[int, Record] = {}  # by key: submitted to the engine
        self._closed = False

    def admit(
        self,
        task: ProcessingTask,
        wait: bool,
        listener: SimpleQueue[ProcessingResult] | None = None,
        scope: Scope | None = None,
        start: bool = True,
    ) -> None:
        """Queue a task, and start what can start; one that cannot be pickled ends as failed at once.

        Raises
        ------
        QueueFull, TaskError
            See `ConcurrentProcessor.submit_task`.
        """
        timeout_s = self._task_timeout_s if task.timeout is None else task.timeout
        limit_s = None if timeout_s is None or isinf(timeout_s) else timeout_s
        call = Call(next(_keys), task, task.seed_with(self._seed), limit_s, self._ended)
        record = Record(call, monotonic(), listener, next(self._orders))
        try:
            unfit = packed(self._engine, call, scope)
            while not self._entered(record, unfit, wait, start):
                self._make_place()
        except BaseException:
            if self._records.get(task.task_id) is not record:
                self._engine.unpack(call)
            raise

    def _entered(self, record: Record, unfit: Outcome | None, wait: bool, start: bool) -> bool:
        """Queue a task that may enter; False when it has to wait for a place."""
        task_id = record.call.task.task_id
        with uninterrupted, self._lock:
            if self._closed:
                raise TaskError("The processor is shut down", task_id, "Make a new one.")
            if task_id in self._records:
                raise TaskError("An unfinished task has this id already", task_id, "Give each task its own.")
            if not self.has_place():
                if wait:
                    return False
                raise QueueFull(
                    "The queue is full", self._queue_size, "Use wait=True, or a larger queue_size."
                )
            self._ledger.submitted += 1
            self._ledger.forget(task_id)
            self._records[task_id] = record
            self._enqueue(record) if unfit is None else self._finish(record, unfit)
            if start:
                self._pump()
        return True

    def _make_place(self) -> None:
        """Run a task if nobody else does, else wait until a place may be free."""
        if not self.run_here():
            with self._lock:
                if not self._closed and not self.has_place():
                    self._sleep(None)

    def cancel(self, task_ids: Iterable[str]) -> int:
        """End tasks that wait or run; return how many of them had not ended."""
        ended = []
        with uninterrupted:
            with self._lock:
                for task_id in task_ids:
                    if record := self._records.get(task_id):
                        ended.append((record, self._running.get(record.call.key) is record))
                        self._finish(record, Outcome(record.call.key, "cancelled", None))
                self._heap = [record for record in self._heap if record.call.task.task_id in self._records]
                heapq.heapify(self._heap)
            self._engine.stop([record.call.key for record, running in ended if running])
            for record, _ in ended:
                self._engine.unpack(record.call)
            self.start()
        return len(ended)

    def wait(self, task_ids: Iterable[str] | None, timeout: float | None) -> dict[str, ProcessingResult]:
        """Wait for tasks, by default all, and return how each ended.

        Raises
        ------
        ResultNotReady, TaskError
            See `ConcurrentProcessor.wait_for_results`.
        """
        deadline = None if timeout is None else monotonic() + timeout
        with self._lock:
            found = self._ledger.gather(self._records if task_ids is None else task_ids, self._records)
        try:
            while None in found.values():
                if not self.run_here():
                    self._sleep_for(found, deadline)
        finally:
            with self._lock:
                self._ledger.release(found)
        return cast("dict[str, ProcessingResult]", found)

    def _sleep_for(self, found: Found, deadline: float | None) -> None:
        """Wait until one more of the gathered results may be there."""
        with self._lock:
            pending = [name for name, result in found.items() if result is None]
            left = None if deadline is None else deadline - monotonic()
            if pending and left is not None and left <= 0:
                raise ResultNotReady("Tasks have not ended", pending[:5], "Wait longer, or cancel them.")
            if pending:
                self._sleep(left)

    def start(self) -> None:
        """Start what waits and can start."""
        with uninterrupted, self._lock:
            self._pump()

    def scope(self) -> Scope | None:
        """Open a scope for the tasks of one run."""
        return self._engine.scope()

    def heard_by(self, listener: SimpleQueue[ProcessingResult]) -> list[str]:
        """Return the unfinished tasks whose results a listener wants."""
        with self._lock:
            return [task_id for task_id, record in self._records.items() if record.listener is listener]

    def active(self) -> dict[str, str]:
        """Return the unfinished tasks, each ``"queued"`` or ``"running"``."""
        with self._lock:
            begun = self._engine.begun(self._running)
            return {
                task_id: "running" if record.call.key in begun else "queued"
                for task_id, record in self._records.items()
            }

    def clear(self) -> int:
        """Let all kept results go and return how many there were."""
        with self._lock:
            return self._ledger.clear()

    def statistics(self) -> dict[str, float]:
        """Return the ledger's statistics with ``active`` and ``queued``."""
        with self._lock:
            active = len(self._engine.begun(self._running))
            queued = len(self._records) - active
            return {**self._ledger.statistics(), "active": active, "queued": queued}

    def close(self) -> None:
        """Admit nothing more and cancel everything."""
        with self._lock:
            self._closed = True
            task_ids = [*self._records]
        self.cancel(task_ids)
        self._engine.close()

    def has_place(self) -> bool:
        """Tell whether the queue has a place for one more."""
        return len(self._records) - len(self._running) < self._queue_size

    def _sleep(self, seconds: float | None) -> None:
        """Wait until something has ended or begun; lock held."""
        check_may_wait()
        self._waiters += 1
        try:
            self._changed.wait(None if seconds is None else min(seconds, TIMEOUT_MAX))
        finally:
            self._waiters -= 1

    def _enqueue(self, record: Record) -> None:
        """Put a task in the queue and start what can start; lock held."""
        if record.call.task.priority > self._lowest:
            self._lowest = record.call.task.priority
            for key in self._engine.recall():  # what lies ready at a worker may be less important
                if recalled := self._running.pop(key, None):
                    recalled.attempts -= 1
                    heapq.heappush(self._heap, recalled)
        heapq.heappush(self._heap, record)

    def _pump(self) -> None:
        """Submit the most important tasks that the engine has room for; lock held."""
        if not self._heap or self._closed:
            return
        places = range(min(self._engine.room(), len(self._heap)))
        calls = [self._begun(heapq.heappop(self._heap)) for _ in places]
        if calls:
            self._engine.submit(calls)
            if self._waiters:
                self._changed.notify_all()  # there are places in the queue

    def _begun(self, record: Record) -> Call:
        record.attempts += 1
        self._lowest = min(self._lowest, record.call.task.priority)
        self._running[record.call.key] = record
        return record.call

    def run_here(self) -> bool:
        """With the serial engine, run the next task in this thread; tell whether there was one."""
        if not isinstance(self._engine, SerialEngine):
            return False
        with self._lock:
            if not self._heap:
                return False
            call = self._begun(heapq.heappop(self._heap))
        try:
            self._engine.run_here(call)
        except BaseException:  # an interrupt may come at any moment
            self.cancel([call.task.task_id])
            raise
        return True

    def _ended(self, outcomes: Sequence[Outcome]) -> None:
        """Hear from the engine how attempts ended."""
        for outcome in outcomes:  # before anybody can ask, and without the lock: alerts are the user's code
            if record := self._running.get(outcome.key):
                self._monitor.record_execution(
                    record.call.task.metric(), outcome.running_s, outcome.status == "completed"
                )
        with uninterrupted, self._lock:
            known = [(self._running.get(outcome.key), outcome) for outcome in outcomes]
            finished = [record for record, outcome in known if record and not self._goes_on(record, outcome)]
            self._pump()
        for record in finished:
            self._engine.unpack(record.call)

    def _goes_on(self, record: Record, outcome: Outcome) -> bool:
        """Queue a task again if it wants another attempt, else finish it; lock held."""
        if outcome.status == "completed" or record.attempts > record.call.task.retries:
            self._finish(record, outcome)
            return False
        del self._running[outcome.key]
        record.submitted = monotonic()
        heapq.heappush(self._heap, record)
        return True

    def _finish(self, record: Record, outcome: Outcome) -> None:
        """Keep a task's result and tell who waits; lock held."""
        self._running.pop(record.call.key, None)
        del self._records[record.call.task.task_id]
        result = record.result(outcome)
        self._ledger.add(result)
        if record.listener is not None:
            record.listener.put(result)
        if self._waiters:
            self._changed.notify_all()
