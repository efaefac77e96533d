"""What the user waits for: a chain, the money, evaluation, memory and start-up."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from kit.benchmark.machine import interpreter
from kit.benchmark.measure import Samples
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most

_IMPORT = "import time; t = time.perf_counter(); import kit; print(time.perf_counter() - t)"


def _fresh(code: str, *flags: str) -> str:
    """Run code in a fresh interpreter, so that nothing is warm but the file system."""
    done = subprocess.run([interpreter(), *flags, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


@row("import_kit", part="pipeline", unit="s", target=at_most(0.3), quick=True)
def import_kit(run: Run) -> Samples:
    """``import kit`` in fresh interpreters."""
    return Samples([float(_fresh(_IMPORT)) for _ in _times(run, quick=7, full=21)])


def _times(run: Run, quick: int, full: int) -> Sequence[int]:
    return range(quick if run.quick else full)
