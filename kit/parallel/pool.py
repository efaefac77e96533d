"""A pool of worker processes in which every job can be stopped alone.

Each worker has one thread here that hears its outcomes, and all share a watchdog. Of a job and a worker this
holds, under the pool's lock:

1. A job is in one place: waiting, with one worker, or ended. Its `done` hears of it once.
2. A worker has at most one job, and is sent one only when it serves and has none and no verdict. So ending
   a worker ends one job, nothing lies ready at a worker, and a job begins when it is sent.
3. A job whose worker died has been begun and never runs a second time. Only one that could not be sent, as
   the worker was dead, waits again.
4. A worker with a verdict is being killed because of its job: what that still sends does not count.
5. A dead worker is in `_workers` until its thread has buried it. Only one that hangs in receiving an outcome
   past the time of its job leaves earlier, and then nobody hears that outcome.
6. There are at most `max_workers`. One is hired when a job waits and none is free, and when one dies.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from math import inf
from threading import RLock, Thread, current_thread
from time import monotonic

from kit.errors import TaskError
from kit.parallel.engines import Attempt, TravellingEngine
from kit.parallel.execution import Outcome
from kit.parallel.folders import Folder
from kit.parallel.process import WorkerJob, WorkerProcess
from kit.parallel.watchdog import Watchdog

_MOST_FUTILE = 3
SOON_S = 0.25  # how soon to look again at a worker that may be importing or sending
_log = logging.getLogger(__name__)


class Listener(Thread):
    """A thread that hears how tasks end, and so must not wait for one."""


def check_may_wait() -> None:
    """Raise a `TaskError` on a thread that tasks need in order to end: an alert's callback runs there."""
    if isinstance(current_thread(), Listener):
        remedy = "Start a thread for it."
        raise TaskError("A callback of the monitor cannot wait for tasks", current_thread().name, remedy)


class WorkerPool(TravellingEngine):
    """Runs jobs in worker processes of `memory_mb` MiB at most; makes its own folder in `folder`."""

    def __init__(self, max_workers: int, memory_mb: int | None = None, folder: str | None = None) -> None:
        super().__init__(folder)
        self.max_workers = max_workers
        self._threads = max(1, (os.cpu_count() or 1) // max_workers)
        self._memory_mb = memory_mb
        self._lock = RLock()  # the collector may call `close` on a thread that holds it
        self._workers: list[WorkerProcess] = []
        self._waiting: deque[WorkerJob] = deque()
        self._watchdog = Watchdog()
        self._preload: Sequence[str] = ()
        self._futile = 0  # workers in a row that died at no job and ended none
        self._closed = False
        self._listeners: list[Listener] = []
        self._sweep = weakref.finalize(self, _swept, self._workers, self.folder, os.getpid())

    def room(self) -> int:
        """Return how many jobs it takes before one would have to wait."""
        with self._lock:
            busy = sum(worker.job is not None for worker in self._workers)
            return 0 if self._closed else max(0, self.max_workers - busy - len(self._waiting))

    def start(self, preload: Sequence[str] = ()) -> None:
        """Start all workers, so that the first jobs need not wait for them, nor for modules they need."""
        with self._lock:
            self._preload = preload
            self._hire(self.max_workers)

    def serves(self) -> bool:
        """Tell whether a worker has started."""
        return any(worker.served for worker in [*self._workers])

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Run attempts."""
        self.run([WorkerJob(a.key, a.payload.message, a.timeout_s, self.done) for a in attempts if a.payload])

    def run(self, jobs: Sequence[WorkerJob]) -> None:
        """Run jobs; the `done` of each is called once, on another thread."""
        with self._lock:
            self._waiting.extend(jobs)
            self._feed()

    def stop(self, keys: Sequence[int]) -> None:
        """Stop jobs, begun or not; their `done` is told so, or how they ended before."""
        with self._lock:
            for worker in self._workers:
                if worker.job is not None and worker.job.key in keys and worker.verdict is None:
                    worker.end("cancelled")
            jobs = [job for job in self._waiting if job.key in keys]
            self._waiting = deque(job for job in self._waiting if job.key not in keys)
        for job in jobs:
            job.done(Outcome(job.key, "cancelled", None))

    def close(self) -> None:
        """End all workers at once; the `done` of their jobs is not called."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            for worker in self._workers:
                worker.job = None
        self._watchdog.close()
        self._sweep()
        for listener in {*self._listeners} - {current_thread()}:
            listener.join(timeout=1.0)

    def _feed(self) -> None:
        """Send what waits to workers without a job; lock held."""
        while self._waiting and not self._closed:
            worker = next((one for one in self._workers if one.served and not (one.job or one.verdict)), None)
            if worker is None:
                break
            job = self._waiting.popleft()
            if not worker.send(job):
                self._waiting.appendleft(job)
            elif job.timeout_s is not None:
                self._look(worker, worker.begun_at + job.timeout_s)  # `due` may already be that of an import
        starting = sum(not (one.served or one.verdict) for one in self._workers)
        self._hire(len(self._waiting) - starting)

    def _hire(self, wanted: int) -> None:
        """Start workers; lock held. Where the system refuses one, the others go on, or the jobs fail."""
        places = 0 if self._closed else self.max_workers - len(self._workers)
        for _ in range(min(wanted, places)):
            try:
                worker = WorkerProcess(self.objects.folder, self._threads, self._memory_mb, self._preload)
            except OSError as error:
                self._watchdog.at(monotonic(), partial(self._refused, f"The machine refused it: {error}."))
                return
            name = f"kit-worker-{worker.pid}"
            listener = Listener(target=self._listen, args=(worker,), name=name, daemon=True)
            self._workers.append(worker)
            self._listeners = [*(thread for thread in self._listeners if thread.is_alive()), listener]
            listener.start()

    def _listen(self, worker: WorkerProcess) -> None:
        """Pass on what a worker sends until it has died."""
        for outcome in worker.outcomes():
            if outcome is not None:
                self._ended(worker, outcome)
                continue
            with self._lock:
                worker.served = True
                self._feed()
        self._bury(worker)
        worker.close()

    def _ended(self, worker: WorkerProcess, outcome: Outcome) -> None:
        with self._lock:
            job = worker.job
            if job is None or worker.verdict is not None:
                return
            worker.job, self._futile = None, 0
            worker.served = outcome.status != "crashed"  # for want of memory: now it leaves
            self._feed()
        job.done(outcome)

    def _look(self, worker: WorkerProcess, at: float) -> None:
        """Have the watchdog look at a worker at a moment, unless it looks earlier anyway; lock held."""
        if at < worker.check_at:
            worker.check_at = at
            self._watchdog.at(at, partial(self._check, worker))

    def _check(self, worker: WorkerProcess) -> None:
        """End a worker whose job has overrun, or look again when its time is up."""
        with self._lock:
            worker.check_at = inf
            unjudged = not self._closed and worker in self._workers and worker.verdict is None
            if not unjudged or worker.job is None or worker.job.timeout_s is None:
                return
            if worker.due > monotonic():
                self._look(worker, min(worker.due, monotonic() + SOON_S))
                return
            hangs = worker.hangs
            worker.end("timeout")
        if hangs:
            self._bury(worker)  # its listener hangs in what it received

    def _bury(self, worker: WorkerProcess) -> None:
        """Report the job of a dead worker and start another one."""
        how = worker.wait()
        with self._lock:
            if worker not in self._workers:
                return
            self._workers.remove(worker)
            verdict = worker.verdict
            if verdict is None and worker.job is not None:
                verdict = worker.judged("crashed", how)
                _log.warning("A worker died at a task (pid %d). %s", worker.pid, how)
            job, worker.job = worker.job, None
            self._futile = self._futile + 1 if verdict is None else 0
            lost = self._lost() if self._futile >= _MOST_FUTILE else ()
            if worker.served:
                self._hire(1)  # at once, so that the pool is whole before the next task comes
            self._feed()
        if job is not None and verdict is not None:
            job.done(verdict)
        _give_up(lost, how)

    def _refused(self, why: str) -> None:
        """End what waits when no worker could be started and none is left."""
        with self._lock:
            lost = () if self._workers else self._lost()
        _give_up(lost, why)

    def _lost(self) -> Iterable[WorkerJob]:
        """Take all jobs out that wait; lock held."""
        lost, self._waiting, self._futile = self._waiting, deque(), 0
        return lost


def _give_up(jobs: Iterable[WorkerJob], why: str) -> None:
    for job in jobs:
        job.done(Outcome(job.key, "crashed", None, f"No worker could run it. {why}"))


def _swept(workers: list[WorkerProcess], folder: Folder, owner: int) -> None:
    """End the workers and remove their folder; runs at the latest when the interpreter exits."""
    if os.getpid() == owner:  # else a fork of the caller ends, not the caller
        for worker in [*workers]:
            worker.kill()
        folder.remove()
