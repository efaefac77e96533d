"""Ways to choose a strike: each is a small frozen object that is called with a chain and a right.

============  ==========================================================
`Offset`      listed strikes away from the money
`Distance`    rupees away from the money; the strike must be listed
`Percent`     percent of the forward away; the nearest listed strike
`Delta`       the strike whose absolute delta is nearest
`Premium`     the strike whose price is nearest, at least or at most so many rupees per unit
`Width`       multiples of the at-the-money straddle's price away
============  ==========================================================

"Away" always means out of the money: up for a call, down for a put. Negative numbers go into the
money. The money is the listed strike nearest the forward.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Literal, get_args
from weakref import WeakKeyDictionary

from kit.arguments import choice, fields_checked, real
from kit.errors import DataError, SettingsError
from kit.model import ChainSnapshot, Right

Pick = Callable[[ChainSnapshot, Right], float]
Figure = Literal["delta", "price"]
Bound = Literal["nearest", "at_least", "at_most"]
Ladder = tuple[list[float], list[float]]  # figures, ascending, and the strikes they belong to
_LADDERS: WeakKeyDictionary[ChainSnapshot, dict[tuple[Right, Figure], Ladder]] = WeakKeyDictionary()


def _outward(right: Right) -> int:
    return 1 if right == "CE" else -1


def _refuse_endless(pick: object, parameter: str) -> None:
    value = getattr(pick, parameter)
    if not isfinite(real(value)):
        remedy = "Give a finite number; negative goes into the money."
        raise SettingsError(f"{type(pick).__name__} cannot go this many {parameter}", value, remedy)


@dataclass(frozen=True, slots=True)
class Offset:
    """So many listed strikes out of the money.

    Parameters
    ----------
    steps : int, default 0
        0 is the money itself; negative goes into the money.
    """

    steps: int = 0

    def __post_init__(self) -> None:
        fields_checked(self)

    def __call__(self, snapshot: ChainSnapshot, right: Right) -> float:
        """Return the strike, rupees.

        Raises
        ------
        DataError
            The chain ends before that strike.
        """
        strikes = snapshot.strikes
        place = bisect_left(strikes, snapshot.atmf_strike) + _outward(right) * self.steps
        if not 0 <= place < len(strikes):
            raise DataError(
                f"The chain has no {right} this many strikes from the money",
                self.steps,
                f"Its {len(strikes)} strikes reach from {strikes[0]:g} to {strikes[-1]:g}.",
            )
        return strikes[place]


@dataclass(frozen=True, slots=True)
class Distance:
    """So many rupees out of the money, exactly.

    Parameters
    ----------
    rupees : float
        Negative goes into the money.
    """

    rupees: float

    def __post_init__(self) -> None:
        _refuse_endless(self, "rupees")

    def __call__(self, snapshot: ChainSnapshot, right: Right) -> float:
        """Return the strike, rupees; whether it is listed shows when a leg is made of it."""
        return snapshot.atmf_strike + _outward(right) * self.rupees


@dataclass(frozen=True, slots=True)
class Percent:
    """The listed strike nearest to a percentage out of the money.

    Parameters
    ----------
    percent : float
        Percent of the forward; negative goes into the money.
    """

    percent: float

    def __post_init__(self) -> None:
        _refuse_endless(self, "percent")

    def __call__(self, snapshot: ChainSnapshot, right: Right) -> float:
        """Return the strike, rupees.

        Raises
        ------
        DataError
            The chain ends before that level.
        """
        return _nearest(snapshot, snapshot.forward * (1 + _outward(right) * self.percent / 100))


@dataclass(frozen=True, slots=True)
class Width:
    """The listed strike nearest to a multiple of the straddle's price out of the money.

    Parameters
    ----------
    straddles : float, default 1.0
        Multiples of the price of the at-the-money straddle.
    """

    straddles: float = 1.0

    def __post_init__(self) -> None:
        _refuse_endless(self, "straddles")

    def __call__(self, snapshot: ChainSnapshot, right: Right) -> float:
        """Return the strike, rupees.

        Raises
        ------
        DataError
            The straddle has no price, or the chain ends before that level.
        """
        money = snapshot.atmf_strike
        straddle = snapshot.leg("CE", money, 1).price + snapshot.leg("PE", money, 1).price
        return _nearest(snapshot, snapshot.forward + _outward(right) * self.straddles * straddle)


@dataclass(frozen=True, slots=True)
class Delta:
    """The strike whose absolute delta is nearest.

    Parameters
    ----------
    delta : float
        Between 0 and 1; 0.5 is about the money, less is further out.
    """

    delta: float

    def __post_init__(self) -> None:
        if not 0 < real(self.delta) < 1:
            raise SettingsError("A delta must lie between 0 and 1", self.delta, "Choose for instance 0.2.")

    def __call__(self, snapshot: ChainSnapshot, right: Right) -> float:
        """Return the strike, rupees.

        Raises
        ------
        DataError
            No strike of the chain has a known delta this small or this large.
        """
        return _closest(snapshot, right, "delta", self.delta)


@dataclass(frozen=True, slots=True)
class Premium:
    """The strike whose price is nearest to an amount, or nearest on one side of it.

    Parameters
    ----------
    rupees : float
        Price per unit; more than 0.
    bound : {"nearest", "at_least", "at_most"}, default "nearest"
        ``"at_least"`` takes the cheapest strike that is worth the amount or more, ``"at_most"`` the dearest
        that is worth it or less.
    """

    rupees: float
    bound: Bound = "nearest"

    def __post_init__(self) -> None:
        if not real(self.rupees) > 0:
            raise SettingsError("A premium must be above 0 rupees", self.rupees, "Choose for instance 100.")
        choice(self.bound, get_args(Bound), "No such bound")

    def __call__(self, snapshot: ChainSnapshot, right: Right) -> float:
        """Return the strike, rupees.

        Raises
        ------
        DataError
            No strike of the chain has a price this small or this large.
        """
        return _closest(snapshot, right, "price", self.rupees, self.bound)


def _nearest(snapshot: ChainSnapshot, level: float) -> float:
    strikes = snapshot.strikes
    if not strikes[0] <= level <= strikes[-1]:
        raise DataError(
            "The chain has no strike at this level",
            round(level, 2),
            f"Its strikes reach from {strikes[0]:g} to {strikes[-1]:g}.",
        )
    return min(strikes, key=lambda strike: (abs(strike - level), strike))


def _closest(
    snapshot: ChainSnapshot, right: Right, figure: Figure, wanted: float, bound: Bound = "nearest"
) -> float:
    """Choose the strike whose figure is nearest; the chain's range must come within a tenth of it."""
    known, strikes = _ladder(snapshot, right, figure)
    if not known or not 0.9 * known[0] <= wanted <= 1.1 * known[-1]:
        reach = f"Known are {known[0]:.4g} to {known[-1]:.4g}." if known else "None is known."
        raise DataError(f"The chain has no {right} of this {figure}", wanted, reach)
    place = bisect_left(known, wanted)
    if bound == "at_most":
        place = bisect_right(known, wanted) - 1
    elif bound == "nearest" and (
        place == len(known) or (place and wanted - known[place - 1] <= known[place] - wanted)
    ):
        place -= 1
    if not 0 <= place < len(known):
        reach = f"Known are {known[0]:.4g} to {known[-1]:.4g}."
        raise DataError(f"The chain has no {right} of {bound.replace('_', ' ')} this {figure}", wanted, reach)
    return strikes[place]


def _ladder(snapshot: ChainSnapshot, right: Right, figure: Figure) -> Ladder:
    """Return the known figures of one side, ascending, and their strikes; sorted once per snapshot."""
    sorted_already = _LADDERS.setdefault(snapshot, {})
    if (right, figure) not in sorted_already:
        side = snapshot.contracts[right].items()
        pairs = [(abs(getattr(contract, figure)), strike) for strike, contract in side]
        pairs = sorted(pair for pair in pairs if not isnan(pair[0]))
        sorted_already[right, figure] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return sorted_already[right, figure]


AT_THE_MONEY = Offset(0)
DELTA_20 = Delta(0.2)
