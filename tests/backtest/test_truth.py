"""Referees from outside: worked examples, first passage, raptorbt, and properties of any true engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.backtest import Plan, backtest
from kit.backtest.passage import first_passage
from kit.backtest.plan.ready import ready_plan
from kit.bars.minutes import OHLC
from kit.errors import SettingsError

DAY = date(2024, 1, 8)
DECEMBER = date(2022, 12, 30)


def _plan(*legs, **rules):
    legs = [{"side": "sell", "right": "CE", "strike": {"listed": 48000}, **leg} for leg in legs]
    return Plan(
        **{"entry": {"at": "09:20"}, "exit": {"at": "15:15"}, "charges": False, "legs": legs, **rules}
    )


def _rows(plan, day):
    rows = backtest(plan, {day.day: day}).trades
    return list(
        zip(rows["leg"], rows["entry"], rows["entry_price"], rows["exit_price"], rows["reason"], strict=True)
    )


def test_a_trailed_stop_of_points_and_entry_again_at_once(make_day):
    """Sold at 200 with 30 points, trailed 10 by 10: after a low of 178 the stop is 210; out, and in again."""
    day = make_day({(48000, "CE"): {
        "09:15": 200.0, "10:00": (200, 201, 178, 180), "10:30": (180, 212, 180, 205),
        "15:14": (205, 206, 190, 195),
    }})  # fmt: skip
    trail = {"kind": "stepped", "every": {"points": 10}, "move": {"points": 10}}
    leg = {"stop": {"points": 30}, "trail": trail, "reentry": {"kind": "asap", "times": 1}}
    assert _rows(_plan(leg), day) == [(1, 1, 200.0, 210.0, "trail"), (1, 2, 205.0, 195.0, "time")]


def test_the_other_leg_goes_to_break_even(make_day):
    """Legs at 100 and 120: the first is stopped at 130, the second's stop moves to 120 and is hit there."""
    day = make_day({
        (48000, "CE"): {"09:15": 100.0, "10:00": (100, 131, 99, 128)},
        (48000, "PE"): {"09:15": 120.0, "10:00": (120, 121, 90, 95), "11:00": (95, 122, 95, 118)},
    })  # fmt: skip
    plan = _plan({"stop": {"percent": 30}}, {"right": "PE", "stop": {"percent": 30}}, break_even="all")
    assert _rows(plan, day) == [(1, 1, 100.0, 130.0, "stop"), (2, 1, 120.0, 120.0, "break_even")]


def test_entry_again_at_cost_and_after_momentum(make_day):
    """At cost the leg comes back at its first price; with momentum at the close that has moved far enough."""
    bars = {
        "09:15": 200.0,
        "10:00": (200, 251, 200, 250),
        "10:30": (250, 250, 190, 198),
        "11:00": (198, 199, 184, 185),
    }
    day = make_day({(48000, "CE"): bars})
    again = {"stop": {"percent": 25}, "reentry": {"kind": "cost", "times": 1}}
    assert _rows(_plan(again), day)[1][:4] == (1, 2, 200.0, 185.0)
    again["reentry"] = {"kind": "momentum", "times": 1, "move": {"points": -60}}
    assert _rows(_plan(again), day)[1][:4] == (1, 2, 185.0, 185.0)


def test_a_missing_minute_makes_the_entry_wait_and_the_exit_stale(make_day):
    """Without a trade at 09:19 the leg enters at 09:22's close; without one at 15:14 it leaves stale."""
    day = make_day({(48000, "CE"): {"09:22": 200.0, "15:00": 150.0}}, fill=False)
    row = backtest(_plan({}), {DAY: day}).trades.iloc[0]
    assert (f"{row['entry_bar']:%H:%M}", f"{row['exit_bar']:%H:%M}") == ("09:22", "15:00")
    assert row["stale"]
    late = make_day({(48000, "CE"): {"09:25": 200.0}}, fill=False)
    row = backtest(_plan({}), {DAY: late}).trades.iloc[0]
    assert row["reason"] == "refused"
    assert "no trade in its first six minutes" in row["why"]


@pytest.mark.parametrize(("entry", "price"), [("bar_close", 203.0), ("next_open", 201.0)])
def test_an_entry_that_waits_is_filled_as_the_plan_says(make_day, entry, price):
    """The first bar that trades after a missing one fills at its close, or at its open by the plan."""
    bars = {"09:18": 190.0, "09:21": (201, 204, 200, 203), "09:22": 205.0}
    day = make_day({(48000, "CE"): bars}, fill=False)
    for engine in ("plain", "compiled"):
        row = backtest(_plan({}).but(fills={"entry": entry}), {DAY: day}, engine=engine).trades.iloc[0]
        assert (f"{row['entry_bar']:%H:%M}", row["entry_price"]) == ("09:21", price)


def test_expiry_is_settled_in_cash_and_taxed(make_day):
    """Held beyond the last bar of its expiry, a bought call earns what the index's last half hour says."""
    spot = np.full(375, 48000.0)
    spot[-30:] = 48123.45
    day = make_day({(48000, "CE"): {"09:15": 100.0}}, day=date(2024, 1, 10), spot=spot)
    row = backtest(_plan({"side": "buy"}, exit={"at": "15:40"}, charges=True), {day.day: day}).trades.iloc[0]
    assert (row["reason"], row["exit_price"]) == ("expiry", 123.45)
    assert row["charges_inr"] == pytest.approx(
        20 * 1.18 + 100 * 15 * 0.00053 + 123.45 * 15 * 0.00125, abs=1.0
    )


def test_a_position_over_two_sessions(make_day):
    """Held to the next session, it gaps through its stop at that session's open, in one row."""
    days = [
        make_day({(48000, "CE"): {"09:15": price}}, day=date(2024, 1, day))
        for day, price in ((8, 100.0), (9, 150.0))
    ]
    plan = _plan({"stop": {"percent": 25}}, exit={"at": "15:15", "after_days": 1})
    rows = backtest(plan, {day.day: day for day in days}).trades
    assert rows[["entry_price", "exit_price", "reason"]].to_numpy().tolist() == [[100.0, 150.0, "stop"]]
    assert rows["exit_bar"].iloc[0].isoformat() == "2024-01-09T09:15:00+05:30"
    alone = backtest(plan, {DAY: days[0]})
    assert "the data ends" in alone.skipped[0].why


def test_first_passage_finds_what_the_walk_finds(real_days):
    """Where a running extreme first reaches a level is where the walk leaves, for every stop and target."""
    day = real_days[DECEMBER]
    for stop in (5, 12, 20, 35):
        leg = {"strike": {"steps": 0}, "stop": {"percent": stop}, "target": {"percent": 30}}
        row = backtest(_plan(leg, fills={"same_bar": "stop_first"}), {DECEMBER: day}).trades.iloc[0]
        contract = day.rows[row["expiry"], int(row["strike"]), "CE"]
        first, last = day.column(row["entry_bar"].time()) + 1, day.column(row["exit_bar"].time())
        levels = np.array([round(row["entry_price"] * factor * 20) for factor in (1 + stop / 100, 0.7)])
        up = first_passage(day.high[contract, first:360], levels[:1], rising=True)[0]
        down = first_passage(
            np.where(day.traded, day.low, 2**30)[contract, first:360], levels[1:], rising=False
        )[0]
        expected = {"stop": up, "target": down, "time": 360 - first}[row["reason"]]
        assert min(up, down) == min(expected, up, down)
        assert row["reason"] == "time" or last - first == expected


def test_raptorbt_leaves_at_the_same_prices(real_days):
    """On single legs with a fixed stop, raptorbt leaves at the price of the log."""
    raptorbt = pytest.importorskip("raptorbt")
    day, checked = real_days[DECEMBER], 0
    for steps in range(-3, 4):
        plan = _plan({"side": "buy", "strike": {"steps": steps}, "stop": {"percent": 20}})
        row = backtest(plan, {DECEMBER: day}).trades.iloc[0]
        if row["reason"] != "stop":
            continue
        contract = day.rows[row["expiry"], int(row["strike"]), "CE"]
        span = slice(day.column(row["entry_bar"].time()), 360)
        there = day.traded[contract, span]
        series = {name: getattr(day, name)[contract, span][there] / 20 for name in OHLC}
        assert _raptor_exit(raptorbt, series) == pytest.approx(row["exit_price"], abs=0.05)
        checked += 1
    assert checked > 0


def _raptor_exit(raptorbt, series):
    count = len(series["close"])
    entries, exits = np.zeros(count, bool), np.zeros(count, bool)
    entries[0], exits[-1] = True, True
    config = raptorbt.BacktestConfig(initial_capital=1e6, fees=0.0)
    config.set_fixed_stop(0.20)
    stamps = np.arange(count, dtype=np.int64) * 60_000_000_000
    found = raptorbt.run_single_backtest(
        timestamps=stamps, **series, volume=np.ones(count), entries=entries, exits=exits,
        direction=1, weight=1.0, symbol="LEG", config=config,
    )  # fmt: skip
    return found.trades()[0].exit_price


def _shuffled_after(day, column, seed):
    order = np.arange(len(day.minutes))
    np.random.default_rng(seed).shuffle(order[column + 1 :])
    cut = {name: getattr(day, name)[:, order] for name in (*OHLC, "traded", "index", "future")}
    return replace(day, **cut)


def _gone_before(plan, day, column):
    """Return the rows of legs that went out before a bar, by something that traded."""
    before = day.start(column)
    rows = backtest(plan, {DECEMBER: day}).trades.to_dict("records")
    gone = [
        row for row in rows if row["reason"] != "refused" and not row["stale"] and row["exit_bar"] < before
    ]
    return [
        {name: row[name] for name in ("leg", "entry", "entry_bar", "exit_bar", "exit_price", "reason")}
        for row in gone
    ]


@settings(max_examples=25, deadline=None, print_blob=False)
@given(seed=st.integers(0, 10_000), column=st.integers(20, 350))
def test_the_future_changes_nothing_before_it(real_days, random_plan, seed, column):
    """With the bars after a moment shuffled, every exit before it stays as it was."""
    plan, day = random_plan(seed), real_days[DECEMBER]
    assert _gone_before(plan, day, column) == _gone_before(plan, _shuffled_after(day, column, seed), column)


@pytest.mark.parametrize("day", [DECEMBER, date(2023, 4, 10)])
def test_a_wider_stop_never_leaves_sooner(real_days, day):
    """As the stop widens, the exit only moves later."""
    exits = []
    for percent in (5, 10, 15, 20, 30, 50, 80):
        leg = {"strike": {"steps": 0}, "stop": {"percent": percent}}
        exits.append(backtest(_plan(leg), {day: real_days[day]}).trades["exit_bar"].iloc[0])
    assert exits == sorted(exits)


def test_more_lots_scale_the_rupees(real_days):
    """Ten lots earn ten times the gross of one."""
    plan = ready_plan("short_straddle_reentry")
    legs = [leg.model_copy(update={"lots": 10}) for leg in plan.legs]
    one, ten = (backtest(each, {DECEMBER: real_days[DECEMBER]}) for each in (plan, plan.but(legs=legs)))
    assert ten.metrics["gross_inr"] == pytest.approx(10 * one.metrics["gross_inr"])


@pytest.mark.parametrize("slippage", [{"ticks": 1}, {"percent": 1}, {"bar_range": 0.2}, {"sqrt_lots": 0.5}])
def test_slippage_never_earns(real_days, random_plan, slippage):
    """A plan without limits in rupees earns no more with slippage than without."""
    for seed in range(12):
        plan = random_plan(seed).but(overall={}, charges=False)
        bare = plan.but(fills=plan.fills.model_copy(update={"slippage": None}))
        worse = bare.but(fills={**bare.fills.model_dump(), "slippage": slippage})
        day = {DECEMBER: real_days[DECEMBER]}
        assert backtest(worse, day).net_inr <= backtest(bare, day).net_inr + 1e-6


def test_capital_and_margin_size_the_position(real_days):
    """Sizing by margin trades the legs as often as the capital carries them."""
    plan = ready_plan("short_straddle_920").but(sizing={"margin_inr": 300_000}, capital_inr=1_000_000)
    assert set(backtest(plan, {DECEMBER: real_days[DECEMBER]}).trades["lots"]) == {3}


def test_an_entry_before_the_first_bar_waits_for_it(make_day):
    """At the open no bar is known: the strike is chosen when the first has closed, filled there or next."""
    day = make_day(
        {(48000, "CE"): {"09:15": (190, 205, 190, 200), "09:16": (201, 202, 200, 202), "15:00": 150.0}}
    )
    assert _rows(_plan({}, entry={"at": "09:15"}), day) == [(1, 1, 200.0, 150.0, "time")]
    at_open = _plan({}, entry={"at": "09:13"}, fills={"entry": "next_open"})
    assert _rows(at_open, day) == [(1, 1, 201.0, 150.0, "time")]
    early = backtest(_plan({}, entry={"at": "09:09"}), {day.day: day}).trades
    assert early["why"].tolist() == ["no bar has closed within five minutes of the entry at 09:09"]


def test_a_stop_that_moved_is_watched_though_another_leg_is_quiet_for_longer(make_day):
    """A break-even stop is hit where it stands, whatever is already known of the legs after it."""
    day = make_day({
        (47000, "CE"): {"09:15": 100.0, "10:00": 90.0, "11:00": (90, 104, 90, 95)},
        (47500, "CE"): {"09:15": 100.0},
        (48000, "CE"): {"09:15": 100.0, "10:00": (100, 131, 99, 128)},
    })  # fmt: skip
    legs = [{"strike": {"listed": strike}, "stop": {"percent": 30}} for strike in (47000, 47500, 48000)]
    plan = _plan(*legs, break_even="in_profit")
    reasons = {leg: (exit_price, reason) for leg, _, _, exit_price, reason in _rows(plan, day)}
    assert reasons[1] == (100.0, "break_even")
    assert reasons[2] == (100.0, "time")


def test_a_refusal_names_what_it_could_not_do_yet(make_day):
    """A leg whose tries are cut short before any strike could be chosen says so."""
    day = make_day({(48000, "CE"): {"09:15": 200.0}, (48000, "PE"): {"14:00": 5.0}}, fill=False)
    never = {"strike": {"premium": 50}, "right": "PE"}
    rows = backtest(_plan(never, exit={"at": "09:22"}), {day.day: day}).trades
    assert rows["why"].tolist() == ["the position ended first before a strike was chosen by premium 50.0"]


def test_capital_that_carries_no_lot_is_refused():
    """A plan whose capital does not cover its margin once would trade nothing and pay for it."""
    with pytest.raises(SettingsError, match="does not cover"):
        _plan({}, capital_inr=100_000, sizing={"margin_inr": 150_000})


def test_without_anything_that_tells_the_settlement_a_leg_leaves_at_its_last_close(make_day):
    """On an expiry day without index and pairs a contract is not worth nothing: it leaves stale."""
    bars = {(48000, "CE"): {"09:15": 200.0, "14:00": 120.0}}
    day = make_day(bars, day=date(2024, 1, 10), spot=np.nan, fill=False)
    rows = backtest(_plan({}, entry={"at": "09:16"}, exit={"at": "15:45"}), {day.day: day}).trades
    assert rows[["exit_price", "reason", "stale"]].values.tolist() == [[120.0, "time", True]]


def test_a_refused_contract_has_its_lot(make_day):
    """A leg whose right is not listed is refused with the contract's name and its lot of that day."""
    day = make_day({(48000, "PE"): {"09:15": 200.0}})
    rows = backtest(_plan({"strike": {"steps": 0}}), {day.day: day}).trades
    assert rows[["strike", "lot_size", "why"]].values.tolist() == [
        [48000, 15, "48000 CE of 2024-01-10 has no bars"]
    ]
