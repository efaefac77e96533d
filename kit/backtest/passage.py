"""First passage: the bar at which a price first reaches each of many levels.

A sweep of pure stops and targets needs no walk: the running maximum of a series is sorted, so the first bar
that reaches a level is found by bisection, whatever the number of levels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def first_passage(prices: ArrayLike, levels: ArrayLike, *, rising: bool) -> NDArray[np.intp]:
    """Return the first bar at which a price reaches each level.

    Parameters
    ----------
    prices : (n,) array_like
        Highs for levels above, lows for levels below; a bar without a trade must reach nothing: 0 among
        highs, beyond any price among lows.
    levels : (m,) array_like
        In the unit of the prices, in any order.
    rising : bool
        Whether the levels lie above.

    Returns
    -------
    (m,) int array
        The bar; `n` where the level is never reached. A touch is a hit.
    """
    prices, levels = np.asarray(prices), np.asarray(levels)
    if rising:
        return np.searchsorted(np.maximum.accumulate(prices), levels, side="left")
    return np.searchsorted(-np.minimum.accumulate(prices), -levels, side="left")
