"""What the tuning panel can run, and what it says of the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isnan
from time import perf_counter
from typing import Any

from kit.benchmark.results import BenchmarkResults
from kit.benchmark.rows.pipeline import OPERATIONS, TIERS
from kit.benchmark.suite import run_performance_benchmark
from kit.broker.endpoints import PROFILE
from kit.desk import open_desk
from kit.monitor.estimate import Estimate, estimate
from kit.monitor.progress import Stopped
from kit.settings import Backend, BrokerConfig, Settings
from kit.simulator.distance import ROUND_TRIP_S
from kit.simulator.process import launch
from kit.tuning.tuner import POOL_SIZES, Advice, tune
from kit.tuning.workload import REQUESTS, WorkerPlan, Workload, ideas_from, speedups
from kit.widgets.frame.job import OnProgress, ShouldStop

BACKENDS: tuple[Backend, ...] = ("serial", "threads", "processes")
SPOKEN = {"chain": "chain", "candles": "candles", "ltp": "last price", "atm": "at the money"}
_ROUNDS = 3


@dataclass(frozen=True)
class BackendTime:
    """One backend: seconds until its workers had done their first run beyond a usual one, and of one task."""

    startup_s: float
    task_s: float


@dataclass(frozen=True)
class Measured:
    """What a measurement of settings found.

    Parameters
    ----------
    results : BenchmarkResults
        Of the rows ``chain_cold`` to ``atm_hot``; a tier that is off under the settings has no figure.
    pools : mapping of int to Estimate
        Calls a second by size of the pool, over the stated distance.
    backends : mapping of str to BackendTime
        Start-up and time of one idea by backend.
    speedup : mapping of int to float
        Workers to evaluation speed-up over one worker; empty when the user cancelled before.
    """

    results: BenchmarkResults
    pools: Mapping[int, Estimate] = field(default_factory=dict)
    backends: Mapping[str, BackendTime] = field(default_factory=dict)
    speedup: Mapping[int, float] = field(default_factory=dict)

    def latency_ms(self, tier: str) -> dict[str, float]:
        """Return the median by operation of one tier: cold (network), warm (SQLite) or hot (in process)."""
        return {operation: found.figure for operation, found in self.intervals_ms(tier).items()}

    def intervals_ms(self, tier: str) -> dict[str, Estimate]:
        """Return median and interval by operation of one tier."""
        rows = {line.name: line for line in self.results["lines"] if not isnan(line.figure)}
        names = {operation: f"{operation}_{tier}" for operation in OPERATIONS}
        return {
            operation: Estimate(rows[name].figure, rows[name].low, rows[name].high)
            for operation, name in names.items()
            if name in rows
        }

    @property
    def stopped(self) -> bool:
        """Whether the user cancelled, and the rest is missing."""
        return not self.speedup


Outcome = Measured | Advice
Task = Callable[[Settings, OnProgress, ShouldStop], Outcome]


def searching(workload: Any = None, snapshots: Sequence[Any] = ()) -> Task:
    """Return the task that searches lifetimes, pool size and workers that suit this machine.

    Parameters
    ----------
    workload, snapshots
        Your own ideas and what they are evaluated on, as `kit.tuning.tuner.tune` takes them. The tolerance is
        the panel's control: it needs no other measurement.

    Examples
    --------
    ``TunePanel(desk, {**TASKS, "Search for my ideas": searching(ideas, chains)})``
    """

    def search(settings: Settings, on_progress: OnProgress, should_stop: ShouldStop) -> Advice:
        return tune(
            settings, progress=on_progress, should_stop=should_stop, workload=workload, snapshots=snapshots,
        )  # fmt: skip

    return search


def measure(settings: Settings, on_progress: OnProgress, should_stop: ShouldStop) -> Measured:
    """Measure operations through every tier, calls by pool size, and evaluation by backend and workers."""
    results = run_performance_benchmark(
        rows=[f"{operation}_{tier}" for operation in OPERATIONS for tier in TIERS],
        progress=lambda share, word: on_progress(0.5 * share, word),
        should_stop=should_stop,
        settings=settings,
    )
    done = 0.5

    def checkpoint(word: str) -> None:
        nonlocal done
        done = min(0.98, done + 0.01)
        on_progress(done, word)
        if should_stop():
            raise Stopped

    pools: dict[int, Estimate] = {}
    backends: dict[str, BackendTime] = {}
    found: Mapping[int, float] = {}
    simulated = settings.model_copy(update={"broker": BrokerConfig(mode="simulated")})
    with suppress(Stopped):
        checkpoint("pool")
        pools |= _pools(settings, checkpoint)
        with open_desk(simulated) as desk:
            chain = desk.data.option_chain()
            backends |= _backends(settings, chain, checkpoint)
            found = speedups(settings, chain, checkpoint)
    on_progress(1.0, "done" if found else "stopped")
    return Measured(results, pools, backends, found)


def _pools(settings: Settings, checkpoint: Callable[[str], None]) -> dict[int, Estimate]:
    """Send the burst of a few chains through pools of several sizes, the chosen one among them."""
    sizes = sorted({*POOL_SIZES, settings.connection_pool.pool_size})
    with launch(limits=False) as exchange, Workload(settings, exchange.url + PROFILE.path, [], []) as work:
        rates: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(_ROUNDS):
            for size in sizes:
                checkpoint(f"pool of {size}")
                rates[size].append(REQUESTS / work.fetch_seconds(size))
    return {size: estimate(found) for size, found in rates.items()}


def _backends(settings: Settings, chain: Any, checkpoint: Callable[[str], None]) -> dict[str, BackendTime]:
    """Run the ideas on each backend, the first time with the start of its workers."""
    found: dict[str, BackendTime] = {}
    for backend in BACKENDS:
        checkpoint(f"backend {backend}")
        plan = settings.workers.model_copy(update={"backend": backend})
        with Workload(settings.model_copy(update={"workers": plan}), "", ideas_from(None), [chain]) as work:
            singly = WorkerPlan(plan.max_workers, 1)
            started = perf_counter()
            work.run_seconds(singly)  # starts the workers and runs twice
            first_s = perf_counter() - started
            usual_s = work.run_seconds(singly)
        found[backend] = BackendTime(max(0.0, first_s - 2 * usual_s), usual_s / len(ideas_from(None)))
    return found


TASKS: Mapping[str, Task] = {"Measure these settings": measure, "Search better settings": searching()}


def words(outcome: Outcome) -> str:
    """Say what a task found."""
    return str(outcome) if isinstance(outcome, Advice) else measured(outcome)


def measured(result: Measured) -> str:
    """Say what a measurement found."""
    tiers = [
        f"{tier} {', '.join(f'{SPOKEN[operation]} {ms:.3g} ms' for operation, ms in found.items())}"
        for tier in TIERS
        if (found := result.latency_ms(tier))
    ]
    pools = [f"{found.figure:.0f} with {size}" for size, found in result.pools.items()]
    starts = [f"{name} {found.startup_s:.2f} s" for name, found in result.backends.items()]
    speedup = [f"{times:.2f} times with {workers}" for workers, times in result.speedup.items()]
    lines = [
        *(["The run was cancelled; this is what it found."] if result.stopped else []),
        f"Median latency, {1e3 * ROUND_TRIP_S:g} ms from the exchange: {'; '.join(tiers) or 'none'}.",
        *([f"Calls a second by sockets: {', '.join(pools)}."] if pools else []),
        *([f"Start of the workers: {', '.join(starts)}."] if starts else []),
        *([f"Speed-up over one worker: {', '.join(speedup)}."] if speedup else []),
    ]
    return "\n".join(lines)


def compared(before: Measured, after: Measured) -> list[str]:
    """Say of each latency what changed between two measurements, and whether it is beyond their noise."""
    told = []
    for tier in TIERS:
        old, new = before.intervals_ms(tier), after.intervals_ms(tier)
        for name in old.keys() & new.keys():
            was, now = old[name], new[name]
            beyond = now.low > was.high or now.high < was.low
            noise = "beyond noise" if beyond else "within noise"
            told.append(f"{SPOKEN[name]} {tier} {was.figure:.3g} to {now.figure:.3g} ms, {noise}")
    return sorted(told, key=lambda text: "within" in text)
