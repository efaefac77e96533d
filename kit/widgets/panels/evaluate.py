"""The evaluation panel: run strategies on a chain, watch the rows come, cancel what is stuck."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as w
import traitlets as t

from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.request import checked_strategies
from kit.evaluation.results import Results
from kit.evaluation.terms import Terms
from kit.evaluation.views import View, market
from kit.evaluation.worker import Idea
from kit.model import Position
from kit.strategies.base import Strategy
from kit.strategies.own import OwnLegs
from kit.widgets.frame.cell import imports, python
from kit.widgets.frame.context import Context
from kit.widgets.frame.job import Job, OnProgress, ShouldStop, Work
from kit.widgets.frame.panel import HANDED, shown
from kit.widgets.frame.runner import Runner
from kit.widgets.panels.ranking import RankingPanel

CHOSEN = "the idea chosen"
DRAW_S = 0.2  # rows that come together are drawn together


class EvaluationPanel(RankingPanel):
    """Strategies on one chain: Run, rows as they finish, Cancel.

    Parameters
    ----------
    manager : StrategyEvaluationManager
        Whose processor and monitor to use; other runs of it are left alone by Cancel.
    strategies : mapping of str to Strategy or callable
        By name.
    market_data : Desk, Context, ChainSnapshot or sequence of ChainSnapshot
        The chain that each of them is given; another one, chosen or refreshed, runs them again.
    timeout : float, default 30.0
        Seconds that one strategy may run.
    view, entry, basis
        On what terms positions are scored: as in `kit.evaluation.metrics.score`.

    Attributes
    ----------
    results : Results or None
        Of the last run; after a Cancel what had finished, with the rest as cancelled.

    Raises
    ------
    KitError
        The strategies are no mapping, or one of them cannot be evaluated.
    """

    context: Context
    hands_over = HANDED
    heading = "Evaluation"
    lead = "Run scores every strategy and ranks it under the view named; Cancel keeps what has finished."

    def __init__(
        self,
        manager: StrategyEvaluationManager,
        strategies: Mapping[str, Idea],
        market_data: Any,
        timeout: float = 30.0,
        *,
        view: View | str = market,
        entry: str = "touch",
        basis: str = "held",
    ) -> None:
        self._manager = StrategyEvaluationManager(manager.processor, manager.monitor)
        self._ideas = dict(checked_strategies(strategies))
        self._timeout = timeout
        self._terms = Terms.of(view, entry, basis)
        self._drawing = False
        self.quoted = Context.around(market_data)
        super().__init__(Results({}), self.quoted)
        self.context.observe(self._another_chain, "chain")

    @shown
    def _another_chain(self, _: Any) -> None:
        if self.results is not None:
            self.runner.start()

    def body(self) -> list[Any]:
        """Return the buttons above the ranking."""
        self.runner = Runner(
            self._prepare, self._ended, self.errors.show, tooltip="Evaluate every strategy",
            on_cancel=self._manager.cancel,
        )  # fmt: skip
        self.runner.stop.tooltip = "End what still runs; what has finished is kept"
        below = super().body()[1:]
        t.dlink((self.context, "numbers"), (self.table, "numbers"))
        return [w.HBox([self.runner, self.inputs["by"]]), *below]

    def code(self) -> str:
        """Return Python that evaluates the strategies on the chain shown."""
        chain, terms, ideas = self.context.chain, self._terms, self._asked()
        listed = "".join(f"    {name!r}: {python(idea)},\n" for name, idea in ideas.items())
        return (
            "from kit.desk import open_desk\n"
            f"{imports([*ideas.values(), terms.view])}\n"
            "desk = open_desk()\n"
            f'chain = desk.data.option_chain("{chain.underlying}", "{chain.expiry}")\n'
            f"strategies = {{\n{listed}}}\n"
            "desk.evaluation.evaluate_strategies_concurrent(\n"
            f"    strategies, chain, {self._timeout}, view={python(terms.view)},\n"
            f"    entry={terms.entry!r}, basis={terms.basis!r},\n"
            ")\n"
        )

    def _prepare(self) -> Work:
        self.errors.clear()
        self._drawing = False
        self.context.check_open()
        if (desk := self.context.desk) is not None:  # whose workers may have been changed since
            self._manager.processor, self._manager.monitor = desk.processor, desk.monitor

        ideas = self._asked()

        def work(on_progress: OnProgress, should_stop: ShouldStop) -> Results:
            come = 0

            def row_came(_: dict[str, Any]) -> None:
                nonlocal come
                come += 1
                on_progress(come / len(ideas), f"{come} of {len(ideas)} strategies")
                if not self._drawing:
                    self._drawing = True
                    self.home.later(DRAW_S, self._draw_so_far)
                if should_stop():  # pressed before there was a run to cancel
                    self._manager.cancel()

            terms = self._terms
            return self._manager.evaluate_strategies_concurrent(
                ideas, self.context.chain, self._timeout, on_result=row_came,
                view=terms.view, entry=terms.entry, basis=terms.basis,
            )  # fmt: skip

        return work

    def _asked(self) -> dict[str, Idea]:
        """Return what Run evaluates: the strategies, and the idea chosen in another panel."""
        chosen = self.context.idea
        if chosen is None or chosen in self._ideas.values():
            return self._ideas
        legs = chosen if isinstance(chosen, Strategy) else OwnLegs(str(chosen))
        return {**self._ideas, CHOSEN: legs}

    def _idea_of(self, name: str) -> Strategy | Position:
        idea = self._ideas.get(name)
        return idea if isinstance(idea, Strategy) else super()._idea_of(name)

    @shown
    def _draw_so_far(self) -> None:
        self._drawing = False
        job, found = self.runner.job, self._manager.last
        if job is not None and job.state == "running" and isinstance(found, Results) and len(found):
            self._show(found)
            every = len(self._asked())
            self.runner.tell(len(found) / every, f"{len(found)} of {every} strategies")

    def _show(self, results: Results) -> None:
        self.source = results.table()
        self.draw(self.compute(self.source, **self.values))

    @shown
    def _ended(self, job: Job) -> None:
        found = self._manager.last
        if isinstance(found, Results):
            self.results = found
            self._show(found)
        job.outcome()
