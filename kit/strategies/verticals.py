"""Strategies on where the market goes: two strikes of one right, loss and profit both bounded."""

from __future__ import annotations

from dataclasses import dataclass

from kit.model import ChainSnapshot, Leg, Right
from kit.strategies.base import Strategy, require_positive
from kit.strategies.strikes import AT_THE_MONEY, Pick


@dataclass(frozen=True)
class _Vertical(Strategy):
    """One strike bought, another sold.

    Parameters
    ----------
    near : Pick, default Offset(0)
        How the strike nearer the money is chosen.
    width : float, default 500
        Distance of the further strike, rupees.
    """

    near: Pick = AT_THE_MONEY
    width: float = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "width")

    def _spread(self, snapshot: ChainSnapshot, right: Right, lots: int) -> tuple[Leg, ...]:
        """Take `lots` at the nearer strike and the opposite `width` further out of the money."""
        near = self.near(snapshot, right)
        far = near + self.width if right == "CE" else near - self.width
        pair = (snapshot.leg(right, near, lots), snapshot.leg(right, far, -lots))
        return pair if right == "CE" else pair[::-1]


class BullCallSpread(_Vertical):
    """Buy a call, sell one further up: pays a premium, earns when the market rises."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought call and the sold call above it."""
        return self._spread(snapshot, "CE", self.lots)


class BearCallSpread(_Vertical):
    """Sell a call, buy one further up: takes a premium, earns when the market does not rise."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold call and the bought call above it."""
        return self._spread(snapshot, "CE", -self.lots)


class BearPutSpread(_Vertical):
    """Buy a put, sell one further down: pays a premium, earns when the market falls."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold put and the bought put above it."""
        return self._spread(snapshot, "PE", self.lots)


class BullPutSpread(_Vertical):
    """Sell a put, buy one further down: takes a premium, earns when the market does not fall."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought put and the sold put above it."""
        return self._spread(snapshot, "PE", -self.lots)
