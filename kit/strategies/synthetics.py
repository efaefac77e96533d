"""Options that together behave like something else: a future, a direction, a loan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.model import ChainSnapshot, Leg
from kit.strategies.base import Strategy
from kit.strategies.strikes import AT_THE_MONEY, DELTA_20, Pick


@dataclass(frozen=True)
class _Synthetic(Strategy):
    """A call and a put of one strike, one bought and one sold.

    Parameters
    ----------
    strike : Pick, default Offset(0)
        How the strike is chosen; of the call's side.
    """

    side: ClassVar[int]  # 1 buys the call, -1 sells it
    strike: Pick = AT_THE_MONEY

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the put and the call."""
        strike, lots = self.strike(snapshot, "CE"), self.side * self.lots
        return (snapshot.leg("PE", strike, -lots), snapshot.leg("CE", strike, lots))


class LongSynthetic(_Synthetic):
    """Buy a call and sell the put of its strike: a future bought through options."""

    side = 1


class ShortSynthetic(_Synthetic):
    """Sell a call and buy the put of its strike: a future sold through options."""

    side = -1


@dataclass(frozen=True)
class RiskReversal(Strategy):
    """Sell a put below and buy a call above: a rise for little premium, paid for by a fall.

    Parameters
    ----------
    short, long : Pick, default Delta(0.2)
        How the put's and the call's strike are chosen.
    """

    short: Pick = DELTA_20
    long: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold put and the bought call."""
        put, call = self.short(snapshot, "PE"), self.long(snapshot, "CE")
        return (snapshot.leg("PE", put, -self.lots), snapshot.leg("CE", call, self.lots))


@dataclass(frozen=True)
class Box(Strategy):
    """A call spread bought and a put spread bought on the same strikes: worth its width, whatever happens.

    Its price is a loan at the market's rate; a price off the discounted width is an error in the quotes
    or in the entry, not a gift.

    Parameters
    ----------
    low : Pick, default Offset(0)
        How the lower strike is chosen; of the call's side.
    width : float, default 500
        Distance of the upper strike, rupees.
    """

    low: Pick = AT_THE_MONEY
    width: float = 500
    positive = ("width",)

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return sold put and bought call below, bought put and sold call above."""
        low = self.low(snapshot, "CE")
        below, above = (low, self.lots), (low + self.width, -self.lots)
        return tuple(
            snapshot.leg(right, strike, lots if right == "CE" else -lots)
            for strike, lots in (below, above)
            for right in ("PE", "CE")
        )
