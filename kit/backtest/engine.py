"""The door: plans and days in, a result out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.backtest.engines import EngineName, engine_for, trade
from kit.backtest.holdings import Days, SkippedDay, holdings, wanted_days
from kit.backtest.log import Row, as_table, rows_of, skipped
from kit.backtest.plan.plan import Plan
from kit.backtest.records import REFUSED, Records
from kit.backtest.result import BacktestResult
from kit.backtest.signals import Signals
from kit.backtest.tape import Holding, Loaded, load
from kit.bars.minutes import TICK_INR

Curve = tuple[NDArray[np.datetime64], NDArray[np.float64]]


def backtest(
    plans: Plan | Sequence[Plan],
    days: Days,
    *,
    start: date | None = None,
    end: date | None = None,
    daily: pd.DataFrame | None = None,
    signals: Signals | None = None,
    capital_inr: float | None = None,
    engine: EngineName = "auto",
) -> BacktestResult:
    """Trade one plan, or several with one capital, over the days of a store.

    Parameters
    ----------
    plans : Plan or sequence of Plan
        What is traded.
    days : mapping of date to DayMinutes
        A store of minutes, or a plain dict.
    start, end : date, optional
        First and last day; with a range, sessions that the data lacks are rows of the log.
    daily : DataFrame, optional
        Figures by day for the plan's filters, each known before the open: ``vix``, ``iv_rank``.
    signals : mapping of str to Series, optional
        Columns that entries wait for: booleans by the start of the bar at whose close they are known.
    capital_inr : float, optional
        What returns are counted on, rupees; default the sum over the plans.
    engine : {"auto", "plain", "compiled"}
        Both find the same; the compiled one is faster over many days, Python rules need the plain one.

    Raises
    ------
    DataError
        There are no days in the range, or a figure or signal that a plan needs is missing.
    """
    plans = [plans] if isinstance(plans, Plan) else list(plans)
    rows: list[Row] = []
    missed: list[SkippedDay] = []
    curves: list[Curve] = []
    for plan in plans:
        wanted = wanted_days(plan, days, start, end)
        chosen = engine_for(plan, engine, len(wanted))
        for chance in holdings(plan, wanted, days, daily, signals or {}):
            if isinstance(chance, SkippedDay):
                missed.append(chance)
                rows += skipped(plan, chance.day, chance.why)
                continue
            found, curve = _trade(plan, chance, chosen)
            rows += found
            curves.append(curve)
    capital = capital_inr or sum(plan.capital_inr for plan in plans)
    return BacktestResult(plans, as_table(rows), missed, capital, curves)


def _trade(plan: Plan, holding: Holding, engine: EngineName) -> tuple[list[Row], Curve]:
    loaded = load(plan, plan.legs, holding)
    position, trades = trade(plan, plan.legs, loaded, engine)
    multiple = int(position.terms[0].multiple)
    rows = rows_of(plan, plan.legs, loaded, trades, multiple)
    return rows, _curve(loaded, position.legs, trades, multiple)


def _curve(loaded: Loaded, legs: Records, trades: Records, multiple: int) -> Curve:
    """Return the position's gross profit at the close of each of its bars, rupees."""
    holding, tape = loaded.holding, loaded.tape
    worth = np.zeros(holding.last + 1 - holding.first)
    for row in trades[trades.reason != REFUSED]:
        leg, contract = legs[row.leg], tape.contracts[row.row]
        units = leg.sign * leg.lots * multiple * contract.units * TICK_INR
        held = slice(row.entry_bar - holding.first, row.exit_bar - holding.first)
        worth[held] += (tape.last[row.row, row.entry_bar : row.exit_bar] - row.entry) * units
        worth[row.exit_bar - holding.first :] += (row.exit - row.entry) * units
    moments = [
        np.datetime64(day.day, "m") + day.minutes.astype("timedelta64[m]") + np.timedelta64(1, "m")
        for day in holding.days
    ]
    return np.concatenate(moments)[holding.first : holding.last + 1], worth
