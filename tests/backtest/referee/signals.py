"""When an entry begins: at its moment, or when the index leaves a range or moves."""

from __future__ import annotations

from datetime import time
from typing import Any

from .bars import Session


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def starts(plan: Any, session: Session, exit_at: int) -> dict[str, int]:
    """Return the first moment of an entry by direction; the key is empty where there is no signal."""
    entry = plan.entry
    at = _minutes(entry.at)
    if not entry.has_signal:
        return {"": at}
    until = min(_minutes(entry.until) if entry.until else exit_at - 1, exit_at - 1, session.last + 1)
    if entry.breakout is not None:
        first, end = (_minutes(moment) for moment in entry.breakout.range)
        of_range = [bar for minute, bar in session.index.items() if first <= minute < end]
        if not of_range:
            return {}
        high, low = max(bar.high for bar in of_range), min(bar.low for bar in of_range)
    else:
        base = session.index.get(at - 1)
        if base is None:
            return {}
        move = entry.momentum
        far = move.points if move.points is not None else base.close * move.percent / 100
        high, low = (base.close + far, -1e9) if far > 0 else (1e9, base.close + far)
    found: dict[str, int] = {}
    for moment in range(at, until + 1):
        bar = session.index.get(moment - 1)
        if bar is None:
            continue
        if entry.breakout is not None:
            way = "up" if bar.close > high else "down" if bar.close < low else ""
        else:
            way = "up" if bar.close >= high else "down" if bar.close <= low else ""
        if way and (not found or (entry.breakout is not None and entry.breakout.sides == "both")):
            found.setdefault(way, moment)
    return found
