"""Lizards: a strangle sold, with a wing bought on one side only."""

from __future__ import annotations

from dataclasses import dataclass

from kit.model import ChainSnapshot, Leg
from kit.strategies.base import Strategy
from kit.strategies.strikes import DELTA_20, Pick


@dataclass(frozen=True)
class _Lizard(Strategy):
    """A strangle sold with a wing on one side.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How the two sold strikes are chosen.
    width : float, default 500
        Distance of the bought wing from its sold strike, rupees.
    """

    short: Pick = DELTA_20
    width: float = 500
    positive = ("width",)

    def _sold(self, snapshot: ChainSnapshot) -> tuple[Leg, Leg]:
        put, call = self.short(snapshot, "PE"), self.short(snapshot, "CE")
        return snapshot.leg("PE", put, -self.lots), snapshot.leg("CE", call, -self.lots)


class JadeLizard(_Lizard):
    """Sell a put and a call spread: no loss above where the premium exceeds the wing's width."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold put, the sold call and the bought call above it."""
        put, call = self._sold(snapshot)
        return (put, call, snapshot.leg("CE", call.strike + self.width, self.lots))


class ReverseJadeLizard(_Lizard):
    """Sell a call and a put spread: no loss below where the premium exceeds the wing's width."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought put, the sold put above it and the sold call."""
        put, call = self._sold(snapshot)
        return (snapshot.leg("PE", put.strike - self.width, self.lots), put, call)
