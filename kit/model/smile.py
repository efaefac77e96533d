"""Volatility by strike, as a chain hands it out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import Any, NamedTuple, Protocol

from kit.model.instrument import Contract, Right
from kit.model.position import Held


class Smile(Protocol):
    """Volatility by strike: `kit.pricing.smile.Slice`."""

    def iv(self, strike: Any) -> Any:
        """Return the volatility at a strike (rupees), an annualised fraction."""


class Lines(NamedTuple):
    """Linear between known volatilities, flat beyond them; NaN where there is none.

    Parameters
    ----------
    strikes, ivs : list of float
        Ascending strikes in rupees, and the annualised fraction at each.
    """

    strikes: list[float]
    ivs: list[float]

    def iv(self, strike: float) -> float:
        """Return the volatility at a strike (rupees), an annualised fraction."""
        if not self.strikes:
            return nan
        above = bisect_left(self.strikes, strike)
        if above == 0 or above == len(self.strikes):
            return self.ivs[min(above, len(self.ivs) - 1)]
        left, right = self.strikes[above - 1], self.strikes[above]
        low, high = self.ivs[above - 1], self.ivs[above]
        return low + (high - low) * (strike - left) / (right - left)


def lines_between(
    contracts: Mapping[Held, Mapping[float, Contract]], strikes: Sequence[float], forward: float
) -> Lines:
    """Return lines between the volatilities that are known; out of the money is the better side."""
    known = {}
    for strike in strikes:
        sides: tuple[Right, Right] = ("PE", "CE") if strike < forward else ("CE", "PE")
        found = [contracts[side][strike].iv for side in sides if strike in contracts[side]]
        known[strike] = next((iv for iv in found if not isnan(iv)), nan)
    solved = {strike: iv for strike, iv in known.items() if not isnan(iv)}
    return Lines(list(solved), list(solved.values()))
