"""What an option is worth at expiry, by the rule in force on that day (``data/settlement_rules.csv``)."""

from __future__ import annotations

from datetime import date

import numpy as np

from kit.backtest.strikes import ExpiryMinutes
from kit.bars.minutes import TICK_INR, TICKS_PER_RUPEE, DayMinutes
from kit.bars.settlement import settlement_level
from kit.clock import settlement_rule
from kit.evaluation.exercise import exercise_inr
from kit.model import Leg, Right

_MEAN_MINUTES = 30


def settlement(day: DayMinutes, expiry: date) -> float:
    """Return the index's settlement on an expiry day, rupees; NaN without index and contracts.

    The level that `kit.bars.settlement` makes of the index; where its bars that decide are missing, the
    synthetic future stands in: the mean of its last 30 minutes, or its last value since the closing auction.
    """
    level = settlement_level(day.minutes, day.index[3], day.day)
    if np.isfinite(level):
        return level
    closes = ExpiryMinutes(day, expiry, "synthetic").synthetic(np.arange(len(day.minutes)))
    auction = settlement_rule(day.day) == "auction"
    known = closes[np.isfinite(closes)][-1:] if auction else closes[-_MEAN_MINUTES:]
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else float("nan")


def paid_ticks(level: float, strike: int, is_call: bool) -> int:
    """Return what a contract pays at a settlement level, to the nearest tick."""
    inside = level - strike if is_call else strike - level
    return max(0, int(np.floor(inside * TICKS_PER_RUPEE + 0.5 + 1e-7)))


def exercise_tax(paid: int, strike: int, right: Right, on: date) -> float:
    """Return the tax on one bought unit that is settled at so many ticks, rupees."""
    inside = paid * TICK_INR
    level = strike + inside if right == "CE" else strike - inside
    return exercise_inr([Leg(right, strike, 1, 0.0)], 1, level, on)
