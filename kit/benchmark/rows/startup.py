"""Start-up, in fresh interpreters."""

from __future__ import annotations

from kit.benchmark.machine import fresh
from kit.benchmark.measure import Figures
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most

_TIME_IMPORT = "import time; t = time.perf_counter(); import kit; print(time.perf_counter() - t)"
_PRICING = "from kit.pricing.warm import warm; print(warm())"
_BACKTEST = "from kit.benchmark.rows.backtest import first_play; print(first_play())"


@row("pipeline", "s", at_most(0.3), quick=True)
def import_kit(run: Run) -> Figures:
    """Time of ``import kit`` in fresh interpreters."""
    return _seconds(_TIME_IMPORT, 7 if run.quick else 21)


@row("pricing", "s", at_most(6))
def first_call(run: Run) -> Figures:
    """Price the first options after installation: numba loads and compiles."""
    return _seconds(_compiling(run) + _PRICING)


@row("pricing", "s", at_most(0.4))
def first_call_later(run: Run) -> Figures:
    """Price the first options of a later process: numba and the compiled loops load."""
    return _later(_compiling(run) + _PRICING)


@row("backtest", "s", at_most(6))
def backtest_first_call(run: Run) -> Figures:
    """Play the first sets after installation: numba loads and compiles."""
    return _seconds(_compiling(run) + _BACKTEST)


@row("backtest", "s", at_most(0.5))
def backtest_first_call_later(run: Run) -> Figures:
    """Play the first sets of a later process: numba and the compiled engine load."""
    return _later(_compiling(run) + _BACKTEST)


def _compiling(run: Run) -> str:
    """Return code that lets numba keep its machine code in a folder that is empty."""
    return f"import os; os.environ['NUMBA_CACHE_DIR'] = {str(run.folder())!r}\n"


def _later(code: str) -> Figures:
    fresh(code)
    return _seconds(code, 5)


def _seconds(code: str, times: int = 1) -> Figures:
    return Figures([float(fresh(code)) for _ in range(times)])
