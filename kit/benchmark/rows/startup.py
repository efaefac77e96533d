"""Start-up, in fresh interpreters."""

from __future__ import annotations

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Figures
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most

_TIME_IMPORT = "import time; t = time.perf_counter(); import kit; print(time.perf_counter() - t)"


@row("pipeline", "s", at_most(0.3), quick=True)
def import_kit(run: Run) -> Figures:
    """Time of ``import kit`` in fresh interpreters."""
    return Figures([float(fresh(_TIME_IMPORT)) for _ in range(7 if run.quick else 21)])
