"""The position builder in the browser: by keyboard, at the pace of a slider, light and dark."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = pytest.mark.browser
CELL = """from kit.desk import open_desk
from kit.widgets import PositionPanel

desk = open_desk()
panel = PositionPanel(desk)
panel"""


def test_a_position_is_built_by_keyboard_and_moved(notebook: Notebook) -> None:
    """A price of the ladder adds a leg by Enter, wrong lots are told, a slider moves the picture."""
    panel, page = notebook.show("position", CELL), notebook.page
    legs = panel.get_by_role("region", name="Legs of the position").locator("tbody tr")
    ladder = panel.get_by_role("region", name="What can be bought and sold")
    legs.nth(3).wait_for()
    ladder.locator("tr.kit-middle button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    legs.nth(4).wait_for()
    assert "+1" in legs.nth(4).inner_text()
    panel.get_by_label("Lots").fill("2.7")
    page.keyboard.press("Enter")
    alert = panel.get_by_role("alert")
    alert.wait_for()
    assert "Lots" in alert.inner_text()
    panel.get_by_label("Lots").fill("2")
    page.keyboard.press("Enter")
    alert.wait_for(state="detached")
    steps_ms = notebook.slider_ms(panel, panel.get_by_role("slider", name="Shift of the index"))
    assert statistics.median(steps_ms) < 1000  # a plot that lags follows no slider
    assert notebook.seen(panel) == []
