"""Butterflies and condors of one right: bounded on both sides, earning in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.model import ChainSnapshot, Leg, Right
from kit.strategies.base import Strategy
from kit.strategies.strikes import AT_THE_MONEY, Pick


def _four(snapshot: ChainSnapshot, right: Right, strikes: tuple[float, ...], lots: int) -> tuple[Leg, ...]:
    """Buy the outer strikes and sell the inner ones; equal inner strikes are one leg."""
    low, first, second, high = strikes
    inner = [(first, -2 * lots)] if first == second else [(first, -lots), (second, -lots)]
    return tuple(snapshot.leg(right, *leg) for leg in [(low, lots), *inner, (high, lots)])


@dataclass(frozen=True)
class _Butterfly(Strategy):
    """Two sold in the middle, one bought on either side.

    Parameters
    ----------
    middle : Pick, default Offset(0)
        How the sold strike is chosen.
    width : float, default 500
        Distance of each wing from it, rupees.
    """

    right: ClassVar[Right]
    positive: ClassVar[tuple[str, ...]] = ("width",)
    middle: Pick = AT_THE_MONEY
    width: float = 500

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the three options by ascending strike."""
        middle = self.middle(snapshot, self.right)
        below, above = self._wings()
        return _four(snapshot, self.right, (middle - below, middle, middle, middle + above), self.lots)

    def _wings(self) -> tuple[float, float]:
        """Return the distance of the lower and of the upper wing, rupees."""
        return self.width, self.width


class CallButterfly(_Butterfly):
    """Sell two calls, buy one on either side: pays little, earns most where the middle settles."""

    right = "CE"


class PutButterfly(_Butterfly):
    """Sell two puts, buy one on either side: pays little, earns most where the middle settles."""

    right = "PE"


@dataclass(frozen=True)
class _BrokenWing(_Butterfly):
    """A butterfly whose outer wing is further away.

    Parameters
    ----------
    middle : Pick, default Offset(0)
        How the sold strike is chosen.
    width : float, default 500
        Distance of the wing nearer the money, rupees.
    further : float, default 1000
        Distance of the outer wing, rupees.
    """

    positive = ("width", "further")
    further: float = 1000

    def _wings(self) -> tuple[float, float]:
        return (self.width, self.further) if self.right == "CE" else (self.further, self.width)


class BrokenWingCallButterfly(_BrokenWing):
    """A call butterfly with its upper wing further out: cheaper, its greater loss lies above."""

    right = "CE"


class BrokenWingPutButterfly(_BrokenWing):
    """A put butterfly with its lower wing further out: cheaper, its greater loss lies below."""

    right = "PE"


@dataclass(frozen=True)
class _Condor(Strategy):
    """A butterfly with its middle drawn apart.

    Parameters
    ----------
    body : float, default 500
        Distance of each sold strike from the money, rupees.
    width : float, default 500
        Distance of each wing from its sold strike, rupees.
    """

    right: ClassVar[Right]
    positive = ("body", "width")
    body: float = 500
    width: float = 500

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the four options by ascending strike."""
        low, high = snapshot.atmf_strike - self.body, snapshot.atmf_strike + self.body
        return _four(snapshot, self.right, (low - self.width, low, high, high + self.width), self.lots)


class CallCondor(_Condor):
    """Sell two calls around the money, buy one on either side: pays a premium, earns in the middle."""

    right = "CE"


class PutCondor(_Condor):
    """Sell two puts around the money, buy one on either side: pays a premium, earns in the middle."""

    right = "PE"
