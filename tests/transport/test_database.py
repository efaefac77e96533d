"""The SQLite file that processes and threads share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kit.transport.database import Database

SCHEMA = ("CREATE TABLE numbers (number)",)
SHARED_LOCK = (510, 0x40000002)  # length and first byte of SQLite's shared locks in a database file
PROBE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, int(sys.argv[2]), int(sys.argv[3]))
    except OSError:
        print("held")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="locks go by process on POSIX only")
def test_opening_the_file_again_keeps_the_locks_of_the_first_connection(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops a process's locks on it, so a second opening must close none."""
    path = tmp_path / "shared.sqlite"
    first = Database(path, 1, SCHEMA)
    first.read("SELECT * FROM numbers")
    second = Database(path, 1, SCHEMA)
    command = [sys.executable, "-c", PROBE, str(path), *map(str, SHARED_LOCK)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"
    first.close()
    second.close()
