"""Prices and rupees in exact fractions: levels, slippage, charges, what an option is worth at its expiry."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

from kit.facts import fact

from .bars import TICKS, Contract, Session, exact
from .choose import synthetic


def to_nearest(ticks: Fraction) -> int:
    """Return the nearest whole tick, half away from zero."""
    return math.floor(ticks + Fraction(1, 2))


def to_tick(ticks: Fraction) -> int:
    """Return the nearest whole tick, never under one."""
    return max(1, to_nearest(ticks))


def distance(amount: Any, price: int) -> Fraction:
    """Return percent of a price, or points, in ticks; with its sign."""
    return price * exact(amount.percent) / 100 if amount.percent is not None else exact(amount.points) * TICKS


def slipped(rule: Any, price: int, bar: Any, buying: bool, lots: int) -> int:
    """Return a price after slippage, which is always against us."""
    if rule is None:
        return price
    if rule.ticks is not None:
        worse = exact(rule.ticks)
    elif rule.percent is not None:
        worse = price * exact(rule.percent) / 100
    elif rule.bar_range is not None:
        worse = exact(rule.bar_range) * max(0, bar.high - bar.low)
    else:
        worse = price * exact(rule.sqrt_lots) / 100 * Fraction(math.sqrt(lots))
    return to_tick(price + worse if buying else price - worse)


@cache
def _rate(item: str, on: date) -> Fraction:
    return Fraction(fact("charges", on, item=item)["value"])


def of_order(price: int, units: int, buying: bool, on: date) -> Fraction:
    """Return what one executed order costs, rupees."""
    turnover = Fraction(price, TICKS) * units
    brokerage = Fraction(fact("brokerage", on, key="flat", plan="flat")["per_order_inr"])
    exchange, sebi = turnover * _rate("exchange", on), turnover * _rate("sebi", on)
    duty = turnover * _rate("stamp_buy" if buying else "stt_sell", on)
    gst = _rate("gst", on) * (brokerage + exchange + sebi * _rate("gst_on_sebi", on))
    return brokerage + exchange + sebi + duty + gst


def of_exercise(intrinsic: Fraction, settlement: Fraction, units: int, on: date) -> Fraction:
    """Return the tax on a bought option that expires in the money, rupees."""
    whole = fact("charges", on, item="stt_exercise")["unit"] == "fraction_of_settlement_value"
    taxed = (settlement if whole else intrinsic) if intrinsic > 0 else Fraction(0)
    return _rate("stt_exercise", on) * units * taxed


def settlement(session: Session) -> Fraction | None:
    """Return the level at which options expire: a mean of the last 30 minutes, later the auction's print.

    Where the index does not tell, the synthetic future of what expires stands in; None: nothing does.
    """
    auction = fact("settlement_rules", session.day)["rule"] == "auction"
    first = 15 * 60 + 27 if auction else 15 * 60
    closes = [bar.close for minute, bar in sorted(session.index.items()) if first <= minute < 930]
    if not closes:
        minutes = range(session.first if auction else session.last - 29, session.last + 1)
        levels = (synthetic(session, session.day, minute) for minute in minutes)
        closes = [level for level in levels if level is not None]
    if not closes:
        return None
    taken = closes[-1:] if auction else closes
    return sum(map(exact, taken), Fraction(0)) / len(taken)


def intrinsic(contract: Contract, level: Fraction) -> Fraction:
    """Return what a contract is worth at a level, rupees."""
    _, strike, right = contract
    return max(Fraction(0), level - strike if right == "CE" else strike - level)
