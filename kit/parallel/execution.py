"""Runs one task in this process: seeded, timed, its exceptions caught.

Imported by every worker process, so it needs nothing but the standard library and cloudpickle.
"""

from __future__ import annotations

import pickle
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]  # it has no types

if TYPE_CHECKING:
    import numpy as np

_LONGEST, _LONGEST_TRACE = 4_000, 200_000  # characters of an exception's text and of its traceback
# As the interpreter keeps them: what an exception and its class say of themselves is the user's code.
_TRACEBACK: Callable[[BaseException], Any] = vars(BaseException)["__traceback__"].__get__
_NAME: Callable[[type], str] = vars(type)["__name__"].__get__
_seed: ContextVar[int] = ContextVar("kit_task_seed")
Operation = Callable[..., Any]


class Outcome(NamedTuple):
    """What came of one attempt at a task.

    `payload` is the value of a completed task and the exception of a failed one (None where it could not
    travel); `details` is a traceback, or how the worker died; `raised` is the exception's kind and text,
    which only the worker asks it for: the exception is the user's code.
    """

    key: int
    status: str
    payload: Any
    details: str = ""
    running_s: float = 0.0
    worker: str = ""
    raised: str = ""


def travelling(outcome: Outcome) -> bytes:
    """Return an outcome as bytes; a value that cannot be pickled makes it a failure."""
    body = None
    try:
        body = _pickled(outcome.payload)
    except Exception as error:  # noqa: BLE001  pickling runs the user's code and raises anything
        if outcome.status == "completed":  # an exception that cannot be pickled still has its text
            details = f"{type(error).__name__}: the result cannot be pickled: {text_of(error)}"
            outcome = outcome._replace(status="failed", details=details, raised=details)
    return pickle.dumps(tuple(outcome._replace(payload=body)), protocol=5)


def _pickled(thing: Any) -> bytes:
    """Pickle plainly, or where that fails by value, as what a notebook defines needs."""
    try:
        return pickle.dumps(thing, protocol=5)
    except Exception:  # noqa: BLE001  as above
        return bytes(cloudpickle.dumps(thing, protocol=5))


def outcome_from(body: bytes) -> Outcome:
    """Return the outcome in bytes; a value that cannot be unpickled here makes it a failure."""
    sent = Outcome(*pickle.loads(body))  # noqa: S301  by our own worker
    try:
        payload = pickle.loads(sent.payload) if sent.payload else None  # noqa: S301  as above
    except BaseException as error:  # noqa: BLE001  unpickling runs the user's code and raises anything
        if sent.status == "completed":
            return failed(sent.key, error, sent.running_s, sent.worker)
        payload = None  # the text of an exception travels apart
    return sent._replace(payload=payload)


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
    """Seed ``random`` and, where NumPy is loaded, its legacy generator."""
    random.seed(seed)
    if legacy := _legacy():
        legacy.seed(seed)


def _legacy() -> Any:
    return import_module("numpy.random") if "numpy" in sys.modules else None


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of this process for one task, and put them back afterwards."""
    legacy = _legacy()
    state, legacy_state = random.getstate(), legacy and legacy.get_state()
    seed_globals(seed)
    try:
        yield
    finally:
        random.setstate(state)
        if legacy:
            legacy.set_state(legacy_state)


def execute(key: int, operation: Operation, args: Any, kwargs: Any, seed: int, worker: str) -> Outcome:
    """Call an operation and return what came of it, whatever it raised."""
    token = _seed.set(seed)
    started = perf_counter()
    try:
        value = operation(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001  the operation is the user's: SystemExit too ends only itself
        return failed(key, error, perf_counter() - started, worker)
    finally:
        _seed.reset(token)
    return Outcome(key, "completed", value, "", perf_counter() - started, worker)


def failed(key: int, error: BaseException, running_s: float, worker: str) -> Outcome:
    """Return the outcome of an attempt that raised, its traceback without the kit's own frame."""
    raised_at = _TRACEBACK(error)
    trace = raised_at.tb_next if raised_at else None
    try:
        details = "".join(traceback.format_exception(type(error), error, trace))
    except BaseException:  # noqa: BLE001  formatting runs the user's code and raises anything
        details = "".join(traceback.format_tb(trace)) + text_of(error)
    return Outcome(key, "failed", error, _cut(details, _LONGEST_TRACE), running_s, worker, text_of(error))


def text_of(error: BaseException) -> str:
    """Return an exception's kind and text, whatever its own code does."""
    try:
        return _cut(f"{type(error).__name__}: {error}", _LONGEST)
    except BaseException:  # noqa: BLE001  as above
        return f"{_NAME(type(error))}, which cannot say what it is"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
