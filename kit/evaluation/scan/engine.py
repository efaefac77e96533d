"""Which loops score a scan: numba's where it is installed, else NumPy's."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.scan import arrays
from kit.evaluation.scan.columns import FIGURES
from kit.evaluation.scan.ladder import Ladder
from kit.pricing.arrays import Floats
from kit.pricing.engines import engine_name

Places = NDArray[np.int32]
BLOCK = 16_384  # positions that NumPy takes at a time, so that its columns stay in the cache


def figures(found: Ladder, places: Places, lots: Places) -> Floats:
    """Return every figure of positions.

    Parameters
    ----------
    found : Ladder
        The chain on its terms.
    places : ndarray, shape (n, legs)
        Contracts of each position, by ascending strike.
    lots : ndarray, shape (legs,)
        Of each leg, the same for all positions.

    Returns
    -------
    ndarray, shape (n, figures)
        The columns of `kit.evaluation.scan.columns.FIGURES`.
    """
    out = np.empty((len(places), len(FIGURES)))
    if engine_name() == "compiled":
        _machine_code()(found.contracts, found.terms, found.levels, places, lots, out)
        return out
    for start in range(0, len(places), BLOCK):
        part = slice(start, start + BLOCK)
        arrays.score_all(found.contracts, found.terms, found.likely, places[part], lots, out[part])
    return out


@cache
def _machine_code() -> Any:
    from kit.evaluation.scan.compiled import run

    return run
