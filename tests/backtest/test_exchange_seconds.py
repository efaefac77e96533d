"""The simulated exchange as a referee: it knows its path to the second, so minutes are judged by seconds."""

from datetime import date, datetime, time, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from kit.backtest import Plan, backtest
from kit.bars.minutes import OHLC, DayMinutes
from kit.clock import IST, session
from kit.simulator.contracts import ListedContract
from kit.simulator.history import INTERVALS, Bars, History
from kit.simulator.market import Market

DAYS = (date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19))
MARKET = Market(7)


def _bars(contract: ListedContract, day: date) -> Bars:
    hours = session(day)
    return History(MARKET).bars(contract, INTERVALS["ONE_MINUTE"], hours.open, hours.close, hours.close)


def _table(bars: Bars) -> pd.DataFrame:
    at = pd.DatetimeIndex(bars.stamps)
    table = pd.DataFrame(bars.prices, columns=list(OHLC)).assign(minute=at.hour * 60 + at.minute)
    return table.assign(traded=bars.volume > 0)


@cache
def _listed(day: date) -> dict[tuple[int, str], ListedContract]:
    """Return the options of the nearest expiry within 1,000 rupees of the morning's level."""
    now = datetime.combine(day, time(9, 20), IST)
    level = MARKET.spot(now)
    rows = [
        row for row in MARKET.listing(now).rows.values() if row.kind == "OPTION" and row.name == "BANKNIFTY"
    ]
    nearest = min(row.expiry for row in rows)
    return {
        (row.strike, row.right): row
        for row in rows
        if row.expiry == nearest and abs(row.strike - level) < 1_000
    }


@cache
def _minutes(day: date) -> DayMinutes:
    """Return the bars that the exchange hands out for a session."""
    parts = []
    for (strike, right), contract in _listed(day).items():
        parts.append(
            _table(_bars(contract, day)).assign(expiry=contract.expiry, strike=strike, option_type=right)
        )
    index = next(
        row
        for row in MARKET.listing(session(day).open).rows.values()
        if row.kind == "INDEX" and row.name == "BANKNIFTY"
    )
    return DayMinutes.from_table("BANKNIFTY", day, pd.concat(parts), index=_table(_bars(index, day)))


def _by_seconds(contract: ListedContract, day: date, stop_percent: float) -> tuple[datetime, float, float]:
    """Sell at 09:20:00, watch every second, buy back at the first at or above the stop, else at 15:15:00."""
    begins, ends = (int(datetime.combine(day, at, IST).timestamp()) for at in (time(9, 20), time(15, 15)))
    course = MARKET.course(contract, day, np.arange(begins, ends + 1))
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
def test_minutes_leave_when_the_seconds_leave(stop_percent):
    """Every stop is hit in the minute in which the seconds hit it, and its fill is kinder by one second."""
    days = {day: _minutes(day) for day in DAYS}
    level, worst = (backtest(_plan(stop_percent, fill), days).trades for fill in ("level", "extreme"))
    assert len(level) == 6 * len(DAYS)
    stops = 0
    for (_, row), (_, extreme) in zip(level.iterrows(), worst.iterrows(), strict=True):
        out, price, sold = _by_seconds(
            _listed(row["day"])[row["strike"], row["right"]], row["day"], stop_percent
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
