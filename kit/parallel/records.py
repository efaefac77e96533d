"""A task that has not ended, and the result it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue
from time import monotonic
from typing import cast

from kit.parallel.engines import Call
from kit.parallel.execution import Outcome
from kit.parallel.tasks import ProcessingResult, Status, failure


@dataclass(slots=True, eq=False)
class Record:
    """A task in the queue or with the engine; records sort by priority, then by age.

    Parameters
    ----------
    call : Call
        What the engine is given.
    submitted : float
        Monotonic seconds.
    listener : SimpleQueue or None
        Who wants the result as it comes.
    order : int
        Place in the order of submission.
    attempts : int
        How often it has been submitted to the engine.
    """

    call: Call
    submitted: float
    listener: SimpleQueue[ProcessingResult] | None
    order: int
    attempts: int = 0

    def __lt__(self, other: Record) -> bool:
        return (-self.call.task.priority, self.order) < (-other.call.task.priority, other.order)

    def result(self, outcome: Outcome) -> ProcessingResult:
        """Return what the task becomes with the outcome of its last attempt."""
        task, completed = self.call.task, outcome.status == "completed"
        status = cast("Status", outcome.status)
        cause = outcome.payload if isinstance(outcome.payload, BaseException) and not completed else None
        return ProcessingResult(
            task.task_id,
            status,
            outcome.payload if completed else None,
            None if completed else failure(status, task, cause, outcome.details, self.call.timeout_s),
            max(0.0, monotonic() - self.submitted - outcome.running_s),
            outcome.running_s,
            self.attempts,
            outcome.worker,
        )
