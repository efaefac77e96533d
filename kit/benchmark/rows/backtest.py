"""What a backtest costs: sweeps over years, one day, one plan, and beside a compiled peer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from kit.backtest import Plan, backtest
from kit.backtest.days import StoredDays
from kit.backtest.passage import first_passage
from kit.backtest.sets import parameter_table, plans_of
from kit.backtest.sweep import Sets, play_tape, play_tapes, sets_of, tapes_of
from kit.backtest.tape import Loaded
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import OHLC, DayMinutes
from kit.benchmark.machine import fresh, peak_mib
from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import row
from kit.benchmark.rows.minutes import FIVE_YEARS, five_years
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, at_most, faster
from kit.clock import sessions

_DAY, _EXPIRY = date(2024, 1, 8), date(2024, 1, 10)
_YEARS, _SETS, _BARS = FIVE_YEARS, 1000, 375
_LEG = {"side": "sell", "strike": {"steps": 0}, "stop": {"percent": 20}}
_RULES = {
    **_LEG,
    "target": {"percent": 60},
    "trail": {"every": {"points": 10}, "move": {"points": 5}},
    "reentry": {"times": 2},
}


def _plan(leg: dict[str, Any]) -> Plan:
    legs = [{**leg, "right": right} for right in ("CE", "PE")]
    return Plan(entry={"at": "09:20"}, exit={"at": "15:15"}, legs=legs)


def _day(seed: int) -> DayMinutes:
    """Return a session of 41 strikes whose premiums follow a seeded walk of the index."""
    rng = np.random.default_rng(seed)
    spot = 48_000 + rng.normal(0, 12, _BARS).cumsum()
    strikes = np.repeat(np.arange(46_000, 50_001, 100), 2)
    is_call = np.arange(len(strikes)) % 2 == 0
    away = np.where(is_call, 1, -1)[:, None] * (spot - strikes[:, None])
    close = np.round(20 * (120 * np.log1p(np.exp(away / 120)) + 1)).astype(np.int32)
    first = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    wick = rng.integers(0, 40, close.shape, np.int32)
    prices = dict(
        zip(OHLC, (first, np.maximum(first, close) + wick, np.minimum(first, close), close), strict=True)
    )
    return DayMinutes(
        underlying="BANKNIFTY",
        day=_DAY,
        minutes=np.arange(555, 930, dtype=np.int16),
        expiry=np.full(len(strikes), _EXPIRY, "datetime64[D]"),
        strike=strikes.astype(np.int32),
        is_call=is_call,
        lot_size=np.full(len(strikes), 15, np.int32),
        **prices,
        traded=np.ones(close.shape, bool),
        index=np.array([spot] * 4),
        future=np.array([spot] * 4),
    )


def _sets(leg: dict[str, Any]) -> Sets:
    table = parameter_table({"legs.*.stop.percent": np.linspace(5, 60, _SETS).tolist()})
    return sets_of(plans_of(_plan(leg), table))


def _tapes(sets: Sets, count: int) -> list[Loaded]:
    """Return tapes of so many days; 25 differ, each in memory of its own."""
    different = [next(tapes_of(sets, {_DAY: _day(seed)})) for seed in range(min(count, 25))]
    copied = ("open", "high", "low", "last")
    return [
        replace(one, tape=one.tape._replace(**{name: getattr(one.tape, name).copy() for name in copied}))
        for one in (different[number % len(different)] for number in range(count))
    ]


@row("backtest", "M bar-params/s", at_least(313), cores=2)
def sweep_five_years(_: Run) -> Arms:
    """1,250 days x 1,000 sets of a straddle with stop, target, trail, two re-entries and charges.

    Five years in 1.5 s are 313 M bars times sets a second.
    """
    sets = _sets(_RULES)
    tapes = _tapes(sets, _YEARS)

    def ours() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda loaded: play_tape(sets, loaded), tapes))

    return Arms(ours, items=_YEARS * _SETS * _BARS, calls=1, rounds=5, warm=1)


@row("backtest", "s", at_most(4), cores=2)
def sweep_from_parquet(run: Run) -> Arms:
    """Play the same 1,000 sets on five years of sessions read from Parquet."""
    store, sets = run.once(five_years), _sets(_RULES)
    return Arms(ours=lambda: play_tapes(sets, tapes_of(sets, StoredDays(store))), calls=1, rounds=3, warm=1)


@row("backtest", "MiB", at_most(1000))
def parquet_memory(run: Run) -> Figures:
    """Peak memory of a fresh process that reads five years from Parquet, and sweeps and trades on them."""
    folder = str(run.once(five_years).folder.parent)
    return Figures(
        [peak_mib(f"from kit.benchmark.rows.backtest import read_through; read_through({folder!r})")]
    )


def read_through(folder: str) -> None:
    """Sweep 1,000 sets over every session of a store, then trade one plan on them with its full result."""
    sets, days = _sets(_RULES), StoredDays(MinuteStore(folder))
    play_tapes(sets, tapes_of(sets, days))
    _ = backtest(_plan(_RULES), days).metrics


@row("backtest", "ms", at_most(3), quick=True)
def sweep_one_day(_: Run) -> Arms:
    """Play the same 1,000 sets on one day."""
    sets = _sets(_RULES)
    (loaded,) = _tapes(sets, 1)
    return Arms(ours=lambda: play_tape(sets, loaded))


@row("backtest", "ms", at_most(20), quick=True)
def backtest_one_day(_: Run) -> Arms:
    """One plan with its full result over one day of all contracts."""
    plan, days = _plan(_RULES), {_DAY: _day(1)}
    return Arms(ours=lambda: backtest(plan, days).metrics)


@row("backtest", "s", at_most(1.5))
def backtest_five_years(_: Run) -> Arms:
    """One plan with its full result and trade log over 1,250 days of 82 contracts in memory."""
    plan, different = _plan(_RULES), [_day(seed) for seed in range(25)]
    dates = sessions(date(2019, 1, 1), date(2024, 3, 31))[-_YEARS:]
    days = {
        day: replace(one, day=day, expiry=np.full(len(one.strike), day, "datetime64[D]"))
        for day, one in zip(dates, different * (_YEARS // 25), strict=True)
    }
    return Arms(ours=lambda: backtest(plan, days).trades, calls=1, rounds=5, warm=1)


def first_play() -> float:
    """Return the seconds that the first play of this process takes."""
    sets = _sets(_RULES)
    (loaded,) = _tapes(sets, 1)
    began = perf_counter()
    play_tape(sets, loaded)
    return perf_counter() - began


@row("backtest", "s", at_most(60))
def backtest_first_try(run: Run) -> Figures:
    """`kit backtest short_straddle_920` where nothing is: three days are collected, and then traded."""
    folder = str(run.folder())
    code = (
        f"import os; os.environ['KIT_CACHE_DIR'] = {folder!r}; os.chdir({folder!r}); import kit.cli, sys; "
        "sys.exit(kit.cli.main(['backtest', 'short_straddle_920']))"
    )
    began = perf_counter()
    fresh(code)
    return Figures([perf_counter() - began])


@row("backtest", "M bar-params/s", peer=("raptorbt.run_single_backtest", faster(25)))
def fixed_stops_beside_raptorbt(run: Run) -> Arms:
    """1,000 fixed stops on one bought contract of one day; the peer is called once for each."""
    legs = [{**_LEG, "side": "buy", "right": "CE"}]
    plan = Plan(entry={"at": "09:20"}, exit={"at": "15:15"}, charges=False, legs=legs)
    stops = np.linspace(5, 60, _SETS)
    sets = sets_of(plans_of(plan, parameter_table({"legs.0.stop.percent": stops.tolist()})))
    (loaded,) = _tapes(sets, 1)
    peer = run.peer("raptorbt")
    theirs = _raptor(peer, loaded, stops) if peer else None
    return Arms(ours=lambda: play_tape(sets, loaded), peer=theirs, items=_BARS * len(stops))


def _raptor(raptorbt: Any, loaded: Loaded, stops: np.ndarray) -> Any:
    contract = int(loaded.tape.picks[0, loaded.holding.first])
    names = {"open": "open", "high": "high", "low": "low", "close": "last"}
    bars = {name: getattr(loaded.tape, mine)[contract] / 20.0 for name, mine in names.items()}
    entries, exits = np.zeros(_BARS, bool), np.zeros(_BARS, bool)
    entries[loaded.holding.first], exits[loaded.holding.last] = True, True
    stamps = pd.date_range("2024-01-08 09:15", periods=_BARS, freq="min").as_unit("ns").asi8
    configs = []
    for stop in stops:
        configs.append(raptorbt.BacktestConfig(initial_capital=1e6, fees=0.0))
        configs[-1].set_fixed_stop(stop / 100)

    def theirs() -> None:
        for config in configs:
            raptorbt.run_single_backtest(
                stamps, **bars, volume=np.ones(_BARS), entries=entries, exits=exits, config=config
            )

    return theirs


@row("backtest", "ms", at_most(50), name="first_passage", quick=True)
def first_passage_five_years(_: Run) -> Arms:
    """1,250 days x 1,000 pure stops by first passage."""
    highs = [_day(seed).high[40] for seed in range(25)]
    levels = np.linspace(1.05, 1.6, _SETS)

    def ours() -> None:
        for number in range(_YEARS):
            high = highs[number % 25]
            first_passage(high, (high[0] * levels).astype(np.int32), rising=True)

    return Arms(ours=ours)
