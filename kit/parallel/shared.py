"""Shared objects: large ones, written once to a folder and memory-mapped by every worker that needs them.

The caller's side writes an object and ships its reference, a short name; the worker's side opens the object
by it and keeps it for the next task. Buffers (the columns of a frame, the body of an array) lie in the file
as they lie in memory, so opening one copies nothing.

A frame is opened as a shallow copy: with pandas' copy-on-write a task may change it without touching the
file. An array is read-only, as with joblib's memory maps.
"""

from __future__ import annotations

import mmap
import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

import cloudpickle  # type: ignore[import-untyped]  # it has no types

from kit.parallel.unpacking import loads

ALIGNMENT = 64  # bytes; what SIMD loads like
KEPT_BYTES = 256 * 2**20  # beyond this, objects that no task uses are removed
_ONE_WAY = ".bin"
_GLANCE = 4096  # bytes that tell most different buffers apart
_HEADER = struct.Struct("<q")


class SharedObjects:
    """The caller's side: writes objects to the folder and removes them when nobody needs them.

    Parameters
    ----------
    folder : Path
        An existing folder that the workers can read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        prefix = uuid4().hex  # no two folders share a reference
        self._names = (f"{prefix}-{number}" for number in count())
        self._uses: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._frames: dict[bytes, list[tuple[str, list[pickle.PickleBuffer], Any]]] = {}

    def put_bytes(self, content: bytes) -> str:
        """Write a message for one task and return its reference; it goes with its last use."""
        reference = f"{next(self._names)}{_ONE_WAY}"
        (self.folder / reference).write_bytes(content)
        return self._added(reference, len(content))

    def put_pickle(self, body: bytes) -> str:
        """Write an object that is pickled already and return its reference."""
        return self._write(body, [])

    def put_object(self, thing: Any) -> str:
        """Write an object with its buffers out of line and return its reference."""
        return self._write(*_taken_apart(thing))

    def put_frame(self, frame: Any) -> str:
        """Write a pandas object unless the same is there already; return its reference.

        A shallow copy of the frame is kept. Copy-on-write then moves the frame to new memory when
        its owner changes it, so a buffer at the same address has the same content.
        """
        body, buffers = _taken_apart(frame)
        with self._lock:
            for reference, known, _ in self._frames.get(body, ()):
                if all(map(_same, buffers, known)):
                    self._uses[reference] += 1
                    return reference
        reference = self._write(body, buffers)
        with self._lock:
            self._frames.setdefault(body, []).append((reference, buffers, frame.copy(deep=False)))
        return reference

    def receive(self, reference: str, content: bytes) -> str:
        """Write what another folder holds under the same reference, unless it is here; count a use."""
        with self._lock:
            if reference in self._uses:
                self._uses[reference] += 1
                return reference
            (self.folder / reference).write_bytes(content)
            self._sizes[reference], self._uses[reference] = len(content), 1
        return reference

    def use(self, references: Iterable[str]) -> None:
        """Count one more use of each reference; putting an object counts as its first."""
        with self._lock:
            for reference in references:
                self._uses[reference] += 1

    def release(self, references: Iterable[str]) -> None:
        """Take one use of each reference back; what nobody uses may be removed."""
        with self._lock:
            for reference in references:
                self._uses[reference] -= 1
                if not self._uses[reference] and reference.endswith(_ONE_WAY):
                    self._remove(reference)
            if sum(self._sizes.values()) > KEPT_BYTES:
                self._trim()

    def _write(self, body: bytes, buffers: list[pickle.PickleBuffer]) -> str:
        reference = f"{next(self._names)}.obj"
        raws = [buffer.raw() for buffer in buffers]
        head = pickle.dumps((body, [raw.nbytes for raw in raws]))
        with (self.folder / reference).open("wb") as file:
            file.write(_HEADER.pack(len(head)) + head)
            for raw in raws:
                file.seek(-file.tell() % ALIGNMENT, 1)
                file.write(raw)
            size = file.tell()
        return self._added(reference, size)

    def _added(self, reference: str, size: int) -> str:
        with self._lock:
            self._sizes[reference], self._uses[reference] = size, 1
        return reference

    def _trim(self) -> None:
        for reference in [reference for reference, uses in self._uses.items() if not uses]:
            self._remove(reference)
        for body, known in [*self._frames.items()]:
            known[:] = [entry for entry in known if entry[0] in self._sizes]
            if not known:
                del self._frames[body]

    def _remove(self, reference: str) -> None:
        del self._sizes[reference], self._uses[reference]
        (self.folder / reference).unlink(missing_ok=True)


def _taken_apart(thing: Any) -> tuple[bytes, list[pickle.PickleBuffer]]:
    buffers: list[pickle.PickleBuffer] = []
    body = cloudpickle.dumps(thing, protocol=5, buffer_callback=buffers.append)
    return body, buffers


def _same(one: pickle.PickleBuffer, other: pickle.PickleBuffer) -> bool:
    """Tell whether two buffers hold the same bytes, without a look where they are the same memory."""
    import numpy as np

    left, right = np.frombuffer(one.raw(), np.uint8), np.frombuffer(other.raw(), np.uint8)
    if left.size == right.size and left.ctypes.data == right.ctypes.data:
        return True
    return np.array_equal(left[:_GLANCE], right[:_GLANCE]) and np.array_equal(left, right)


class Reader:
    """The worker's side: opens objects and keeps the last ones.

    Parameters
    ----------
    folder : Path
        Where they lie.
    kept : int, default 64
        Objects kept for further tasks.
    """

    def __init__(self, folder: Path, kept: int = 64) -> None:
        self.folder = folder
        self._kept = kept
        self._cache: OrderedDict[str, Callable[[], Any]] = OrderedDict()

    def take(self, reference: str) -> Any:
        """Return the object of a reference, safe to change where its kind allows it."""
        if reference not in self._cache:
            self._cache[reference] = _opened(self.folder / reference)
            while len(self._cache) > self._kept:
                self._cache.popitem(last=False)
        self._cache.move_to_end(reference)
        return self._cache[reference]()


def _opened(path: Path) -> Callable[[], Any]:
    """Return a function that gives the object in a file, each time as if it were fresh."""
    with path.open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start = _HEADER.size + _HEADER.unpack(mapped[: _HEADER.size])[0]
    body, lengths = pickle.loads(mapped[_HEADER.size : start])  # noqa: S301  written by our own caller
    buffers = []
    for length in lengths:
        start += -start % ALIGNMENT
        buffers.append(mapped[start : start + length])
        start += length
    master = loads(body, buffers)
    pandas = sys.modules.get("pandas")
    if pandas and isinstance(master, pandas.DataFrame | pandas.Series):
        return lambda: master.copy(deep=False)
    if type(master).__module__ == "numpy":
        return lambda: master  # read-only: its buffer is
    return lambda: loads(body, buffers)


_reader: Reader | None = None


def open_reader(folder: Path) -> None:
    """Let `take` of this process read from a folder."""
    global _reader  # noqa: PLW0603  unpickling has no other way to reach the worker's folder
    _reader = Reader(folder)


def take(reference: str) -> Any:
    """Return an object of the worker's folder; pickled tasks call this."""
    assert _reader is not None, "only a worker opens shared objects"
    return _reader.take(reference)
