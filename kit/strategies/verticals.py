"""Two strikes of one right, one bought and the other sold: one for one, or several against one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.errors import SettingsError
from kit.model import ChainSnapshot, Leg, Right
from kit.strategies.base import Strategy
from kit.strategies.strikes import AT_THE_MONEY, Pick


@dataclass(frozen=True)
class _Vertical(Strategy):
    """One option near the money against one further out: loss and profit are both bounded.

    Parameters
    ----------
    near : Pick, default Offset(0)
        How the strike nearer the money is chosen.
    width : float, default 500
        Distance of the further strike, rupees.
    """

    right: ClassVar[Right]
    side: ClassVar[int] = 1  # 1 buys the strike nearer the money, -1 sells it
    positive: ClassVar[tuple[str, ...]] = ("width",)
    near: Pick = AT_THE_MONEY
    width: float = 500

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought and the sold option by ascending strike."""
        return self._against(snapshot, 1)

    def _against(self, snapshot: ChainSnapshot, ratio: int) -> tuple[Leg, ...]:
        """Take the lots at the nearer strike, and `ratio` times the opposite further out of the money."""
        right, lots = self.right, self.side * self.lots
        near = self.near(snapshot, right)
        far = near + self.width if right == "CE" else near - self.width
        pair = (snapshot.leg(right, near, lots), snapshot.leg(right, far, -ratio * lots))
        return pair if right == "CE" else pair[::-1]


class BullCallSpread(_Vertical):
    """Buy a call, sell one further up: pays a premium, earns when the market rises."""

    right = "CE"


class BearCallSpread(_Vertical):
    """Sell a call, buy one further up: takes a premium, earns when the market does not rise."""

    right = "CE"
    side = -1


class BearPutSpread(_Vertical):
    """Buy a put, sell one further down: pays a premium, earns when the market falls."""

    right = "PE"


class BullPutSpread(_Vertical):
    """Sell a put, buy one further down: takes a premium, earns when the market does not fall."""

    right = "PE"
    side = -1


@dataclass(frozen=True)
class _Ratio(_Vertical):
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

    positive = ("width", "ratio")
    ratio: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ratio < 2:
            remedy = "One to one is a spread."
            raise SettingsError(f"{type(self).__name__} needs a whole ratio of 2 or more", self.ratio, remedy)

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the bought and the sold options by ascending strike."""
        return self._against(snapshot, self.ratio)


class CallRatioSpread(_Ratio):
    """Buy a call, sell more further up: earns most at the sold strike, loses without bound far above."""

    right = "CE"


class PutRatioSpread(_Ratio):
    """Buy a put, sell more further down: earns most at the sold strike, loses far below."""

    right = "PE"


class CallBackSpread(_Ratio):
    """Sell a call, buy more further up: earns without bound far above, loses most at the bought strike."""

    right = "CE"
    side = -1


class PutBackSpread(_Ratio):
    """Sell a put, buy more further down: earns far below, loses most at the bought strike."""

    right = "PE"
    side = -1
