"""The volatility of a leg after the index, time or the smile has moved, and what is held while they do.

``"strike"``: each strike keeps its volatility. ``"moneyness"``: the smile moves with the forward, each ratio
of strike to forward keeps its volatility. ``"delta"``: each delta keeps its volatility, so that the smile
also narrows as time passes. What a contract's own volatility differs by from the smile stays with it
throughout, so that nothing is earned where nothing moved.
"""

from __future__ import annotations

from math import isnan, log, sqrt
from typing import Literal, get_args

import numpy as np

from kit.errors import SettingsError
from kit.model import ChainSnapshot, Leg
from kit.pricing.arrays import Floats

Kept = Literal["strike", "moneyness", "delta"]
Term = Literal["parallel", "root_time"]
MONTH_YEARS = 30 / 365  # a shift by the root of time is that of an expiry a month ahead


def checked_names(held: str, term: str) -> None:
    """Check that a move is named as one of those there are.

    Raises
    ------
    SettingsError
        It is not; names them.
    """
    for name, known, what in (
        (held, get_args(Kept), "A smile is held in"),
        (term, get_args(Term), "A shift runs over the expiries as"),
    ):
        if name not in known:
            raise SettingsError(f"{what} {', '.join(known)}, not in", name, f"Say for instance {known[0]!r}.")


def leg_volatility(leg: Leg, chain: ChainSnapshot) -> float:
    """Return the contract's own volatility, else the smile's at its strike; NaN where there is neither."""
    own = chain.contracts[leg.right].get(leg.strike)
    return chain.iv_at(leg.strike) if own is None or isnan(own.iv) else own.iv


def moved_volatility(leg: Leg, chain: ChainSnapshot, forward: Floats, left: Floats, held: Kept) -> Floats:
    """Return a leg's volatility where its forward and the time left have become others.

    Parameters
    ----------
    leg : Leg
        An option.
    chain : ChainSnapshot
        Of its expiry, before the move.
    forward : ndarray
        After it, rupees.
    left : ndarray
        Years left; broadcasts with `forward`.
    held : {"strike", "moneyness", "delta"}
        What keeps its volatility.

    Returns
    -------
    ndarray
        Annualised fraction; of one value where it depends on neither.
    """
    own = leg_volatility(leg, chain)
    if held == "strike" or isnan(own):
        return np.array(own)
    strikes = np.array(chain.strikes)
    smile = np.array([chain.iv_at(strike) for strike in chain.strikes])
    moneyness = np.log(strikes / chain.forward)
    apart = own - chain.iv_at(leg.strike)
    if held == "moneyness":
        moved: Floats = np.interp(np.log(leg.strike / forward), moneyness, smile) + apart
        return moved
    return _held_in_delta(leg.strike, chain, smile, moneyness, forward, left) + apart


def _held_in_delta(
    strike: float, chain: ChainSnapshot, smile: Floats, moneyness: Floats, forward: Floats, left: Floats
) -> Floats:
    """Move each quoted point to the strike that has its delta now, and read the smile there."""
    total = smile * sqrt(max(chain.t_years, 1e-9))
    d1 = -moneyness / total + total / 2
    forward, left = np.broadcast_arrays(forward, left)
    found = np.empty(forward.shape)
    for years in np.unique(left):
        here = left == years
        spread = smile * sqrt(max(float(years), 1e-9))
        where = spread * (spread / 2 - d1)  # log-moneyness of the same deltas
        order = np.argsort(where, kind="stable")
        found[here] = np.interp(np.log(strike / forward[here]), where[order], smile[order])
    return found


def shifted(
    sigma: Floats,
    leg: Leg,
    chain: ChainSnapshot,
    forward: Floats,
    iv_shift: Floats,
    skew_shift: Floats,
    term: Term,
) -> Floats:
    """Add a shift of level and of skew to a volatility, which never falls below zero.

    Parameters
    ----------
    sigma : ndarray
        Before it.
    leg, chain
        The option, and the chain of its expiry.
    forward : ndarray
        Rupees.
    iv_shift : ndarray
        Added at every strike, annualised fraction.
    skew_shift : ndarray
        Added for each 10 % that the strike is above the forward; negative lifts the puts.
    term : {"parallel", "root_time"}
        The same for every expiry, or by the root of a month over the expiry's time.
    """
    factor = 1.0 if term == "parallel" else sqrt(MONTH_YEARS / max(chain.t_years, 1 / 365))
    tilt = skew_shift * np.log(leg.strike / forward) / log(1.1)
    return np.maximum(sigma + factor * (iv_shift + tilt), 0.0)
