"""One writer at a time: a lock on a store's folder that every process of the machine respects.

SQLite's own file lock is used: it works on every system, waits, and ends with the process that holds it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kit.errors import UnwritableFile

WAIT_S = 600.0  # a month of many sources takes seconds to write
_LOCK = "writing.lock"


@contextmanager
def writing(folder: Path, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold a folder for writing; readers are not held up, for files are replaced in one step.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    wait_s : float, default 600
        How long to wait for another writer, seconds.

    Raises
    ------
    UnwritableFile
        The folder may not be written, or another writer goes on for longer.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = sqlite3.connect(folder / _LOCK, timeout=wait_s, isolation_level=None)
    except (OSError, sqlite3.OperationalError) as error:
        raise UnwritableFile(
            "The store cannot be written", f"{folder}: {error}", "Check the folder."
        ) from error
    with closing(held):
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise UnwritableFile(
                "Another process writes to the store",
                f"{folder}: {error}",
                "Wait for its end, then try again.",
            ) from error
        yield
