"""Bars of a running session, from chains."""

from __future__ import annotations

from datetime import date, datetime, time

import pandas as pd
import pytest

from kit.backtest.plan import FillRules, Plan
from kit.clock import IST
from kit.model import GREEK_COLUMNS, ChainSnapshot
from kit.trading import minutes_of

DAY, EXPIRY = date(2026, 11, 25), date(2026, 12, 29)


def chain(at: str, call: float, volume: float, spot: float = 55_000.0) -> ChainSnapshot:
    """Return a chain of one strike at a time of day: the call's last price and both contracts' volume."""
    rows = [
        {"strike": 55_000.0, "right": right, "ltp": ltp, "bid": ltp - 0.5, "ask": ltp + 0.5, "volume": volume}
        for right, ltp in (("CE", call), ("PE", 200.0))
    ]
    frame = pd.DataFrame(rows).assign(
        oi=0.0, oi_change=0.0, token="1", symbol="S", bid_qty=300.0, ask_qty=300.0
    )
    frame = frame.assign(**dict.fromkeys(GREEK_COLUMNS, float("nan")))
    taken = datetime.combine(DAY, time.fromisoformat(at), IST)
    return ChainSnapshot("BANKNIFTY", EXPIRY, taken, spot, spot, "spot", 1.0, 0.1, 30, frame)


def test_a_bar_holds_what_the_chains_showed():
    """Open, high, low, close are those at which volume moved; a bar is told when the next begins."""
    shown = [
        chain("10:00:01", 100.0, 0.0), chain("10:00:20", 103.0, 30.0), chain("10:00:40", 98.0, 60.0),
        chain("10:00:50", 99.0, 60.0, spot=55_040.0), chain("10:01:10", 101.0, 60.0),
        chain("10:03:00", 102.0, 90.0),
    ]  # fmt: skip
    told = list(minutes_of(shown))
    assert [day.start(column).time() for day, column in told] == [time(10, 0), time(10, 1)]
    day, column = told[0]
    row = day.rows[EXPIRY, 55_000, "CE"]
    assert [int(getattr(day, name)[row, column]) / 20 for name in ("open", "high", "low", "close")] == [
        103,
        103,
        98,
        98,
    ]
    assert day.index[:, column].tolist() == [55_000.0, 55_040.0, 55_000.0, 55_040.0]
    day, column = told[1]
    assert not day.traded[row, column]
    assert day.lot_size[row] == 30


def test_a_clock_that_goes_back_trades_nothing_twice():
    """A chain of half a second ago closes no bar again, and volume that it shows less of is no new trade."""
    shown = [
        chain("10:00:59", 100.0, 30.0), chain("10:01:00", 101.0, 60.0), chain("10:00:59", 100.0, 30.0),
        chain("10:01:30", 105.0, 60.0), chain("11:01:00", 106.0, 90.0),
    ]  # fmt: skip
    told = list(minutes_of(shown))
    assert [day.start(column).time() for day, column in told] == [time(10, 0), time(10, 1)]
    day, column = told[1]
    row = day.rows[EXPIRY, 55_000, "CE"]
    assert [int(getattr(day, name)[row, column]) / 20 for name in ("open", "high", "close")] == [
        101,
        101,
        101,
    ]


@pytest.mark.parametrize(("quotes", "entry"), [(None, 99.0), ({"model": "touch"}, 100.5)])
def test_a_running_session_is_followed_from_its_chains(opened, clock, quotes, entry):
    """A plan is filled at the bar's close, or at the bid of the chain that closed it; then it ends."""
    plan = Plan(
        name="live", entry={"at": "10:01"}, exit={"at": "10:03"}, fills=FillRules(quotes=quotes),
        legs=[{"side": "sell", "right": "CE", "strike": {"steps": 0}}],
    )  # fmt: skip
    paper = opened(fills=plan.fills)

    def market():
        shown = [("10:00:01", 100.0), ("10:00:30", 99.0), ("10:01:05", 101.0), ("10:02:05", 105.0),
                 ("10:03:05", 107.0), ("10:04:05", 108.0), ("10:05:05", 109.0)]  # fmt: skip
        for number, (at, price) in enumerate(shown):
            clock.at = datetime.combine(DAY, time.fromisoformat(at), IST)
            yield chain(at, price, 30.0 * number)
        pytest.fail("the plan was over and more was asked for")

    report = paper.follow(plan, minutes_of(market(), paper.see_chain))
    assert report.legs["paper_entry"].tolist() == [entry]
    assert [one.net for one in paper.positions()] == [0]
    assert report.agrees == (quotes is None), report.legs.T.to_string()
