"""The referee: a slow engine written from the meaning alone finds the same logs, to the paisa."""

from __future__ import annotations

from datetime import date

import pytest

from kit.backtest import backtest
from kit.backtest.plan.ready import ready_plan

INTRADAY = [
    "short_straddle_920",
    "short_straddle_combined_stop",
    "short_straddle_reentry",
    "short_straddle_trailing",
    "short_straddle_break_even",
    "short_strangle_premium",
]
DAYS = [date(2022, 12, 30), date(2023, 4, 10)]
DAYS += [date(2023, 12, 28), date(2023, 12, 29), *(date(2024, 1, day) for day in (1, 2, 3, 4, 5, 8, 9, 10))]


def _as_slow(row, day):
    """Return a row of the log as the slow engine writes it: bars as columns, prices in paise."""
    filled = row["reason"] != "refused"
    bars = [day.column(row[name].time()) if filled else None for name in ("entry_bar", "exit_bar")]
    prices = [round(row[name] * 100) if filled else None for name in ("entry_price", "exit_price")]
    strike = int(row["strike"]) if row["strike"] == row["strike"] and row["strike"] is not None else None
    moves = (bars[0], prices[0], bars[1], prices[1])
    return (row["leg"], row["entry"], strike, *moves, row["reason"], row["stale"])


def _check(slow, plan, day):
    found = [_as_slow(row, day) for row in backtest(plan, {day.day: day}).trades.to_dict("records")]
    assert found == slow.SlowDay(plan, day).run(), (plan.to_yaml(), day.day)


@pytest.mark.parametrize("name", INTRADAY)
def test_ready_plans_have_the_slow_engines_log(real_days, slow_engine, name):
    """Every intraday ready plan that needs no delta has the slow engine's log on every named day."""
    for day in DAYS:
        _check(slow_engine, ready_plan(name), real_days[day])


@pytest.mark.parametrize("block", range(6))
def test_random_plans_have_the_slow_engines_log(real_days, slow_engine, random_plan, block):
    """Sixty plans with any mixture of rules have the slow engine's log on a real day."""
    for seed in range(10 * block, 10 * block + 10):
        _check(slow_engine, random_plan(seed), real_days[DAYS[seed % len(DAYS)]])
