"""The quality of a volatility: which kind of price it comes from, and how uncertain that leaves it.

=============  ======================================================================================
`Reason`       the price is
=============  ======================================================================================
`OK`           the mid of a bid and an ask, or a trade of today that nothing contradicts
`SETTLEMENT`   a settlement of what nobody traded that day: the exchange's own theory
`UNTRADED`     a last trade of another day, without bid and ask around it
`STALE`        of a contract whose last trade and present quote, or settlement, contradict each other
`WIDE`         a mid whose spread is worth more than a fifth of the volatility
=============  ======================================================================================
"""

from __future__ import annotations

import numpy as np

from kit.clock import tick_inr
from kit.pricing.arrays import Floats
from kit.pricing.reasons import Codes, Reason

WIDE = 0.1  # of the volatility, either way; there quality is a half
TRADE = 0.03  # of the volatility: trades of different moments
UNKNOWN_TIME = 0.1  # of the volatility: a trade of today that no quote confirms
THEORY = 0.5  # of the volatility: what says nothing about it


def price_kind(
    bid: Floats, ask: Floats, ltp: Floats, volume: Floats, step_inr: float | None = None
) -> tuple[Codes, Floats]:
    """Return what kind of price each contract has, and how far it may be off apart from half a spread.

    Parameters
    ----------
    bid, ask, ltp : ndarray, shape (n,)
        Rupees; NaN: none. A settlement is its own bid and ask.
    volume : ndarray, shape (n,)
        Units traded today; NaN: none.
    step_inr : float, optional
        Smallest step of a price on that day, rupees; None: the last one known.

    Returns
    -------
    codes : ndarray of int8
        `Reason` codes, without `WIDE`, which depends on the volatility.
    doubt : ndarray
        Share of the volatility.
    """
    traded, quoted, spreadless = volume > 0, ask >= bid, ask == bid
    step = tick_inr() if step_inr is None else step_inr
    low = np.where(np.isnan(bid), -np.inf, np.fmin(bid, ask)) - step
    high = np.where(np.isnan(ask), np.inf, np.fmax(bid, ask)) + step
    beside = (ltp < low) | (ltp > high)
    cases = [
        (spreadless & ~traded, Reason.SETTLEMENT, THEORY),
        (spreadless & beside, Reason.STALE, THEORY),
        (spreadless, Reason.OK, TRADE),
        (quoted, Reason.OK, 0.0),
        (~traded, Reason.UNTRADED, THEORY),
        (beside, Reason.STALE, THEORY),
    ]
    hits = [case for case, _, _ in cases]
    codes = np.select(hits, [code for _, code, _ in cases], Reason.OK).astype(np.int8)
    return codes, np.select(hits, [doubt for *_, doubt in cases], UNKNOWN_TIME)


def iv_quality(
    iv: Floats, vega: Floats, half_spread: Floats, doubt: Floats, step_inr: float | None = None
) -> Floats:
    """Return the quality of each volatility, from 0 to 1; a half where a tenth of it is uncertain.

    Parameters
    ----------
    iv : ndarray, shape (n,)
        Annualised fraction; NaN: no volatility, of quality 0.
    vega : ndarray, shape (n,)
        Rupees per percentage point.
    half_spread : ndarray, shape (n,)
        Rupees; NaN: no spread. A tick at least is uncertain.
    doubt : ndarray, shape (n,)
        As `price_kind` gives it.
    step_inr : float, optional
        As `price_kind` takes it.
    """
    step = tick_inr() if step_inr is None else step_inr
    with np.errstate(divide="ignore", invalid="ignore"):  # no vega, no say
        spread = np.fmax(half_spread, step) / (vega * 100 * iv)
        quality = 1 / (1 + (spread**2 + doubt**2) / WIDE**2)
    return np.where(np.isnan(iv) | np.isnan(quality), 0.0, quality)


def iv_error(iv: Floats, quality: Floats) -> Floats:
    """Return how uncertain each volatility is, an annualised fraction; infinite at a quality of 0."""
    with np.errstate(divide="ignore"):
        error: Floats = iv * WIDE * np.sqrt(1 / quality - 1)
    return error
