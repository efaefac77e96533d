"""Turning tasks into messages: functions by value, large things by reference."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from itertools import count
from typing import Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]  # it has no types

from kit.parallel.shared import SharedObjects, take
from kit.parallel.tasks import ProcessingTask

BUFFER_BYTES = 4 * 1024  # buffers from here on stay out of the pickle
BODY_BYTES = 2 * 1024  # longer pickles are shared objects, so that a pipe never fills up
KEPT = 64  # packed objects that a run remembers
_PLAIN = (int, float, str, bool, type(None))
_scopes = count(1)
Packed = bytes | str  # a pickle, or where it is long the reference of the shared object that holds it


class Payload(NamedTuple):
    """A task on its way: its message and the shared objects that the message refers to."""

    message: bytes
    references: tuple[str, ...]


class Scope:
    """What the tasks of one run share; within it an object is pickled once.

    A run holds its objects alive and its caller waits, so identity means equality. Single submissions
    have no scope: the caller may change an object between two of them.
    """

    def __init__(self, objects: SharedObjects) -> None:
        self.number = next(_scopes)
        self._objects = objects
        self._known: OrderedDict[int, tuple[Any, Packed]] = OrderedDict()

    def packed(self, thing: Any) -> Packed:
        """Return an object packed and count one more use; it is kept alive, so that no other gets its id."""
        if id(thing) not in self._known:
            self._known[id(thing)] = thing, _packed(thing, self._objects)
            if len(self._known) > KEPT:
                self._forget()
        self._known.move_to_end(id(thing))
        packed = self._known[id(thing)][1]
        self._objects.use([packed] if isinstance(packed, str) else [])
        return packed

    def close(self) -> None:
        """Forget everything."""
        while self._known:
            self._forget()

    def _forget(self) -> None:
        _, (_, packed) = self._known.popitem(last=False)
        if isinstance(packed, str):
            self._objects.release([packed])


def pack(key: int, task: ProcessingTask, seed: int, objects: SharedObjects, scope: Scope | None) -> Payload:
    """Pickle a task, or raise what pickling raises; release its references when the task has ended."""
    references: list[str] = []

    def noted(packed: Packed) -> Packed:
        if isinstance(packed, str):
            references.append(packed)
        return packed

    def argument(arg: Any) -> Any:
        if scope is None or type(arg) in _PLAIN:
            return arg
        packed = noted(scope.packed(arg))
        return _Reference(packed) if isinstance(packed, str) else arg

    try:
        operation = noted(scope.packed(task.operation) if scope else _packed(task.operation, objects))
        args, kwargs = tuple(map(argument, task.args)), {k: argument(arg) for k, arg in task.kwargs.items()}
        plain = not kwargs and all(type(arg) in _PLAIN for arg in args)
        arguments = noted(_packed((args, kwargs), objects, plain))
    except BaseException:
        objects.release(references)
        raise
    parts = (key, seed, scope.number if scope else 0, operation, arguments)
    return Payload(pickle.dumps(parts, protocol=5), tuple(references))


def _packed(thing: Any, objects: SharedObjects, plain: bool = False) -> Packed:
    """Pickle by value, large buffers apart; `plain` things without cloudpickle, which is much faster."""
    buffers: list[pickle.PickleBuffer] = []

    def inside(buffer: pickle.PickleBuffer) -> bool:
        small = buffer.raw().nbytes < BUFFER_BYTES
        if not small:
            buffers.append(buffer)
        return small

    dumps = pickle.dumps if plain else cloudpickle.dumps
    body = dumps(thing, protocol=5, buffer_callback=inside)
    short = not buffers and len(body) <= BODY_BYTES
    return bytes(body) if short else objects.put(body, buffers)


class _Reference:
    """Stands in a pickle for a shared object."""

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return take, (self._reference,)
