"""What a Python rule is called with: the market and the position as they are known at one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from kit.backtest.plan.parts import Side
from kit.bars.minutes import OHLC, DayMinutes
from kit.errors import RuleFailed
from kit.model import Right

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class HeldLeg:
    """One open leg as a Python rule sees it.

    Parameters
    ----------
    leg : int
        Its number in the plan, from 1.
    side : {"buy", "sell"}
        Bought or sold.
    right : {"CE", "PE"}
        Call or put.
    strike : int
        Rupees.
    expiry : date
        Last trading day.
    units : int
        Lots times lot size.
    entry_price, price : float
        When it was entered, and its last close, rupees per unit.
    """

    leg: int
    side: Side
    right: Right
    strike: int
    expiry: date
    units: int
    entry_price: float
    price: float

    @property
    def profit_inr(self) -> float:
        """What the leg has earned before charges, rupees."""
        sign = 1 if self.side == "buy" else -1
        return sign * (self.price - self.entry_price) * self.units


@dataclass(frozen=True, eq=False)
class RuleMoment:
    """The market and the position at the close of a bar; nothing later is in reach.

    Parameters
    ----------
    day : DayMinutes
        The whole session; rules read `minutes` instead.
    column : int
        The bar that has just closed.
    legs : sequence of HeldLeg
        The legs that are open.
    profit_inr : float
        What the position has earned so far, closed legs included, before charges, rupees.
    leg : HeldLeg, optional
        The leg whose stop or target is asked for.
    """

    day: DayMinutes
    column: int
    legs: Sequence[HeldLeg] = ()
    profit_inr: float = 0.0
    leg: HeldLeg | None = None

    @property
    def at(self) -> datetime:
        """The moment, timezone-aware: the end of the bar that has just closed."""
        return self.day.start(self.column) + timedelta(minutes=1)

    @property
    def spot(self) -> float:
        """The index's last close, rupees; NaN where it has no bar."""
        return float(self.day.index[3, self.column])

    @cached_property
    def minutes(self) -> DayMinutes:
        """The session's bars up to this moment."""
        known = slice(0, self.column + 1)
        cut = {name: getattr(self.day, name)[:, known] for name in (*OHLC, "traded", "index", "future")}
        return replace(self.day, minutes=self.day.minutes[known], **cut)


def asked(
    rule: Callable[[RuleMoment], Any],
    place: str,
    moment: RuleMoment,
    form: Callable[[Any], Answer],
    name: str = "",
) -> Answer:
    """Ask a plan's Python function at a moment and return its answer in a form, for instance `bool`.

    Raises
    ------
    RuleFailed
        The function raised, or its answer has not this form; that error is the cause.
    """
    try:
        return form(rule(moment))
    except Exception as error:
        name = name or getattr(rule, "__name__", type(rule).__name__)
        told = f"The {place} rule {name} failed on {moment.at:%Y-%m-%d} at {moment.at:%H:%M}"
        remedy = "Mend the function, or let it answer for this minute too."
        raise RuleFailed(told, f"{type(error).__name__}: {error}", remedy) from error
