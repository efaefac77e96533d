"""Processors for the tests; operations are defined inside tests, so that they travel by value."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from kit.parallel import ConcurrentProcessor


@pytest.fixture(scope="module")
def processes() -> Iterator[ConcurrentProcessor]:
    """Two worker processes, shared by the tests of a file."""
    with ConcurrentProcessor(2) as processor:
        yield processor


@pytest.fixture(params=["serial", "threads", "processes"])
def processor(request: pytest.FixtureRequest) -> Iterator[ConcurrentProcessor]:
    """One worker of each kind in turn."""
    with ConcurrentProcessor(1, backend=request.param) as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> Callable[[], list[str]]:
    """Return the lines that tasks have appended to ``log.path``."""

    def lines() -> list[str]:
        return path.read_text().split() if path.exists() else []

    path = tmp_path / "log"
    lines.path = path
    return lines


@pytest.fixture
def quiet(log: Callable[[], list[str]]) -> Callable[[], bool]:
    """Return a function that tells whether nothing is written to the log for a while."""

    def still() -> bool:
        before = len(log())
        sleep(0.2)
        return len(log()) == before

    return still


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Return a function that waits until something holds."""

    def wait(holds: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = monotonic() + seconds
        while not holds():
            assert monotonic() < deadline, "it never came true"
            sleep(0.01)

    return wait


@pytest.fixture
def children() -> Callable[[], set[int]]:
    """Return a function that lists the living child processes of this one, zombies excepted."""

    def living() -> set[int]:
        found = psutil.Process(os.getpid()).children(recursive=True)
        return {child.pid for child in found if child.is_running() and child.status() != "zombie"}

    return living
