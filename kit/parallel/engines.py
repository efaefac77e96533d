"""Where the processor runs tasks: with whoever waits for them, in threads, in processes, on Dask."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from time import monotonic

from kit.errors import KitError
from kit.parallel.attempts import Attempt
from kit.parallel.execution import Outcome, borrowed_globals
from kit.parallel.packing import Scope, pack
from kit.parallel.pool import WorkerPool
from kit.parallel.process import WorkerJob
from kit.parallel.shared import SharedObjects
from kit.parallel.watchdog import Watchdog
from kit.settings import Backend


class TaskEngine:
    """What the scheduler asks of a place to run tasks; by itself it takes none.

    Attributes
    ----------
    done : callable
        Given the outcome of each attempt submitted, once, on any thread and not under a lock of the engine.
    free : callable
        Called when there may be more room than before.
    """

    done: Callable[[Outcome], None]
    free: Callable[[], None]

    def pack(self, attempt: Attempt, scope: Scope | None) -> None:
        """Make an attempt ready to travel; raises what pickling raises."""

    def unpack(self, attempt: Attempt) -> None:
        """Free what `pack` took."""

    def scope(self) -> Scope | None:
        """Open a scope for the tasks of one run."""
        return None

    def room(self) -> int:
        """Return how many more attempts to submit."""
        return 0

    def start(self, preload: Sequence[str]) -> None:
        """Start workers before there is work for them, with modules imported."""

    def serves(self) -> bool:
        """Tell whether an attempt would not have to wait for workers to start."""
        return True

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Run attempts."""

    def stop(self, keys: Sequence[int]) -> None:
        """Stop attempts, begun or not; keys of others are let alone."""

    def close(self) -> None:
        """End everything at once."""


class SerialEngine(TaskEngine):
    """Runs nothing by itself; whoever waits for a result calls `run_here`."""

    def run_here(self, attempt: Attempt) -> None:
        """Run an attempt in this thread; an overrun is found out afterwards.

        Raises
        ------
        KeyboardInterrupt
            The user pressed stop; the attempt has ended as cancelled.
        """
        with borrowed_globals(attempt.seed):
            outcome = attempt()
        if isinstance(outcome.payload, KeyboardInterrupt):
            self.done(Outcome(attempt.key, "cancelled", None, running_s=outcome.running_s))
            raise outcome.payload
        self.done(in_time(outcome, attempt.timeout_s, "the serial backend"))


def in_time(outcome: Outcome, timeout_s: float | None, where: str) -> Outcome:
    """Return an outcome as a time-out if it came too late where nobody could stop it."""
    if timeout_s is None or outcome.running_s <= timeout_s:
        return outcome
    why = f"{where} cannot stop a task, and it ran {outcome.running_s:.3g} s."
    return Outcome(outcome.key, "timeout", None, "", outcome.running_s, outcome.worker, why)


class ThreadEngine(TaskEngine):
    """Runs attempts on threads.

    A thread cannot be stopped. One that overruns is given up: its task ends as timed out, another may take
    its place, and it goes on in the background until its task returns.
    """

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._running: dict[int, Attempt] = {}
        self._watchdog = Watchdog()

    def room(self) -> int:
        """Return how many threads may start."""
        return self._max_workers - len(self._running)

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Start attempts, each on a thread of its own."""
        for attempt in attempts:
            self._running[attempt.key] = attempt
            Thread(target=self._run, args=(attempt,), name="kit-task", daemon=True).start()
            if attempt.timeout_s is not None:
                due = monotonic() + attempt.timeout_s
                self._watchdog.at(due, partial(self._give_up, attempt.key, "timeout"))

    def stop(self, keys: Sequence[int]) -> None:
        """Give attempts up."""
        for key in keys:
            self._give_up(key, "cancelled")

    def close(self) -> None:
        """Give everything up."""
        self.stop([*self._running])
        self._watchdog.close()

    def _run(self, attempt: Attempt) -> None:
        outcome = attempt()
        if self._running.pop(attempt.key, None):  # else it was given up
            self.done(outcome)

    def _give_up(self, key: int, reason: str) -> None:
        if attempt := self._running.pop(key, None):
            why = "its thread was given up and goes on unseen." if reason == "timeout" else ""
            self.done(Outcome(key, reason, None, running_s=attempt.timeout_s or 0.0, raised=why))


class TravellingEngine(TaskEngine):
    """What engines share whose tasks travel to other processes.

    Parameters
    ----------
    objects : SharedObjects
        Keeps what tasks share.
    """

    def __init__(self, objects: SharedObjects) -> None:
        self._objects = objects

    def pack(self, attempt: Attempt, scope: Scope | None) -> None:
        """Pickle an attempt."""
        attempt.payload = pack(attempt.key, attempt.task, attempt.seed, self._objects, scope)

    def unpack(self, attempt: Attempt) -> None:
        """Release the shared objects that the attempt refers to."""
        if attempt.payload:
            self._objects.release(attempt.payload.references)

    def scope(self) -> Scope:
        """Open a scope on the shared objects."""
        return Scope(self._objects)


class ProcessEngine(TravellingEngine):
    """Runs attempts in worker processes, each of which can be ended alone."""

    def __init__(self, max_workers: int, memory_mb: int | None) -> None:
        self._pool = WorkerPool(max_workers, memory_mb)
        super().__init__(self._pool.objects)

    def room(self) -> int:
        """Return the pool's room."""
        return self._pool.room()

    def start(self, preload: Sequence[str]) -> None:
        """Start all workers."""
        self._pool.start(preload)

    def serves(self) -> bool:
        """Tell whether a worker has started."""
        return self._pool.serves()

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Send attempts to the pool."""
        self._pool.submit(
            [
                WorkerJob(one.key, one.payload.message, one.timeout_s, self.done)
                for one in attempts
                if one.payload
            ]
        )

    def stop(self, keys: Sequence[int]) -> None:
        """Stop attempts by ending the workers that run them."""
        for key in keys:
            self._pool.stop(key, "cancelled")

    def close(self) -> None:
        """End the workers."""
        self._pool.close()


def engine_of(backend: Backend, max_workers: int, address: str | None, memory_mb: int | None) -> TaskEngine:
    """Make the engine of a backend.

    Raises
    ------
    KitError
        There is no such backend, it cannot limit memory, or no Dask cluster can be reached.
    """
    if memory_mb and (sys.platform != "linux" or backend in ("serial", "threads")):
        what = f"Nothing limits the memory of {backend} here"
        raise KitError(what, memory_mb, "Use processes on Linux, or leave max_worker_memory_mb out.")
    if backend == "processes":
        return ProcessEngine(max_workers, memory_mb)
    if backend == "threads":
        return ThreadEngine(max_workers)
    if backend == "serial":
        return SerialEngine()
    if backend == "dask":
        from kit.parallel.dask_engine import DaskEngine  # distributed takes a second to import

        return DaskEngine(max_workers, address, memory_mb)
    raise KitError("There is no such backend", backend, "Use serial, threads, processes or dask.")
