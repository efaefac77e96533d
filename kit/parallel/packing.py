"""Turning tasks into messages: functions by value, large things by reference."""

from __future__ import annotations

import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]  # it has no types

from kit.parallel.shared import SharedObjects, take
from kit.parallel.tasks import ProcessingTask

LARGE_BYTES = 32 * 1024  # frames and arrays from here on are shared objects
SHARED_BYTES = 4 * 1024  # arguments that several tasks of a run share, from here on
MESSAGE_BYTES = 2 * 1024  # longer messages travel as a file, so that a pipe never fills up
_PLAIN = (int, float, str, bool, type(None))
_scopes = count(1)


class Payload(NamedTuple):
    """A task on its way: its message and the shared objects that the message refers to."""

    message: bytes
    references: tuple[str, ...]


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
        self._known: OrderedDict[tuple[str, int], tuple[Any, Any, tuple[str, ...]]] = OrderedDict()

    def get(self, kind: str, thing: Any) -> Any:
        """Return the form that was remembered for an object, else None."""
        key = (kind, id(thing))
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key][1]

    def remember(self, kind: str, thing: Any, form: Any, references: tuple[str, ...] = ()) -> None:
        """Remember a form of an object, keep its references, and the object so that its id stays its own."""
        self._objects.use(references)
        self._known[kind, id(thing)] = (thing, form, references)
        if len(self._known) > self._kept:
            self._forget()

    def close(self) -> None:
        """Forget everything."""
        while self._known:
            self._forget()

    def _forget(self) -> None:
        _, (_, _, references) = self._known.popitem(last=False)
        self._objects.release(references)


def pack(key: int, task: ProcessingTask, seed: int, objects: SharedObjects, scope: Scope | None) -> Payload:
    """Pickle a task; release the payload's references when the task has ended.

    Raises
    ------
    Exception
        Whatever pickling raises for an operation or argument that cannot travel.
    """
    packer = _Packer(objects, scope)
    try:
        operation = packer.operation(task.operation)
        arguments = packer.arguments(task.args, task.kwargs)
        number = scope.number if scope else 0
        message = pickle.dumps((key, seed, number, operation, arguments), protocol=5)
        if len(message) > MESSAGE_BYTES:
            reference = objects.put_bytes(message)
            packer.references.append(reference)
            message = pickle.dumps((key, reference), protocol=5)
    except BaseException:
        objects.release(packer.references)
        raise
    return Payload(message, tuple(packer.references))


class _Shared:
    """Stands in a pickle for a shared object."""

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return take, (self._reference,)


class _Packer:
    """Pickles the parts of one task and notes the references they need."""

    def __init__(self, objects: SharedObjects, scope: Scope | None) -> None:
        self.references: list[str] = []
        self._objects = objects
        self._scope = scope

    def dump(self, thing: Any) -> bytes:
        file = io.BytesIO()
        _Pickler(file, self).dump(thing)
        return file.getvalue()

    def operation(self, operation: Any) -> bytes:
        """Pickle a function, once per run unless it drags a large table along."""
        known: bytes | None = self._scope.get("operation", operation) if self._scope else None
        if known is not None:
            return known
        body = self.dump(operation)
        if self._scope and not self.references:
            self._scope.remember("operation", operation, body)
        return body

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Pickle the arguments, those that tasks of a run share by reference."""
        if not kwargs and all(type(arg) in _PLAIN for arg in args):
            return pickle.dumps((args, {}), protocol=5)  # several times as fast, and the same
        shared = {name: self._once(arg) for name, arg in kwargs.items()}
        return self.dump((tuple(self._once(arg) for arg in args), shared))

    def large(self, thing: Any) -> str | None:
        """Return the reference of a frame or array worth sharing, else None."""
        pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
        is_frame = pandas is not None and isinstance(thing, pandas.DataFrame | pandas.Series)
        is_array = numpy is not None and type(thing) is numpy.ndarray and not thing.dtype.hasobject
        if not (is_frame or (is_array and self._scope)) or thing.size * 8 < LARGE_BYTES:
            return None
        reference: str | None = self._scope.get("table", thing) if self._scope else None
        if reference is not None:
            self._objects.use((reference,))
        else:
            reference = self._objects.put_frame(thing) if is_frame else self._objects.put_object(thing)
            if self._scope:
                self._scope.remember("table", thing, reference, (reference,))
        self.references.append(reference)
        return reference

    def _once(self, arg: Any) -> Any:
        """Share a sizeable argument of a run, so that its further tasks ship a reference."""
        if self._scope is None or type(arg) in _PLAIN:
            return arg
        references: tuple[str, ...] | None = self._scope.get("argument", arg)
        if references is None:
            references = self._sharing(arg, self._scope)
        elif references:
            self._objects.use(references)
        self.references += references
        return _Shared(references[0]) if references else arg

    def _sharing(self, arg: Any, scope: Scope) -> tuple[str, ...]:
        """Share an argument if it is sizeable; return its reference and those it refers to."""
        inner = _Packer(self._objects, scope)
        body = inner.dump(arg)
        references: tuple[str, ...] = ()
        if len(body) >= SHARED_BYTES:
            references = (self._objects.put_pickle(body), *inner.references)
        else:
            self._objects.release(inner.references)
        scope.remember("argument", arg, references, references)
        return references


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """cloudpickle, with large tables replaced by their references."""

    def __init__(self, file: io.BytesIO, packer: _Packer) -> None:
        super().__init__(file, protocol=5)
        self._packer = packer

    def reducer_override(self, thing: Any) -> Any:
        reference = self._packer.large(thing)
        return (take, (reference,)) if reference else super().reducer_override(thing)
