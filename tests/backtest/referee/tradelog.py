"""The rows of section 7, and the rupees that have been realised."""

from __future__ import annotations

from datetime import date, datetime, time
from fractions import Fraction
from typing import Any

from kit.clock import IST

from . import money
from .bars import TICKS
from .place import Place


class TradeLog:
    """The log of one position."""

    def __init__(self, plan: Any, day: date) -> None:
        self.plan, self.day = plan, day
        self.rows: list[dict[str, Any]] = []
        self.realised = 0  # ticks times units, after slippage and before charges

    def refused(self, place: Place, why: str) -> None:
        """Write an entry that was not had."""
        row = {"day": self.day, "leg": place.number, "entry": place.entries, "reason": "refused"}
        self.rows.append({**row, "why": why, "side": place.leg.side, "right": place.leg.right})

    def left(
        self, place: Place, at: tuple[date, int], price: int, reason: str, charges: Fraction, stale: bool
    ) -> None:
        """Write an entry that has left: the price after slippage, and what the way out cost."""
        held, units = place.held, place.held.units
        earned = held.way * (price - held.fill) * units
        self.realised += earned
        gross = Fraction(earned, TICKS)
        cost = money.of_order(held.fill, units, held.way > 0, held.day) + charges if self.plan.charges else 0
        expiry, strike, right = held.contract
        self.rows.append({
            "day": self.day, "leg": place.number, "entry": place.entries, "side": place.leg.side,
            "right": right, "strike": strike, "expiry": expiry, "lots": place.lots,
            "lot_size": units // place.lots, "entry_bar": _stamp(held.day, held.minute),
            "entry_price": held.fill / TICKS, "exit_bar": _stamp(*at), "exit_price": price / TICKS,
            "reason": reason, "gross_inr": float(gross), "charges_inr": float(cost),
            "net_inr": float(gross - cost), "stale": stale,
        })  # fmt: skip


def _stamp(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(minute // 60, minute % 60), IST)
