"""The figures of positions that a scan cannot add up: those of the score itself, one by one."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.metrics import score_on
from kit.evaluation.scan.columns import FIGURES
from kit.evaluation.scan.ladder import Ladder
from kit.evaluation.terms import Terms
from kit.model import ChainSnapshot, Leg
from kit.pricing.arrays import Floats


def figures_by_definition(
    found: Ladder, places: NDArray[np.int32], lots: NDArray[np.int32], chain: ChainSnapshot, terms: Terms
) -> Floats:
    """Return every figure of positions, as `kit.evaluation.scan.engine.figures` does.

    Parameters
    ----------
    found, places, lots
        As there.
    chain : ChainSnapshot
        With those beside it that the positions span.
    terms : Terms
        View, entry and basis.
    """
    rows = [_row(found.legs(held, lots, chain), chain, terms) for held in places]
    return np.array(rows, np.float64).reshape(len(rows), len(FIGURES))


def _row(legs: list[Leg], chain: ChainSnapshot, terms: Terms) -> list[float]:
    scored = score_on(legs, chain, terms)
    ends = scored.breakevens or (nan,)
    known = {"breakeven_low": ends[0], "breakeven_high": ends[-1], "sound": scored.verdict == "ok"}
    return [float(known[name] if name in known else getattr(scored, name)) for name in FIGURES]
