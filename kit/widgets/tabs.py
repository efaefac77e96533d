"""All panels on one page, a tab each: ``lab(desk)`` in a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w

from kit.strategies import ALL
from kit.widgets.frame.context import Context
from kit.widgets.panels.backtest.panel import BacktestPanel
from kit.widgets.panels.bench import BenchPanel
from kit.widgets.panels.chain import ChainPanel
from kit.widgets.panels.evaluate import EvaluationPanel
from kit.widgets.panels.live import LivePanel
from kit.widgets.panels.monitor import MonitorPanel
from kit.widgets.panels.payoff import PayoffPanel
from kit.widgets.panels.position.panel import PositionPanel
from kit.widgets.panels.scan.panel import ScanPanel
from kit.widgets.panels.tune.panel import TunePanel

if TYPE_CHECKING:
    from kit.desk import Desk


def lab(desk: Desk, underlying: str = "BANKNIFTY") -> w.Tab:
    """Show every panel, one per tab; expiries are asked for when they are chosen, in one panel for all.

    Parameters
    ----------
    desk : Desk
        All parts of the kit; see `kit.desk.open_desk`.
    underlying : str, default "BANKNIFTY"
        Name of the index.

    Returns
    -------
    Tab
        A tab per panel; the ranking fills as strategies are evaluated, and a row that is opened brings up the
        position builder.

    Raises
    ------
    DataError
        There is no such index.
    """
    context = Context(desk, underlying=underlying)
    ideas = {kind().name: kind() for kind in ALL}
    ranking = EvaluationPanel(desk.evaluation, ideas, context)
    ranking.runner.start()
    panels = {
        "Chain": ChainPanel(context),
        "Payoff": PayoffPanel(context),
        "Position": PositionPanel(context),
        "Ranking": ranking,
        "Scanner": ScanPanel(context),
        "Live": LivePanel(desk, underlying=underlying),
        "Backtest": BacktestPanel(desk),
        "Tuning": TunePanel(desk),
        "Benchmark": BenchPanel(),
        "Monitor": MonitorPanel(desk),
    }
    page = w.Tab(list(panels.values()), titles=list(panels))
    page.add_class("kit-lab")

    def bring_up(_: object) -> None:
        page.selected_index = page.titles.index("Position")

    context.observe(bring_up, "opened")
    return page
