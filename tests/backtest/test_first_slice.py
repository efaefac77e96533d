"""One day, one straddle with fixed stops, from bars to the trade log."""

from datetime import date

import pandas as pd
import pytest

from kit.backtest import Plan, backtest
from kit.evaluation.costs import order_charges

COLUMNS = [
    *("day", "plan", "leg", "entry", "side", "right", "strike", "expiry", "lots", "lot_size"),
    *("entry_bar", "entry_price", "exit_bar", "exit_price", "reason"),
    *("gross_inr", "charges_inr", "net_inr", "stale", "why"),
]
PLAN = Plan.from_yaml("""
name: straddle
entry: {at: "09:20"}
exit: {at: "15:15"}
legs:
  - {side: sell, right: CE, strike: {steps: 0}, stop: {percent: 25}}
  - {side: sell, right: PE, strike: {steps: 0}, stop: {percent: 25}}
""")


def test_a_straddle_enters_at_the_close_of_0919_and_leaves_at_its_stop(make_day):
    """Both legs sell at the close of 09:19; the call leaves at 125 % of it, the put at 15:14's close."""
    day = make_day({
        (48000, "CE"): {"09:15": 210.0, "09:19": (205.0, 210.0, 190.0, 200.0), "11:00": (201, 251, 200, 240)},
        (48000, "PE"): {"09:15": 150.0, "15:14": (140.0, 141.0, 120.0, 125.0)},
    })  # fmt: skip
    call, put = backtest(PLAN, {day.day: day}).trades.to_dict("records")
    assert (call["entry_price"], call["exit_price"], call["reason"]) == (200.0, 250.0, "stop")
    assert call["entry_bar"].isoformat() == "2024-01-08T09:19:00+05:30"
    assert call["exit_bar"].isoformat() == "2024-01-08T11:00:00+05:30"
    assert (put["exit_price"], put["reason"], put["stale"]) == (125.0, "time", False)
    assert call["gross_inr"] == pytest.approx(-50 * call["lot_size"])
    costs = order_charges(200 * 15, "sell", day.day).total + order_charges(250 * 15, "buy", day.day).total
    assert call["charges_inr"] == pytest.approx(costs, abs=0.005)


def test_the_log_has_the_named_columns_and_reads_back(real_days, tmp_path):
    """The CSV has the fixed columns, times with their zone, and the numbers of the table."""
    day = date(2022, 12, 30)
    result = backtest(PLAN, {day: real_days[day]})
    read = pd.read_csv(result.to_csv(tmp_path / "log.csv"))
    assert list(read.columns)[: len(COLUMNS)] == COLUMNS
    assert read["entry_bar"].tolist() == ["2022-12-30T09:19:00+05:30"] * 2
    assert read["net_inr"].sum() == pytest.approx(result.net_inr)


def test_the_money_over_time_ends_where_the_log_ends(real_days):
    """The last minute of the curve is the log's net profit."""
    result = backtest(PLAN, real_days, start=date(2024, 1, 1), end=date(2024, 1, 10))
    ends = sum(worth[-1] for _, worth in result.minutes)
    assert ends == pytest.approx(result.net_inr)
