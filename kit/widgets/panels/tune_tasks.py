"""What the tuning panel can run, and what it says of the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kit.benchmark.report import summary
from kit.benchmark.results import Results
from kit.benchmark.suite import run_performance_benchmark
from kit.benchmark.tiers import TierLatencies, measure_tiers
from kit.settings import Settings
from kit.tuning.tuner import Advice, tune
from kit.widgets.frame.job import OnProgress

Outcome = TierLatencies | Advice | Results
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


def benchmark(settings: Settings, on_progress: OnProgress, should_stop: Callable[[], bool]) -> Results:
    """Run the quick rows of the benchmark with these settings."""
    return run_performance_benchmark(
        quick=True, progress=on_progress, should_stop=should_stop, settings=settings
    )


TASKS: Mapping[str, Task] = {
    "Measure these settings": measure_tiers,
    "Search better settings": searching(),
    "Run the benchmark": benchmark,
}


def words(outcome: Outcome) -> str:
    """Say what a task found."""
    if isinstance(outcome, Advice):
        return str(outcome)
    return summary(outcome) if isinstance(outcome, Results) else measured(outcome)


def measured(result: TierLatencies) -> str:
    """Say what a measurement found."""
    tiers = [
        f"{operation} {', '.join(f'{tier} {found.figure:.3g} ms' for tier, found in by_tier.items())}"
        for operation, by_tier in result.latency_ms.items()
        if by_tier
    ]
    speedup = [f"{times:.2f} times with {workers}" for workers, times in result.speedup.items()]
    lines = [
        *(["The run was cancelled; this is what it found."] if result.stopped else []),
        f"Median latency: {'; '.join(tiers) or 'nothing measured'}.",
        f"Hit rate of a typical session: {result.hit_rate_percent:.0f} %.",
        *([f"Speed-up over one worker: {', '.join(speedup)}."] if speedup else []),
    ]
    return "\n".join(lines)
