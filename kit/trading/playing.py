"""A plan played on a paper account over sessions, past or running, and compared with its backtest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from threading import RLock

import numpy as np
import pandas as pd

from kit.backtest.days import Days
from kit.backtest.engine import backtest
from kit.backtest.given import given_daily, given_signals
from kit.backtest.plan import Plan
from kit.backtest.signals import Signals
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import DayMinutes
from kit.errors import DataError
from kit.trading.dealing import Dealing
from kit.trading.following import Following, Listed, Minutes, named, replayed
from kit.trading.report import PaperReport, compare

_NO_MINUTES = "Minutes come as sessions, each with the bar that has just closed"
_REMEDY = "Pass a store, days by date, or what `kit.trading.minutes_of` yields."


def followed(
    dealing: Dealing,
    lock: RLock,
    plan: Plan,
    minutes: Days | MinuteStore | Minutes,
    listed: Listed | None,
    daily: pd.DataFrame | None,
    signals: Signals | None,
) -> PaperReport:
    """Trade a plan minute by minute, as `PaperAccount.follow` says, and return the comparison.

    Parameters
    ----------
    dealing, lock
        The account's; the lock is held for a bar at a time.
    plan, minutes, listed, daily, signals
        As in `PaperAccount.follow`.
    """
    daily, signals = given_daily(daily), given_signals(signals)
    following = Following(dealing, plan, listed or named(plan.underlying), daily, signals)
    seen: dict[date, DayMinutes] = {}
    if not isinstance(minutes, Mapping | MinuteStore | Iterable):
        raise DataError(_NO_MINUTES, minutes, _REMEDY)
    source = replayed(minutes) if isinstance(minutes, Mapping | MinuteStore) else minutes
    for day, column in map(_bar, source):
        with lock:
            following.see(day, column)
        seen[day.day] = day
        if source is minutes and not plan.holds_overnight and day.start(column).time() >= plan.exit.at:
            break  # a running session goes on without the plan
    result = backtest(plan, seen, daily=daily, signals=signals, engine="plain")
    return compare(dealing.ledger, plan, result)


def _bar(known: object) -> tuple[DayMinutes, int]:
    """Return a session and the column of its latest bar as they were given."""
    match known:
        case (DayMinutes() as day, (int() | np.integer()) as column) if 0 <= column < len(day.minutes):
            return day, int(column)
        case (DayMinutes(), column):
            raise DataError("A session has no such bar", column, _REMEDY)
    raise DataError(_NO_MINUTES, known, _REMEDY)
