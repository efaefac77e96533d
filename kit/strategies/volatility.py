"""Strategies on how far the market moves, not on where to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.errors import DataError
from kit.model import ChainSnapshot, Leg
from kit.strategies.base import Strategy
from kit.strategies.strikes import DELTA_20, Pick


class _Straddle(Strategy):
    """The put and the call at the money."""

    side: ClassVar[int]  # 1 buys both, -1 sells both

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the put and the call at the strike nearest the forward."""
        money, lots = snapshot.atmf_strike, self.side * self.lots
        return (snapshot.leg("PE", money, lots), snapshot.leg("CE", money, lots))


class ShortStraddle(_Straddle):
    """Sell the call and the put at the money: earns when the market stays where it is."""

    side = -1


class LongStraddle(_Straddle):
    """Buy the call and the put at the money: earns when the market moves far, either way."""

    side = 1


@dataclass(frozen=True)
class ShortStrangle(Strategy):
    """Sell an out-of-the-money call and put: earns in a wider range than a straddle, but less.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How both strikes are chosen.
    """

    short: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold put and the sold call."""
        put, call = _pair(self.short, snapshot)
        return (snapshot.leg("PE", put, -self.lots), snapshot.leg("CE", call, -self.lots))


@dataclass(frozen=True)
class LongStrangle(Strategy):
    """Buy an out-of-the-money call and put: a cheaper straddle that needs a larger move.

    Parameters
    ----------
    long : Pick, default Delta(0.2)
        How both strikes are chosen.
    """

    long: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought put and the bought call."""
        put, call = _pair(self.long, snapshot)
        return (snapshot.leg("PE", put, self.lots), snapshot.leg("CE", call, self.lots))


@dataclass(frozen=True)
class IronCondor(Strategy):
    """A short strangle with bought wings: earns in a range and cannot lose more than a wing's width.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How the two sold strikes are chosen.
    width : float, default 500
        Distance of each bought wing from its sold strike, rupees.
    """

    short: Pick = DELTA_20
    width: float = 500
    positive = ("width",)

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return bought put, sold put, sold call and bought call, by ascending strike."""
        put, call = _pair(self.short, snapshot)
        return _winged(snapshot, put, call, self.width, self.lots)


@dataclass(frozen=True)
class IronButterfly(Strategy):
    """A short straddle with bought wings: earns most at the money and cannot lose more than a wing.

    Parameters
    ----------
    width : float, default 500
        Distance of each bought wing from the money, rupees.
    """

    width: float = 500
    positive = ("width",)

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return bought put, sold put, sold call and bought call."""
        return _winged(snapshot, snapshot.atmf_strike, snapshot.atmf_strike, self.width, self.lots)


def _pair(pick: Pick, snapshot: ChainSnapshot) -> tuple[float, float]:
    """Pick a put and a call strike; a put above its call would be another strategy."""
    put, call = pick(snapshot, "PE"), pick(snapshot, "CE")
    if put > call:
        raise DataError("The strikes cross: put, call", (put, call), "Choose them further out of the money.")
    return put, call


def _winged(snapshot: ChainSnapshot, put: float, call: float, width: float, lots: int) -> tuple[Leg, ...]:
    return (
        snapshot.leg("PE", put - width, lots),
        snapshot.leg("PE", put, -lots),
        snapshot.leg("CE", call, -lots),
        snapshot.leg("CE", call + width, lots),
    )
