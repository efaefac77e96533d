"""The referee, who knows the meaning and not the engines, writes the same logs: row for row, to the paisa."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.backtest import backtest
from kit.backtest.plan.ready import ready_plan, ready_plans
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore

COLUMNS = [
    "leg",
    "entry",
    "side",
    "right",
    "strike",
    "expiry",
    "lots",
    "lot_size",
    "entry_bar",
    "entry_price",
]
COLUMNS += ["exit_bar", "exit_price", "reason", "gross_inr", "charges_inr", "net_inr", "stale"]
MADE = (
    date(2024, 5, 14),
    date(2024, 5, 15),
    date(2026, 11, 20),
    date(2026, 11, 23),
)  # each pair to an expiry
FILLS = ("level", "bar_close", "next_open", "extreme")
SLIPPAGES = [None, {"ticks": 1}, {"percent": 0.5}, {"bar_range": 0.2}, {"sqrt_lots": 0.5}]
AT_BAR = ("bar_close", "next_open")
SAME_BAR = ("nearer_first", "stop_first", "target_first")


def _conventions(number):
    """Return five sets of fills that have every convention by its name; their pairs differ by plan."""
    return [
        {
            "stop": FILLS[place % 4],
            "target": FILLS[(place + number) % 4],
            "entry": AT_BAR[place % 2],
            "exit": AT_BAR[(place + number) // 2 % 2],
            "same_bar": SAME_BAR[(place + number) % 3],
            "slippage": slippage,
        }
        for place, slippage in enumerate(SLIPPAGES)
    ]


@pytest.fixture(scope="module")
def real(shared_data, referee, tmp_path_factory):
    """Return the real sessions near an expiry, as the referee reads the files and as the kit imports them."""
    folder = shared_data / "intraday"
    store = MinuteStore(tmp_path_factory.mktemp("store"))
    import_files([folder], store)
    seen = {one.day: one for one in (referee.bars.december_2022(folder), referee.bars.april_2023(folder))}
    seen |= {day: one for day, one in referee.bars.january_2024(folder).items() if day >= date(2023, 12, 28)}
    return seen, {day.day: day for day in store.load(list(seen))}


@pytest.fixture(scope="module")
def made(referee, exchange_days):
    """Return sessions of the simulated exchange in which a third of the bars has no trade."""
    days = {day: exchange_days.thinned(exchange_days.minutes(day, 2, 500), 2 / 3) for day in MADE}
    return {day: referee.bars.from_arrays(minutes) for day, minutes in days.items()}, days


def _key(row):
    return row["day"], row["leg"], row["entry"]


def _same(found, wanted):
    if found is None or found is pd.NaT or found != found:  # noqa: PLR0124 - NaN of a refused row
        return wanted is None
    if isinstance(wanted, float):
        return abs(found - wanted) < 0.00501
    return found == wanted


def _check(referee, plan, market, engines=("plain", "compiled")):
    """Compare the logs of one plan; a refused entry has no contract that both must name."""
    seen, days = market
    wanted = {_key(row): row for row in referee.play(plan, seen)}
    for engine in engines:
        rows = backtest(plan, days, engine=engine).trades.to_dict("records")
        assert sorted(map(_key, rows)) == sorted(wanted), plan.to_yaml()
        for row in rows:
            told = wanted[_key(row)]
            columns = ["reason"] if told["reason"] == "refused" else COLUMNS
            wrong = {name: (row[name], told[name]) for name in columns if not _same(row[name], told[name])}
            assert not wrong, (_key(row), wrong, plan.to_yaml())


def test_the_files_are_read_alike(real):
    """What the kit imports has the contracts, the trades and the prices that the referee reads himself."""
    for day, seen in real[0].items():
        kit = real[1][day]
        for (expiry, strike, right), row in kit.rows.items():
            mine = seen.bars.get((expiry, strike, right), {})
            columns = np.flatnonzero(kit.traded[row])
            assert (columns + kit.minutes[0]).tolist() == sorted(mine)
            for name in ("open", "high", "low", "close"):
                prices = getattr(kit, name)[row, columns].tolist()
                assert prices == [getattr(mine[minute], name) for minute in sorted(mine)]
        assert set(kit.rows) == seen.listed


@pytest.mark.parametrize("name", sorted(ready_plans()))
def test_ready_plans_under_every_convention(referee, real, made, name):
    """Every ready plan has the referee's log on real and on simulated days, under every fill by its name."""
    for fills in _conventions(sorted(ready_plans()).index(name)):
        plan = ready_plan(name).but(fills=fills)
        _check(referee, plan, real)
        _check(referee, plan, made)


@pytest.mark.parametrize("block", range(6))
def test_plans_of_any_mixture(referee, real, random_plan, block):
    """Sixty plans with any mixture of rules and signals have the referee's log on the real days."""
    for seed in range(10 * block, 10 * block + 10):
        _check(referee, random_plan(seed, signals=True), real)


def test_plans_over_several_sessions_to_the_settlement(referee, made, random_plan):
    """Plans that are held overnight, rolled into an expiry and settled have the referee's log."""

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(
        st.integers(0, 2**32),
        st.sampled_from([{}, {"after_days": 1}, {"days_to_expiry": 0}, {"days_to_expiry": 3}]),
        st.sampled_from(["15:15", "15:30", "15:45"]),
    )
    def agree(seed, until, at):
        _check(referee, random_plan(seed, signals=True).but(exit={"at": at, **until}), made)

    agree()
