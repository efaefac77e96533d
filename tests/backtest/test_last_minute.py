"""Entries and exits at the edges of sessions: the first and the last minute, short days, nights between."""

from __future__ import annotations

from datetime import date
from itertools import product

import numpy as np
import pandas as pd
import pytest

from kit.backtest import Plan, backtest
from kit.backtest.sweep import sweep
from kit.bars.minutes import OHLC, DayMinutes
from kit.clock import next_session, session

ORDINARY, MUHURAT, DRILL, HALTED, LATE = (
    date(2024, 1, 8),
    date(2023, 11, 12),
    date(2024, 3, 2),
    date(2021, 2, 24),
    date(2026, 8, 4),
)
BEFORE_MUHURAT = date(2023, 11, 10)
LEG = {"side": "sell", "right": "CE", "strike": {"listed": 45_000}}


def _expiry(day):
    return date(day.year + day.month // 12, day.month % 12 + 1, 28)


def _day(day, silent=range(0), expiry=None):
    """Return a session whose bar `k` opens at 100 + k / 10 rupees and closes 0.05 above; some are silent."""
    spans = [(part.open, part.close) for part in session(day).intervals]
    minutes = [
        at for first, end in spans for at in range(first.hour * 60 + first.minute, end.hour * 60 + end.minute)
    ]
    start = 100 + 0.1 * (np.array(minutes) - minutes[0])
    prices = dict(zip(OHLC, (start, start + 0.1, start - 0.05, start + 0.05), strict=True))
    bars = pd.DataFrame({"minute": minutes, **prices})
    options = [
        bars.assign(
            expiry=expiry or _expiry(day), strike=45_000, option_type=right, traded=~bars.minute.isin(silent)
        )
        for right in ("CE", "PE")
    ]
    index = bars.assign(**dict.fromkeys(OHLC, 45_000.0))
    return DayMinutes.from_table("BANKNIFTY", day, pd.concat(options), index=index)


def _span(*days, **rest):
    return {day: _day(day, **rest) for day in days}


def _plan(moment, leaves, legs=(LEG,), **fills):
    more = leaves if isinstance(leaves, dict) else {"at": leaves}
    return Plan(entry={"at": moment}, exit=more, legs=list(legs), fills=fills)


def _told(plan, days):
    """Return entry and exit of each row of a log as both engines write it: day, time and price."""
    logs = [backtest(plan, days, engine=engine).trades for engine in ("plain", "compiled")]
    pd.testing.assert_frame_equal(*logs)
    return [
        "refused" if row.reason == "refused" else " ".join(
            f"{bar:%d %H:%M} {price:.2f}"
            for bar, price in ((row.entry_bar, row.entry_price), (row.exit_bar, row.exit_price))
        ) + f" {row.reason}" + (" stale" if row.stale else "")
        for row in logs[0].itertuples()
    ]  # fmt: skip


CLOSE, OPEN = "bar_close", "next_open"
NEXT, MORNING = {"at": "15:15", "after_days": 1}, {"at": "09:15", "after_days": 1}


@pytest.mark.parametrize(
    ("days", "entry", "leaves", "fills", "wanted"),
    [
        # bar 15:29 of an ordinary day is number 374
        (ORDINARY, "15:29", "15:30", (CLOSE, CLOSE), "08 15:28 137.35 08 15:29 137.45 time"),
        (ORDINARY, "15:29", "15:30", (OPEN, OPEN), "08 15:29 137.40 08 15:29 137.45 time"),
        (ORDINARY, "15:29", "15:45", (CLOSE, OPEN), "08 15:28 137.35 08 15:29 137.45 time"),
        (ORDINARY, "15:30", "15:45", (CLOSE, CLOSE), "refused"),
        (ORDINARY, "15:40", "15:45", (CLOSE, CLOSE), "refused"),
        ((ORDINARY, 1), "15:30", NEXT, (CLOSE, CLOSE), "08 15:29 137.45 09 15:14 135.95 time"),
        ((ORDINARY, 1), "15:30", NEXT, (OPEN, CLOSE), "refused"),  # five minutes do not reach over the night
        ((ORDINARY, 1), "15:40", NEXT, (CLOSE, CLOSE), "refused"),
        ((ORDINARY, 1), "15:29", MORNING, (CLOSE, CLOSE), "08 15:28 137.35 09 09:15 100.05 time"),
        ((ORDINARY, 1), "15:29", MORNING, (OPEN, OPEN), "08 15:29 137.40 09 09:15 100.00 time"),
        # a Muhurat session of an hour in the evening
        (MUHURAT, "09:20", "15:15", (CLOSE, CLOSE), "refused"),
        (MUHURAT, "19:14", "19:15", (CLOSE, CLOSE), "12 19:13 105.85 12 19:14 105.95 time"),
        (MUHURAT, "19:14", "19:15", (OPEN, OPEN), "12 19:14 105.90 12 19:14 105.95 time"),
        (MUHURAT, "18:13", "19:15", (CLOSE, CLOSE), "12 18:15 100.05 12 19:14 105.95 time"),
        ((BEFORE_MUHURAT, 1), "09:20", NEXT, (CLOSE, CLOSE), "10 09:19 100.45 12 18:15 100.05 time"),
        ((BEFORE_MUHURAT, 1), "09:20", NEXT, (OPEN, OPEN), "10 09:20 100.50 12 18:15 100.00 time"),
        # two intervals: 09:15 to 10:00 and 11:30 to 12:30
        (DRILL, "09:59", "15:15", (CLOSE, CLOSE), "02 09:58 104.35 02 12:29 119.45 time"),
        (DRILL, "10:00", "12:00", (CLOSE, CLOSE), "02 09:59 104.45 02 11:59 116.45 time"),
        (DRILL, "10:00", "12:00", (OPEN, OPEN), "refused"),
        (DRILL, "09:20", "10:30", (CLOSE, CLOSE), "02 09:19 100.45 02 09:59 104.45 time stale"),
        (DRILL, "11:28", "12:30", (OPEN, OPEN), "02 11:30 113.50 02 12:29 119.45 time"),
        # the halt from 11:40 to 15:45, then until 17:00
        (HALTED, "09:20", "15:15", (CLOSE, CLOSE), "24 09:19 100.45 24 11:39 114.45 time stale"),
        (HALTED, "09:20", "15:15", (OPEN, OPEN), "24 09:20 100.50 24 11:39 114.45 time stale"),
        (HALTED, "12:00", "16:00", (CLOSE, CLOSE), "refused"),
        (HALTED, "09:20", "17:00", (CLOSE, CLOSE), "24 09:19 100.45 24 16:59 146.45 time"),
        # derivatives trade until 15:40
        (LATE, "15:30", "15:40", (CLOSE, CLOSE), "04 15:29 137.45 04 15:39 138.45 time"),
        (LATE, "15:30", "15:35", (OPEN, OPEN), "04 15:30 137.50 04 15:35 138.00 time"),
        (LATE, "15:39", "15:45", (OPEN, OPEN), "04 15:39 138.40 04 15:39 138.45 time"),
        ((LATE, 1), "15:40", NEXT, (CLOSE, OPEN), "04 15:39 138.45 05 15:15 136.00 time"),
    ],
)  # fmt: skip
def test_the_edges_of_a_session(days, entry, leaves, fills, wanted):
    """An entry or exit at a session's edge takes the bar that the convention names, or is refused."""
    first, later = days if isinstance(days, tuple) else (days, 0)
    span = [first, *([next_session(first)] if later else [])]
    plan = _plan(entry, leaves, entry=fills[0], exit=fills[1])
    expiry = _expiry(first)
    assert _told(plan.but(days={"dates": [first]}), _span(*span, expiry=expiry)) == [wanted]


def test_the_referee_reads_the_edges_alike(referee):
    """On every short day, under every fill at the edges, the referee writes the same log."""
    edges = ["09:15", "11:40", "15:30", "15:40", "19:15"]
    for first in (ORDINARY, BEFORE_MUHURAT, DRILL, HALTED, LATE):
        days = _span(first, next_session(first), expiry=_expiry(first))
        seen = {day: referee.bars.from_arrays(minutes) for day, minutes in days.items()}
        for entry, leaves, into, out, after in product(edges, edges, (CLOSE, OPEN), (CLOSE, OPEN), (0, 1)):
            if not after and leaves <= entry:
                continue
            plan = _plan(entry, {"at": leaves, "after_days": after}, entry=into, exit=out)
            names = ["reason", "entry_bar", "entry_price", "exit_bar", "exit_price"]
            rows = [row for row in referee.play(plan, seen) if row["reason"] != "refused"]
            wanted = [tuple(row[name] for name in names) for row in rows]
            log = backtest(plan, days, engine="plain").filled
            assert list(log[names].itertuples(index=False, name=None)) == wanted, plan.to_yaml()


@pytest.mark.parametrize("fills", [(CLOSE, CLOSE), (OPEN, CLOSE), (OPEN, OPEN)])
def test_a_position_that_never_came_to_be_keeps_no_day(referee, fills):
    """Where all legs are refused at the entry the next day is traded; one leg that is had keeps it."""
    first = ORDINARY
    span = [first, next_session(first), next_session(next_session(first)), date(2024, 1, 11)]
    quiet = range(9 * 60 + 15, 9 * 60 + 40)
    days = {day: _day(day, quiet if day == first else range(0), _expiry(first)) for day in span}
    put = {**LEG, "right": "PE", "strike": {"listed": 45_000}}
    plan = _plan("09:20", {"at": "15:15", "after_days": 2}, [LEG, put], entry=fills[0], exit=fills[1])
    told = _told(plan, days)
    assert told[:2] == ["refused", "refused"]
    assert [row[:2] for row in told[2:4]] == ["09", "09"]
    seen = {day: referee.bars.from_arrays(minutes) for day, minutes in days.items()}
    assert [row["reason"] for row in referee.play(plan, seen)] == backtest(plan, days).trades.reason.tolist()
    absent, waits = {**LEG, "strike": {"listed": 46_000}}, {**put, "wait": {"percent": 500}}
    log = backtest(plan.but(legs=[absent, waits]), {**days, first: _day(first, expiry=_expiry(first))}).trades
    assert log.day.unique().tolist() == [first, span[3]]  # one leg looks on until the exit
    assert set(backtest(plan, days, band=True).band["trades"]) <= {2}


def test_a_sweep_frees_the_same_days():
    """Sets whose entries differ each keep the days that their own positions take up."""
    span = [ORDINARY, date(2024, 1, 9), date(2024, 1, 10), date(2024, 1, 11)]
    quiet = range(15 * 60 + 30, 15 * 60 + 31)
    days = {day: _day(day, quiet, _expiry(ORDINARY)) for day in span}
    plan = _plan("15:30", {"at": "15:15", "after_days": 1})
    found = sweep(plan, days, {"fills.entry": [CLOSE, OPEN]})
    alone = [backtest(plan.but(fills={"entry": entry}), days).net_inr for entry in (CLOSE, OPEN)]
    assert found.table.sort_values("fills.entry").net_inr.tolist() == pytest.approx(alone, abs=0.01)


@pytest.mark.parametrize("convention", ["bar_close", "next_open"])
@pytest.mark.parametrize("engine", ["plain", "compiled"])
def test_a_return_that_the_end_comes_before_is_no_row(make_day, convention, engine):
    """A leg that goes out in the last bar has not looked for a contract: it is not refused one."""
    day = make_day({(48000, "CE"): {"09:15": 200.0, "09:24": (200, 200, 90, 95)}})
    leg = {"side": "sell", "right": "CE", "strike": {"premium_at_least": 150}, "target": {"percent": 50}}
    leg["reentry"] = {"after": "target", "kind": "asap", "times": 1}
    plan = _plan("09:20", "09:25", legs=[leg], exit=convention)
    assert backtest(plan, {day.day: day}, engine=engine).trades["reason"].tolist() == ["target"]
