"""What a backtest is given: anything that cannot be is refused by its name, with what to do instead."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from kit.backtest import Plan, backtest
from kit.backtest.plan.ready import ready_plan
from kit.backtest.sweep import sweep
from kit.clock import IST
from kit.errors import DataError, SettingsError

DAY = date(2022, 12, 30)
PLAN = ready_plan("short_straddle_920")
LEG = "legs: [{side: sell, right: CE, strike: {steps: 0}}]"


@pytest.fixture(scope="module")
def days(real_days):
    """Return one real session."""
    return {DAY: real_days[DAY]}


def by_day(value, day=DAY):
    """Return a daily figure."""
    return {"daily": pd.DataFrame({"vix": [value]}, index=[day])}


def ringing(values, *times, zone="Asia/Kolkata"):
    """Return a signal at some times of the day."""
    at = pd.DatetimeIndex([f"{DAY} {time}" for time in times]).tz_localize(zone)
    return {"signals": {"mine": pd.Series(values, index=at)}}


@pytest.mark.parametrize(
    ("changed", "given", "says"),
    [
        ({"underlying": "NIFTY"}, {}, "trades NIFTY, the days have: .'BANKNIFTY'."),
        ({}, {"start": "2022-12-30"}, "start must be date"),
        ({}, {"end": 20221230}, "end must be date"),
        ({}, {"capital_inr": "1e6"}, "must be positive: '1e6'"),
        ({}, {"capital_inr": True}, "must be positive: True"),
        ({}, {"least_score": "0.5"}, "between 0 and 1: '0.5'"),
        ({}, {"least_score": float("nan")}, "between 0 and 1: nan"),
        ({"days": {"vix": {"at_most": 15}}}, by_day("low"), "not a number"),
        ({"days": {"vix": {"at_most": 15}}}, by_day(14.0, "2022-12-30"), "days as index"),
        ({"days": {"vix": {"at_most": 15}}}, {"daily": [1]}, "must be DataFrame"),
        ({}, {"daily": pd.DataFrame({"vix": [1.0, 2.0]}, index=[DAY, DAY])}, "share a day"),
        ({}, ringing([0.5], "09:30"), "not boolean: 'float64'"),
        ({}, ringing([True, True], "09:30", "09:30"), "each once"),
        ({}, {"signals": {"mine": [True]}}, "must be Series"),
        ({}, {"signals": [True]}, "must be Mapping"),
    ],
)
def test_what_cannot_be_is_named(days, changed, given, says):
    """A wrong day, number, daily figure or signal, another underlying: refused before anything trades."""
    with pytest.raises((SettingsError, DataError), match=says) as refused:
        backtest(PLAN.but(**changed), days, **given)
    assert refused.value.remedy


@pytest.mark.parametrize("wrong", ["short_straddle_920", {"entry": 1}, 7, [PLAN, "x"], []])
def test_what_is_no_plan(days, wrong):
    """A name, fields or a number is no plan, alone or among plans."""
    with pytest.raises(SettingsError):
        backtest(wrong, days)


def test_what_are_no_days(days):
    """A path, a session under another day or nothing in its place is refused."""
    for wrong in ("store", [days[DAY]], {date(2023, 1, 2): days[DAY]}, {str(DAY): days[DAY]}, {DAY: None}):
        with pytest.raises((SettingsError, DataError)):
            backtest(PLAN, wrong)
        with pytest.raises((SettingsError, DataError)):
            sweep(PLAN, wrong, {"legs.*.stop.percent": [20]})


@pytest.mark.parametrize("zone", [None, "Asia/Kolkata", "UTC"])
def test_a_signal_is_heard_in_any_zone(days, zone):
    """A moment without a zone is exchange time, another zone is converted."""
    clock = "04:30" if zone == "UTC" else "10:00"
    plan = PLAN.but(entry={"at": "09:20", "signal": "mine"})
    trades = backtest(plan, days, **ringing([True], clock, zone=zone)).trades
    assert set(trades["entry_bar"]) == {datetime(2022, 12, 30, 10, 0, tzinfo=IST)}


def test_days_may_be_written_in_any_form(days):
    """Dates, moments and stamps of pandas name one day, in a range and as the index of daily figures."""
    plan = PLAN.but(days={"vix": {"at_most": 15}})
    wanted = backtest(PLAN, days).net_inr
    for day in (DAY, datetime(2022, 12, 30, 15, 0), pd.Timestamp(DAY), pd.Timestamp(DAY, tz="Asia/Kolkata")):
        assert backtest(plan, days, start=day, end=day, **by_day(14.0, day)).net_inr == wanted


@pytest.mark.parametrize(
    "filters",
    [
        {"weekdays": ["Sat"]},
        {"weekdays": []},
        {"days_to_expiry": {"at_least": 90}},
        {"dates": ["2020-01-01"]},
    ],
)
def test_filters_that_nothing_passes_are_said(days, filters):
    """Where no session passes the result is empty and says so, and can be shown and written."""
    result = backtest(PLAN.but(days=filters), days)
    assert len(result.trades) == 0
    assert "No session passes" in " ".join(result.notes)
    assert "No session passes" in result._repr_html_()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "entry: {at: '09:20'}\nexit: {at: '15:15'}\nexit: {at: '15:00'}\n" + LEG,
            "key twice, at lines 2 and 3",
        ),
        ("entry: {at: '09:20'}\nexit: {at: '15:15'}\n" + LEG.replace("CE", "CE, side: buy"), "key twice"),
        ("days: {dates: [2024-13-01]}\n" + LEG, "not YAML"),
        ("lots: 1", "no setting of this name: 'lots'"),
    ],
)
def test_a_text_that_contradicts_itself(text, says):
    """A key that stands twice, or a date that is none, is refused with its place."""
    with pytest.raises(SettingsError, match=says):
        Plan.from_yaml(text)


@pytest.mark.parametrize(
    "leg",
    [
        {"stop": {"percent": True}}, {"stop": {"points": 1e308}}, {"target": {"points": True}},
        {"strike": {"listed": 47_450.5}}, {"strike": {"steps": True}}, {"strike": {"delta": True}},
        {"wait": {"percent": 1e300}}, {"trail": {"kind": "distance", "points": 1e300}},
    ],
)  # fmt: skip
def test_numbers_that_are_none(leg):
    """Truth is no number, a strike is whole, and no distance is beyond any price."""
    with pytest.raises(SettingsError):
        Plan(entry={"at": "09:20"}, exit={"at": "15:15"},
             legs=[{"side": "sell", "right": "CE", "strike": {"steps": 0}, **leg}])  # fmt: skip


@pytest.mark.parametrize(
    ("grid", "sample"),
    [({"legs.*.stop.percent": 20}, None), ({"legs.*.stop.percent": "20"}, None), ({}, None)]
    + [({"legs.*.stop.percent": [10, 20]}, sample) for sample in (0, -1, True, 1.5)]
    + [(dict.fromkeys(("legs.0.stop.percent", "legs.1.stop.percent", "a"), range(1000)), 10**8)],
)
def test_grids_that_are_none(days, grid, sample):
    """One value is no list, a sample is a whole number of sets, and not a hundred millions."""
    with pytest.raises(SettingsError):
        sweep(PLAN, days, grid, sample=sample)


def test_a_grid_of_an_array(days):
    """An array of NumPy is a list of values."""
    assert len(sweep(PLAN, days, {"legs.*.stop.percent": np.array([10.0, 20.0])}).table) == 2
