"""The smile of a chain snapshot: fitted when it is first asked for, together with those of its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from kit.pricing.quality import iv_error, iv_quality, price_kind
from kit.pricing.smile import Slice
from kit.pricing.smile_fit import Points
from kit.pricing.term import Quoted, fit_term

if TYPE_CHECKING:
    import pandas as pd

    from kit.model import ChainSnapshot

_BY_HAND: WeakKeyDictionary[ChainSnapshot, Slice | None] = WeakKeyDictionary()
Numbers = tuple[float, float, float]


def smile_of(snapshot: ChainSnapshot) -> Slice | None:
    """Return the fitted smile of a chain; one made by hand is fitted by itself, once.

    Parameters
    ----------
    snapshot : ChainSnapshot
        One expiry.

    Returns
    -------
    Slice or None
        None where the chain has expired or has no volatility.
    """
    if isinstance(snapshot.smile, Slice):
        return snapshot.smile
    if snapshot.fit is not None:
        return None
    if snapshot not in _BY_HAND:
        _BY_HAND[snapshot] = _alone(snapshot)
    return _BY_HAND[snapshot]


def quoted(frame: pd.DataFrame, forward: float, t_years: float) -> Quoted:
    """Return the out-of-the-money volatilities of a chain's table, with how uncertain each is."""
    strike, iv = frame["strike"].to_numpy(np.float64), frame["iv"].to_numpy(np.float64)
    if "iv_quality" in frame:
        quality = frame["iv_quality"].to_numpy(np.float64)
    else:  # made by hand
        bid, ask, ltp, volume, vega = (
            frame[name].to_numpy(np.float64) for name in ("bid", "ask", "ltp", "volume", "vega")
        )
        quality = iv_quality(iv, vega, (ask - bid) / 2, price_kind(bid, ask, ltp, volume)[1])
    out_of_the_money = (frame["right"].to_numpy() == "CE") == (strike >= forward)
    used = out_of_the_money & (iv > 0) & (quality > 0) & (strike > 0) & np.isfinite(iv)
    k, level = np.log(strike[used] / forward), iv[used]
    return Quoted(forward, t_years, Points(k, level, iv_error(level, quality[used])))


class SmileFits:
    """Fits the smiles of chains taken at one moment, all of them when the first is asked for.

    Parameters
    ----------
    chains : sequence of (DataFrame, float, float)
        Table, forward and years of each expiry, ascending in time.
    """

    def __init__(self, chains: Sequence[tuple[pd.DataFrame, float, float]]) -> None:
        self._chains = chains

    @property
    def is_single(self) -> bool:
        """Whether there is one chain only, which a copy can fit by itself."""
        return len(self._chains) == 1

    @property
    def is_fitted(self) -> bool:
        """Whether the smiles have been asked for."""
        return "fitted" in self.__dict__

    def of(self, number: int) -> Callable[[ChainSnapshot], Slice | None]:
        """Return what fits the chain of this number: the `fit` of its snapshot."""
        return _SmileOf(self, number)

    @cached_property
    def fitted(self) -> list[_Fitted]:
        """By expiry."""
        pieces = fit_term([quoted(*chain) for chain in self._chains])
        return [_Fitted(piece, _numbers(*chain)) for piece, chain in zip(pieces, self._chains, strict=True)]


@dataclass(frozen=True)
class _Fitted:
    """A smile and the numbers it was fitted to."""

    piece: Slice | None
    numbers: Numbers

    def __call__(self, snapshot: ChainSnapshot) -> Slice | None:
        same = _numbers(snapshot.frame, snapshot.forward, snapshot.t_years) == self.numbers
        return self.piece if same else _alone(snapshot)  # somebody changed the chain


@dataclass(frozen=True)
class _SmileOf:
    cannot_change: ClassVar = True  # a cache may share it: what it fits is nobody else's
    fits: SmileFits
    number: int

    def __call__(self, snapshot: ChainSnapshot) -> Slice | None:
        return self.fits.fitted[self.number](snapshot)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as what was fitted, without the neighbours' tables; one alone is fitted where it arrives."""
        if self.fits.is_single and not self.fits.is_fitted:
            return _fitting_alone, ()
        found = self.fits.fitted[self.number]
        return _Fitted, (found.piece, found.numbers)


def _fitting_alone() -> Callable[[ChainSnapshot], Slice | None]:
    return _alone


def _alone(snapshot: ChainSnapshot) -> Slice | None:
    return fit_term([quoted(snapshot.frame, snapshot.forward, snapshot.t_years)])[0]


def _numbers(frame: pd.DataFrame, forward: float, t_years: float) -> Numbers:
    return forward, t_years, float(np.nansum(frame["iv"].to_numpy(np.float64)))
