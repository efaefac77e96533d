"""Strategies over two expiries: the near one is sold, a later one bought.

They need a chain of the later expiry beside the near one: ``near.beside(far)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.errors import UnknownExpiry
from kit.model import ChainSnapshot, Leg, Right
from kit.strategies.base import Strategy
from kit.strategies.strikes import AT_THE_MONEY, DELTA_20, Pick


@dataclass(frozen=True)
class _Calendar(Strategy):
    """One strike in two expiries.

    Parameters
    ----------
    strike : Pick, default Offset(0)
        How the strike is chosen, on the near chain.
    later : int, default 1
        Which of the later expiries at hand is bought; 1 is the next.
    """

    right: ClassVar[Right]
    strike: Pick = AT_THE_MONEY
    later: int = 1
    positive = ("later",)

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold near option and the bought later one."""
        strike = self.strike(snapshot, self.right)
        far = later_chain(snapshot, self.later)
        return (snapshot.leg(self.right, strike, -self.lots), far.leg(self.right, strike, self.lots))


class CallCalendar(_Calendar):
    """Sell a near call, buy a later one of its strike: earns where the index stays and volatility rises."""

    right = "CE"


class PutCalendar(_Calendar):
    """Sell a near put, buy a later one of its strike: earns where the index stays and volatility rises."""

    right = "PE"


@dataclass(frozen=True)
class _Diagonal(Strategy):
    """A near option sold against a later one nearer the money.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How the sold strike is chosen, on the near chain.
    width : float, default 500
        How much nearer the money the bought strike is, rupees.
    later : int, default 1
        Which of the later expiries at hand is bought; 1 is the next.
    """

    right: ClassVar[Right]
    short: Pick = DELTA_20
    width: float = 500
    later: int = 1
    positive = ("width", "later")

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold near option and the bought later one."""
        short = self.short(snapshot, self.right)
        long = short - self.width if self.right == "CE" else short + self.width
        far = later_chain(snapshot, self.later)
        return (snapshot.leg(self.right, short, -self.lots), far.leg(self.right, long, self.lots))


class CallDiagonal(_Diagonal):
    """Sell a near call, buy a later one below it: earns where the index rises slowly."""

    right = "CE"


class PutDiagonal(_Diagonal):
    """Sell a near put, buy a later one above it: earns where the index falls slowly."""

    right = "PE"


@dataclass(frozen=True)
class DoubleCalendar(Strategy):
    """A put calendar below and a call calendar above: earns in a wider range than one of them.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How both strikes are chosen, on the near chain.
    later : int, default 1
        Which of the later expiries at hand is bought; 1 is the next.
    """

    short: Pick = DELTA_20
    later: int = 1
    positive = ("later",)

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return sold and bought put, then sold and bought call."""
        far = later_chain(snapshot, self.later)
        sides: tuple[Right, Right] = ("PE", "CE")
        strikes = {right: self.short(snapshot, right) for right in sides}
        return tuple(
            chain.leg(right, strikes[right], lots)
            for right in sides
            for chain, lots in ((snapshot, -self.lots), (far, self.lots))
        )


def later_chain(snapshot: ChainSnapshot, number: int) -> ChainSnapshot:
    """Return the chain of a later expiry at hand.

    Parameters
    ----------
    snapshot : ChainSnapshot
        The near chain.
    number : int
        1 is the next expiry, 2 the one after it.

    Raises
    ------
    UnknownExpiry
        There are not so many later ones beside it.
    """
    later = [day for day in snapshot.expiries if day > snapshot.expiry]
    if number > len(later):
        raise UnknownExpiry(
            "The chain has fewer later expiries beside it", number,
            f"There are {len(later)}; add their chains: near.beside(far).",
        )  # fmt: skip
    return snapshot.at(later[int(number) - 1])
