"""The one meter of speed-ups, and an evaluation of ideas of about ten milliseconds of plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kit.benchmark.measure import Arms, Call, time_arms
from kit.errors import KitError
from kit.model import ChainSnapshot
from kit.settings import Settings
from kit.tuning.workload import IDEAS, slow_idea


def worker_counts(most: int) -> list[int]:
    """Return 1, 2, 4, ... up to `most`, and `most` itself."""
    return sorted({1, most, *(2**power for power in range(1, 11) if 2**power <= most)})


def speedups(
    alone: Call, together: Call, rounds: int, checkpoint: Call = lambda: None, warm: int = 1
) -> list[float]:
    """Return how many times as fast the second call is, round by round, both timed in turns."""
    found = time_arms(Arms(alone, together, calls=1, rounds=rounds, warm=warm), 0.0, checkpoint)
    return [one / other for one, other in zip(found.ours, found.peer, strict=True)]


@contextmanager
def evaluation(settings: Settings, chain: ChainSnapshot, workers: int) -> Iterator[Call]:
    """Give a call that has this many warm workers evaluate `IDEAS` ideas once.

    Raises
    ------
    KitError
        An evaluation failed; raised by the call.
    """
    from kit.evaluation.manager import StrategyEvaluationManager
    from kit.parallel import ConcurrentProcessor

    ideas = {f"idea {number}": slow_idea for number in range(IDEAS)}
    queue = max(settings.workers.queue_size, IDEAS)
    with ConcurrentProcessor(workers, queue, settings.workers.backend) as processor:
        manager = StrategyEvaluationManager(processor)

        def once() -> None:
            results = manager.evaluate_strategies_concurrent(ideas, chain)
            if results.failures:
                raise KitError("The evaluation failed", next(iter(results.failures.values())))

        once()  # starts the workers
        yield once
