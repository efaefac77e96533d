"""Black-76 through the compiled loops, on as many threads as the work is worth."""

from __future__ import annotations

import multiprocessing
import os
import threading
from typing import cast

import numpy as np
from numpy.typing import NDArray

from kit.pricing import kernels, numpy_engine
from kit.pricing.arrays import Floats
from kit.pricing.machine_code import run
from kit.pricing.numpy_engine import Columns
from kit.pricing.reasons import Codes

WORTH_A_THREAD = 24_576  # options; about a millisecond, ten times what starting a thread costs


def volatilities(columns: Columns, size: int, rows: int, threads: int | None) -> tuple[Floats, Codes]:
    """Return volatility (and Greeks) as rows, and reason codes; see `kit.pricing.engines.PricingEngine`."""
    out, codes, rest = _evaluate(columns, size, rows, True, threads)
    if rest.size:
        lanes = _lanes(columns, rest)
        out[:, rest], codes[rest] = numpy_engine.volatilities(lanes, rest.size, rows, 1)
    return out, codes


def prices(columns: Columns, size: int, rows: int, threads: int | None) -> Floats:
    """Return price (and Greeks) as rows; see `kit.pricing.engines.PricingEngine`."""
    out, _, rest = _evaluate(columns, size, rows, False, threads)
    if rest.size:
        out[:, rest] = numpy_engine.prices(_lanes(columns, rest), rest.size, rows, 1)
    return out


def threads_for(size: int, limit: int | None = None) -> int:
    """Return how many threads a call is spread over: never more than `limit` or than the work is worth.

    Without a limit that is one inside a worker process, or in a thread other than the main one: somebody
    else is spreading the work there already. A worker of the kit is known by ``NUMBA_NUM_THREADS``, which its
    caller sets there, and which holds everywhere.
    """
    if limit is None:
        in_main = threading.current_thread() is threading.main_thread()
        outermost = in_main and multiprocessing.current_process().name == "MainProcess"
        limit = _usable_cores() if outermost else 1
    return max(1, min(limit, size // WORTH_A_THREAD))


def _usable_cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    stated = os.environ.get("NUMBA_NUM_THREADS", "")
    return min(cores, int(stated)) if stated.isdecimal() else cores


def _evaluate(
    columns: Columns, size: int, rows: int, solve: bool, threads: int | None
) -> tuple[Floats, Codes, NDArray[np.intp]]:
    """Run the compiled loops; also return which options they leave to the NumPy engine."""
    out, codes = np.empty((rows, size)), np.empty(size, np.int8)
    count, blocks = threads_for(size, threads), -(-size // kernels.LANES)
    edges = [min(size, blocks * part // count * kernels.LANES) for part in range(count + 1)]
    parts = [(*columns, out, codes, edges[i], edges[i + 1], solve) for i in range(count)]
    others = [threading.Thread(target=run, args=part) for part in parts[1:]]
    for other in others:
        other.start()
    run(*parts[0])
    for other in others:
        other.join()
    return out, codes, np.flatnonzero(codes == kernels.UNSETTLED)


def _lanes(columns: Columns, lanes: NDArray[np.intp]) -> Columns:
    chosen = [column if column.size == 1 else column[lanes] for column in columns]
    return cast(Columns, tuple(chosen))
