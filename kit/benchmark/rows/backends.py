"""Evaluation speed-up by backend and worker count; other rows hold the target of two processes."""

from __future__ import annotations

from kit.benchmark.measure import Samples
from kit.benchmark.registry import Measure, row
from kit.benchmark.run import Run
from kit.benchmark.speedup import evaluation, speedups
from kit.benchmark.tiers import UNDERLYING
from kit.settings import Backend, Settings, WorkersConfig

_CASES: tuple[tuple[Backend, int], ...] = (
    ("threads", 2),
    ("processes", 1),
    ("processes", 2),
    ("processes", 4),
)


def _speedup(backend: Backend, workers: int) -> Measure:
    def measure(run: Run) -> Samples:
        chain = run.desk().data.option_chain(UNDERLYING)
        alone = Settings(workers=WorkersConfig(backend="serial", max_workers=1))
        together = Settings(workers=WorkersConfig(backend=backend, max_workers=workers))
        arms = (run.enter(evaluation(alone, chain, 1)), run.enter(evaluation(together, chain, workers)))
        return Samples(speedups(*arms, rounds=7, checkpoint=run.checkpoint))

    measure.__doc__ = f"Evaluate 24 ideas of about 10 ms: in process against {backend} with {workers} warm."
    return measure


for _backend, _workers in _CASES:
    row(f"speedup_{_backend}_{_workers}", part="parallel", unit="times")(_speedup(_backend, _workers))
