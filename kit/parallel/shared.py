"""Shared objects: pickles too long for a message, each a file that workers map into their memory.

The caller's side writes an object and ships its reference, a short name; `kit.parallel.unpacking.take` opens
it in a worker. Large buffers (the columns of a frame, the body of an array) lie in the file as they lie in
memory, so opening one copies nothing. A file is there as long as somebody uses it: a task that has not
ended, or the run that will send it again.
"""

from __future__ import annotations

import pickle
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from threading import Lock
from uuid import uuid4

ALIGNMENT = 64  # bytes; what SIMD loads like
HEADER = struct.Struct("<q")


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
            file.write(HEADER.pack(len(head)) + head)
            for raw in raws:
                file.seek(-file.tell() % ALIGNMENT, 1)
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
        """Take one use of each reference back; what nobody uses is removed."""
        with self._lock:
            for reference in references:
                self._uses[reference] -= 1
                if not self._uses[reference]:
                    del self._uses[reference]
                    (self.folder / reference).unlink(missing_ok=True)
