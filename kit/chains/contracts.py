"""The raw columns of one expiry, whether quotes of a broker or a file of the exchange gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.model import Instrument

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contracts:
    """The raw columns of one expiry, sorted by strike with the call first.

    Parameters
    ----------
    strike : ndarray, shape (n,)
        Rupees.
    is_call : ndarray of bool, shape (n,)
        Call or put.
    numbers : mapping of str to ndarray, shape (n,)
        ``ltp, bid, ask, ltp_change`` in rupees, ``volume, oi, oi_change, bid_qty, ask_qty`` in units; NaN:
        none. The last two may be absent.
    token, symbol : sequence of str
        Empty where the source has none.
    """

    strike: Floats
    is_call: NDArray[np.bool_]
    numbers: Mapping[str, Floats]
    token: Sequence[str]
    symbol: Sequence[str]


def of_options(options: Sequence[Instrument], numbers: Mapping[str, Floats]) -> Contracts:
    """Return the columns of known instruments, which are sorted by strike with the call first."""
    return Contracts(
        strike=np.array([option.strike for option in options]),
        is_call=np.array([option.right == "CE" for option in options], dtype=np.bool_),
        numbers=numbers,
        token=[option.token for option in options],
        symbol=[option.symbol for option in options],
    )


def around(instruments: Sequence[Instrument], spot: float, strikes: int) -> list[Instrument]:
    """Return the options of at most `strikes` strikes on either side of the spot.

    Parameters
    ----------
    instruments : sequence of Instrument
        Options of one expiry, sorted by strike.
    spot : float
        Rupees.
    strikes : int
        Strikes kept below and above the one nearest to the spot.
    """
    listed = sorted({option.strike for option in instruments})
    middle = min(range(len(listed)), key=lambda at: abs(listed[at] - spot))
    kept = set(listed[max(0, middle - strikes) : middle + strikes + 1])
    return [option for option in instruments if option.strike in kept]
