"""Cold, warm and hot latency of the main operations, hit rate and speed-up, for the tuning panel.

Cold: every cache is empty, the simulated exchange answers over loopback. Warm: the in-process tier is
empty and SQLite has the answer, as after a kernel restart. Hot: the in-process tier has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Literal

from kit.benchmark.lifetimes import replayed_hit_rate
from kit.benchmark.measure import Interval, interval
from kit.benchmark.run import SEED, Stopped
from kit.benchmark.speedup import evaluation_seconds, worker_counts
from kit.benchmark.trace import SESSION_S, analyst_requests
from kit.clock import previous_session
from kit.model import ChainSnapshot
from kit.settings import Settings

if TYPE_CHECKING:
    from kit.desk import Desk

Tier = Literal["cold", "warm", "hot"]
OPERATIONS = ("chain", "candles", "ltp", "atm")
UNDERLYING = "BANKNIFTY"
_LIFETIME = {
    "chain": "options_chain_ttl",
    "candles": "historical_data_ttl",
    "ltp": "ltp_ttl",
    "atm": "atm_ttl",
}
_BUDGET = {"chain": "options_chain_processing", "atm": "atm_calculation"}
_ROUNDS = 5
_ROUND_S = 0.6  # a cold round costs five quote calls of ten a second: no sample waits for the rate limit


@dataclass(frozen=True)
class TierLatencies:
    """What one measurement found.

    Parameters
    ----------
    latency_ms : mapping of operation to mapping of tier to Interval
        Operations ``chain``, ``candles``, ``ltp``, ``atm``; tiers ``cold`` (network), ``warm``
        (SQLite) and ``hot`` (in process). A tier that does not exist under the settings is absent.
    budget_ms : mapping of operation to float
        Latency budgets; NaN where the settings have none.
    hit_rate_percent : float
        Hits of the in-process tier over the recorded access trace.
    speedup : mapping of int to float
        Workers to evaluation speed-up over one worker.
    stopped : bool
        True: the user cancelled, and the rest is missing.
    """

    latency_ms: Mapping[str, Mapping[Tier, Interval]]
    budget_ms: Mapping[str, float]
    hit_rate_percent: float
    speedup: Mapping[int, float]
    stopped: bool = False


def measure_tiers(
    settings: Settings,
    on_progress: Callable[[float, str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TierLatencies:
    """Measure every operation through every tier under these settings.

    Parameters
    ----------
    settings : Settings
        Lifetimes, pool, retries, workers and backend to measure with.
    on_progress : callable, optional
        Called with the share done, from 0 to 1, and a word on what runs now.
    should_stop : callable, optional
        Asked between samples; True ends the measurement and keeps what was found.

    Returns
    -------
    TierLatencies
        Medians with intervals.
    """
    from kit.desk import open_desk  # loads every part of the kit

    told = _Told(on_progress or (lambda *_: None), should_stop or (lambda: False))
    found: dict[str, dict[Tier, list[float]]] = {name: {} for name in OPERATIONS}
    speedup: dict[int, float] = {}
    stopped = False
    with open_desk(settings) as desk:
        try:
            _measure_latencies(desk, found, told)
            chain = desk.data.option_chain(UNDERLYING)
            speedup |= _speedups(settings, chain, told)
        except Stopped:
            stopped = True
    told.say(1.0, "stopped" if stopped else "done")
    return TierLatencies(
        latency_ms={
            name: {tier: interval(ms) for tier, ms in tiers.items()} for name, tiers in found.items()
        },
        budget_ms={name: _budget_ms(settings, name) for name in OPERATIONS},
        hit_rate_percent=replayed_hit_rate(settings.cache_config, analyst_requests(SESSION_S, SEED)),
        speedup=speedup,
        stopped=stopped,
    )


@dataclass(frozen=True)
class _Told:
    """The caller's two callbacks."""

    say: Callable[[float, str], None]
    should_stop: Callable[[], bool]

    def step(self, share: float, word: str) -> None:
        self.say(share, word)
        if self.should_stop():
            raise Stopped


def _budget_ms(settings: Settings, operation: str) -> float:
    name = _BUDGET.get(operation)
    return float(getattr(settings.latency_requirements, name)) if name else math.nan


def operations(desk: Desk) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name: what an analyst asks again and again."""
    day = previous_session(desk.clock.now().date())
    return {
        "chain": lambda: desk.data.option_chain(UNDERLYING),
        "candles": lambda: desk.data.candles(UNDERLYING, "FIVE_MINUTE", day, day),
        "ltp": lambda: desk.data.spot(UNDERLYING),
        "atm": lambda: desk.data.atm_strike(UNDERLYING),
    }


def tiers_of(settings: Settings, operation: str) -> list[Tier]:
    """Return the tiers that exist for an operation under these settings."""
    lives = getattr(settings.cache_config, _LIFETIME[operation]) > 0
    warm: list[Tier] = ["warm"] if lives and settings.cache_config.disk else []
    hot: list[Tier] = ["hot"] if lives and settings.data_manager.enable_caching else []
    return ["cold", *warm, *hot]


def empty(desk: Desk, tier: Tier) -> None:
    """Empty the caches that a tier must not find its answer in."""
    if tier == "cold":
        desk.client.forget()
    if tier != "hot":
        desk.cache.clear()


def _measure_latencies(desk: Desk, found: dict[str, dict[Tier, list[float]]], told: _Told) -> None:
    asks = operations(desk)
    for ask in asks.values():  # log in, load the master and the libraries
        told.step(0.0, "starting")
        ask()
    for number in _paced(_ROUNDS):
        for place, (name, ask) in enumerate(asks.items()):
            told.step(0.6 * (number + place / len(asks)) / _ROUNDS, f"{name}, round {number + 1}")
            for tier in tiers_of(desk.settings, name):
                found[name].setdefault(tier, []).extend(_samples_ms(desk, tier, ask))


def _paced(rounds: int) -> Iterator[int]:
    """Count the rounds, starting them at least `_ROUND_S` apart."""
    for number in range(rounds):
        started = perf_counter()
        yield number
        sleep(max(0.0, _ROUND_S - (perf_counter() - started)))


def _samples_ms(desk: Desk, tier: Tier, ask: Callable[[], object]) -> Sequence[float]:
    count = {"cold": 1, "warm": 2, "hot": 5}[tier]
    samples = []
    for _ in range(count):
        empty(desk, tier)
        started = perf_counter()
        ask()
        samples.append((perf_counter() - started) * 1e3)
    return samples


def _speedups(settings: Settings, chain: ChainSnapshot, told: _Told) -> dict[int, float]:
    seconds: dict[int, float] = {}
    counts = worker_counts(settings.workers.max_workers)
    for number, workers in enumerate(counts):
        told.step(0.6 + 0.4 * number / len(counts), f"evaluation, workers: {workers}")
        seconds[workers] = evaluation_seconds(settings, chain, workers)
    return {workers: seconds[1] / spent for workers, spent in seconds.items()}
