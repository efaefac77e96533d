"""The door: plans and days in, a result out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.backtest.band import CONVENTIONS, under
from kit.backtest.days import Days, days_of
from kit.backtest.engines import EngineName, engine_for, trade
from kit.backtest.holdings import SkippedDay, holdings, wanted_days
from kit.backtest.log import Row, as_table, notes_of, rows_of, skipped, split_of
from kit.backtest.plan.plan import Plan
from kit.backtest.records import Records
from kit.backtest.result import BacktestResult, Curve
from kit.backtest.signals import Signals
from kit.backtest.tape import Holding, Loaded, load
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import TICK_INR
from kit.errors import SettingsError

CARRIED = 0.5  # share of opens carried on from the close before, above which the reader is told


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

    Raises
    ------
    DataError
        There are no days in the range, or a figure or signal that a plan needs is missing.
    SettingsError
        There is no plan, two have one name, or the capital or the score is none.
    """
    plans = _checked([plans] if isinstance(plans, Plan) else list(plans), capital_inr)
    signals, days = signals or {}, days_of(days, least_score)
    found = [_run(plan, days, start, end, daily, signals, engine) for plan in plans]
    rows = [row for one in found for row in one.rows]
    capital = capital_inr or sum(plan.capital_inr for plan in plans)
    return BacktestResult(
        plans=plans,
        trades=as_table(rows),
        skipped=[day for one in found for day in one.missed],
        sessions=sorted({day for one in found for day in one.seen}),
        capital_inr=capital,
        charges_split=split_of(rows),
        contract_notes=notes_of(rows),
        minutes=[curve for one in found for curve in one.curves],
        notes=sorted({note for one in found for note in one.notes}),
        band=_band(plans, days, start, end, daily, signals, engine, found) if band else None,
    )


def _checked(plans: list[Plan], capital_inr: float | None) -> list[Plan]:
    names = [plan.name for plan in plans]
    if not plans:
        raise SettingsError("There is nothing to trade", None, "Give a plan, or several.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError("Two plans have one name", twice, 'Name them apart: plan.but(name="another").')
    if capital_inr is not None and not 0 < capital_inr < float("inf"):
        raise SettingsError("The capital is more than nothing", capital_inr, "Give rupees.")
    return plans


@dataclass
class _Found:
    """What one plan gave."""

    rows: list[Row] = field(default_factory=list)
    missed: list[SkippedDay] = field(default_factory=list)
    seen: list[date] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)


def _run(
    plan: Plan,
    days: Days,
    start: date | None,
    end: date | None,
    daily: pd.DataFrame | None,
    signals: Signals,
    engine: EngineName,
) -> _Found:
    wanted = wanted_days(plan, days, start, end)
    chosen = engine_for(plan, engine, len(wanted))
    found = _Found(seen=[day for day in wanted if day in days])
    carried: list[float] = []
    for chance in holdings(plan, wanted, days, daily, signals):
        if isinstance(chance, SkippedDay):
            found.missed.append(chance)
            found.rows += skipped(plan, chance.day, chance.why)
            continue
        rows, curve = _trade(plan, chance, chosen)
        found.rows += rows
        found.curves.append(curve)
        carried += [day.carried_opens for day in chance.days]
        if not all(day.has_index for day in chance.days):
            found.notes.add("On days without an index the synthetic future stood in for it.")
    share = float(np.nanmean(carried)) if np.isfinite(carried).any() else 0.0
    if share > CARRIED:
        found.notes.add(
            f"{share:.0%} of the bars open where the bar before closed: gaps hardly show in this data, "
            "and fills at a level look kinder than they were."
        )
    return found


def _band(
    plans: Sequence[Plan],
    days: Days,
    start: date | None,
    end: date | None,
    daily: pd.DataFrame | None,
    signals: Signals,
    engine: EngineName,
    planned: Sequence[_Found],
) -> pd.DataFrame:
    table = {"as planned": _sums(planned)}
    for name in CONVENTIONS:
        changed = [under(plan, name) for plan in plans]
        if changed != list(plans):
            table[name] = _sums([_run(plan, days, start, end, daily, signals, engine) for plan in changed])
    return pd.DataFrame(table).T.rename_axis("fills")


def _sums(found: Sequence[_Found]) -> dict[str, float]:
    rows = [row for one in found for row in one.rows if row["reason"] != "refused"]
    sums = {name: float(sum(row[name] for row in rows)) for name in ("net_inr", "gross_inr", "charges_inr")}
    return sums | {"trades": len(rows)}


def _trade(plan: Plan, holding: Holding, engine: EngineName) -> tuple[list[Row], Curve]:
    loaded = load(plan, plan.legs, holding)
    position, trades = trade(plan, plan.legs, loaded, engine)
    rows = rows_of(plan, plan.legs, loaded, trades, int(position.terms[0].multiple))
    curve = _curve(loaded, trades, rows)
    return sorted(rows, key=lambda row: (row["leg"], row["entry"])), curve


def _curve(loaded: Loaded, trades: Records, rows: Sequence[Row]) -> Curve:
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
