"""What an option held to its end is taxed when it expires in the money, by date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from kit.facts import fact
from kit.model import Leg


@lru_cache(maxsize=16_384)
def exercise_rate(on: date) -> tuple[float, bool]:
    """Return the rate of the tax on an exercised option, and whether it is on the intrinsic value alone.

    Until 2019 the whole settlement value was taxed.

    Raises
    ------
    DataError
        The table of charges does not reach to this day.
    """
    row = fact("charges", on, item="stt_exercise")
    return float(row["value"]), row["unit"] == "fraction_of_intrinsic"


def exercise_inr(legs: Sequence[Leg], lot_size: int, settlement: float, on: date) -> float:
    """Return the tax on bought legs that expire in the money, rupees.

    Parameters
    ----------
    legs : sequence of Leg
        The position held to the end.
    lot_size : int
        Units in one lot.
    settlement : float
        Final settlement level, rupees.
    on : date
        The expiry.

    Raises
    ------
    DataError
        The table of charges does not reach to this day.
    """
    rate, on_intrinsic = exercise_rate(on)
    taxed = 0.0
    for leg in legs:
        inside = settlement - leg.strike if leg.right == "CE" else leg.strike - settlement
        if leg.lots > 0 and inside > 0:
            taxed += leg.lots * (inside if on_intrinsic else settlement)
    return rate * lot_size * taxed
