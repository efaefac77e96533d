"""The strike at the money, with a rule for ties and a refusal when none is near."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self, get_args

from kit.arguments import choice, number
from kit.errors import DataError, FarStrike

Tie = Literal["lower", "higher", "nearest"]
Level = Literal["spot", "forward"]
NO_TIE = "There is no tie-breaker of this name"
FARTHEST = 0.05  # of the spot; a listed chain always has a strike nearer than this


class AtmStrike(float):
    """Rupees, with the level it is nearest to; otherwise a float like any other.

    Parameters
    ----------
    value : float
        Rupees.
    nearest_to : {"spot", "forward"}
        ``"forward"``: while derivatives trade on, the index stands still in its closing auction.
    """

    nearest_to: Level

    def __new__(cls, value: float, nearest_to: Level = "spot") -> Self:  # noqa: D102 (documented by the class)
        strike = super().__new__(cls, value)
        strike.nearest_to = nearest_to
        return strike

    def __getnewargs__(self) -> tuple[Any, ...]:
        return float(self), self.nearest_to

    def __repr__(self) -> str:
        frozen = "the forward: the spot stands still in the closing auction"
        return f"{float(self):,.0f} (nearest {'the spot' if self.nearest_to == 'spot' else frozen})"


def atm_strike(
    spot: float,
    strikes: Iterable[float],
    tie: Tie = "lower",
    *,
    forward: float | None = None,
    farthest: float = FARTHEST,
) -> float:
    """Return the listed strike nearest the spot.

    Parameters
    ----------
    spot : float
        Rupees.
    strikes : iterable of float
        Listed strikes, rupees, in any order.
    tie : {"lower", "higher", "nearest"}, default "lower"
        Which of two equally near strikes: the lower, the higher, or the one nearest the forward.
    forward : float, optional
        Rupees; breaks a tie by ``"nearest"``, which without it takes the lower.
    farthest : float, default 0.05
        How far the strike may be, as a fraction of the spot.

    Raises
    ------
    FarStrike
        The nearest strike is farther than that.
    DataError
        There are no strikes, or the spot or the tie-breaker is none.
    """
    spot = number(spot, "No strike is at the money of a spot that is no price", above=0)
    listed = sorted(set(strikes))
    if not listed:
        raise DataError("No strike is at the money without strikes", spot, "Check them.")
    choice(tie, get_args(Tie), NO_TIE, DataError)
    distance = min(abs(strike - spot) for strike in listed)
    near = [strike for strike in listed if abs(strike - spot) == distance]
    if distance > farthest * spot:
        raise FarStrike(
            f"The strike nearest the spot {spot:,.2f} is {distance / spot:.0%} away",
            near[0],
            "Check that spot and strikes belong to the same underlying.",
        )
    if tie == "nearest" and forward is not None:
        return min(near, key=lambda strike: abs(strike - forward))
    return near[-1] if tie == "higher" else near[0]
