"""Turning tasks into messages: functions by value, large things by reference."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
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

    Raises
    ------
    Exception
        Whatever pickling raises for an operation or argument that cannot travel.
    """
    packer = _Packer(objects, scope)
    try:
        operation, arguments = packer.operation(task.operation), packer.arguments(task.args, task.kwargs)
    except BaseException:
        objects.release(packer.references)
        raise
    message = pickle.dumps((key, seed, scope.number if scope else 0, operation, arguments), protocol=5)
    return Payload(message, tuple(packer.references))


class _Packer:
    """Pickles the parts of one task and notes the references they need."""

    def __init__(self, objects: SharedObjects, scope: Scope | None) -> None:
        self.references: list[str] = []
        self._objects = objects
        self._scope = scope

    def operation(self, operation: Any) -> bytes:
        """Pickle a function, once per run."""
        if self._scope is None:
            return self._noted(_packed(operation, self._objects))
        return self._of_run(operation, self._scope).body

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Pickle the arguments, those that tasks of a run share by reference."""
        if not kwargs and all(type(arg) in _PLAIN for arg in args):  # several times as fast, and the same
            return self._noted(_short(pickle.dumps((args, {}), protocol=5), [], self._objects))
        shared = {name: self._once(arg) for name, arg in kwargs.items()}
        return self._noted(_packed((tuple(self._once(arg) for arg in args), shared), self._objects))

    def _once(self, arg: Any) -> Any:
        """Stand in for a sizeable argument of a run, so that its further tasks ship a reference."""
        if self._scope is None or type(arg) in _PLAIN:
            return arg
        reference = self._of_run(arg, self._scope).reference
        return _Reference(reference) if reference else arg

    def _of_run(self, thing: Any, scope: Scope) -> Packed:
        packed = scope.packed(thing)
        if packed.reference:
            self._objects.use([packed.reference])
        self._noted(packed)
        return packed

    def _noted(self, packed: Packed) -> bytes:
        self.references += [packed.reference] if packed.reference else []
        return packed.body


def _packed(thing: Any, objects: SharedObjects) -> Packed:
    """Pickle by value, large buffers apart."""
    buffers: list[pickle.PickleBuffer] = []

    def inside(buffer: pickle.PickleBuffer) -> bool:
        small = buffer.raw().nbytes < BUFFER_BYTES
        if not small:
            buffers.append(buffer)
        return small

    return _short(cloudpickle.dumps(thing, protocol=5, buffer_callback=inside), buffers, objects)


def _short(body: bytes, buffers: list[pickle.PickleBuffer], objects: SharedObjects) -> Packed:
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
