"""The ranking panel."""

import json
from math import isnan

import pytest

from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.scored import Score
from kit.parallel import ConcurrentProcessor
from kit.strategies import ALL
from kit.widgets.frame.context import Context
from kit.widgets.panels.ranking import COLUMNS, RankingPanel


def broken(snapshot):
    """Divide by zero."""
    return snapshot.spot / 0


def seven(_):
    """Return a number, which is no score."""
    return 7


@pytest.fixture(scope="module")
def results(make_chain):
    """Return every strategy, one that fails and one that returns a number."""
    ideas = {kind().name: kind() for kind in ALL} | {"broken": broken, "a <number>": seven}
    processor = ConcurrentProcessor(max_workers=1, backend="serial")
    try:
        yield StrategyEvaluationManager(processor).evaluate_strategies_concurrent(ideas, make_chain())
    finally:
        processor.shutdown()


@pytest.mark.parametrize("by", [column.field for column in COLUMNS])
def test_the_best_row_stands_first(results, by):
    """Whatever it is sorted by, the best figure leads, and rows without one stand last."""
    panel = RankingPanel(results)
    panel.inputs["by"].value = by
    assert panel.errors.value == ""
    rows = RankingPanel.compute(panel.source, by)
    known = [figure for figure in rows[by][rows["tradable"] == True].tolist() if not isnan(figure)]  # noqa: E712
    least_first = by in ("max_loss_inr", "risk_inr", "cost_inr", "cost_on_risk", "margin_inr")
    assert known == sorted(known, reverse=not least_first)
    assert rows[by].notna().sum() == len(ALL)
    assert len(panel.table.rows) == len(results)


def test_a_failure_and_a_plain_value_are_told(results):
    """The error of a strategy stands in its row, and so does a value that is no score, as text."""
    panel = RankingPanel(results)
    rows = {row["key"]: row for row in panel.table.rows}
    assert "ZeroDivisionError" in rows["broken"]["cells"][-1]
    assert rows["broken"]["mark"] == "kit-failed"
    assert rows["a <number>"]["cells"][-1].startswith("returned 7")
    assert "Failed: broken." in panel.words.value


def test_an_unbounded_loss_is_no_number(results):
    """An infinite loss reaches the page as a number that JSON knows and that the page writes as such."""
    panel = RankingPanel(results)
    at = [column["field"] for column in panel.table.columns].index("max_loss_inr")
    losses = [row["cells"][at] for row in panel.table.rows]
    assert 1e308 in losses
    assert json.dumps(panel.table.rows, allow_nan=False)


@pytest.mark.parametrize("by", ["cost_on_risk", "vega_inr"])
def test_what_it_is_sorted_by_stands_beside_the_name(results, by):
    """However little room there is, the figure that orders the rows is in sight."""
    panel = RankingPanel(results)
    panel.inputs["by"].value = by
    assert [column["field"] for column in panel.table.columns[:2]] == ["strategy", by]
    known = next(row["cells"] for row in panel.table.rows if row["mark"] == "")
    assert len(known) == len(panel.table.columns)


def test_nothing_scored_is_said(make_chain):
    """Where every strategy failed, the panel says so."""
    processor = ConcurrentProcessor(max_workers=1, backend="serial")
    try:
        manager = StrategyEvaluationManager(processor)
        panel = RankingPanel(manager.evaluate_strategies_concurrent({"broken": broken}, make_chain()))
    finally:
        processor.shutdown()
    assert panel.errors.value == ""
    assert "No strategy was scored." in panel.words.value


def test_a_row_opens_in_the_position_builder(results, make_chain):
    """With a context a click on a strategy chooses its legs; what failed has none and says so."""
    context = Context(chains=(make_chain(),))
    panel = RankingPanel(results, context)
    name = next(name for name, one in results.completed.items() if isinstance(one, Score))
    panel.table.clicked = {"key": name, "column": "strategy", "group": "", "count": 1}
    assert [leg.strike for leg in context.idea] == [leg.strike for leg in results.completed[name].legs]
    assert context.opened == 1
    panel.table.clicked = {"key": "broken", "column": "strategy", "group": "", "count": 2}
    assert "broken" in panel.errors.value
    assert not RankingPanel(results).table.clickable
