"""What every position of a chain costs to score, and what a position costs on another day and in margin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kit.benchmark.machine import ceiling
from kit.benchmark.measure import Arms, Figures, speedups
from kit.benchmark.registry import row
from kit.benchmark.rows.parallel import workers
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, at_most, faster
from kit.evaluation.margin import margin, snapshot_parameters
from kit.evaluation.metrics import score
from kit.evaluation.scan import scan
from kit.evaluation.scan.engine import figures
from kit.evaluation.scan.families import UNLISTED, enumerate_family
from kit.evaluation.scan.ladder import Ladder, ladder
from kit.evaluation.terms import Terms
from kit.evaluation.through_time import profit_grid
from kit.model import ChainSnapshot
from kit.strategies import IronCondor

WIDTHS = (200.0, 500.0, 1000.0, 1500.0)


def _chain(run: Run) -> ChainSnapshot:
    return run.desk().data.option_chain()


def _condors(chain: ChainSnapshot) -> tuple[Ladder, Any, Any]:
    found = ladder(chain, Terms(), snapshot_parameters(chain))
    (positions,) = enumerate_family("iron_condor", found, WIDTHS)
    places = positions.places(0, len(positions))
    return found, places[(places != UNLISTED).all(axis=1)], positions.lots


@row("evaluation", "M positions/s", at_least(1.5), peer=("metrics.score, one by one", faster(20)), quick=True)
def scan_positions(run: Run) -> Arms:
    """Score 2,000 iron condors on one core: all columns of a score, and the margin.

    The peer is the definition, without the margin.
    """
    chain = _chain(run)
    found, places, lots = _condors(chain)
    some = np.ascontiguousarray(places[np.linspace(0, len(places) - 1, 2000).astype(int)])
    legs = [found.legs(held, lots, chain) for held in some]
    return Arms(
        ours=lambda: figures(found, some, lots),
        peer=lambda: [score(held, chain) for held in legs],
        items=len(some),
        rounds=5 if run.quick else 15,
        warm=1,
    )


def _with_strikes(chain: ChainSnapshot, count: int) -> ChainSnapshot:
    """Return a chain with its furthest contracts once more beyond it, until it has so many strikes."""
    table, more = chain.table, 2 * (count - len(chain.strikes))
    beyond = table.tail(more)
    further = beyond["strike"] - beyond["strike"].min() + chain.strikes[-1] + 100
    return replace(chain, frame=pd.concat([table, beyond.assign(strike=further)], ignore_index=True))


@row("evaluation", "ms", at_most(500), quick=True)
def scan_condors(run: Run) -> Arms:
    """Enumerate, score, filter and rank every iron condor of a chain of 140 strikes with four widths."""
    chain = _with_strikes(_chain(run), 140)
    return Arms(ours=lambda: scan(chain, IronCondor, widths=WIDTHS))


@row("evaluation", "times", at_least(1.8), cores=2)
def scan_speedup(run: Run) -> Figures:
    """Scan more than a million positions, of every family, on two workers, against one thread."""
    chain = _chain(run)
    widths = [100.0 * number for number in range(1, 37)]
    wanted: dict[str, Any] = {"families": "all", "widths": widths}
    pool = run.once(workers)
    scan(chain, processor=pool, **wanted)  # workers load the machine code once
    run.notes.append(ceiling())
    return speedups(
        lambda: scan(chain, **wanted),
        lambda: scan(chain, processor=pool, **wanted),
        3 if run.quick else 7,
        run.checkpoint,
        warm=0,
    )


@row("evaluation", "ms", at_most(10), quick=True)
def position_grid(run: Run) -> Arms:
    """Profit of a condor at 101 levels, 21 volatilities and 10 dates."""
    chain = _chain(run)
    legs = IronCondor().legs(chain)
    levels, shifts = np.linspace(0.9, 1.1, 101) * chain.spot, np.linspace(-0.05, 0.05, 21)
    days = np.linspace(0.0, 365 * chain.t_years, 10)
    return Arms(ours=lambda: profit_grid(legs, chain, levels, shifts, days))


@row("evaluation", "us", at_most(200), quick=True)
def position_margin(run: Run) -> Arms:
    """Estimate the margin of an iron condor: sixteen scenarios, exposure, and each leg by itself."""
    chain = _chain(run)
    legs, rules = IronCondor().legs(chain), snapshot_parameters(chain)
    return Arms(ours=lambda: margin(legs, chain, rules))
