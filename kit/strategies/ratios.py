"""Strategies that sell another number of options than they buy, and lizards, which sell both sides."""

from __future__ import annotations

from dataclasses import dataclass

from kit.errors import SettingsError
from kit.model import ChainSnapshot, Leg, Right
from kit.strategies.base import Strategy, require_positive
from kit.strategies.strikes import AT_THE_MONEY, DELTA_20, Pick


@dataclass(frozen=True)
class _Ratio(Strategy):
    """One option near the money against several further out.

    Parameters
    ----------
    near : Pick, default Offset(0)
        How the strike nearer the money is chosen.
    width : float, default 500
        Distance of the further strike, rupees.
    ratio : int, default 2
        Options further out for each one near the money; at least 2.
    """

    near: Pick = AT_THE_MONEY
    width: float = 500
    ratio: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "width")
        require_positive(self, "ratio")
        if self.ratio != int(self.ratio) or self.ratio < 2:
            raise SettingsError(
                f"{type(self).__name__} needs a whole ratio of 2 or more",
                self.ratio,
                "One to one is a spread.",
            )

    def _against(self, snapshot: ChainSnapshot, right: Right, lots: int) -> tuple[Leg, ...]:
        """Take `lots` near the money and `ratio` times the opposite further out."""
        near = self.near(snapshot, right)
        far = near + self.width if right == "CE" else near - self.width
        pair = (snapshot.leg(right, near, lots), snapshot.leg(right, far, -int(self.ratio) * lots))
        return pair if right == "CE" else pair[::-1]


class CallRatioSpread(_Ratio):
    """Buy a call, sell more further up: earns most at the sold strike, loses without bound far above."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought call and the sold calls above it."""
        return self._against(snapshot, "CE", self.lots)


class PutRatioSpread(_Ratio):
    """Buy a put, sell more further down: earns most at the sold strike, loses far below."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold puts and the bought put above them."""
        return self._against(snapshot, "PE", self.lots)


class CallBackSpread(_Ratio):
    """Sell a call, buy more further up: earns without bound far above, loses most at the bought strike."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the sold call and the bought calls above it."""
        return self._against(snapshot, "CE", -self.lots)


class PutBackSpread(_Ratio):
    """Sell a put, buy more further down: earns far below, loses most at the bought strike."""

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought puts and the sold put above them."""
        return self._against(snapshot, "PE", -self.lots)


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

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "width")

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
