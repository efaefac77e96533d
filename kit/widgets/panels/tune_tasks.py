"""What the tuning panel can run, and what it says of the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isnan
from typing import Any

from kit.benchmark.results import BenchmarkResults, summary
from kit.benchmark.rows.pipeline import OPERATIONS, TIERS
from kit.benchmark.suite import run_performance_benchmark
from kit.desk import open_desk
from kit.monitor.progress import Stopped
from kit.settings import BrokerConfig, Settings
from kit.tuning.lifetimes import replayed_hit_rate
from kit.tuning.trace import SESSION_S, analyst_requests
from kit.tuning.tuner import Advice, tune
from kit.tuning.workload import speedups
from kit.widgets.frame.job import OnProgress


@dataclass(frozen=True)
class Measured:
    """What a measurement of settings found.

    Parameters
    ----------
    results : BenchmarkResults
        Of the rows ``chain_cold`` to ``atm_hot``; a tier that is off under the settings has no figure.
    hit_rate_percent : float
        Hits of the in-process tier over the requests of a typical session, which are generated.
    speedup : mapping of int to float
        Workers to evaluation speed-up over one worker; empty when the user cancelled before.
    """

    results: BenchmarkResults
    hit_rate_percent: float
    speedup: Mapping[int, float]

    def latency_ms(self, tier: str) -> dict[str, float]:
        """Return the median by operation of one tier: cold (network), warm (SQLite) or hot (in process)."""
        found = {line.name: line.figure for line in self.results["lines"] if not isnan(line.figure)}
        names = {operation: f"{operation}_{tier}" for operation in OPERATIONS}
        return {operation: found[name] for operation, name in names.items() if name in found}

    @property
    def stopped(self) -> bool:
        """Whether the user cancelled, and the rest is missing."""
        return not self.speedup


Outcome = Measured | Advice | BenchmarkResults
Task = Callable[[Settings, OnProgress, Callable[[], bool]], Outcome]


def searching(workload: Any = None, snapshots: Sequence[Any] = ()) -> Task:
    """Return the task that searches lifetimes, pool size and workers that suit this machine.

    Parameters
    ----------
    workload, snapshots
        Your own ideas and what they are evaluated on, as `kit.tuning.tuner.tune` takes them.

    Examples
    --------
    ``TunePanel(desk, {**TASKS, "Search for my ideas": searching(ideas, chains)})``
    """

    def search(settings: Settings, on_progress: OnProgress, should_stop: Callable[[], bool]) -> Advice:
        return tune(
            settings,
            progress=on_progress,
            should_stop=should_stop,
            workload=workload,
            snapshots=snapshots,
        )

    return search


def measure(settings: Settings, on_progress: OnProgress, should_stop: Callable[[], bool]) -> Measured:
    """Measure the main operations through every tier, and evaluation by workers, with these settings."""
    results = run_performance_benchmark(
        rows=[f"{operation}_{tier}" for operation in OPERATIONS for tier in TIERS],
        progress=lambda share, word: on_progress(0.7 * share, word),
        should_stop=should_stop,
        settings=settings,
    )

    def checkpoint(word: str) -> None:
        on_progress(0.8, word)
        if should_stop():
            raise Stopped

    found: Mapping[int, float] = {}
    simulated = settings.model_copy(update={"broker": BrokerConfig(mode="simulated")})
    with suppress(Stopped):
        checkpoint("evaluation")
        with open_desk(simulated) as desk:
            found = speedups(settings, desk.data.option_chain(), checkpoint)
    on_progress(1.0, "done" if found else "stopped")
    hit_rate = replayed_hit_rate(settings.cache_config, analyst_requests(SESSION_S))
    return Measured(results, hit_rate, found)


def benchmark(
    settings: Settings, on_progress: OnProgress, should_stop: Callable[[], bool]
) -> BenchmarkResults:
    """Run the quick rows of the benchmark with these settings."""
    return run_performance_benchmark(progress=on_progress, should_stop=should_stop, settings=settings)


TASKS: Mapping[str, Task] = {
    "Measure these settings": measure,
    "Search better settings": searching(),
    "Run the benchmark": benchmark,
}


def words(outcome: Outcome) -> str:
    """Say what a task found."""
    if isinstance(outcome, Advice):
        return str(outcome)
    return summary(outcome) if isinstance(outcome, BenchmarkResults) else measured(outcome)


def measured(result: Measured) -> str:
    """Say what a measurement found."""
    tiers = [
        f"{tier} {', '.join(f'{operation} {ms:.3g} ms' for operation, ms in found.items())}"
        for tier in TIERS
        if (found := result.latency_ms(tier))
    ]
    speedup = [f"{times:.2f} times with {workers}" for workers, times in result.speedup.items()]
    lines = [
        *(["The run was cancelled; this is what it found."] if result.stopped else []),
        f"Median latency: {'; '.join(tiers) or 'nothing measured'}.",
        f"Hit rate of a typical session: {result.hit_rate_percent:.0f} %.",
        *([f"Speed-up over one worker: {', '.join(speedup)}."] if speedup else []),
    ]
    return "\n".join(lines)
