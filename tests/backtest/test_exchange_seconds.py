"""The simulated exchange as a referee: it knows its path to the second, so minutes are judged by seconds."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from kit.backtest import Plan, backtest
from kit.clock import IST

DAYS = (date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19))


def _by_seconds(market, contract, day, stop_percent):
    """Sell at 09:20:00, watch every second, buy back at the first at or above the stop, else at 15:15:00."""
    begins, ends = (int(datetime.combine(day, at, IST).timestamp()) for at in (time(9, 20), time(15, 15)))
    course = market.course(contract, day, np.arange(begins, ends + 1))
    sold = float(course.ltp[0])
    level = np.floor(sold * (1 + stop_percent / 100) * 20 + 0.5 + 1e-7) / 20
    reached = np.flatnonzero(course.ltp[1:] >= level - 1e-9) + 1
    place = int(reached[0]) if len(reached) else len(course.ltp) - 1
    return datetime.fromtimestamp(int(course.at_s[place]), IST), float(course.ltp[place]), sold


def _plan(stop_percent: float, fill: str) -> Plan:
    legs = [
        {"side": "sell", "right": right, "strike": {"steps": steps}, "stop": {"percent": stop_percent}}
        for right in ("CE", "PE")
        for steps in (-2, 0, 3)
    ]
    return Plan(entry={"at": "09:20"}, exit={"at": "15:15"}, legs=legs, fills={"stop": fill})


@pytest.mark.parametrize("stop_percent", [5, 15, 25, 40])
def test_minutes_leave_when_the_seconds_leave(exchange_days, stop_percent):
    """Every stop is hit in the minute in which the seconds hit it, and its fill is kinder by one second."""
    days = {day: exchange_days.minutes(day) for day in DAYS}
    contracts = {(day, row.strike, row.right): row for day in DAYS for row in exchange_days.listed(day)}
    level, worst = (backtest(_plan(stop_percent, fill), days).trades for fill in ("level", "extreme"))
    assert len(level) == 6 * len(DAYS)
    stops = 0
    for (_, row), (_, extreme) in zip(level.iterrows(), worst.iterrows(), strict=True):
        out, price, sold = _by_seconds(
            exchange_days.MARKET, contracts[row["day"], row["strike"], row["right"]], row["day"], stop_percent
        )
        assert row["entry_price"] == pytest.approx(sold)
        last_second_of_bar = row["exit_bar"] + timedelta(minutes=1)
        if row["reason"] == "time":
            assert (out.time(), row["exit_price"]) == (time(15, 15), pytest.approx(price))
            continue
        stops += 1
        assert row["exit_bar"] < out <= last_second_of_bar
        assert row["exit_price"] - 1e-9 <= price <= extreme["exit_price"] + 1e-9
        assert price - row["exit_price"] < 0.01 * sold  # what a level fill leaves out
    assert stops > 0
