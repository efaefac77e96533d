"""All panels on one page: ``lab(desk)`` in a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as w

from kit.strategies import ALL
from kit.widgets.panels.bench import BenchPanel
from kit.widgets.panels.chain import ChainPanel
from kit.widgets.panels.evaluate import EvaluationPanel
from kit.widgets.panels.payoff import PayoffPanel
from kit.widgets.panels.tune import TunePanel

if TYPE_CHECKING:
    from kit.desk import Desk


def lab(desk: Desk, underlying: str = "BANKNIFTY", expiries: int = 3) -> w.Tab:
    """Ask the market for its nearest expiries and show every panel, one per tab.

    Parameters
    ----------
    desk : Desk
        All parts of the kit; see `kit.desk.open_desk`.
    underlying : str, default "BANKNIFTY"
        Name of the index.
    expiries : int, default 3
        How many expiries to load.

    Returns
    -------
    Tab
        Chain, payoff, ranking, tuning and benchmark; the ranking fills as strategies are evaluated.

    Raises
    ------
    DataError
        There is no such index.
    """
    days = desk.data.expiries(underlying)[:expiries]
    chains = [desk.data.option_chain(underlying, day) for day in days]
    ideas = {kind().name: kind() for kind in ALL}
    ranking = EvaluationPanel(desk.evaluation, ideas, chains[0])
    ranking.runner.start()
    panels = {
        "Chain": ChainPanel(chains),
        "Payoff": PayoffPanel(chains[0]),
        "Ranking": ranking,
        "Tuning": TunePanel(desk),
        "Benchmark": BenchPanel(),
    }
    return w.Tab(list(panels.values()), titles=list(panels))
