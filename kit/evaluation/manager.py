"""Many strategies on one chain, or on many chains, side by side and with the failures shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

import pandas as pd

from kit.arguments import like
from kit.evaluation.batches import Batches, OnEnded
from kit.evaluation.request import EvaluationRequest, bunches, checked_strategies
from kit.evaluation.results import COLUMNS, Results, row_of, standing
from kit.evaluation.terms import Terms
from kit.evaluation.views import View, market
from kit.evaluation.worker import Idea
from kit.model import ChainSnapshot
from kit.monitor import PerformanceMonitor
from kit.monitor.progress import progress_bar
from kit.parallel import ConcurrentProcessor, ProcessingResult
from kit.shown import Showable

OnRow = Callable[[dict[str, Any]], object]
OPERATION = "strategy_evaluation"
TIMEOUT_S = 30.0  # of a strategy where neither the call nor the processor states one


class StrategyEvaluationManager(Showable):
    """Evaluates strategies on a processor and returns one table.

    The stop button or Ctrl-C ends a run within a second and is raised again; what had finished is in
    `last`, the rest as ``"cancelled"``. `cancel`, from another thread, does the same and lets the run
    return. Either way the processor serves on.

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
        self.processor = like(processor, "processor", "run")
        self.monitor = processor.monitor if performance_monitor is None else performance_monitor
        self._last: Callable[[], Results | pd.DataFrame | None] = lambda: None
        self._runs: list[Batches] = []

    def _figures(self) -> dict[str, object]:
        return {"last": repr(self.last) if isinstance(self.last, Results) else "no run of strategies yet"}

    def _details(self) -> list[str]:
        return [self.last._repr_html_()] if isinstance(self.last, Results) else []

    @property
    def last(self) -> Results | pd.DataFrame | None:
        """What the latest run returned, or has found so far: also after an interrupt, and while it runs.

        `Results` of `evaluate_strategies_concurrent`, the table of `evaluate_many`, None before the first.
        """
        return self._last()

    def cancel(self) -> bool:
        """End the runs under way, from another thread; they return what they have found.

        Strategies that had not finished end as ``"cancelled"``. A source of chains is not asked again,
        but one that is just giving its next chain is waited for.

        Returns
        -------
        bool
            Whether there was one.
        """
        runs = [*self._runs]
        for run in runs:
            run.cancel()
        return bool(runs)

    def evaluate_strategies_concurrent(
        self,
        strategies: Mapping[str, Idea],
        market_data: Any,
        timeout: float | None = None,
        on_result: OnRow | None = None,
        progress: bool = False,
        *,
        view: View | str = market,
        entry: str = "touch",
        basis: str = "held",
    ) -> Results:
        """Evaluate strategies on one chain, side by side.

        Parameters
        ----------
        strategies : mapping of str to Strategy or callable
            By name; lambdas and functions of a notebook cell are welcome.
        market_data : ChainSnapshot or object
            What each of them is given.
        timeout : float, optional
            Seconds that one strategy may run; one that overruns is stopped and costs its own row only.
            Default the processor's ``task_timeout_s``, which a desk takes from its settings, else 30.
        on_result : callable, optional
            Given the row of each strategy, a dict with ``strategy`` and the columns of `Results.table`,
            as it finishes. If it raises, the run ends.
        progress : bool, default False
            Show a progress bar.
        view, entry, basis
            On what terms positions are scored: as in `kit.evaluation.metrics.score`.

        Returns
        -------
        Results
            Name to score; asking for one that failed raises its error, `Results.table` ranks them.

        Raises
        ------
        KitError
            The strategies are no mapping, or one of them cannot be evaluated.
        KeyboardInterrupt
            The run was interrupted; `last` has what had finished.
        """
        ideas, terms = checked_strategies(strategies), Terms.of(view, entry, basis)
        kept: dict[int, tuple[Any, ProcessingResult]] = {}

        def keep(request: EvaluationRequest, result: ProcessingResult) -> None:
            kept[request.place] = (request.name, result)

        def results() -> Results:
            return Results(dict(kept[place] for place in sorted([*kept])))

        self._last = results
        with self._running(keep, timeout, on_result, len(ideas), progress) as batches:
            batches.run(
                [
                    EvaluationRequest(place, idea, market_data, name, str(name), {"strategy": name}, terms)
                    for place, (name, idea) in enumerate(ideas.items())
                ]
            )
        return results()

    def evaluate_many(
        self,
        strategies: Mapping[str, Idea],
        snapshots: Iterable[ChainSnapshot],
        timeout: float | None = None,
        on_result: OnRow | None = None,
        progress: bool = False,
        *,
        keep: bool = True,
        view: View | str = market,
        entry: str = "touch",
        basis: str = "held",
    ) -> pd.DataFrame:
        """Evaluate every strategy on every chain; each chain travels to a worker once.

        Parameters
        ----------
        snapshots : iterable of ChainSnapshot
            For instance one per day. A generator may be long or endless: it is read at most 64 chains ahead,
            one by one where it is slow, and no chain is held longer than its strategies run.
        strategies, timeout, on_result, progress, view, entry, basis
            As in `evaluate_strategies_concurrent`.
        keep : bool, default True
            Keep the rows for the table. Without it rows go to `on_result` only, so that memory stays as it
            is however many there are.

        Returns
        -------
        DataFrame
            One row per chain and strategy, chain by chain and ranked within each, failures included:
            ``taken_at``, ``expiry``, ``strategy`` and the columns of `Results.table`.

        Raises
        ------
        KitError
            The strategies are no mapping, one of them cannot be evaluated, or a snapshot is none.
        KeyboardInterrupt
            The run was interrupted; `last` has what had finished.
        """
        ideas, terms = checked_strategies(strategies), Terms.of(view, entry, basis)
        kept: dict[int, tuple[Mapping[str, Any], ProcessingResult]] = {}
        places = count()

        def remember(request: EvaluationRequest, result: ProcessingResult) -> None:
            if keep:
                kept[request.place] = (request.head, result)

        def requests(chain: ChainSnapshot) -> Iterator[EvaluationRequest]:
            for name, idea in ideas.items():
                place = next(places)
                head = {"taken_at": chain.taken_at, "expiry": chain.expiry, "strategy": name}
                yield EvaluationRequest(
                    place, idea, chain, name, f"{name} on chain {place // len(ideas)}", head, terms
                )

        self._last = partial(_table, kept, len(ideas))
        total = len(snapshots) * len(ideas) if isinstance(snapshots, Sized) else None
        with self._running(remember, timeout, on_result, total, progress) as batches:
            for bunch in bunches(snapshots if ideas else ()):
                batches.run([request for chain in bunch for request in requests(chain)])
                if batches.stopped:
                    break
        return _table(kept, len(ideas))

    @contextmanager
    def _running(
        self, keep: OnEnded, timeout: float | None, on_result: OnRow | None, total: int | None, progress: bool
    ) -> Iterator[Batches]:
        """Time a run, tell of each row as it ends, and let `cancel` find it."""
        with self.monitor.measure(OPERATION), progress_bar(total, "strategy", progress) as advance:

            def tell(request: EvaluationRequest, result: ProcessingResult) -> None:
                advance()
                if on_result is not None:
                    on_result({**request.head, **row_of(result)})

            if timeout is None:
                timeout = self.processor.task_timeout_s or TIMEOUT_S
            batches = Batches(self.processor, timeout, keep, tell)
            self._runs.append(batches)
            try:
                yield batches
            finally:
                self._runs.remove(batches)


def _table(kept: Mapping[int, tuple[Mapping[str, Any], ProcessingResult]], strategies: int) -> pd.DataFrame:
    """Write the rows chain by chain; as many in a row belong to one chain as there are strategies."""
    places = sorted([*kept], key=lambda place: (place // strategies, *standing(kept[place][1]), place))
    rows = [{**kept[place][0], **row_of(kept[place][1])} for place in places]
    return pd.DataFrame(rows, columns=["taken_at", "expiry", "strategy", *COLUMNS])
