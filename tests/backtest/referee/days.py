"""Which sessions a plan trades, and the trade log of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from kit.clock import sessions as exchange_sessions

from . import signals
from .bars import Session
from .choose import expiry_of
from .position import Position


def play(plan: Any, sessions: Mapping[date, Session]) -> list[dict[str, Any]]:
    """Return the trade log of a plan: rows of section 7, without the plan's name."""
    rows: list[dict[str, Any]] = []
    free_from = date.min
    for day, session in sorted(sessions.items()):
        if day < free_from or not admitted(plan.days, session) or not signals.of_legs(plan, session):
            continue
        span = lived_in(plan, session, sessions)
        position = Position(plan, session, span[-1].day)
        if set(exchange_sessions(day, span[-1].day)) > {one.day for one in span} or not enough(plan, span):
            position.refuse_all("a session is missing")
        elif position.is_late:
            position.refuse_all("the session ends before the entry")
        else:
            for one in span:
                if not position.ended:
                    position.day(one)
            if not position.was_refused:
                free_from = span[-1].day + timedelta(days=1)
        rows += position.log.rows
    return sorted(rows, key=lambda row: (row["day"], row["leg"], row["entry"]))


def admitted(days: Any, session: Session) -> bool:
    """Tell whether the plan trades on a day."""
    left = (min(session.expiries()) - session.day).days if session.expiries() else None
    return (
        (days.weekdays is None or f"{session.day:%a}" in days.weekdays)
        and (days.dates is None or session.day in days.dates)
        and session.day not in days.without
        and (days.days_to_expiry is None or (left is not None and days.days_to_expiry.admits(left)))
    )


def _days_left(plan: Any, first: Session, day: date) -> int:
    """Return the calendar days from a day to the first expiry of the legs."""
    expiries = [expiry for leg in plan.legs if (expiry := expiry_of(leg.expiry, first))]
    return (min(expiries) - day).days if expiries else 0


def lived_in(plan: Any, first: Session, sessions: Mapping[date, Session]) -> list[Session]:
    """Return the sessions from the entry to the exit, as far as the data goes."""
    later = [session for day, session in sorted(sessions.items()) if day >= first.day]
    if plan.exit.days_to_expiry is None:
        return later[: 1 + plan.exit.after_days]
    span = []
    for session in later:
        span.append(session)
        if _days_left(plan, first, session.day) <= plan.exit.days_to_expiry:
            break
    return span


def enough(plan: Any, span: list[Session]) -> bool:
    """Tell whether the data reaches to the exit."""
    if plan.exit.days_to_expiry is None:
        return len(span) == 1 + plan.exit.after_days
    return _days_left(plan, span[0], span[-1].day) <= plan.exit.days_to_expiry
