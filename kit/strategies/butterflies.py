"""Butterflies and condors of one right: bounded on both sides, earning in the middle."""

from __future__ import annotations

from dataclasses import dataclass

from kit.model import ChainSnapshot, Leg, Right
from kit.strategies.base import Strategy, require_positive
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

    middle: Pick = AT_THE_MONEY
    width: float = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "width")

    def _legs(self, snapshot: ChainSnapshot, right: Right) -> tuple[Leg, ...]:
        middle = self.middle(snapshot, right)
        strikes = (middle - self.width, middle, middle, middle + self.width)
        return _four(snapshot, right, strikes, self.lots)


class CallButterfly(_Butterfly):
    """Sell two calls, buy one on either side: pays little, earns most where the middle settles."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the three calls by ascending strike."""
        return self._legs(snapshot, "CE")


class PutButterfly(_Butterfly):
    """Sell two puts, buy one on either side: pays little, earns most where the middle settles."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the three puts by ascending strike."""
        return self._legs(snapshot, "PE")


@dataclass(frozen=True)
class _BrokenWing(Strategy):
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

    middle: Pick = AT_THE_MONEY
    width: float = 500
    further: float = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "width")
        require_positive(self, "further")

    def _legs(self, snapshot: ChainSnapshot, right: Right) -> tuple[Leg, ...]:
        middle = self.middle(snapshot, right)
        below, above = (self.width, self.further) if right == "CE" else (self.further, self.width)
        return _four(snapshot, right, (middle - below, middle, middle, middle + above), self.lots)


class BrokenWingCallButterfly(_BrokenWing):
    """A call butterfly with its upper wing further out: cheaper, its greater loss lies above."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the three calls by ascending strike."""
        return self._legs(snapshot, "CE")


class BrokenWingPutButterfly(_BrokenWing):
    """A put butterfly with its lower wing further out: cheaper, its greater loss lies below."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the three puts by ascending strike."""
        return self._legs(snapshot, "PE")


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

    body: float = 500
    width: float = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "body")
        require_positive(self, "width")

    def _legs(self, snapshot: ChainSnapshot, right: Right) -> tuple[Leg, ...]:
        low, high = snapshot.atmf_strike - self.body, snapshot.atmf_strike + self.body
        return _four(snapshot, right, (low - self.width, low, high, high + self.width), self.lots)


class CallCondor(_Condor):
    """Sell two calls around the money, buy one on either side: pays a premium, earns in the middle."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the four calls by ascending strike."""
        return self._legs(snapshot, "CE")


class PutCondor(_Condor):
    """Sell two puts around the money, buy one on either side: pays a premium, earns in the middle."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the four puts by ascending strike."""
        return self._legs(snapshot, "PE")
