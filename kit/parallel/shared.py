"""Shared objects: pickles too long for a message, each a file that workers map into their memory.

The caller's side writes an object and ships its reference, a short name; `take` opens it in a worker. Large
buffers (the columns of a frame, the body of an array) lie in the file as they lie in memory, so opening one
copies nothing. A file is there as long as somebody uses it: a task that has not ended, or the run that will
send it again. Each task maps it anew, copy-on-write: it may change its frames, and nobody else sees it.
"""

from __future__ import annotations

import io
import mmap
import pickle
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

_ALIGNMENT = 64  # bytes; what SIMD loads like
_HEADER = struct.Struct("<q")
_folder = Path()
_watch: Callable[[], AbstractContextManager[None]] = nullcontext


class SharedObjects:
    """Writes objects to a folder that the workers can read, and removes them when nobody uses them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        prefix = uuid4().hex  # no two folders share a reference
        self._names = (f"{prefix}-{number}.obj" for number in count())
        self._uses: Counter[str] = Counter()

    def put(self, body: bytes, buffers: Sequence[pickle.PickleBuffer]) -> str:
        """Write a pickle with its buffers and return its reference, used once."""
        reference = next(self._names)
        raws = [buffer.raw() for buffer in buffers]
        head = pickle.dumps((body, [raw.nbytes for raw in raws]))
        with (self.folder / reference).open("wb") as file:
            file.write(_HEADER.pack(len(head)) + head)
            for raw in raws:
                file.seek(-file.tell() % _ALIGNMENT, 1)
                file.write(raw)
        self.use([reference])
        return reference

    def receive(self, reference: str, content: bytes) -> None:
        """Write what another folder holds under the same reference, unless it is here; use it once."""
        with self._lock:
            if not self._uses[reference]:
                (self.folder / reference).write_bytes(content)
            self._uses[reference] += 1

    def use(self, references: Iterable[str]) -> None:
        """Count one more use of each reference."""
        with self._lock:
            self._uses.update(references)

    def release(self, references: Iterable[str]) -> None:
        """Count one use less of each reference, and remove what is no longer used."""
        with self._lock:
            for reference in references:
                self._uses[reference] -= 1
                if not self._uses[reference]:
                    del self._uses[reference]
                    (self.folder / reference).unlink(missing_ok=True)


def open_worker(folder: Path, watch: Callable[[], AbstractContextManager[None]]) -> None:
    """Have `take` read from a folder, and each import during `loads` run within a context."""
    global _folder, _watch  # unpickling has no other way to reach what is the worker's
    _folder, _watch = folder, watch


def loads(body: bytes | memoryview | str, buffers: Iterable[Any] | None = None) -> Any:
    """Return the object in a pickle of our own caller, or in the shared object of a reference.

    Raises whatever unpickling does: it imports modules and runs their code.
    """
    return take(body) if isinstance(body, str) else _Unpickler(io.BytesIO(body), buffers=buffers).load()


def take(reference: str) -> Any:
    """Return a shared object of the worker's folder; pickled tasks call this."""
    with (_folder / reference).open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    start = _HEADER.size + _HEADER.unpack(mapped[: _HEADER.size])[0]
    body, lengths = pickle.loads(mapped[_HEADER.size : start])  # noqa: S301  written by our own caller
    buffers = []
    for length in lengths:
        start += -start % _ALIGNMENT
        buffers.append(mapped[start : start + length])
        start += length
    return loads(body, buffers)


class _Unpickler(pickle.Unpickler):
    """Imports the caller's modules inside the watch context, so that the task's time does not count them."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "subimport" and module.startswith("cloudpickle"):
            return _module  # a function by value that mentions a module names it so
        with nullcontext() if module in sys.modules else _watch():
            return super().find_class(module, name)


def _module(name: str) -> Any:
    with nullcontext() if name in sys.modules else _watch():
        return import_module(name)
