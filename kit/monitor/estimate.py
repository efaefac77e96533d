"""The median of some samples, and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_CONFIDENCE = 1.96  # 95 %, as a normal deviate


@dataclass(frozen=True)
class Estimate:
    """A median and its 95 % interval."""

    figure: float
    low: float
    high: float


def estimate(values: Sequence[float]) -> Estimate:
    """Return the median and its 95 % interval by order statistics.

    Parameters
    ----------
    values : sequence of float
        Samples; fewer than six give their range, none gives NaN.

    Notes
    -----
    The interval runs between two of the samples themselves, chosen by the normal approximation of
    the binomial distribution, rounded outwards; it assumes no shape of the samples.
    """
    ordered = sorted(values)
    if not ordered or any(math.isnan(value) for value in ordered):
        return Estimate(math.nan, math.nan, math.nan)
    half = _CONFIDENCE * math.sqrt(len(ordered)) / 2
    low = max(0, math.floor(len(ordered) / 2 - half))
    high = min(len(ordered) - 1, math.ceil(len(ordered) / 2 + half))
    return Estimate(median(ordered), ordered[low], ordered[high])
