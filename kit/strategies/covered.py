"""Options on a future that is held: covered, protected, or both."""

from __future__ import annotations

from dataclasses import dataclass

from kit.model import ChainSnapshot, Leg
from kit.strategies.base import Strategy
from kit.strategies.strikes import DELTA_20, Pick


@dataclass(frozen=True)
class CoveredCall(Strategy):
    """Hold the future and sell a call above: takes a premium for giving up a further rise.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How the sold strike is chosen.
    """

    short: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought future and the sold call."""
        call = self.short(snapshot, "CE")
        return (snapshot.leg("FUT", 0.0, self.lots), snapshot.leg("CE", call, -self.lots))


@dataclass(frozen=True)
class CoveredPut(Strategy):
    """Sell the future and a put below: takes a premium for giving up a further fall.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How the sold strike is chosen.
    """

    short: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold future and the sold put."""
        put = self.short(snapshot, "PE")
        return (snapshot.leg("FUT", 0.0, -self.lots), snapshot.leg("PE", put, -self.lots))


@dataclass(frozen=True)
class ProtectivePut(Strategy):
    """Hold the future and buy a put below: a bounded loss for a premium.

    Parameters
    ----------
    long : Pick, default Delta(0.2)
        How the bought strike is chosen.
    """

    long: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought future and the bought put."""
        put = self.long(snapshot, "PE")
        return (snapshot.leg("FUT", 0.0, self.lots), snapshot.leg("PE", put, self.lots))


@dataclass(frozen=True)
class ProtectiveCall(Strategy):
    """Sell the future and buy a call above: a bounded loss for a premium.

    Parameters
    ----------
    long : Pick, default Delta(0.2)
        How the bought strike is chosen.
    """

    long: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold future and the bought call."""
        call = self.long(snapshot, "CE")
        return (snapshot.leg("FUT", 0.0, -self.lots), snapshot.leg("CE", call, self.lots))


@dataclass(frozen=True)
class Collar(Strategy):
    """Hold the future, buy a put below and sell a call above: bounded on both sides for little premium.

    Parameters
    ----------
    long, short : Pick, default Delta(0.2)
        How the put's and the call's strike are chosen.
    """

    long: Pick = DELTA_20
    short: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought future, the bought put and the sold call."""
        put, call = self.long(snapshot, "PE"), self.short(snapshot, "CE")
        future = snapshot.leg("FUT", 0.0, self.lots)
        return (future, snapshot.leg("PE", put, self.lots), snapshot.leg("CE", call, -self.lots))
