"""The evaluation panel: rows come, Cancel keeps them."""

import asyncio
import io
import time

import pandas as pd
import pytest
from PIL import Image

from kit.desk import open_desk
from kit.errors import DataError, KitError
from kit.evaluation.manager import StrategyEvaluationManager
from kit.model import Position
from kit.parallel import ConcurrentProcessor
from kit.settings import Settings
from kit.strategies import ALL, IronCondor
from kit.widgets.frame.context import Context
from kit.widgets.panels.chain import ChainPanel
from kit.widgets.panels.evaluate import CHOSEN, EvaluationPanel

SOON_S = 60  # generous: a time-out of 300 s is what it must not be


def stuck(_):
    """Never return."""
    while True:
        pass


def broken(snapshot):
    """Divide by zero."""
    return snapshot.spot / 0


IDEAS = {kind().name: kind() for kind in ALL} | {"broken": broken, "stuck": stuck}


@pytest.fixture(scope="module")
def manager():
    """Return a manager with two worker processes."""
    with ConcurrentProcessor(max_workers=2) as processor:
        yield StrategyEvaluationManager(processor)


async def until(condition):
    """Leave the loop alive until a condition holds."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def in_a_page(make, script):
    """Build a panel and press its buttons where there is an event loop, as in a kernel."""

    async def main():
        panel = make()
        await script(panel)
        return panel

    return asyncio.run(main())


def test_rows_come_while_one_is_stuck_and_cancel_keeps_them(manager, make_chain):
    """The table fills while a strategy is stuck; Cancel ends that within moments and keeps the rows."""

    async def script(panel):
        assert "Nothing has been evaluated yet." in panel.words.value
        panel.runner.run.click()
        await until(lambda: len(panel.table.rows) == len(IDEAS) - 1)
        assert f"{len(IDEAS) - 1} of {len(IDEAS)} strategies" in panel.runner.status.value
        assert "ZeroDivisionError" in str(panel.table.rows)
        assert "stuck" not in str(panel.table.rows)
        pressed = time.monotonic()
        panel.runner.stop.click()
        await panel.runner.job.finished()
        assert time.monotonic() - pressed < SOON_S

    panel = in_a_page(lambda: EvaluationPanel(manager, IDEAS, make_chain(), timeout=300), script)
    assert panel.runner.job.state == "cancelled"
    assert panel.errors.value == ""
    assert set(panel.results.failures) == {"broken", "stuck"}
    assert len(panel.results.completed) == len(ALL)
    assert len(panel.table.rows) == len(IDEAS)
    assert "cancelled" in str(panel.table.rows)
    assert not panel.runner.run.disabled
    assert manager.processor.get_active_tasks() == {}


def test_cancel_leaves_the_managers_other_runs_alone(manager, make_chain):
    """A panel cancels its own run and not another of the manager it was given."""
    panel = EvaluationPanel(manager, IDEAS, make_chain(), timeout=300)
    panel.runner.start()
    result = manager.evaluate_strategies_concurrent({"condor": IronCondor()}, make_chain())
    panel.runner.cancel()
    assert panel.runner.job.wait(30)
    assert set(result.completed) == {"condor"}
    assert panel.results.table().loc["stuck", "status"] == "cancelled"


def test_a_panel_runs_again_and_sorts(manager, make_chain):
    """A run to the end shows every row; it can be sorted, and run again."""
    ideas = {kind().name: kind() for kind in ALL}

    async def script(panel):
        for _ in range(2):
            job = await panel.runner.finished()
            assert job.state == "done"
            assert len(panel.results.completed) == len(ALL)
        panel.inputs["by"].value = "theta_inr"

    panel = in_a_page(lambda: EvaluationPanel(manager, ideas, make_chain()), script)
    assert "by theta" in panel.words.value
    assert len(panel.table.rows) == len(ALL)


def test_what_cannot_run_is_told_in_the_panel(make_chain):
    """A processor that is shut down is an error in the panel; what is no strategy is refused at once."""
    with ConcurrentProcessor(max_workers=1, backend="serial") as processor:
        manager = StrategyEvaluationManager(processor)
    with pytest.raises(KitError, match="cannot be evaluated"):
        EvaluationPanel(manager, {"five": 5}, make_chain())
    panel = EvaluationPanel(manager, {"condor": IronCondor()}, make_chain())
    panel.runner.start()
    assert panel.runner.job.wait(30)
    assert "shut down" in panel.errors.value
    assert not panel.runner.run.disabled


def test_run_and_apply_of_a_closed_desk_name_the_desk():
    """What was evaluated stays, and Run, another expiry and new settings say that the desk is closed."""
    with open_desk(Settings(cache_config={"disk": False}, workers={"backend": "serial"})) as desk:
        panel = EvaluationPanel(desk.evaluation, {"condor": IronCondor()}, desk)
        panel.runner.start()
        assert panel.runner.job.wait(60)
    rows = panel.table.rows
    panel.runner.start()
    assert "The desk is closed" in panel.errors.value
    assert panel.table.rows == rows
    chain = ChainPanel(panel.context)
    chain.expiry.value = panel.context.expiries[1]
    assert "The desk is closed" in chain.errors.value
    assert chain.expiry.value == panel.context.expiries[0]
    chain.header.refresh.click()
    assert "The desk is closed" in chain.errors.value
    with pytest.raises(DataError, match="The desk is closed"):
        desk.apply(desk.settings)


def test_the_idea_chosen_elsewhere_is_a_row(manager, make_chain):
    """What another panel chose is evaluated beside the strategies; a strategy's row opens it."""
    context = Context(chains=(make_chain(),))
    panel = EvaluationPanel(manager, {"condor": IronCondor()}, context)
    context.idea = Position.parse("-1 55000CE -1 55000PE")
    panel.runner.start()
    assert panel.runner.job.wait(60)
    assert set(panel.results.completed) == {"condor", CHOSEN}
    panel.table.clicked = {"key": "condor", "column": "strategy", "group": "", "count": 1}
    assert context.idea == IronCondor()
    panel.runner.start()
    assert panel.runner.job.wait(60)
    assert set(panel.results.completed) == {"condor"}


def test_what_was_evaluated_can_be_kept(manager, make_chain):
    """The toolbar gives every figure as CSV, the sorting one as a picture, and both as a page of its own."""
    panel = EvaluationPanel(manager, IDEAS | {"stuck": IronCondor()}, make_chain())
    panel.runner.start()
    assert panel.runner.job.wait(60)
    kept = {name: action.make() for name, action in panel.header.toolbar._actions.items()}
    compile(code := kept.pop("code"), "cell", "exec")
    assert f"'{IronCondor().name}': {IronCondor()!r}" in code
    assert "view=MarketView()" in code
    day = panel.context.chain.expiry
    assert {file.name.split("-20")[0] for file in kept.values()} == {"evaluation-BANKNIFTY"}
    assert pd.read_csv(io.BytesIO(kept["csv"].content), index_col=0).shape[0] == len(IDEAS)
    assert Image.open(io.BytesIO(kept["png"].content)).size[1] > 200 * 0.2 * len(ALL) / 2
    page = kept["html"].content.decode()
    assert f"Evaluation: BANKNIFTY {day:%d %b %Y}" in page
    assert page.count("data:image/png;base64,") == 1
    assert "ZeroDivisionError" in page
