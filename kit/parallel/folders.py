"""The folder of a pool on disk: made, marked as in use, and swept when its owner was killed."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from time import time
from typing import IO

try:
    import fcntl
except ImportError:  # Windows removes nothing that is in use, and has no such lock
    fcntl = None  # type: ignore[assignment]

_PREFIX = "kit-workers-"
_OWNER = "owner"
_YOUNG_S = 60.0  # a folder may just have been made and not be marked yet


class Folder:
    """A fresh folder that is this process's own until it ends, by default among the temporary files."""

    def __init__(self, parent: str | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._mark: IO[str] = (self.path / _OWNER).open("w")
        _locked(self._mark)
        _sweep(self.path.parent)

    def remove(self) -> None:
        """Remove it and what lies in it."""
        self._mark.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _locked(mark: IO[str]) -> bool:
    """Take the lock that ends with its owner; return False where another process has it."""
    with suppress(OSError):  # another process has it
        if fcntl is not None:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _sweep(parent: Path) -> None:
    """Remove the folders whose owner was killed before it could."""
    for mark in parent.glob(f"{_PREFIX}*/{_OWNER}"):
        with suppress(OSError):  # somebody else's, or just removed
            if time() - mark.stat().st_mtime > _YOUNG_S:
                with mark.open("r+") as file:
                    if _locked(file):
                        shutil.rmtree(mark.parent, ignore_errors=True)
