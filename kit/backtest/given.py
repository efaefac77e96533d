"""What a backtest is given, checked once at its door: plans, days, dates, daily figures and signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from math import inf
from typing import Any

import pandas as pd

from kit.arguments import instance, real
from kit.backtest.plan.plan import Plan
from kit.backtest.signals import Signals
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import DayMinutes
from kit.clock import IST, in_ist
from kit.errors import DataError, SettingsError


def given_plans(plans: Any) -> list[Plan]:
    """Return a plan, or several, as a list.

    Raises
    ------
    SettingsError
        There is none, something else is among them, or two have one name.
    """
    found = [plans] if isinstance(plans, Plan) or not isinstance(plans, Iterable) else list(plans)
    if isinstance(plans, str | Mapping) or not all(isinstance(plan, Plan) for plan in found):
        remedy = "Give a Plan: Plan.load(file), Plan(**fields), or one of ready_plans()."
        raise SettingsError("Not a plan", plans, remedy)
    names = [plan.name for plan in found]
    if not found:
        raise SettingsError("There is nothing to trade", None, "Give a plan, or several.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError("Two plans have the same name", twice, 'Rename one: plan.but(name="another").')
    return found


def given_days(days: Any, plans: Iterable[Plan]) -> None:
    """Check that days are a store or a mapping of sessions, of what the plans trade.

    Raises
    ------
    SettingsError
        They are something else.
    DataError
        A session stands under another day, or is of another underlying.
    """
    if not isinstance(days, MinuteStore | Mapping):
        remedy = "Give a MinuteStore, or a dict of DayMinutes by date."
        raise SettingsError("Not days to trade on", days, remedy)
    sessions = days.items() if type(days) is dict else ()
    for day, minutes in sessions:
        if not isinstance(minutes, DayMinutes) or minutes.day != day:
            raise DataError("This day has the minutes of another", day, "Give DayMinutes by their day.")
    store = days if isinstance(days, MinuteStore) else getattr(days, "store", None)
    held = {minutes.underlying for _, minutes in sessions} | ({store.underlying} if store else set())
    for plan in plans:
        if strange := sorted(held - {plan.underlying}):
            remedy = f"Give the minutes of {plan.underlying}, or change the plan's underlying."
            raise DataError(f"The plan {plan.name} trades {plan.underlying}, the days have", strange, remedy)


def given_date(value: Any, name: str) -> date | None:
    """Return a day of a range; a moment is its day in exchange time.

    Raises
    ------
    SettingsError
        It is no date.
    """
    if isinstance(value, datetime):
        return in_ist(value).date()
    return None if value is None else instance(value, date, name)


def given_share(value: Any) -> float:
    """Return a score of quality.

    Raises
    ------
    SettingsError
        It is no number between 0 and 1.
    """
    if not 0 <= real(value) <= 1:
        raise SettingsError("A quality score must lie between 0 and 1", value, "Use 0.8, for instance.")
    return float(value)


def given_capital(value: Any) -> float | None:
    """Return a capital in rupees; None where none is given.

    Raises
    ------
    SettingsError
        It is no number above 0.
    """
    if value is not None and not 0 < real(value) < inf:
        raise SettingsError("The capital must be positive", value, "Give rupees.")
    return value if value is None else float(value)


def given_daily(daily: Any) -> pd.DataFrame | None:
    """Return figures by day with plain dates as their index.

    Raises
    ------
    SettingsError
        They are no table.
    DataError
        The index holds no days, or one twice, or a column that filters is no number.
    """
    if daily is None:
        return None
    table: pd.DataFrame = instance(daily, pd.DataFrame, "daily")
    if not all(isinstance(day, date) for day in table.index):
        raise DataError("Daily figures need days as index", str(table.index.dtype), "Use dates as the index.")
    days = pd.Index([day.date() if isinstance(day, datetime) else day for day in table.index], dtype=object)
    if days.has_duplicates:
        raise DataError("Two daily figures share a day", days[days.duplicated()][0], "Keep one of them.")
    wrong = [name for name in ("vix", "iv_rank") if name in table and table[name].dtype.kind not in "iuf"]
    if wrong:
        raise DataError("A daily figure is not a number", wrong, "Convert the column: pd.to_numeric.")
    return table.set_axis(days)


def given_signals(signals: Any) -> Signals:
    """Return signals as booleans by moments in exchange time; a moment without a zone is one.

    Raises
    ------
    SettingsError
        They are no mapping of Series.
    DataError
        A signal is not boolean, or has no moments, or one twice.
    """
    if signals is None:
        return {}
    found: dict[str, pd.Series[bool]] = {}
    for name, series in instance(signals, Mapping, "signals").items():  # type: ignore[type-abstract]
        index = instance(series, pd.Series, f"The signal {name}").index
        if not isinstance(index, pd.DatetimeIndex) or index.has_duplicates or index.hasnans:
            remedy = "Use the starts of bars as a DatetimeIndex, each once."
            raise DataError(f"The signal {name} is not indexed by time", str(index.dtype), remedy)
        if series.dtype != bool:
            remedy = "Give booleans, for instance series > level, after fillna(False)."
            raise DataError(f"The signal {name} is not boolean", str(series.dtype), remedy)
        found[name] = series.set_axis(index.tz_localize(IST) if index.tz is None else index.tz_convert(IST))
    return found
