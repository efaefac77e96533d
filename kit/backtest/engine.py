"""The door: plans and days in, a result out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.backtest.band import CONVENTIONS, band_table, under
from kit.backtest.days import Days, days_of
from kit.backtest.engines import EngineName, Trader, engine_for
from kit.backtest.given import (
    given_capital,
    given_daily,
    given_date,
    given_days,
    given_plans,
    given_share,
    given_signals,
)
from kit.backtest.holdings import SkippedDay, failed, holdings, skipped_words, wanted_days
from kit.backtest.log import Row, as_table, notes_of, rows_of, skipped, split_of
from kit.backtest.plan.plan import Plan
from kit.backtest.records import TradeRow
from kit.backtest.result import BacktestResult, Curve
from kit.backtest.signals import Signals
from kit.backtest.tape import Holding, Loaded, load
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import TICK_INR
from kit.errors import RuleFailed
from kit.shown import counted

Progress = Callable[[int, int], object]
CARRIED = 0.5  # share of opens carried on from the close before, above which the reader is told
MONTH = 20  # sessions, under which the reader is told what figures of a year rest on


def backtest(
    plans: Plan | Sequence[Plan],
    days: Days | MinuteStore,
    *,
    start: date | None = None,
    end: date | None = None,
    least_score: float = 0.0,
    daily: pd.DataFrame | None = None,
    signals: Signals | None = None,
    capital_inr: float | None = None,
    engine: EngineName = "auto",
    band: bool = False,
    progress: Progress | None = None,
) -> BacktestResult:
    """Trade one plan, or several with one capital, over the days of a store.

    Parameters
    ----------
    plans : Plan or sequence of Plan
        What is traded.
    days : mapping of date to DayMinutes, or MinuteStore
        A store of minutes, or a plain dict.
    start, end : date, optional
        First and last day; with a range, sessions that the data lacks are rows of the log.
    least_score : float, default 0
        Sessions of a worse quality, see `kit.bars.quality`, are left out; they are rows of the log.
    daily : DataFrame, optional
        Figures by day for the plan's filters, each known before the open: ``vix``, ``iv_rank``.
    signals : mapping of str to Series, optional
        Columns that entries wait for: booleans by the start of the bar at whose close they are known.
    capital_inr : float, optional
        What returns are counted on, rupees; default the sum over the plans.
    engine : {"auto", "plain", "compiled"}
        Both find the same; the compiled one is faster over many days, Python rules need the plain one.
    band : bool, default False
        Trade the same plans under the other fill conventions too.
    progress : callable, optional
        Told after each session how many of how many are done; what it raises ends the backtest.

    Raises
    ------
    DataError
        There are no days in the range, they are of another underlying, or a figure or signal that a plan
        needs is missing or cannot be one.
    SettingsError
        There is no plan, two have one name, or the capital or the score is none.
    RuleFailed
        A Python rule failed on every session that was tried; where others pass, it costs its own alone.
    """
    plans, capital_inr = given_plans(plans), given_capital(capital_inr)
    given_days(days, plans)
    span = given_date(start, "start"), given_date(end, "end")
    days = days_of(days, given_share(least_score))
    market = _Market(days, *span, given_daily(daily), given_signals(signals), engine)
    others = {name: [under(plan, name) for plan in plans] for name in CONVENTIONS} if band else {}
    others = {name: changed for name, changed in others.items() if changed != plans}
    found = []
    for number, plan in enumerate(plans):
        told = _share(progress, number, len(plans))
        found.append(_run(plan, {name: changed[number] for name, changed in others.items()}, market, told))
    _refuse_nothing(found)
    rows = [row for one in found for row in one.rows]
    traded = sorted({day for one in found for day in one.seen})
    return BacktestResult(
        plans=plans,
        trades=as_table(rows),
        skipped=[day for one in found for day in one.missed],
        sessions=traded,
        capital_inr=capital_inr or sum(plan.capital_inr for plan in plans),
        charges_split=split_of(rows),
        contract_notes=notes_of(rows),
        minutes=[curve for one in found for curve in one.curves],
        notes=sorted({note for one in found for note in one.notes} | _few(len(traded))),
        band=band_table(rows, [one.others for one in found], list(others)) if band else None,
    )


def _share(progress: Progress | None, number: int, count: int) -> Progress:
    """Return what tells of one plan's days among those of all."""
    return lambda done, total: progress(number * total + done, count * total) if progress else None


@dataclass(frozen=True)
class _Market:
    """What all plans of a backtest are traded on."""

    days: Days
    start: date | None
    end: date | None
    daily: pd.DataFrame | None
    signals: Signals
    engine: EngineName


@dataclass
class _Found:
    """What one plan gave."""

    rows: list[Row] = field(default_factory=list)
    missed: list[SkippedDay] = field(default_factory=list)
    seen: list[date] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    others: dict[str, list[Row]] = field(default_factory=dict)  # rows under the other fill conventions


def _run(plan: Plan, others: Mapping[str, Plan], market: _Market, told: Progress) -> _Found:
    """Trade a plan, and on the same tapes what differs from it in its fills alone."""
    alike = {name: other for name, other in others.items() if _share_days(plan, other)}
    wanted = wanted_days(plan, market.days, market.start, market.end)
    chosen = engine_for(plan, market.engine, len(wanted) * (1 + len(alike)))
    found = _Found(seen=[day for day in wanted if day in market.days], others={name: [] for name in alike})
    trader, beside = Trader(plan, chosen), {name: Trader(other, chosen) for name, other in alike.items()}
    carried: list[float] = []
    place = {day: number for number, day in enumerate(wanted, start=1)}
    for chance in holdings(plan, wanted, market.days, market.daily, market.signals):
        told(place[chance.day], len(wanted))
        missed = chance if isinstance(chance, SkippedDay) else _take(found, chance, trader, beside)
        if isinstance(missed, SkippedDay):
            found.missed.append(missed)
            found.rows += skipped(plan, missed.day, missed.why)
            continue
        carried += [day.carried_opens for day in missed.days]
        if not all(day.has_index for day in missed.days):
            found.notes.add("On days without an index the synthetic future stood in for it.")
    told(len(wanted), len(wanted))
    found.notes |= _carried(carried) | _against_itself(plan, found.rows)
    if not found.rows:
        found.notes.add(f"No session passes the days and signals of {plan.name}: nothing was traded.")
    for name, other in others.items():
        if name not in alike:
            apart = _run(other, {}, market, _untold)
            found.others[name] = apart.rows
            broken = [one for one in apart.missed if isinstance(one.error, RuleFailed)]
            found.notes |= {f"Filled {name}: {told}" for told in skipped_words(broken)}
    return found


def _take(
    found: _Found, chance: Holding, trader: Trader, beside: Mapping[str, Trader]
) -> Holding | SkippedDay:
    """Trade a possible position under all conventions, or none: a rule that fails costs the session."""
    try:
        loaded = load(trader.plan, trader.plan.legs, chance)
        rows, curve = _trade(trader, loaded)
        others = {
            name: rows_of(other.plan, loaded, other.trade(loaded), other.multiple)
            for name, other in beside.items()
        }
    except RuleFailed as error:
        return failed(chance.day, error)
    found.rows += rows
    found.curves.append(curve)
    for name, more in others.items():
        found.others[name] += more
    return chance


def _refuse_nothing(found: Sequence[_Found]) -> None:
    """Raise what a Python rule failed with where no session came through: there is no result to keep."""
    broken = [day.error for one in found for day in one.missed if isinstance(day.error, RuleFailed)]
    if broken and not any(one.curves for one in found):
        raise broken[0]


def _share_days(plan: Plan, other: Plan) -> bool:
    """Tell whether plans that differ in their fills alone are open on the same days, to the same bar."""
    same_entry = not plan.holds_overnight or plan.fills.entry == other.fills.entry
    return same_entry and plan.fills.exit == other.fills.exit


def _untold(done: int, total: int) -> None:
    """Tell nobody."""


def _few(sessions: int) -> set[str]:
    told = f"Return a year, Sharpe, Sortino and Calmar are scaled up from {counted(sessions, 'session')}."
    return {told} if 0 < sessions < MONTH else set()


def _against_itself(plan: Plan, rows: Sequence[Row]) -> set[str]:
    """Say on how many sessions two legs took one contract on either side, as a wing on its body."""
    sides: dict[tuple[object, ...], set[str]] = {}
    for row in rows:
        if row["reason"] != "refused":
            key = row["day"], row["entry_bar"], row["expiry"], row["strike"], row["right"]
            sides.setdefault(key, set()).add(row["side"])
    days = {key[0] for key, both in sides.items() if len(both) > 1}
    if not days:
        return set()
    told = f"{plan.name} bought and sold one contract at once on {counted(len(days), 'session')}"
    return {f"{told}: its rules chose the same strike twice, for instance where the data hold too few."}


def _carried(shares: Sequence[float]) -> set[str]:
    share = float(np.nanmean(shares)) if np.isfinite(shares).any() else 0.0
    if share <= CARRIED:
        return set()
    return {
        f"{share:.0%} of the bars open where the bar before closed: gaps hardly show in this data, "
        "and fills at a level look kinder than they were."
    }


def _trade(trader: Trader, loaded: Loaded) -> tuple[list[Row], Curve]:
    trades = trader.trade(loaded)
    rows = rows_of(trader.plan, loaded, trades, trader.multiple)
    curve = _curve(loaded, trades, rows)
    return sorted(rows, key=lambda row: (row["leg"], row["entry"])), curve


def _curve(loaded: Loaded, trades: Sequence[TradeRow], rows: Sequence[Row]) -> Curve:
    """Return the position's net profit at the close of each of its bars, rupees; charges fall at the exit."""
    holding, tape = loaded.holding, loaded.tape
    worth = np.zeros(holding.last + 1 - holding.first)
    for record, row in zip(trades, rows, strict=True):
        if row["reason"] != "refused":
            sign = 1 if row["side"] == "buy" else -1
            unit = sign * row["lots"] * row["lot_size"] * TICK_INR
            first, last = record.entry_bar - holding.first, record.exit_bar - holding.first
            held = tape.last[record.row, record.entry_bar : record.exit_bar]
            worth[first:last] += (held - record.entry) * unit
            worth[last:] += row["net_inr"]
    return _moments(holding), worth


def _moments(holding: Holding) -> NDArray[np.datetime64]:
    """Return when the bars of a holding close."""
    minute = np.timedelta64(1, "m")
    days = [np.datetime64(day.day, "m") + (day.minutes + 1) * minute for day in holding.days]
    return np.concatenate(days)[holding.first : holding.last + 1]
