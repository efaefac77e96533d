"""The tuning panel in the browser: run, cancel, save."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kit.settings import Settings

if TYPE_CHECKING:
    from conftest import Notebook
    from playwright.sync_api import Locator

pytestmark = pytest.mark.browser
FREE_WITHIN_S = 2


@pytest.fixture
def panel(notebook: Notebook) -> Locator:
    """Open the tuning notebook and run its first cell; two threads make a run short."""
    Settings(workers={"backend": "threads", "max_workers": 2}).save(notebook.lab.folder / "kit.yaml")
    notebook.open("01_tune.ipynb")
    notebook.run_first_cell()
    panel = notebook.page.locator(".kit-tune")
    panel.locator("img.kit-live").wait_for()
    panel.scroll_into_view_if_needed()
    return panel


def test_run_changes_the_plot_and_cancel_frees_the_kernel(notebook: Notebook, panel: Locator) -> None:
    """A control and Run change the plot, Save writes the file, Cancel leaves the kernel free at once."""
    plot, status = panel.locator("img.kit-live"), panel.locator(".kit-status").first
    before = plot.get_attribute("src")
    _move_slider(panel)
    panel.locator(".kit-summary").get_by_text("pool_size 10 → 11").wait_for()
    panel.get_by_role("button", name="Run").click()
    status.get_by_text("done", exact=True).wait_for(timeout=60_000)
    assert plot.get_attribute("src") != before
    assert "chain cold" in panel.locator(".kit-summary").inner_text()
    notebook.screenshot("tune")
    panel.get_by_role("button", name="Save").click()
    panel.get_by_text("saved to kit.yaml").wait_for()
    assert Settings.load(notebook.lab.folder / "kit.yaml").connection_pool.pool_size == 11

    panel.get_by_role("button", name="Run").click()
    status.get_by_text("round").wait_for(timeout=60_000)
    panel.get_by_role("button", name="Cancel").click()
    pressed = time.monotonic()
    notebook.type_cell("print(6 * 7, 'is free')")
    notebook.page.get_by_text("42 is free").wait_for()
    assert time.monotonic() - pressed < FREE_WITHIN_S
    status.get_by_text("cancelled", exact=True).wait_for(timeout=20_000)
    assert panel.get_by_role("button", name="Run").is_enabled()


def test_a_wrong_value_is_announced(notebook: Notebook, panel: Locator) -> None:
    """A value outside its range shows the error where a screen reader finds it."""
    box = panel.get_by_label("Time-out (s)")
    box.fill("-1")
    box.press("Enter")
    alert = panel.get_by_role("alert")
    alert.wait_for()
    assert "timeout" in alert.inner_text()


def _move_slider(panel: Locator) -> None:
    panel.locator(".widget-slider .noUi-handle").first.focus()
    panel.page.keyboard.press("ArrowRight")
