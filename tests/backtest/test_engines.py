"""Two engines, one reading: the compiled one finds what the plain one finds, to the paisa."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from kit.backtest import Plan, backtest
from kit.backtest.engines import engine_for
from kit.backtest.plan.ready import ready_plan, ready_plans
from kit.errors import SettingsError

FILLS = [
    {},
    {"stop": "bar_close", "target": "bar_close", "entry": "next_open", "exit": "next_open"},
    {"stop": "next_open", "target": "next_open", "slippage": {"percent": 0.5}},
    {"stop": "extreme", "target": "extreme", "same_bar": "stop_first", "slippage": {"bar_range": 0.1}},
]


def _same(first: pd.DataFrame, second: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("name", sorted(ready_plans()))
def test_the_engines_agree_on_every_ready_plan(real_days, name):
    """Every ready plan has the same log by both engines on every real day, under every fill."""
    for fills in FILLS:
        plan = ready_plan(name).but(fills=fills)
        plain, compiled = (backtest(plan, real_days, engine=engine) for engine in ("plain", "compiled"))
        _same(plain.trades, compiled.trades)
        for one, other in zip(plain.minutes, compiled.minutes, strict=True):
            np.testing.assert_array_equal(one[1], other[1])


def test_every_ready_plan_trades_on_real_days(real_days):
    """Every ready plan but the calendar, whose days are not there, fills at least one leg."""
    for name, plan in ready_plans().items():
        trades = backtest(plan, real_days).trades
        filled = trades[trades["reason"] != "refused"]
        assert len(filled) > 0 or name == "positional_calendar", name


def test_a_python_rule_needs_the_plain_engine(real_days):
    """A function among the rules is played by the plain engine, and the compiled one refuses it."""
    day = date(2022, 12, 30)
    ready = ready_plan("short_straddle_920")
    plan = ready.but(exit={"at": "15:15", "when": lambda moment: moment.at.hour == 11})
    trades = backtest(plan, {day: real_days[day]}).trades
    assert set(trades["reason"]) <= {"rule", "stop"}
    assert trades["exit_bar"].max().hour == 10  # the bar that closes at 11:00
    with pytest.raises(SettingsError, match="cannot be compiled"):
        backtest(plan, {day: real_days[day]}, engine="compiled")


def test_a_stop_as_a_function_leaves_as_the_stop_does(real_days):
    """A stop written in Python that watches closes finds what a stop filled at the close finds."""
    day = date(2022, 12, 30)

    def doubled(moment):
        return moment.leg.price >= 1.2 * moment.leg.entry_price

    legs = [{"side": "sell", "right": right, "strike": {"steps": 0}} for right in ("CE", "PE")]
    base = {"entry": {"at": "09:20"}, "exit": {"at": "15:15"}}
    written = Plan(**base, legs=[{**leg, "stop": doubled} for leg in legs])
    trades = backtest(written, {day: real_days[day]}).trades
    out = trades[trades["reason"] == "stop"]
    assert len(out) > 0
    assert (out["exit_price"] >= 1.2 * out["entry_price"]).all()


def test_a_rule_sees_nothing_later(real_days):
    """What a rule can reach ends with the bar that has just closed."""
    day, seen = date(2022, 12, 30), []

    def peek(moment):
        seen.append((moment.minutes.start(len(moment.minutes.minutes) - 1), moment.at))
        return False

    backtest(ready_plan("short_straddle_920").but(exit={"at": "10:00", "when": peek}), {day: real_days[day]})
    assert all((at - start).total_seconds() == 60 for start, at in seen)


def test_few_positions_are_not_worth_compiling():
    """The engine follows the amount of work; an unknown name is refused."""
    plan = ready_plan("short_straddle_920")
    assert engine_for(plan, "auto", 1) == "plain"
    assert engine_for(plan, "auto", 1000) == "compiled"
    with pytest.raises(SettingsError, match="no such engine"):
        engine_for(plan, "fast", 1)
