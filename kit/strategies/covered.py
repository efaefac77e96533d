"""Options on a future that is held: covered, protected, or both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.model import ChainSnapshot, Leg, Right
from kit.strategies.base import Strategy
from kit.strategies.strikes import DELTA_20, Pick


def _with_future(
    snapshot: ChainSnapshot, future_lots: int, right: Right, pick: Pick, option_lots: int
) -> tuple[Leg, Leg]:
    option = snapshot.leg(right, pick(snapshot, right), option_lots)
    return snapshot.leg("FUT", 0.0, future_lots), option


@dataclass(frozen=True)
class _Covered(Strategy):
    """A future, and an option sold on the side where it earns.

    Parameters
    ----------
    short : Pick, default Delta(0.2)
        How the sold strike is chosen.
    """

    right: ClassVar[Right]
    short: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the future, bought against a call and sold against a put, and the sold option."""
        future = self.lots if self.right == "CE" else -self.lots
        return _with_future(snapshot, future, self.right, self.short, -self.lots)


class CoveredCall(_Covered):
    """Hold the future and sell a call above: takes a premium for giving up a further rise."""

    right = "CE"


class CoveredPut(_Covered):
    """Sell the future and a put below: takes a premium for giving up a further fall."""

    right = "PE"


@dataclass(frozen=True)
class _Protective(Strategy):
    """A future, and an option bought on the side where it loses.

    Parameters
    ----------
    long : Pick, default Delta(0.2)
        How the bought strike is chosen.
    """

    right: ClassVar[Right]
    long: Pick = DELTA_20

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the future, bought beside a put and sold beside a call, and the bought option."""
        future = self.lots if self.right == "PE" else -self.lots
        return _with_future(snapshot, future, self.right, self.long, self.lots)


class ProtectivePut(_Protective):
    """Hold the future and buy a put below: a bounded loss for a premium."""

    right = "PE"


class ProtectiveCall(_Protective):
    """Sell the future and buy a call above: a bounded loss for a premium."""

    right = "CE"


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
