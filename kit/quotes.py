"""What a quote is worth, decided once for tables, volatilities and entries."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def positive(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return prices with everything that is none (0, negative, NaN, infinite) as NaN: feeds write zeros."""
    return np.where((prices > 0) & (prices < np.inf), prices, np.nan)


def mid_or_last(bid: ArrayLike, ask: ArrayLike, ltp: ArrayLike, volume: ArrayLike) -> NDArray[np.float64]:
    """Return the mid of bid and ask, else the last traded price.

    A crossed quote has no mid. There, and where one side alone is quoted, a last trade beyond them is held at
    the nearer one if it is of today, and is nothing if it is older: nobody pays 1,800 for what is offered at
    100.

    Parameters
    ----------
    bid, ask, ltp : array_like
        Rupees; NaN: none.
    volume : array_like
        Units traded today; NaN: unknown, taken for none.

    Returns
    -------
    ndarray
        Rupees; NaN where nothing is known.
    """
    bids, asks, last = (np.asarray(side, dtype=np.float64) for side in (bid, ask, ltp))
    low = np.where(np.isnan(bids), np.nan, np.fmin(bids, asks))  # the bid; crossed: the ask
    high = np.where(np.isnan(asks), np.nan, np.fmax(bids, asks))
    today = np.asarray(volume, dtype=np.float64) > 0
    held = np.where(today, np.where(last < low, low, high), np.nan)
    return np.where(asks >= bids, (bids + asks) / 2, np.where((last < low) | (last > high), held, last))
