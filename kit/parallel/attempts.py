"""A task that has not ended, and what the scheduler asks of a place that runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import cast

from kit.parallel.execution import Outcome, execute
from kit.parallel.packing import Payload, Scope, pack
from kit.parallel.shared import SharedObjects
from kit.parallel.tasks import ProcessingResult, ProcessingTask, Status, failure

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
        completed = outcome.status == "completed"
        return ProcessingResult(
            self.task.task_id,
            cast("Status", outcome.status),
            outcome.payload if completed else None,
            None if completed else failure(outcome, self.task, self.timeout_s),
            max(0.0, monotonic() - self.submitted - outcome.running_s),
            outcome.running_s,
            self.number,
            outcome.worker,
        )


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

    def start(self, preload: Sequence[str] = ()) -> None:
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


class TravellingEngine(TaskEngine):
    """One whose tasks travel to other processes, what they share apart."""

    def __init__(self, objects: SharedObjects) -> None:
        self.objects = objects

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
