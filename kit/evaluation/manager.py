"""Many strategies on one chain, or on many chains, side by side and with the failures shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from kit.errors import DataError
from kit.evaluation.metrics import Score, score
from kit.evaluation.results import COLUMNS, Results, order, row_of
from kit.model import ChainSnapshot, Leg
from kit.monitor import PerformanceMonitor
from kit.parallel import ConcurrentProcessor, ProcessingResult, ProcessingTask
from kit.strategies.base import Strategy

Idea = Strategy | Callable[[Any], Any]
OPERATION = "strategy_evaluation"
OnRow = Callable[[dict[str, Any]], object]
ONE = "strategy"  # the name under which the monitor counts a single strategy, timed in its worker


def evaluate(idea: Idea, market_data: Any, name: str = "") -> Score | Any:
    """Evaluate one strategy where it is called.

    Parameters
    ----------
    idea : Strategy or callable
        Anything with a method ``legs(market_data)``, or a function ``f(market_data)``.
    market_data : ChainSnapshot or object
        A snapshot; a plain function may be given anything.
    name : str, optional
        What to call the score.

    Returns
    -------
    Score or object
        The score where the strategy gave legs, else what the function returned.

    Raises
    ------
    DataError
        Legs were given on something that is no chain, so that they cannot be scored.
    """
    found = idea.legs(market_data) if hasattr(idea, "legs") else idea(market_data)
    if not _are_legs(found):
        return found
    if not isinstance(market_data, ChainSnapshot):
        kind = type(market_data).__name__
        raise DataError(
            "Legs are scored on a ChainSnapshot, not on a", kind, "Pass DataManager.option_chain()."
        )
    return score(found, market_data, name=name)


def _are_legs(found: object) -> bool:
    return isinstance(found, list | tuple) and bool(found) and all(isinstance(leg, Leg) for leg in found)


class _Ask(NamedTuple):
    """One strategy on one chain, and what its row of the table starts with."""

    name: str
    idea: Idea
    market_data: Any
    place: dict[str, Any]


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

        Returns
        -------
        Results
            Name to score; asking for one that failed raises its error, `Results.table` ranks them.
        """
        asked = [_Ask(name, idea, market_data, {"strategy": name}) for name, idea in strategies.items()]
        ended = self._run(asked, timeout, on_result)
        return Results(dict(zip(strategies, ended, strict=True)))

    def evaluate_many(
        self,
        strategies: Mapping[str, Idea],
        snapshots: Iterable[ChainSnapshot],
        timeout: float = 30.0,
        on_result: OnRow | None = None,
    ) -> pd.DataFrame:
        """Evaluate every strategy on every chain; each chain travels to a worker once.

        Parameters
        ----------
        strategies, timeout
            As in `evaluate_strategies_concurrent`.
        snapshots : iterable of ChainSnapshot
            For instance one per day.
        on_result : callable, optional
            Given each row of the table, a dict, as it finishes.

        Returns
        -------
        DataFrame
            One row per chain and strategy, chain by chain and ranked within each, failures included:
            ``taken_at``, ``expiry``, ``strategy`` and the columns of `Results.table`.
        """
        asked = [
            _Ask(name, idea, chain, {"taken_at": chain.taken_at, "expiry": chain.expiry, "strategy": name})
            for chain in snapshots
            for name, idea in strategies.items()
        ]
        ended = list(zip(asked, self._run(asked, timeout, on_result), strict=True))
        rows = []
        for first in range(0, len(ended), max(1, len(strategies))):
            of_one_chain = sorted(ended[first : first + len(strategies)], key=lambda pair: order(pair[1]))
            rows += [ask.place | row_of(result) for ask, result in of_one_chain]
        return pd.DataFrame(rows, columns=["taken_at", "expiry", "strategy", *COLUMNS])

    def _run(self, asked: Sequence[_Ask], timeout: float, on_result: OnRow | None) -> list[ProcessingResult]:
        """Run each as a task of its own and return the results in the order asked."""
        places = {f"{OPERATION} {number} {ask.name}": ask for number, ask in enumerate(asked)}
        tasks = [
            ProcessingTask(
                task_id, evaluate, (ask.idea, ask.market_data, ask.name), timeout=timeout, name=ONE
            )
            for task_id, ask in places.items()
        ]

        def finished(result: ProcessingResult) -> None:
            if on_result is not None:
                on_result(places[result.task_id].place | row_of(result))

        with self.monitor.measure(OPERATION):
            return self.processor.run(tasks, on_result=finished)
