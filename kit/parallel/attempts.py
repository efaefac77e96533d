"""A task that has not ended, and the result it becomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import cast

from kit.parallel.execution import Outcome, execute
from kit.parallel.packing import Payload
from kit.parallel.tasks import ProcessingResult, ProcessingTask, Status, failure

Heard = Callable[[ProcessingResult], None]


@dataclass(slots=True, eq=False)
class Attempt:
    """A task on its way to an engine, once or more often; attempts sort by priority, then by age.

    Parameters
    ----------
    key : int
        By which engines know it.
    task : ProcessingTask
        What to run.
    seed : int
        Of its random numbers.
    timeout_s : float or None
        In force for it, seconds.
    submitted : float
        When it was queued last, monotonic seconds.
    payload : Payload or None
        The task made ready to travel.
    unfit : Outcome or None
        Why it cannot travel.
    heard : callable or None
        Given the result as the task ends, under the scheduler's lock.
    number : int
        How often it has been submitted to the engine.
    ended : ProcessingResult or None
        What it has become.
    """

    key: int
    task: ProcessingTask
    seed: int
    timeout_s: float | None
    submitted: float
    payload: Payload | None = None
    unfit: Outcome | None = None
    heard: Heard | None = None
    number: int = 0
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
