"""Cold, warm and hot latency of the main operations, hit rate and speed-up, for the tuning panel.

Cold: no tier has the answer and the exchange is asked, the simulated one over loopback. Warm: the
in-process tier is empty and SQLite has the answer, as after a kernel restart. Hot: the in-process tier
has it. Cold runs on a second desk without disk tier, so that nobody's stored answers are lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Literal

from kit.benchmark.run import SEED, without_disk
from kit.benchmark.speedup import evaluation, speedups, worker_counts
from kit.clock import previous_session
from kit.model import ChainSnapshot
from kit.monitor.interval import Interval, interval
from kit.monitor.progress import Stopped
from kit.settings import Settings
from kit.tuning.lifetimes import replayed_hit_rate
from kit.tuning.trace import SESSION_S, analyst_requests

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
_RACES = 3  # of one worker against several
PAUSE_S = 1.05  # before a round, so that no sample waits for the rate limit of ten quotes a second
_SAMPLES: Mapping[Tier, int] = {"cold": 1, "warm": 2, "hot": 5}


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
        Hits of the in-process tier over the requests of a typical session, which are generated.
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
    with open_desk(settings) as desk, open_desk(without_disk(settings), exchange=desk.exchange) as cold:
        desks: dict[Tier, Desk] = {"cold": cold, "warm": desk, "hot": desk}
        try:
            _measure_latencies(settings, desks, found, told)
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


def _measure_latencies(
    settings: Settings,
    desks: Mapping[Tier, Desk],
    found: dict[str, dict[Tier, list[float]]],
    told: _Told,
) -> None:
    asks = {tier: operations(desk) for tier, desk in desks.items()}
    for tier in ("cold", "warm"):  # log in, load the master and the libraries, fill the tiers
        for name in OPERATIONS:
            told.step(0.0, f"starting: {name}")
            asks[tier][name]()
    for number in range(_ROUNDS):
        sleep(PAUSE_S)
        for place, name in enumerate(OPERATIONS):
            told.step(0.6 * (number + place / len(OPERATIONS)) / _ROUNDS, f"{name}, round {number + 1}")
            for tier in tiers_of(settings, name):
                samples = _samples_ms(desks[tier], tier, asks[tier][name])
                found[name].setdefault(tier, []).extend(samples)


def _samples_ms(desk: Desk, tier: Tier, ask: Callable[[], object]) -> Sequence[float]:
    if tier != "cold":
        ask()  # the short-lived answers may have expired since the last round
    samples = []
    for _ in range(_SAMPLES[tier]):
        if tier != "hot":
            desk.cache.clear()
        started = perf_counter()
        ask()
        samples.append((perf_counter() - started) * 1e3)
    return samples


def _speedups(settings: Settings, chain: ChainSnapshot, told: _Told) -> dict[int, float]:
    counts = worker_counts(settings.workers.max_workers)
    found = {1: 1.0}
    with evaluation(settings, chain, 1) as alone:
        for number, workers in enumerate(counts):
            told.step(0.6 + 0.4 * number / len(counts), f"evaluation, workers: {workers}")
            if workers > 1:
                with evaluation(settings, chain, workers) as together:
                    found[workers] = median(speedups(alone, together, _RACES))
    return found
