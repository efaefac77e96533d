"""The position builder in the browser: by keyboard, at the pace of a slider, light and dark."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = pytest.mark.browser
CELL = """from kit.desk import open_desk
from kit.settings import Settings
from kit.widgets import lab

desk = open_desk(Settings(workers={"backend": "serial"}))
lab(desk)"""
CUT = "tabs => tabs.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"


def test_a_position_is_built_by_keyboard_and_moved(notebook: Notebook) -> None:
    """In its tab the money is in sight, Enter adds a leg, wrong lots are told, a slider moves the picture."""
    page = notebook.page
    notebook.show("position", CELL)
    tabs = page.locator(".kit-lab > .lm-TabBar li")
    assert tabs.locator(".lm-TabBar-tabLabel").evaluate_all(CUT) == []
    tabs.filter(has_text="Position").click()
    panel = page.locator(".kit-position")
    legs = panel.get_by_role("region", name="Legs of the position").locator("tbody tr")
    ladder = panel.get_by_role("region", name="What can be bought and sold")
    legs.nth(3).wait_for()
    ladder.locator("tr.kit-middle:visible").wait_for()
    page.wait_for_function("e => e.scrollTop > 0", arg=ladder.element_handle())
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
