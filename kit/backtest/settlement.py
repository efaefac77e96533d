"""What an option is worth at expiry, by the rule in force on that day (``data/settlement_rules.csv``)."""

from __future__ import annotations

from datetime import date

import numpy as np

from kit.backtest.strikes import ExpiryMinutes
from kit.bars.minutes import TICK_INR, TICKS_PER_RUPEE, DayMinutes
from kit.evaluation.costs import exercise_inr
from kit.facts import in_force, table
from kit.model import Leg, Right

_MEAN_MINUTES = 30


def settlement(day: DayMinutes, expiry: date) -> float:
    """Return the index's settlement on an expiry day, rupees; NaN without index and contracts.

    The mean of the index's closes in the last 30 minutes of the session, or since the closing auction the
    index's last print. Without an index the synthetic future stands in.
    """
    columns = np.arange(len(day.minutes))
    closes = day.index[3] if day.has_index else ExpiryMinutes(day, expiry, "synthetic").synthetic(columns)
    auction = in_force(table("settlement_rules"), day.day)["rule"] == "auction"
    known = closes[np.isfinite(closes)][-1:] if auction else closes[-_MEAN_MINUTES:]
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else float("nan")


def paid_ticks(level: float, strike: int, is_call: bool) -> int:
    """Return what a contract pays at a settlement level, to the nearest tick."""
    if np.isnan(level):
        return 0
    inside = level - strike if is_call else strike - level
    return max(0, int(np.floor(inside * TICKS_PER_RUPEE + 0.5 + 1e-7)))


def exercise_tax(paid: int, strike: int, right: Right, on: date) -> float:
    """Return the tax on one bought unit that is settled at so many ticks, rupees."""
    inside = paid * TICK_INR
    level = strike + inside if right == "CE" else strike - inside
    return exercise_inr([Leg(right, strike, 1, 0.0)], 1, level, on)
