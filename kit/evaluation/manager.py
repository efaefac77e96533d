"""Many strategies on one chain, or on many chains, side by side and with the failures shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pandas as pd

from kit.evaluation.batches import Ask, Batches
from kit.evaluation.results import COLUMNS, Results, order, row_of
from kit.evaluation.worker import Idea
from kit.model import ChainSnapshot
from kit.monitor import PerformanceMonitor
from kit.parallel import ConcurrentProcessor, ProcessingResult

OnRow = Callable[[dict[str, Any]], object]
OPERATION = "strategy_evaluation"


class StrategyEvaluationManager:
    """Evaluates strategies on a processor and returns one table.

    Parameters
    ----------
    processor : ConcurrentProcessor
        Runs the evaluations; stays the caller's to shut down.
    performance_monitor : PerformanceMonitor, optional
        Times each run as ``strategy_evaluation``; default the processor's own.
    """

    def __init__(
        self, processor: ConcurrentProcessor, performance_monitor: PerformanceMonitor | None = None
    ) -> None:
        self.processor = processor
        self.monitor = performance_monitor or processor.monitor

    def evaluate_strategies_concurrent(
        self,
        strategies: Mapping[str, Idea],
        market_data: Any,
        timeout: float = 30.0,
        on_result: OnRow | None = None,
        progress: bool = False,
    ) -> Results:
        """Evaluate strategies on one chain, side by side.

        Parameters
        ----------
        strategies : mapping of str to Strategy or callable
            By name; lambdas and functions of a notebook cell are welcome.
        market_data : ChainSnapshot or object
            What each of them is given.
        timeout : float, default 30.0
            Seconds that one strategy may run; one that overruns is stopped and costs its own row only.
        on_result : callable, optional
            Given the row of each strategy, a dict with ``strategy`` and the columns of `Results.table`,
            as it finishes.
        progress : bool, default False
            Show a progress bar.

        Returns
        -------
        Results
            Name to score; asking for one that failed raises its error, `Results.table` ranks them.
        """
        asks = [Ask(idea, market_data, name, name) for name, idea in strategies.items()]
        places = [{"strategy": name} for name in strategies]
        ended = self._run(asks, places, timeout, on_result, progress)
        return Results(dict(zip(strategies, ended, strict=True)))

    def evaluate_many(
        self,
        strategies: Mapping[str, Idea],
        snapshots: Iterable[ChainSnapshot],
        timeout: float = 30.0,
        on_result: OnRow | None = None,
        progress: bool = False,
    ) -> pd.DataFrame:
        """Evaluate every strategy on every chain; each chain travels to a worker once.

        Parameters
        ----------
        snapshots : iterable of ChainSnapshot
            For instance one per day.
        strategies, timeout, on_result, progress
            As in `evaluate_strategies_concurrent`.

        Returns
        -------
        DataFrame
            One row per chain and strategy, chain by chain and ranked within each, failures included:
            ``taken_at``, ``expiry``, ``strategy`` and the columns of `Results.table`.
        """
        pairs = [(chain, name) for chain in snapshots for name in strategies]
        asks = [
            Ask(strategies[name], chain, name, f"{name} on chain {at // len(strategies)}")
            for at, (chain, name) in enumerate(pairs)
        ]
        places = [
            {"taken_at": chain.taken_at, "expiry": chain.expiry, "strategy": name} for chain, name in pairs
        ]
        ended = self._run(asks, places, timeout, on_result, progress)
        # as many results in a row belong to one chain as there are strategies
        ranked = sorted(range(len(asks)), key=lambda at: (at // len(strategies), *order(ended[at])))
        rows = [places[at] | row_of(ended[at]) for at in ranked]
        return pd.DataFrame(rows, columns=["taken_at", "expiry", "strategy", *COLUMNS])

    def _run(
        self,
        asks: Sequence[Ask],
        places: Sequence[dict[str, Any]],
        timeout: float,
        on_result: OnRow | None,
        progress: bool,
    ) -> list[ProcessingResult]:
        """Evaluate everything, tell of each row as it ends, and return the results in the order asked."""
        with self.monitor.measure(OPERATION), _bar(len(asks), progress) as bar:

            def ended(number: int, result: ProcessingResult) -> None:
                if bar is not None:
                    bar.update()
                if on_result is not None:
                    on_result(places[number] | row_of(result))

            return Batches(self.processor, asks, timeout, ended).run()


def _bar(total: int, shown: bool) -> AbstractContextManager[Any]:
    if not shown:
        return nullcontext()
    from tqdm.auto import tqdm

    return tqdm(total=total, unit="strategy")
