"""Which expiry and which strike a leg takes, by the closes of one bar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

from kit.clock import IST, risk_free_rate
from kit.pricing.black76 import greeks, implied_volatility

from .bars import TICKS, Contract, Session, exact


class Unlisted(Exception):
    """The rule names a contract that is not there this day; waiting does not help."""


def expiry_of(rule: Any, session: Session) -> date | None:
    """Return the expiry that a leg takes; None where the day has none such."""
    listed = session.expiries()
    if rule in ("nearest", "next"):
        place = ("nearest", "next").index(rule)
        return listed[place] if place < len(listed) else None
    if rule == "monthly":
        month = [(day.year, day.month) for day in listed]
        return max((day for day in listed if (day.year, day.month) == month[0]), default=None)
    return min(listed, key=lambda day: (abs((day - session.day).days - rule.days), day), default=None)


def synthetic(session: Session, expiry: date, minute: int) -> float | None:
    """Return strike + call - put where the two are nearest, rupees."""
    found = []
    for strike in session.strikes(expiry):
        call, put = (session.bar((expiry, strike, right), minute) for right in ("CE", "PE"))
        if call and put:
            found.append((abs(call.close - put.close), strike, strike + (call.close - put.close) / TICKS))
    return min(found)[2] if found else None


def money_of(plan: Any, session: Session, expiry: date, minute: int) -> float | None:
    """Return the level from which strikes are counted, rupees; None where it is not known in this bar."""
    if plan.money == "synthetic" or not session.index:
        return synthetic(session, expiry, minute)
    bar = session.index.get(minute)
    return bar.close if bar else None


def _nearest(strikes: list[int], level: float) -> int:
    return min(strikes, key=lambda strike: (abs(strike - level), strike))


def strike_of(plan: Any, leg: Any, session: Session, expiry: date, minute: int) -> int | None:  # noqa: PLR0911 - one by rule
    """Return the strike a leg takes at the close of a bar; None where no choice is possible in it."""
    rule, strikes, out = leg.strike, session.strikes(expiry), 1 if leg.right == "CE" else -1
    if rule.listed is not None:
        if rule.listed not in strikes:
            raise Unlisted("strike not listed")
        return int(rule.listed)
    if rule.kind == "delta" or rule.kind.startswith("premium"):
        return _by_quote(leg, session, expiry, minute)
    level = money_of(plan, session, expiry, minute)
    if level is None:
        return None
    at_money = _nearest(strikes, level)
    if rule.steps is not None:
        place = strikes.index(at_money) + out * rule.steps
        return strikes[place] if 0 <= place < len(strikes) else None
    if rule.points is not None:
        return _nearest(strikes, at_money + out * rule.points)
    if rule.percent is not None:
        return _nearest(strikes, level * (1 + out * rule.percent / 100))
    both = [session.bar((expiry, at_money, right), minute) for right in ("CE", "PE")]
    if None in both:
        return None
    return _nearest(strikes, at_money + out * rule.straddles * sum(bar.close for bar in both if bar) / TICKS)


def _by_quote(leg: Any, session: Session, expiry: date, minute: int) -> int | None:
    """Return the strike by premium or delta among what traded in the bar."""
    closes = {}
    for strike in session.strikes(expiry):
        if bar := session.bar((expiry, strike, leg.right), minute):
            closes[strike] = Fraction(bar.close, TICKS)
    rule, dear = leg.strike, -1 if leg.side == "sell" else 1
    if rule.premium is not None:
        ranked = {
            strike: (abs(close - exact(rule.premium)), dear * close) for strike, close in closes.items()
        }
    elif rule.premium_at_least is not None:
        least = exact(rule.premium_at_least)
        ranked = {strike: (close, 0) for strike, close in closes.items() if close >= least}
    elif rule.premium_at_most is not None:
        most = exact(rule.premium_at_most)
        ranked = {strike: (-close, 0) for strike, close in closes.items() if close <= most}
    elif rule.premium_between is not None:
        low, high = map(exact, rule.premium_between)
        ranked = {strike: (dear * close, 0) for strike, close in closes.items() if low <= close <= high}
    else:
        deltas = deltas_of(session, expiry, leg.right, closes, minute)
        ranked = {s: (round(abs(abs(d) - rule.delta), 12), dear * closes[s]) for s, d in deltas.items()}
    return min(ranked, key=lambda strike: (*ranked[strike], strike)) if ranked else None


def deltas_of(
    session: Session, expiry: date, right: str, closes: Mapping[int, Fraction | float], minute: int
) -> dict[int, float]:
    """Return Black-76 deltas by strike, from the closes of a bar on the synthetic future."""
    forward = synthetic(session, expiry, minute)
    if forward is None or not closes:
        return {}
    at = datetime.combine(session.day, time((minute + 1) // 60, (minute + 1) % 60), IST)
    years = (datetime.combine(expiry, time(15, 30), IST) - at).total_seconds() / (365 * 86400)
    discount = np.exp(-risk_free_rate(session.day) * years)
    strikes, prices = np.array(list(closes), float), np.array(list(closes.values()), float)
    iv = implied_volatility(prices, forward, strikes, years, discount, right == "CE").iv
    delta = greeks(forward, strikes, years, iv, discount, right == "CE").delta
    return {strike: float(d) for strike, d in zip(closes, delta, strict=True) if isfinite(d)}


def contract_of(plan: Any, leg: Any, expiry: date | None, session: Session, minute: int) -> Contract | None:
    """Return the contract of an expiry that a leg takes at the close of a bar.

    Raises
    ------
    Unlisted
        The rule, or the leg's right, has no contract this day.
    """
    if expiry is None:
        raise Unlisted(f"no expiry {leg.expiry}")
    strike = strike_of(plan, leg, session, expiry, minute)
    if strike is None:
        return None
    if (expiry, strike, leg.right) not in session.listed:
        raise Unlisted(f"{strike} {leg.right} is not listed")
    return expiry, strike, leg.right
