"""Unpickling what came from the caller, so that importing its modules is not on the task's time."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

Watch = Callable[[], AbstractContextManager[None]]
_watch: Watch = nullcontext


def watch_imports(watch: Watch) -> None:
    """Have each import during `loads` run within a context."""
    global _watch  # noqa: PLW0603  unpickling has no other way to reach the worker's state
    _watch = watch


def loads(body: bytes | memoryview, buffers: Iterable[Any] | None = None) -> Any:
    """Return the object in a pickle of our own caller.

    Raises
    ------
    BaseException
        Whatever unpickling raises: it imports modules and runs their code.
    """
    return _Unpickler(io.BytesIO(body), buffers=buffers).load()


class _Unpickler(pickle.Unpickler):
    """Imports modules while somebody watches."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "subimport" and module.startswith("cloudpickle"):
            return _module  # a function by value that mentions a module names it so
        if module in sys.modules:
            return super().find_class(module, name)
        with _watch():
            return super().find_class(module, name)


def _module(name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    with _watch():
        return import_module(name)
