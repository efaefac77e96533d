"""Which sessions a plan trades: its filters, the days a position spans, and the days it had to skip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from kit.backtest.days import Days, ahead, between, left_out, source_of
from kit.backtest.encode import encode_legs, encode_terms
from kit.backtest.engines import position_on
from kit.backtest.plain import play_asking
from kit.backtest.plan.parts import Within
from kit.backtest.plan.plan import Plan
from kit.backtest.records import LAST_TRIES, REFUSED
from kit.backtest.signals import Signals, known_bars, starts_of
from kit.backtest.strikes import expiry_of
from kit.backtest.tape import NEVER, Holding, Loaded, holding_of, load
from kit.bars.minutes import DayMinutes
from kit.clock import sessions
from kit.errors import DataError, RuleFailed, UnreadableFile
from kit.shown import counted


@dataclass(frozen=True, slots=True)
class SkippedDay:
    """A session that the plan wanted and could not trade.

    Parameters
    ----------
    day : date
        The session.
    why : str
        What was missing.
    error : UnreadableFile, RuleFailed or None
        Its bars are there and damaged, or a Python rule of the plan failed on them.
    """

    day: date
    why: str
    error: UnreadableFile | RuleFailed | None = None


def failed(day: date, error: UnreadableFile | RuleFailed) -> SkippedDay:
    """Return a session that an error costs."""
    return SkippedDay(day, str(error), error)


def skipped_words(skipped: Iterable[SkippedDay]) -> list[str]:
    """Say for each reason once which sessions were skipped for it; of many reasons the first five."""
    by_reason: dict[str, list[date]] = {}
    for one in skipped:
        by_reason.setdefault(one.why, []).append(one.day)
    told = []
    for why, days in [*by_reason.items()][:5]:
        more = f" and {counted(len(days) - 1, 'session')} more" if len(days) > 1 else ""
        told.append(f"Skipped {days[0]}{more}: {why.removesuffix('.')}.")
    return told


def wanted_days(plan: Plan, days: Days, start: date | None, end: date | None) -> list[date]:
    """Return the sessions of a range that pass the filters which need no data.

    Without a range those are the days that are there, and those left out as poor or damaged; with one, every
    session of the exchange.

    Raises
    ------
    DataError
        There are no days, or none within the range.
    """
    held = [*days, *left_out(days)]
    there = sorted(day for day in held if between(day, start, end))
    if not held:
        remedy = "Collect or import some: run `kit collect` or `kit import`."
        raise DataError("There are no minutes to trade on", source_of(days), remedy)
    if not there:
        span = " ".join(f"{word} {day}" for word, day in (("from", start), ("to", end)) if day)
        if start and end and start > end:
            raise DataError("The range ends before it begins", span, "Name the earlier day first.")
        raise DataError(
            "The data has no session in this range",
            span,
            f"It has {min(held)} to {max(held)}. Collect or import more.",
        )
    asked = set(there)
    if start is not None or end is not None:
        asked |= set(sessions(start or there[0], end or there[-1]))
    return [day for day in sorted(asked) if _on_calendar(plan, day)]


def _on_calendar(plan: Plan, day: date) -> bool:
    rules = plan.days
    on_weekday = rules.weekdays is None or f"{day:%a}" in rules.weekdays
    return on_weekday and (rules.dates is None or day in rules.dates) and day not in rules.without


def holdings(
    plan: Plan, wanted: Sequence[date], days: Days, daily: pd.DataFrame | None, signals: Signals
) -> Iterator[Holding | SkippedDay]:
    """Yield the possible positions and the skipped days, in order; positions of one plan never overlap.

    The next one begins after the day on which the last was due to end, or, where every leg of the last was
    refused at its entry, on the next day.

    Raises
    ------
    DataError
        The plan filters by a daily figure or waits for a signal that was not given.
    """
    free_from, days = date.min, ahead(days, wanted)
    for day in wanted:
        if day >= free_from and _daily_fits(plan, day, daily):
            try:
                found = _holding(plan, day, days, signals)
                if isinstance(found, Holding):
                    free_from = _taken_until(plan, found) + timedelta(1)
            except (UnreadableFile, RuleFailed) as error:  # what the other days earn is kept
                found = failed(day, error)
            if found is not None:
                yield found


def tape_of(plan: Plan, holding: Holding, again: bool) -> Loaded | SkippedDay:
    """Return the tape of a possible position; skipped where a strike rule fails on it."""
    try:
        return load(plan, plan.legs, holding, again)
    except RuleFailed as error:
        return failed(holding.day, error)


def _holding(plan: Plan, day: date, days: Days, signals: Signals) -> Holding | SkippedDay | None:
    """Return the possible position of a day; None where a filter or a missing signal keeps the plan out."""
    nearest = expiry_of("nearest", days[day]) if day in days else None
    if nearest is None:
        absent = left_out(days).get(day, "no bars of this day")
        return SkippedDay(day, "no contract that is still alive" if day in days else absent)
    band, minutes = plan.days.days_to_expiry, days[day]
    if band is not None and not band.admits((nearest - day).days):
        return None
    starts = starts_of(plan, minutes, signals)
    return _held(plan, minutes, days, starts) if min(starts) < NEVER else None


def _held(plan: Plan, minutes: DayMinutes, days: Days, starts: list[int]) -> Holding | SkippedDay:
    day = minutes.day
    later = _later_days(plan, minutes, days)
    if isinstance(later, SkippedDay):
        return later
    holding = holding_of(plan, [minutes, *(days[each] for each in later)], starts)
    if min(starts) >= len(minutes.minutes):
        return SkippedDay(day, f"the session ends before the entry at {plan.entry.at:%H:%M}")
    if min(starts) + LAST_TRIES < 0:
        return SkippedDay(day, f"no bar has closed within five minutes of the entry at {plan.entry.at:%H:%M}")
    if holding.last <= holding.first:
        return SkippedDay(day, f"the session has no bar between {plan.entry.at:%H:%M} and the exit")
    return holding


def _taken_until(plan: Plan, holding: Holding) -> date:
    """Return the last day that a position takes up: the first where all its legs are refused at the entry."""
    if len(holding.days) == 1:
        return holding.day
    at_entry = replace(holding, days=holding.days[:2], last=min(holding.last, holding.edges[2] - 1))
    loaded = load(plan, plan.legs, at_entry, again=False, bars=range(known_bars(holding.days[0])))
    position = position_on(loaded, encode_terms(plan), encode_legs(plan.legs))
    asked = [start for start in holding.starts if start < NEVER]
    trades = play_asking(position, loaded, plan, plan.legs, until=max(asked) + LAST_TRIES + 1)
    refused = len(trades) == len(asked) and (trades.reason == REFUSED).all()
    return holding.day if refused else holding.days[-1].day


def _later_days(plan: Plan, minutes: DayMinutes, days: Days) -> list[date] | SkippedDay:
    """Return the sessions after the entry's that the position lives in."""
    if not plan.holds_overnight:
        return []
    after = sorted(day for day in days if day > minutes.day)
    if plan.exit.days_to_expiry is None:
        span = after[: plan.exit.after_days]
        complete = len(span) == plan.exit.after_days
    else:
        expiries = [expiry for leg in plan.legs if (expiry := expiry_of(leg.expiry, minutes))]
        ends = min(expiries) - timedelta(plan.exit.days_to_expiry)
        span = [day for day in after if day < ends]
        if minutes.day < ends:
            span += [day for day in after if day >= ends][:1]
        complete = [minutes.day, *span][-1] >= ends
    last = [minutes.day, *span][-1]
    missing = sorted(set(sessions(minutes.day, last)) - {minutes.day, *span})
    if missing:
        return SkippedDay(minutes.day, f"no bars of {missing[0]}, on which the position would be open")
    return span if complete else SkippedDay(minutes.day, f"the data ends on {last}, before the exit")


def _daily_fits(plan: Plan, day: date, daily: pd.DataFrame | None) -> bool:
    for name in ("vix", "iv_rank"):
        band: Within | None = getattr(plan.days, name)
        if band is None:
            continue
        if daily is None or name not in daily.columns:
            raise DataError("The plan filters by a daily figure that was not given", name, "Pass daily=...")
        known = daily[name].get(day, float("nan"))
        if not band.admits(known):
            return False
    return True
