"""When an entry begins: at its moment, or when the index leaves a range or moves."""

from __future__ import annotations

from datetime import time
from typing import Any

from .bars import Bar, Session
from .choose import synthetic


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _stand_in(session: Session) -> dict[int, Bar]:
    """Return the synthetic future of the nearest expiry where there is no index."""
    minutes = range(session.first, session.last + 1)
    levels = {minute: synthetic(session, session.expiries()[0], minute) for minute in minutes}
    return {minute: Bar(level, level, level, level) for minute, level in levels.items() if level is not None}


def of_legs(plan: Any, session: Session) -> dict[int, int]:
    """Return the first moment of an entry by the place of the leg; legs without a signal are left out."""
    found = _starts(plan, session)
    first = min(found.values(), default=None)
    moments = ((place, found.get(leg.on) if leg.on else first) for place, leg in enumerate(plan.legs))
    return {place: moment for place, moment in moments if moment is not None}


def _starts(plan: Any, session: Session) -> dict[str, int]:
    """Return the first moment of an entry by direction; the key is empty where there is no signal."""
    entry = plan.entry
    at = _minutes(entry.at)
    if not entry.has_signal:
        return {"": at}
    index = session.index or _stand_in(session)
    until = min(_minutes(entry.until or plan.exit.at) - (0 if entry.until else 1), session.last + 1)
    if entry.breakout is not None:
        first, end = (_minutes(moment) for moment in entry.breakout.range)
        of_range = [bar for minute, bar in index.items() if first <= minute < end]
        if not of_range:
            return {}
        high, low = max(bar.high for bar in of_range), min(bar.low for bar in of_range)
    else:
        known = [minute for minute in sorted(index) if minute >= at - 1]
        if not known:
            return {}
        base = index[known[0]]
        move = entry.momentum
        far = move.points if move.points is not None else base.close * move.percent / 100
        high, low = (base.close + far, -1e9) if far > 0 else (1e9, base.close + far)
    found: dict[str, int] = {}
    for moment in range(at, until + 1):
        bar = index.get(moment - 1)
        if bar is None:
            continue
        if entry.breakout is not None:
            way = "up" if bar.close > high else "down" if bar.close < low else ""
        else:
            way = "up" if bar.close >= high else "down" if bar.close <= low else ""
        if way and (not found or (entry.breakout is not None and entry.breakout.sides == "both")):
            found.setdefault(way, moment)
    return found
