"""Unpickling what came from the caller, so that importing its modules is not on the task's time.

A shared object is mapped anew for each task, copy-on-write: a task may change its frames and arrays, and
nobody else sees it.
"""

from __future__ import annotations

import io
import mmap
import pickle
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from kit.parallel.shared import ALIGNMENT, HEADER

Watch = Callable[[], AbstractContextManager[None]]
_watch: Watch = nullcontext
_folder = Path()


def open_worker(folder: Path, watch: Watch) -> None:
    """Have `take` read from a folder, and each import during `loads` run within a context."""
    global _folder, _watch  # unpickling has no other way to reach what is the worker's
    _folder, _watch = folder, watch


def loads(body: bytes | memoryview | str, buffers: Iterable[Any] | None = None) -> Any:
    """Return the object in a pickle of our own caller, or in the shared object of a reference.

    Raises whatever unpickling does: it imports modules and runs their code.
    """
    return take(body) if isinstance(body, str) else _Unpickler(io.BytesIO(body), buffers=buffers).load()


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


def take(reference: str) -> Any:
    """Return a shared object of the worker's folder; pickled tasks call this."""
    with (_folder / reference).open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    start = HEADER.size + HEADER.unpack(mapped[: HEADER.size])[0]
    body, lengths = pickle.loads(mapped[HEADER.size : start])  # noqa: S301  written by our own caller
    buffers = []
    for length in lengths:
        start += -start % ALIGNMENT
        buffers.append(mapped[start : start + length])
        start += length
    return loads(body, buffers)
