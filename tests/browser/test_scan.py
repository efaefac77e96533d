"""The scanner in the browser: the best as they come, a row opened beside it, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = pytest.mark.browser
CELL = """import ipywidgets as w

from kit.desk import open_desk
from kit.widgets import PositionPanel, ScanPanel

desk = open_desk()
panel = ScanPanel(desk)
w.VBox([panel, PositionPanel(panel.context)])"""


def test_a_scan_is_run_and_its_first_row_opened(notebook: Notebook) -> None:
    """A wrong bound stops Run by name; Run fills the table; Enter on a row brings it to the builder."""
    panel, page = notebook.show("scan", CELL), notebook.page
    bound, run = panel.get_by_label("P(profit)"), panel.get_by_role("button", name="Run")
    bound.fill("letters")
    page.keyboard.press("Enter")
    panel.get_by_role("alert").get_by_text("P(profit)").wait_for()
    assert run.is_disabled()
    bound.fill("50")
    page.keyboard.press("Enter")
    panel.get_by_role("alert").wait_for(state="detached")
    run.click()
    panel.locator(".kit-status").get_by_text("done", exact=True).wait_for(timeout=60_000)
    first = panel.locator("tbody button").first
    first.focus()
    page.keyboard.press("Enter")
    legs = page.locator(".kit-position").get_by_label("Legs", exact=True)
    strike = first.inner_text().split()[1].removesuffix(",")
    page.wait_for_function(
        "([box, text]) => box.value.includes(text)", arg=[legs.element_handle(), strike], timeout=20_000
    )
    assert notebook.seen(panel) == []
