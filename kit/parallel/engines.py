"""An unfinished task, the interface of the engines that run tasks, and the two simplest engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Thread
from time import monotonic
from typing import cast

from kit.parallel.execution import Outcome, execute, seeded
from kit.parallel.folders import Folder
from kit.parallel.packing import Payload, Scope, pack
from kit.parallel.shared import SharedObjects
from kit.parallel.tasks import ProcessingResult, ProcessingTask, Status, failure
from kit.parallel.watchdog import Watchdog

Heard = Callable[[ProcessingResult], None]


@dataclass(slots=True, eq=False)
class Attempt:
    """A task on its way to an engine, once or more often; attempts sort by priority, then by age."""

    key: int  # by which engines know it
    task: ProcessingTask
    seed: int
    timeout_s: float | None  # in force for it
    submitted: float  # when it was queued last, monotonic seconds
    payload: Payload | None = None  # the task made ready to travel
    unfit: Outcome | None = None  # why it cannot travel
    heard: Heard | None = None  # given the result as the task ends, under the scheduler's lock
    number: int = 0  # how often it has been submitted to the engine
    ended: ProcessingResult | None = None

    def __lt__(self, other: Attempt) -> bool:
        return (-self.task.priority, self.key) < (-other.task.priority, other.key)

    def __call__(self) -> Outcome:
        """Run the task here and now."""
        task = self.task
        return execute(self.key, task.operation, task.args, task.kwargs, self.seed, "caller")

    def result(self, outcome: Outcome) -> ProcessingResult:
        """Return what the task becomes with the outcome of its last attempt."""
        value, error = outcome.payload, None
        if outcome.status != "completed":
            value, error = None, failure(outcome, self.task, self.timeout_s)
        waiting_s = max(0.0, monotonic() - self.submitted - outcome.running_s)
        how = (waiting_s, outcome.running_s, self.number, outcome.worker)
        return ProcessingResult(self.task.task_id, cast("Status", outcome.status), value, error, *how)


class TaskEngine:
    """The interface of an engine; this base has no room for tasks."""

    done: Callable[[Outcome], None]  # told of each attempt once, on any thread, under no lock of the engine
    free: Callable[[], None]  # called when there may be more room than before

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

    def start(self, preload: Sequence[str] = ()) -> None:
        """Start workers before there is work for them, with modules imported."""

    def serves(self) -> bool:
        """Tell whether an attempt would not have to wait for workers to start."""
        return True

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Run attempts."""

    def stop(self, keys: Sequence[int]) -> None:
        """Stop attempts, begun or not; unknown keys are ignored."""

    def close(self) -> None:
        """End everything at once."""


class TravellingEngine(TaskEngine):
    """An engine whose tasks are pickled for other processes, and what they share apart."""

    def __init__(self, parent: str | None = None) -> None:
        self.folder = Folder(parent)
        self.objects = SharedObjects(self.folder.path)

    def pack(self, attempt: Attempt, scope: Scope | None) -> None:
        """Pickle an attempt."""
        attempt.payload = pack(attempt.key, attempt.task, attempt.seed, self.objects, scope)

    def unpack(self, attempt: Attempt) -> None:
        """Release the shared objects that the attempt refers to."""
        if attempt.payload:
            self.objects.release(attempt.payload.references)

    def scope(self) -> Scope:
        """Open a scope on the shared objects."""
        return Scope(self.objects)


class SerialEngine(TaskEngine):
    """Runs a task when a caller that waits for a result calls `run_here`."""

    def run_here(self, attempt: Attempt) -> None:
        """Run an attempt in this thread; an overrun is noticed afterwards, an interrupt cancels it."""
        with seeded(attempt.seed):
            outcome = attempt()
        if outcome.status == "failed" and issubclass(type(outcome.payload), KeyboardInterrupt):
            self.done(Outcome(attempt.key, "cancelled", None, running_s=outcome.running_s))
            raise outcome.payload
        self.done(in_time(outcome, attempt.timeout_s, "the serial backend"))


def in_time(outcome: Outcome, timeout_s: float | None, where: str) -> Outcome:
    """Return an outcome, as a time-out if it took too long in an engine that cannot stop a task."""
    if timeout_s is None or outcome.running_s <= timeout_s:
        return outcome
    why = f"{where} cannot stop a task, and it ran {outcome.running_s:.3g} s."
    return Outcome(outcome.key, "timeout", None, "", outcome.running_s, outcome.worker, why)


class ThreadEngine(TaskEngine):
    """Runs attempts on threads; one that overruns is given up, and its thread goes on unseen."""

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
