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
FREE_WITHIN_S = 10  # generous: typing the cell and a busy machine are in it; a run that goes on takes minutes


@pytest.fixture
def panel(notebook: Notebook) -> Locator:
    """Open the tuning notebook and run its first cell; two threads make a run short."""
    Settings(workers={"backend": "threads", "max_workers": 2}).save(notebook.lab.folder / "kit.yaml")
    notebook.open("01_tune.ipynb")
    notebook.run_first_cell()
    panel = notebook.page.locator(".kit-tune")
    panel.locator("img.kit-figure").first.wait_for()
    panel.scroll_into_view_if_needed()
    return panel


def test_a_control_moves_its_picture_and_run_and_cancel_keep_the_page_alive(
    notebook: Notebook, panel: Locator
) -> None:
    """A control and Run change pictures, Save writes the file, Cancel leaves the kernel free at once."""
    plots, status = panel.locator("img.kit-figure:visible"), panel.locator(".kit-status").first
    before = plots.first.get_attribute("src")
    _type(panel, "Option chain (s)", "10")
    panel.get_by_text("options_chain_ttl 60 → 10").wait_for()
    notebook.page.wait_for_function(
        "before => document.querySelector('.kit-tune img.kit-figure').src !== before", arg=before
    )
    panel.get_by_role("button", name="Run").click()
    status.get_by_text("done", exact=True).wait_for(timeout=100_000)
    panel.get_by_text("chain cold").or_(panel.get_by_text("cold chain")).first.wait_for()
    assert plots.count() == 2  # the group's, and what was measured
    notebook.screenshot("tune")
    panel.get_by_role("button", name="Save").click()
    panel.get_by_text("saved to").wait_for()
    assert Settings.load(notebook.lab.folder / "kit.yaml").cache_config.options_chain_ttl == 10

    panel.get_by_role("button", name="Run").click()
    status.get_by_text("round").or_(status.get_by_text("chain")).first.wait_for(timeout=60_000)
    panel.get_by_role("button", name="Cancel").click()
    pressed = time.monotonic()
    notebook.type_cell("print(6 * 7, 'is free')")
    notebook.page.get_by_text("42 is free").wait_for()
    assert time.monotonic() - pressed < FREE_WITHIN_S
    status.get_by_text("cancelled", exact=True).wait_for(timeout=20_000)
    assert panel.get_by_role("button", name="Run").is_enabled()


def test_a_wrong_value_is_announced(notebook: Notebook, panel: Locator) -> None:
    """A value that is none shows the error where a screen reader finds it, and nothing can be run with it."""
    panel.locator("li.lm-TabBar-tab").get_by_text("Connections").click()
    alert, run = panel.get_by_role("alert"), panel.get_by_role("button", name="Run")
    for wrong in ("", "soon", "-1", "1e9", "2.7"):
        _type(panel, "Pool (sockets)", wrong)
        alert.wait_for()
        assert "Pool (sockets)" in alert.inner_text()
        assert run.is_disabled()
        _type(panel, "Pool (sockets)", "8")
        alert.wait_for(state="detached")
        assert run.is_enabled()


def test_a_tab_as_high_as_the_one_before_it_is_drawn_for_its_room(notebook: Notebook, panel: Locator) -> None:
    """A group's pictures are as wide as the page also where the panel keeps its height as the group comes."""
    panel.evaluate("panel => { panel.style.height = '1200px'; }")
    notebook.page.set_viewport_size({"width": 1900, "height": 900})
    notebook.wait_fitted()
    panel.locator("li.lm-TabBar-tab").get_by_text("Connections").click()
    panel.get_by_label("Pool (sockets)").wait_for()
    panel.locator("img.kit-figure:visible").first.wait_for()
    notebook.wait_fitted()


def _type(panel: Locator, label: str, text: str) -> None:
    box = panel.get_by_label(label)
    box.fill(text)
    box.press("Enter")
