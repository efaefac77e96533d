"""What is asked of the processor, and what comes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import isnan
from numbers import Real
from typing import Any, Literal

from kit.arguments import real
from kit.errors import KitError, TaskCancelled, TaskCrashed, TaskError, TaskFailed, TaskTimeout
from kit.parallel.execution import Outcome

Status = Literal["completed", "failed", "timeout", "crashed", "cancelled"]


@dataclass(frozen=True, slots=True)
class ProcessingTask:
    """One call to make in a worker.

    Parameters
    ----------
    task_id : str
        Unique among the unfinished tasks of a processor.
    operation : callable
        Any function; lambdas, closures and functions of a notebook cell work.
    args, kwargs
        Its arguments; a task must not rely on changing them for the caller.
    priority : int, default 0
        A higher one starts first; equals start in the order of submission.
    timeout : float, optional
        Seconds from its start until the task is stopped; default the processor's. The import of a module
        that it brings is not on its time, and may take 30 s.
    retries : int, default 0
        Further attempts after an error, a time-out or a crash.
    seed : int, optional
        Seed of the task's random numbers; default derived from `task_id`.
    name : str, optional
        Under which the monitor counts it; default the name of `operation`.
    """

    task_id: str
    operation: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    timeout: float | None = None
    retries: int = 0
    seed: int | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.operation):
            raise KitError("An operation must be callable", self.operation, "Pass a function or the like.")
        if isinstance(self.args, str | bytes) or not isinstance(self.args, Sequence):
            raise KitError("Arguments come as a tuple", self.args, "Write args=(value,) for a single one.")
        if not isinstance(self.priority, Real) or isnan(self.priority):
            raise KitError("A priority is a number", self.priority, "Give an int; a higher one starts first.")
        check_timeout(self.timeout)
        if self.retries < 0:
            raise KitError("Retries cannot be negative", self.retries, "Give 0 for a single attempt.")

    def metric(self) -> str:
        """Return the name under which the monitor counts the task."""
        return str(self.name or getattr(self.operation, "__name__", type(self.operation).__name__))

    def seed_with(self, base: int) -> int:
        """Return the task's seed, 32 bits: its own, else one derived from a base and its id alone."""
        if self.seed is not None:
            return self.seed % 2**32
        return int.from_bytes(blake2b(f"{base}:{self.task_id}".encode(), digest_size=4).digest(), "big")


def check_timeout(seconds: float | None) -> None:
    """Raise a `KitError` unless a time-out is positive; None and infinity mean none."""
    if seconds is not None and not real(seconds) > 0:
        raise KitError("A task needs a positive time-out", seconds, "Give seconds, or None.")


@dataclass(frozen=True, slots=True)
class ProcessingResult:
    """How one task ended.

    Parameters
    ----------
    task_id : str
        The task.
    status : {"completed", "failed", "timeout", "crashed", "cancelled"}
        How it ended.
    output : object
        What the operation returned; None unless completed.
    error : TaskError or None
        Why it returned nothing; None when completed. Its cause is the operation's own exception.
    waiting_s, running_s : float
        Seconds in the queue and in the worker, last attempt.
    attempts, worker : int, str
        How often it ran, and who ran it last, for instance ``"pid 4711"``.
    """

    task_id: str
    status: Status
    output: Any = None
    error: TaskError | None = None
    waiting_s: float = 0.0
    running_s: float = 0.0
    attempts: int = 1
    worker: str = ""

    @property
    def success(self) -> bool:
        """Whether the task returned a value."""
        return self.error is None

    @property
    def value(self) -> Any:
        """What the operation returned; raises `error` if it did not."""
        if self.error is not None:
            raise self.error
        return self.output

    @property
    def traceback(self) -> str:
        """The worker's formatted traceback, or where it was when it was stopped; empty where unknown."""
        return getattr(self.error, "traceback", "")


def failure(outcome: Outcome, task: ProcessingTask, timeout_s: float | None = None) -> TaskError:
    """Return the typed error of a task that did not return a value, with `timeout_s` in force for it."""
    name, details = task.task_id, outcome.details
    error: TaskError
    if outcome.status == "timeout":
        limit = "its time-out" if timeout_s is None else f"its time-out of {timeout_s:g} s"
        remedy = f"It was stopped after {limit}; give it more, or make it faster."
        if outcome.raised:  # by an engine that stops nothing
            remedy = f"It went on past {limit}: {outcome.raised}"
        error = TaskTimeout("The task overran its time", name, remedy, traceback=details)
    elif outcome.status == "crashed":
        error = TaskCrashed("The worker died while it ran the task", name, f"{details} Other tasks go on.")
    elif outcome.status == "cancelled":
        error = TaskCancelled("The task was cancelled", name, "Submit it again if it is still wanted.")
    else:
        frames = re.findall(r'File ".*?([^/\\"]+)", line (\d+), in (.+)', details)
        place = "In {2}, line {1} of {0}. ".format(*frames[-1]) if frames else ""
        remedy = f"{place}The result's `traceback` tells the way there."
        error = TaskFailed(f"The task raised {outcome.raised}", name, remedy, traceback=details)
    if issubclass(type(outcome.payload), BaseException):
        error.__cause__ = outcome.payload
    return error
