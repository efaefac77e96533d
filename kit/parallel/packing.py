"""Turning tasks into messages: functions by value, large things by reference."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from itertools import count
from typing import Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]  # it has no types

from kit.parallel.shared import SharedObjects
from kit.parallel.tasks import ProcessingTask
from kit.parallel.unpacking import take

BUFFER_BYTES = 4 * 1024  # buffers from here on stay out of the pickle
BODY_BYTES = 2 * 1024  # longer pickles are shared objects, so that a pipe never fills up
_PLAIN = (int, float, str, bool, type(None))
_scopes = count(1)


class Payload(NamedTuple):
    """A task on its way: its message and the shared objects that the message refers to."""

    message: bytes
    references: tuple[str, ...]


class Packed(NamedTuple):
    """A pickle that is short, because it stands for a shared object where it would be long."""

    body: bytes
    reference: str | None


class Scope:
    """What the tasks of one run share; within it an object is pickled once.

    A run holds its objects alive and its caller waits, so identity means equality. Single submissions
    have no scope: the caller may change an object between two of them.

    Parameters
    ----------
    objects : SharedObjects
        Keeps what the scope remembers.
    kept : int, default 64
        Objects remembered.
    """

    def __init__(self, objects: SharedObjects, kept: int = 64) -> None:
        self.number = next(_scopes)
        self._objects = objects
        self._kept = kept
        self._known: OrderedDict[int, tuple[Any, Packed]] = OrderedDict()

    def packed(self, thing: Any) -> Packed:
        """Return an object packed; it is kept alive, so that its id stays its own."""
        if id(thing) not in self._known:
            self._known[id(thing)] = thing, _packed(thing, self._objects)
            if len(self._known) > self._kept:
                self._forget()
        self._known.move_to_end(id(thing))
        return self._known[id(thing)][1]

    def close(self) -> None:
        """Forget everything."""
        while self._known:
            self._forget()

    def _forget(self) -> None:
        _, (_, packed) = self._known.popitem(last=False)
        if packed.reference:
            self._objects.release([packed.reference])


def pack(key: int, task: ProcessingTask, seed: int, objects: SharedObjects, scope: Scope | None) -> Payload:
    """Pickle a task; release the payload's references when the task has ended.

    In a run functions are pickled once, and what is long by reference.

    Raises
    ------
    Exception
        Whatever pickling raises for an operation or argument that cannot travel.
    """
    references: list[str] = []

    def noted(packed: Packed) -> Packed:
        references.extend([packed.reference] if packed.reference else [])
        return packed

    def once(thing: Any, run: Scope) -> Packed:
        packed = run.packed(thing)
        objects.use([packed.reference] if packed.reference else [])
        return noted(packed)

    def argument(arg: Any) -> Any:
        reference = None if scope is None or type(arg) in _PLAIN else once(arg, scope).reference
        return _Reference(reference) if reference else arg

    try:
        operation = noted(_packed(task.operation, objects)) if scope is None else once(task.operation, scope)
        args, kwargs = tuple(map(argument, task.args)), {k: argument(arg) for k, arg in task.kwargs.items()}
        plain = not kwargs and all(type(arg) in _PLAIN for arg in args)
        arguments = noted(_packed((args, kwargs), objects, plain))
    except BaseException:
        objects.release(references)
        raise
    parts = (key, seed, scope.number if scope else 0, operation.body, arguments.body)
    return Payload(pickle.dumps(parts, protocol=5), tuple(references))


def _packed(thing: Any, objects: SharedObjects, plain: bool = False) -> Packed:
    """Pickle by value, large buffers apart; plainly, where that is the same, takes a fraction of the time."""
    buffers: list[pickle.PickleBuffer] = []

    def inside(buffer: pickle.PickleBuffer) -> bool:
        small = buffer.raw().nbytes < BUFFER_BYTES
        if not small:
            buffers.append(buffer)
        return small

    dumps = pickle.dumps if plain else cloudpickle.dumps
    body = dumps(thing, protocol=5, buffer_callback=inside)
    if not buffers and len(body) <= BODY_BYTES:
        return Packed(body, None)
    reference = objects.put(body, buffers)
    return Packed(pickle.dumps(_Reference(reference), protocol=5), reference)


class _Reference:
    """Stands in a pickle for a shared object."""

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return take, (self._reference,)
