"""Evaluation speed-up by worker count, on ideas of about ten milliseconds of plain Python."""

from __future__ import annotations

import random
from time import perf_counter

from kit.benchmark.run import SEED
from kit.errors import KitError
from kit.model import ChainSnapshot
from kit.settings import Settings

IDEAS = 24


def slow_idea(snapshot: ChainSnapshot, rolls: int = 70_000) -> float:
    """Return the mean payoff of the straddle over simulated closes: about 10 ms of plain Python."""
    rng = random.Random(SEED)  # noqa: S311 - a simulation
    middle, forward = snapshot.atm_strike, snapshot.forward
    return sum(abs(forward * (0.98 + 0.04 * rng.random()) - middle) for _ in range(rolls)) / rolls


def worker_counts(most: int) -> list[int]:
    """Return 1, 2, 4, ... up to `most`, and `most` itself."""
    return sorted({1, most, *(2**power for power in range(1, 11) if 2**power <= most)})


def evaluation_seconds(settings: Settings, chain: ChainSnapshot, workers: int, rounds: int = 3) -> float:
    """Return the best of a few evaluation runs of `IDEAS` ideas by this many warm workers, seconds.

    Raises
    ------
    KitError
        An evaluation failed.
    """
    from kit.evaluation.manager import StrategyEvaluationManager
    from kit.parallel import ConcurrentProcessor

    ideas = {f"idea {number}": slow_idea for number in range(IDEAS)}
    queue = max(settings.workers.queue_size, IDEAS)
    with ConcurrentProcessor(workers, queue, settings.workers.backend) as processor:
        manager = StrategyEvaluationManager(processor)
        spent = []
        for _ in range(rounds + 1):  # the first one starts the workers
            started = perf_counter()
            results = manager.evaluate_strategies_concurrent(ideas, chain)
            spent.append(perf_counter() - started)
        if results.failures:
            raise KitError("The evaluation failed", next(iter(results.failures.values())))
    return min(spent[1:])
