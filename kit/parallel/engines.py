"""Where the processor runs tasks: with whoever waits for them, in threads, in processes, on Dask."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from threading import Thread
from time import monotonic

from kit.errors import KitError
from kit.parallel.attempts import Attempt, TaskEngine
from kit.parallel.execution import Outcome, borrowed_globals
from kit.parallel.pool import WorkerPool
from kit.parallel.watchdog import Watchdog
from kit.settings import Backend


class SerialEngine(TaskEngine):
    """Runs nothing by itself; whoever waits for a result calls `run_here`."""

    def run_here(self, attempt: Attempt) -> None:
        """Run an attempt in this thread; an overrun is found out afterwards, an interrupt cancels it."""
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
    """Runs attempts on threads; one that overruns is given up and goes on unseen."""

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
        return WorkerPool(max_workers, memory_mb)
    if backend == "threads":
        return ThreadEngine(max_workers)
    if backend == "serial":
        return SerialEngine()
    if backend == "dask":
        from kit.parallel.dask_engine import DaskEngine  # distributed takes a second to import

        return DaskEngine(max_workers, address, memory_mb)
    raise KitError("There is no such backend", backend, "Use serial, threads, processes or dask.")
