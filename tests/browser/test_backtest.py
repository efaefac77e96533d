"""The backtest panel in the browser: form and text follow each other, Run and Cancel, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = pytest.mark.browser
CELL = """from kit.widgets import BacktestPanel

panel = BacktestPanel(store="empty")
panel"""


def test_a_plan_is_changed_both_ways_and_wrong_values_stop_run(notebook: Notebook) -> None:
    """A box writes the text, a wrong one is named and stops Run, an empty store says what to do."""
    panel, page = notebook.show("backtest", CELL), notebook.page
    stop, run = panel.get_by_label("Stop (%)"), panel.get_by_role("button", name="Run")
    stop.fill("letters")
    page.keyboard.press("Enter")
    panel.get_by_role("alert").get_by_text("Stop (%)").wait_for()
    assert run.is_disabled()
    stop.fill("35")
    page.keyboard.press("Enter")
    panel.get_by_role("alert").wait_for(state="detached")
    page.wait_for_function(
        "box => box.value.includes('percent: 35')",
        arg=panel.locator("textarea").element_handle(),
        timeout=20_000,
    )
    run.click()
    panel.get_by_role("alert").get_by_text("Collect or import").wait_for(timeout=30_000)
    assert notebook.seen(panel) == []
