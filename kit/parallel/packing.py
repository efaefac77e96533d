"""Turning tasks into messages: functions by value, large things by their token on the shelf."""

from __future__ import annotations

import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

import cloudpickle  # type: ignore[import-untyped]  # it has no types

from kit.parallel.shelf import Shelf, take
from kit.parallel.tasks import ProcessingTask

LARGE_BYTES = 32 * 1024  # frames and arrays from here on go to the shelf
SHARED_BYTES = 4 * 1024  # arguments that several tasks of a run share, from here on
MESSAGE_BYTES = 2 * 1024  # longer messages travel as a file, so that a socket never fills up
_PLAIN = (int, float, str, bool, type(None))
_scopes = count(1)


class Parcel(NamedTuple):
    """A task on its way: its message and the tokens that the message speaks of."""

    message: bytes
    tokens: tuple[str, ...]


class Scope:
    """What the tasks of one run share; within it an object is pickled once.

    A run holds its objects alive and its caller waits, so identity means equality. Single submissions
    have no scope: the caller may change an object between two of them.

    Parameters
    ----------
    shelf : Shelf
        Keeps what the scope remembers.
    kept : int, default 64
        Objects remembered.
    """

    def __init__(self, shelf: Shelf, kept: int = 64) -> None:
        self.number = next(_scopes)
        self._shelf = shelf
        self._kept = kept
        self._known: OrderedDict[tuple[str, int], tuple[Any, Any, tuple[str, ...]]] = OrderedDict()

    def get(self, kind: str, thing: Any) -> Any:
        """Return the form that was remembered for an object, else None."""
        key = (kind, id(thing))
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key][1]

    def remember(self, kind: str, thing: Any, form: Any, tokens: tuple[str, ...] = ()) -> None:
        """Remember a form of an object, keep its tokens, and the object so that its id stays its own."""
        self._shelf.use(tokens)
        self._known[kind, id(thing)] = (thing, form, tokens)
        if len(self._known) > self._kept:
            self._forget()

    def close(self) -> None:
        """Forget everything."""
        while self._known:
            self._forget()

    def _forget(self) -> None:
        _, (_, _, tokens) = self._known.popitem(last=False)
        self._shelf.release(tokens)


def pack(key: int, task: ProcessingTask, seed: int, shelf: Shelf, scope: Scope | None) -> Parcel:
    """Pickle a task; release the parcel's tokens when the task has ended.

    Raises
    ------
    Exception
        Whatever pickling raises for an operation or argument that cannot travel.
    """
    packer = _Packer(shelf, scope)
    try:
        operation = packer.operation(task.operation)
        arguments = packer.arguments(task.args, task.kwargs)
        number = scope.number if scope else 0
        message = pickle.dumps((key, seed, number, operation, arguments), protocol=5)
        if len(message) > MESSAGE_BYTES:
            token = shelf.put_bytes(message)
            packer.tokens.append(token)
            message = pickle.dumps((key, token), protocol=5)
    except BaseException:
        shelf.release(packer.tokens)
        raise
    return Parcel(message, tuple(packer.tokens))


class _OnShelf:
    """Stands in a pickle for an object on the shelf."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return take, (self._token,)


class _Packer:
    """Pickles the parts of one task and notes the tokens they need."""

    def __init__(self, shelf: Shelf, scope: Scope | None) -> None:
        self.tokens: list[str] = []
        self._shelf = shelf
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
        if self._scope and not self.tokens:
            self._scope.remember("operation", operation, body)
        return body

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Pickle the arguments, those that tasks of a run share by their tokens."""
        if not kwargs and all(type(arg) in _PLAIN for arg in args):
            return pickle.dumps((args, {}), protocol=5)  # several times as fast, and the same
        shared = {name: self._once(arg) for name, arg in kwargs.items()}
        return self.dump((tuple(self._once(arg) for arg in args), shared))

    def large(self, thing: Any) -> str | None:
        """Return the token of a frame or array worth sharing, else None."""
        pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
        is_frame = pandas is not None and isinstance(thing, pandas.DataFrame | pandas.Series)
        is_array = numpy is not None and type(thing) is numpy.ndarray and not thing.dtype.hasobject
        if not (is_frame or (is_array and self._scope)) or thing.size * 8 < LARGE_BYTES:
            return None
        token: str | None = self._scope.get("table", thing) if self._scope else None
        if token is not None:
            self._shelf.use((token,))
        else:
            token = self._shelf.put_frame(thing) if is_frame else self._shelf.put_object(thing)
            if self._scope:
                self._scope.remember("table", thing, token, (token,))
        self.tokens.append(token)
        return token

    def _once(self, arg: Any) -> Any:
        """Put a sizeable argument of a run on the shelf, so that its further tasks ship a token."""
        if self._scope is None or type(arg) in _PLAIN:
            return arg
        tokens: tuple[str, ...] | None = self._scope.get("argument", arg)
        if tokens is None:
            tokens = self._on_shelf(arg, self._scope)
        elif tokens:
            self._shelf.use(tokens)
        self.tokens += tokens
        return _OnShelf(tokens[0]) if tokens else arg

    def _on_shelf(self, arg: Any, scope: Scope) -> tuple[str, ...]:
        """Put an argument on the shelf if it is sizeable; return its token and those it speaks of."""
        inner = _Packer(self._shelf, scope)
        body = inner.dump(arg)
        tokens: tuple[str, ...] = ()
        if len(body) >= SHARED_BYTES:
            tokens = (self._shelf.put_pickle(body), *inner.tokens)
        else:
            self._shelf.release(inner.tokens)
        scope.remember("argument", arg, tokens, tokens)
        return tokens


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """cloudpickle, with large tables replaced by their tokens."""

    def __init__(self, file: io.BytesIO, packer: _Packer) -> None:
        super().__init__(file, protocol=5)
        self._packer = packer

    def reducer_override(self, thing: Any) -> Any:
        token = self._packer.large(thing)
        return (take, (token,)) if token else super().reducer_override(thing)
