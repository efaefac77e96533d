"""A pool of worker processes in which every job can be stopped alone.

Each worker has one thread here that reads its outcomes, and all share a watchdog. Short jobs are sent a
few ahead, so that a worker need not wait for its next one; a worker that runs dry takes over what a
busier one has not begun. A worker that dies is replaced when there is work for another.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Sequence
from functools import partial
from threading import RLock, Thread, current_thread
from time import monotonic, sleep

from kit.errors import TaskError
from kit.parallel.channel import SEPARATE
from kit.parallel.execution import Outcome
from kit.parallel.folders import Folder
from kit.parallel.process import Done, Job, Verdict, WorkerProcess
from kit.parallel.shelf import Shelf
from kit.parallel.watchdog import Watchdog

AHEAD_S = 0.02  # work that may lie ready at a worker
MOST_AHEAD = 128
NAP_S = 0.0005
_MOST_FUTILE = 3


class Listener(Thread):
    """Hears what one worker sends; while it waits for something else, nobody does."""


def check_may_wait() -> None:
    """Raise on a thread that tasks need in order to end: an alert's callback runs there.

    Raises
    ------
    TaskError
        It is such a thread.
    """
    if isinstance(current_thread(), Listener):
        remedy = "Start a thread for it."
        raise TaskError("A callback of the monitor cannot wait for tasks", current_thread().name, remedy)


class WorkerPool:
    """Runs jobs in worker processes.

    Parameters
    ----------
    max_workers : int
        Most processes at once; each starts when there is work for it.
    memory_mb : int, optional
        Limit of a worker's own memory, MiB.
    folder : str, optional
        Where the pool makes its own folder; default the system's place for temporary files.
    """

    def __init__(self, max_workers: int, memory_mb: int | None = None, folder: str | None = None) -> None:
        self.max_workers = max_workers
        own = Folder(folder)
        self.shelf = Shelf(own.path)
        self._threads = max(1, (os.cpu_count() or 1) // max_workers)
        self._memory_mb = memory_mb
        self._lock = RLock()  # the collector may call `close` on a thread that holds it
        self._workers: list[WorkerProcess] = []
        self._waiting: deque[Job] = deque()  # handed back by a worker that died, or for want of room
        self._watchdog = Watchdog()
        self._open = 0  # jobs submitted and neither ended nor taken back
        self._typical_s = float("inf")
        self._relieved_at = 0.0
        self._futile = 0  # workers in a row that died at no job and ended none
        self._closed = False
        self._listeners: list[Listener] = []
        self._sweep = weakref.finalize(self, _swept, self._workers, own, os.getpid())

    def room(self) -> int:
        """Return how many jobs it takes before one would have to wait behind a long one.

        Of very short jobs it wants several at a time: that spares the caller's threads most of their
        waiting for one another.
        """
        most = self.max_workers * self._depth()
        free = most - self._open
        return 0 if self._closed or free < most // 4 else free

    def submit(self, jobs: Sequence[Job]) -> None:
        """Run jobs; each one's `done` hears of it on another thread, once, with others that end with it."""
        with self._lock:
            self._open += len(jobs)
            self._waiting.extend(jobs)
            self._feed()

    def stop(self, key: int, reason: str) -> None:
        """Stop a job, begun or not; its `done` hears `reason`, or what came of it before."""
        with self._lock:
            worker = next((worker for worker in self._workers if key in worker.jobs), None)
            if worker is not None and worker.running() != key:
                self._waiting.extendleft(reversed(self._recalled(worker)))
            if worker is not None and key in worker.jobs and worker.withdraw(key, reason):
                return
            jobs = [job for job in self._waiting if job.key == key]
            self._waiting = deque(job for job in self._waiting if job.key != key)
            self._open -= len(jobs)
            self._feed()
        for job in jobs:
            job.done([Outcome(key, reason, None)])

    def recall(self) -> list[int]:
        """Take back every job that no worker has begun and return their keys."""
        with self._lock:
            jobs = [*self._waiting]
            self._waiting.clear()
            for worker in self._workers:
                jobs += self._recalled(worker)
            self._open -= len(jobs)
        return [job.key for job in jobs]

    def begun(self) -> set[int]:
        """Return the keys of the jobs that workers are at; the others they hold have only been sent."""
        with self._lock:
            return {key for worker in self._workers if (key := worker.running()) is not None}

    def close(self) -> None:
        """End all workers at once; their jobs hear nothing more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            for worker in self._workers:
                worker.jobs.clear()
        self._watchdog.close()
        self._sweep()
        for listener in self._listeners:
            if listener is not current_thread():
                listener.join(timeout=1.0)

    def _depth(self) -> int:
        """Return how many jobs one worker may hold: more the shorter they have been lately."""
        if not SEPARATE or self._typical_s > AHEAD_S:
            return 1
        return min(MOST_AHEAD, 1 + int(AHEAD_S / max(self._typical_s, 1e-6)))

    def _feed(self) -> None:
        """Send what waits to the least busy workers; called with the lock held."""
        while self._waiting and not self._closed:
            worker = min(self._workers, key=lambda worker: len(worker.jobs), default=None)
            if (worker is None or worker.jobs) and len(self._workers) < self.max_workers:
                worker = self._hired() or worker
            if worker is None or len(worker.jobs) >= self._depth() or not worker.send(self._waiting[0]):
                return
            self._watch(worker, self._waiting.popleft().timeout_s)

    def _hired(self) -> WorkerProcess | None:
        """Start a worker; lock held. Where the machine refuses one, others must do, or the jobs end."""
        try:
            worker = WorkerProcess(self.shelf.folder, self._threads, self._memory_mb)
        except OSError as error:
            self._watchdog.at(monotonic(), partial(self._refused, f"The machine refused it: {error}."))
            return None
        self._workers.append(worker)
        listener = Listener(target=self._listen, args=(worker,), name=f"kit-worker-{worker.pid}", daemon=True)
        self._listeners = [*(thread for thread in self._listeners if thread.is_alive()), listener]
        listener.start()
        return worker

    def _listen(self, worker: WorkerProcess) -> None:
        """Pass on what a worker sends until it has died."""
        for outcomes in worker.outcomes():
            self._ended(worker, outcomes)
            if nap_s := self._nap_s(worker):
                sleep(nap_s)
        self._bury(worker)

    def _nap_s(self, worker: WorkerProcess) -> float:
        """Return how long not to listen to a worker, as long as it has enough to do."""
        ready_s = len(worker.jobs) * self._typical_s
        return min(ready_s / 2, NAP_S) if len(worker.jobs) > 8 and self._typical_s < 0.0001 else 0.0

    def _ended(self, worker: WorkerProcess, outcomes: list[Outcome]) -> None:
        told: dict[Done, list[Outcome]] = {}
        with self._lock:
            self._futile = 0 if outcomes else self._futile
            for outcome in outcomes:
                self._learn(outcome.running_s)
                if job := worker.jobs.pop(outcome.key, None):
                    self._open -= 1
                    told.setdefault(job.done, []).append(outcome)
            if monotonic() - self._relieved_at > AHEAD_S:
                self._relieve()
            self._feed()
        for done, together in told.items():
            done(together)
        if not worker.jobs:
            self._take_over()

    def _learn(self, seconds: float) -> None:
        """Keep how long a job typically takes: one long job counts at once, short ones in time."""
        self._typical_s = seconds if seconds > AHEAD_S else 0.8 * min(self._typical_s, 0.1) + 0.2 * seconds

    def _take_over(self) -> None:
        """Let an idle worker have a job that the busiest one has not begun."""
        with self._lock:
            busiest = max(self._workers, key=lambda worker: len(worker.jobs), default=None)
            if busiest is not None and len(busiest.jobs) > 1 and (job := busiest.take_back()):
                self._waiting.appendleft(job)
                self._feed()

    def _relieve(self) -> None:
        """Take back what waits behind a job that turned out long; lock held."""
        self._relieved_at = monotonic()
        for worker in self._workers:
            if len(worker.jobs) > 1 and worker.busy_for_s() > AHEAD_S:
                self._waiting.extendleft(reversed(self._recalled(worker)))

    def _recalled(self, worker: WorkerProcess) -> list[Job]:
        jobs = []
        while job := worker.take_back():
            jobs.append(job)
        return jobs

    def _watch(self, worker: WorkerProcess, timeout_s: float | None) -> None:
        """Have the watchdog look at a worker no later than a job just sent could overrun; lock held."""
        if timeout_s is not None and (due := monotonic() + timeout_s) < worker.check_at:
            worker.check_at = due
            self._watchdog.at(due, partial(self._check, worker))

    def _check(self, worker: WorkerProcess) -> None:
        """End a worker whose job has overrun, else look again when that could be."""
        with self._lock:
            worker.check_at = float("inf")
            if self._closed or worker not in self._workers:
                return
            due, key = worker.overrun_at(), worker.running()
            if key is not None and due <= monotonic() and worker.end_during(key, "timeout"):
                return
            due = max(worker.look_at(), monotonic() + 0.001)
            if due < float("inf"):
                worker.check_at = due
                self._watchdog.at(due, partial(self._check, worker))

    def _bury(self, worker: WorkerProcess) -> None:
        """Tell the job that a dead worker was at, and hand its others back."""
        how = worker.wait()
        with self._lock:  # until here others may still send to it
            busy_s, job = worker.busy_for_s(), worker.unfinished()
            self._workers.remove(worker)
            worker.close()
            self._open -= job is not None
            self._waiting.extendleft(reversed(worker.jobs.values()))
            worker.jobs.clear()
            self._futile = self._futile + 1 if job is None else 0
            lost = self._lost() if self._futile >= _MOST_FUTILE else []
            if worker.served and not self._closed:
                self._hired()  # at once, so that the pool is whole before the next task comes
            self._feed()
        if job is not None:
            _, status, running_s, details = worker.verdict or Verdict(job.key, "crashed", busy_s, how)
            job.done([Outcome(job.key, status, None, details, running_s, f"pid {worker.pid}")])
        _give_up(lost, how)

    def _refused(self, why: str) -> None:
        """End what waits when no worker could be started and none is left."""
        with self._lock:
            lost = [] if self._workers else self._lost()
        _give_up(lost, why)

    def _lost(self) -> list[Job]:
        """Take all jobs out that wait; lock held."""
        lost = [*self._waiting]
        self._waiting.clear()
        self._open -= len(lost)
        self._futile = 0
        return lost


def _give_up(jobs: Sequence[Job], why: str) -> None:
    for job in jobs:
        job.done([Outcome(job.key, "crashed", None, f"No worker could run it. {why}")])


def _swept(workers: list[WorkerProcess], folder: Folder, owner: int) -> None:
    """End the workers and remove their folder; runs at the latest when the interpreter exits."""
    if os.getpid() != owner:
        return  # a fork of the caller ends, not the caller
    for worker in [*workers]:
        worker.kill()
    folder.remove()
