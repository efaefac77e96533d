"""Where tasks run: here, in threads, or on a backend of joblib.

joblib's ``Parallel`` takes one list of calls, ends all of them on one time-out and cannot stop a running
one. The processor therefore drives joblib's backends itself, through the interface that ``Parallel`` uses.

==============  ============================================================================
``serial``      none: the thread that waits for the result runs the task
``threads``     threads, which can be given up but not stopped
``processes``   `kit.parallel.backend.KillableBackend`, registered with joblib as ``"kit"``
``dask``        joblib's ``DaskDistributedBackend`` (see `kit.parallel.dask_engine`)
==============  ============================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import RLock, Thread
from time import monotonic
from typing import Protocol

from kit.parallel.backend import KillableBackend
from kit.parallel.execution import Outcome, borrowed_globals, execute, text_of
from kit.parallel.packing import Parcel, Scope, pack
from kit.parallel.process import Done, Job
from kit.parallel.tasks import ProcessingTask
from kit.parallel.watchdog import Watchdog


@dataclass(slots=True)
class Call:
    """One attempt at a task, on its way to an engine."""

    key: int
    task: ProcessingTask
    seed: int
    timeout_s: float | None
    done: Done
    parcel: Parcel | None = None

    def __call__(self) -> Outcome:
        """Run it here and now."""
        task = self.task
        return execute(self.key, task.operation, task.args, task.kwargs, self.seed, "caller")


class Engine(Protocol):
    """What the processor asks of a backend."""

    def pack(self, call: Call, scope: Scope | None) -> None:
        """Make a call ready to travel; raises what pickling raises."""

    def unpack(self, call: Call) -> None:
        """Free what `pack` took."""

    def scope(self) -> Scope | None:
        """Open a scope for the tasks of one run."""

    def room(self) -> int:
        """Return how many more calls to submit."""

    def submit(self, calls: Sequence[Call]) -> None:
        """Run calls; each call's `done` hears of it once, on any thread, with others that end with it."""

    def stop(self, keys: Sequence[int]) -> None:
        """Stop calls, begun or not."""

    def recall(self) -> list[int]:
        """Take back calls that have not begun; return their keys."""

    def begun(self, keys: Collection[int]) -> Collection[int]:
        """Return those of the submitted calls that are known to have begun."""

    def close(self) -> None:
        """End everything at once."""


def packed(engine: Engine, call: Call, scope: Scope | None) -> Outcome | None:
    """Make a call ready to travel with an engine; return its failure if it cannot."""
    try:
        engine.pack(call, scope)
    except Exception as error:  # noqa: BLE001  pickling runs the user's code and raises anything
        return Outcome(call.key, "failed", error, f"It cannot travel to a worker: {text_of(error)}")
    return None


class InProcess:
    """What engines share whose tasks need not travel: arguments are the caller's own objects."""

    def pack(self, call: Call, scope: Scope | None) -> None:
        """Do nothing."""

    def unpack(self, call: Call) -> None:
        """Do nothing."""

    def scope(self) -> None:
        """Return None."""

    def recall(self) -> list[int]:
        """Return nothing: what is submitted has begun."""
        return []

    def begun(self, keys: Collection[int]) -> Collection[int]:
        """Return them all, as above."""
        return keys


class SerialEngine(InProcess):
    """Runs nothing by itself; whoever waits for a result calls `run_here`."""

    def room(self) -> int:
        """Return 0."""
        return 0

    def submit(self, calls: Sequence[Call]) -> None:
        """Do nothing: there is never room."""

    def stop(self, keys: Sequence[int]) -> None:
        """Do nothing: a call that runs here cannot be stopped."""

    def close(self) -> None:
        """Do nothing."""

    def run_here(self, call: Call) -> None:
        """Run a call in this thread; an overrun is found out afterwards.

        Raises
        ------
        KeyboardInterrupt
            The user pressed stop; the call has ended as cancelled.
        """
        with borrowed_globals(call.seed):
            outcome = call()
        if isinstance(outcome.payload, KeyboardInterrupt):
            call.done([Outcome(call.key, "cancelled", None, running_s=outcome.running_s)])
            raise outcome.payload
        if call.timeout_s is not None and outcome.running_s > call.timeout_s:
            outcome = outcome._replace(status="timeout", payload=None)
        call.done([outcome])


class ThreadEngine(InProcess):
    """Runs calls on threads.

    A thread cannot be stopped. One that overruns is given up: its task ends as timed out, a fresh thread
    takes its place, and it goes on in the background until its task returns.
    """

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._lock = RLock()  # the collector may call `close` on a thread that holds it
        self._waiting: SimpleQueue[Call | None] = SimpleQueue()
        self._running: dict[int, Call] = {}
        self._threads = 0
        self._watchdog = Watchdog()

    def room(self) -> int:
        """Return how many threads are free."""
        return self._max_workers - len(self._running)

    def submit(self, calls: Sequence[Call]) -> None:
        """Start calls."""
        for call in calls:
            with self._lock:
                self._running[call.key] = call
                if self._threads < len(self._running):
                    self._start()
            self._waiting.put(call)
            if call.timeout_s is not None:
                self._watchdog.at(monotonic() + call.timeout_s, partial(self._give_up, call.key, "timeout"))

    def stop(self, keys: Sequence[int]) -> None:
        """Give calls up."""
        for key in keys:
            self._give_up(key, "cancelled")

    def close(self) -> None:
        """Give everything up; threads end when their task returns."""
        self.stop([*self._running])
        self._watchdog.close()
        for _ in range(self._threads):
            self._waiting.put(None)

    def _start(self) -> None:
        self._threads += 1
        Thread(target=self._serve, name="kit-task", daemon=True).start()

    def _serve(self) -> None:
        while call := self._waiting.get():
            outcome = call()
            with self._lock:
                if self._running.pop(call.key, None) is None:
                    return  # given up; another thread serves instead
            call.done([outcome])

    def _give_up(self, key: int, reason: str) -> None:
        with self._lock:
            call = self._running.pop(key, None)
            if call is None:
                return
            self._threads -= 1
            self._start()
        call.done([Outcome(key, reason, None, running_s=call.timeout_s or 0.0)])


class ProcessEngine:
    """Runs calls in worker processes, each of which can be ended alone."""

    def __init__(self, max_workers: int, memory_mb: int | None) -> None:
        self._backend = KillableBackend(max_workers, memory_mb=memory_mb)
        self._pool = self._backend.pool

    def pack(self, call: Call, scope: Scope | None) -> None:
        """Pickle a call."""
        call.parcel = pack(call.key, call.task, call.seed, self._pool.shelf, scope)

    def unpack(self, call: Call) -> None:
        """Release what the call had on the shelf."""
        if call.parcel:
            self._pool.shelf.release(call.parcel.tokens)

    def scope(self) -> Scope:
        """Open a scope on the pool's shelf."""
        return Scope(self._pool.shelf)

    def room(self) -> int:
        """Return the pool's room."""
        return self._pool.room()

    def submit(self, calls: Sequence[Call]) -> None:
        """Send calls to the pool."""
        self._pool.submit(
            [Job(call.key, call.parcel.message, call.timeout_s, call.done) for call in calls if call.parcel]
        )

    def stop(self, keys: Sequence[int]) -> None:
        """Stop calls by ending the workers that run them."""
        for key in keys:
            self._pool.stop(key, "cancelled")

    def recall(self) -> list[int]:
        """Take back what no worker has begun."""
        return self._pool.recall()

    def begun(self, keys: Collection[int]) -> Collection[int]:
        """Return those that workers are at."""
        return self._pool.begun().intersection(keys)

    def close(self) -> None:
        """End the workers."""
        self._backend.terminate()
