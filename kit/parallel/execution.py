"""Running one task where it is: seeded, timed, its exception caught.

Imported by every worker process, so it needs nothing but the standard library and cloudpickle.
"""

from __future__ import annotations

import pickle
import random
import struct
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]  # it has no types

if TYPE_CHECKING:
    import numpy as np

_seed: ContextVar[int] = ContextVar("kit_task_seed")


class Outcome(NamedTuple):
    """What came of one attempt at a task.

    `payload` is the value of a completed task and the exception of a failed one (None where it could not
    travel); `details` is a traceback, or how the worker died.
    """

    key: int
    status: str
    payload: Any
    details: str = ""
    running_s: float = 0.0
    worker: str = ""


_HEAD = struct.Struct("<qd?")  # key, seconds, whether the payload is the value alone


def travelling(outcome: Outcome) -> bytes:
    """Return an outcome as bytes: pickled plainly if that does, else by value, else as a failure."""
    completed = outcome.status == "completed"
    content = outcome.payload if completed else tuple(outcome)
    head = _HEAD.pack(outcome.key, outcome.running_s, completed)
    try:
        return head + pickle.dumps(content, protocol=5)
    except Exception:  # noqa: BLE001, S110  what a notebook defines needs cloudpickle below
        pass
    try:
        return head + bytes(cloudpickle.dumps(content, protocol=5))
    except Exception as error:  # noqa: BLE001  pickling runs the user's code and raises anything
        details = outcome.details or f"{type(error).__name__}: the result cannot be pickled: {error}"
        failed = outcome._replace(status="failed", payload=None, details=details)
        return _HEAD.pack(outcome.key, outcome.running_s, False) + pickle.dumps(tuple(failed))


def outcome_from(body: bytes, worker: str) -> Outcome:
    """Return the outcome in bytes; one that cannot be unpickled here becomes a failure."""
    key, running_s, completed = _HEAD.unpack_from(body)
    try:
        content = pickle.loads(memoryview(body)[_HEAD.size :])  # noqa: S301  sent by our own worker
    except Exception as error:  # noqa: BLE001  unpickling runs the user's code and raises anything
        return Outcome(key, "failed", error, traceback.format_exc(), running_s, worker)
    if completed:
        return Outcome(key, "completed", content, "", running_s, worker)
    return Outcome(*content)


def task_rng() -> np.random.Generator:
    """Return a fresh NumPy generator seeded for the running task; the same whoever runs it.

    Raises
    ------
    LookupError
        Called outside of a task.
    """
    import numpy as np

    return np.random.default_rng(_seed.get())


def seed_globals(seed: int) -> None:
    """Seed ``random`` and, once it is loaded, NumPy's legacy generator."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed)


@contextmanager
def borrowed_globals(seed: int) -> Iterator[None]:
    """Seed the global generators of this process for one task, and put them back afterwards."""
    numpy = sys.modules.get("numpy")
    state, numpy_state = random.getstate(), numpy.random.get_state() if numpy else None
    seed_globals(seed)
    try:
        yield
    finally:
        random.setstate(state)
        if numpy:
            numpy.random.set_state(numpy_state)


def execute(
    key: int,
    operation: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    seed: int,
    worker: str,
) -> Outcome:
    """Call an operation and return what came of it; an interrupt is the only exception let through."""
    token = _seed.set(seed)
    started = perf_counter()
    try:
        value = operation(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  the operation is the user's: SystemExit too ends only itself
        return Outcome(key, "failed", error, _formatted(error), perf_counter() - started, worker)
    finally:
        _seed.reset(token)
    return Outcome(key, "completed", value, "", perf_counter() - started, worker)


def _formatted(error: BaseException) -> str:
    """Format the traceback from the operation on, without the kit's own frame."""
    trace = error.__traceback__
    return "".join(traceback.format_exception(type(error), error, trace.tb_next if trace else None))
