"""The evaluation panel in the browser: rows come, Cancel ends what is stuck."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kit.strategies import ALL

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = pytest.mark.browser
FREE_WITHIN_S = 15  # generous: the stuck strategy sleeps for minutes
CELL = """from kit import ConcurrentProcessor, StrategyEvaluationManager
from kit.desk import open_desk
from kit.strategies import ALL
from kit.widgets.panels.evaluate import EvaluationPanel

def stuck(snapshot):
    while True:
        try:
            pass
        except BaseException:
            continue

desk, processor = open_desk(), ConcurrentProcessor(2)
ideas = {kind().name: kind() for kind in ALL} | {"dividing": lambda snapshot: 1 / 0, "stuck": stuck}
manager = StrategyEvaluationManager(processor)
panel = EvaluationPanel(manager, ideas, desk.data.option_chain("BANKNIFTY"), timeout=300)
panel"""


def test_rows_come_and_cancel_ends_a_stuck_strategy(notebook: Notebook) -> None:
    """Rows show while one strategy loops; Cancel ends it, keeps the rows and leaves the kernel free."""
    panel = notebook.show("stuck", CELL)
    status, rows = panel.locator(".kit-status").first, panel.locator("tbody tr")
    panel.get_by_role("button", name="Run").click()
    status.get_by_text(f"{len(ALL) + 1} of {len(ALL) + 2} strategies").wait_for(timeout=60_000)
    rows.nth(len(ALL)).wait_for()  # the page draws a moment after the status says so
    assert rows.count() == len(ALL) + 1
    assert panel.get_by_role("row", name="dividing").inner_text().count("ZeroDivisionError") == 1
    panel.get_by_role("button", name="Cancel").click()
    pressed = time.monotonic()
    status.get_by_text("cancelled", exact=True).wait_for(timeout=20_000)
    assert time.monotonic() - pressed < FREE_WITHIN_S
    rows.nth(len(ALL) + 1).wait_for()
    assert "was cancelled" in panel.get_by_role("row", name="stuck").inner_text()
    notebook.screenshot("evaluation")
    notebook.type_cell("print(len(panel.results.completed), 'kept,', processor.get_active_tasks(), 'left')")
    notebook.page.get_by_text(f"{len(ALL)} kept, {{}} left").wait_for()
    assert panel.get_by_role("button", name="Run").is_enabled()
