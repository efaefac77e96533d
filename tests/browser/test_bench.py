"""The benchmark panel in the browser: run, read the plot, cancel a second run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]  # a whole quick run is in it
FREE_WITHIN_S = 10  # generous: typing the cell and a busy machine are in it; a run that goes on takes minutes


def test_run_shows_the_plot_and_cancel_frees_the_kernel(notebook: Notebook) -> None:
    """Run ends with a plot, where words stood, and every row; Cancel of a second leaves the kernel free."""
    notebook.open("02_benchmark.ipynb")
    notebook.run_first_cell()
    panel = notebook.page.locator(".kit-bench")
    plot, status = panel.locator("img.kit-figure"), panel.locator(".kit-status").first
    run, cancel = (panel.locator("button.jupyter-button", has_text=word) for word in ("Run", "Cancel"))
    panel.get_by_text("No quick run is recorded").wait_for()
    assert plot.is_hidden()  # there is nothing to draw yet
    run.click()
    status.get_by_text("done", exact=True).wait_for(timeout=300_000)
    plot.wait_for()
    assert "hot_hit" in panel.locator(".kit-lines").inner_text()
    assert "first run of its kind" in panel.locator(".kit-summary").first.inner_text()
    row = panel.get_by_role("button", name="hot_hit:")
    assert "Read one cached value in process" in str(row.get_attribute("title"))
    before = plot.get_attribute("src")
    row.click()
    notebook.page.wait_for_function(
        "before => document.querySelector('.kit-bench img.kit-figure').src !== before", arg=before
    )
    assert row.get_attribute("aria-pressed") == "true"
    notebook.screenshot("benchmark")

    run.click()
    status.get_by_text("%").wait_for(timeout=30_000)
    cancel.click()
    pressed = time.monotonic()
    notebook.type_cell("print(6 * 7, 'is free')")
    notebook.page.get_by_text("42 is free").wait_for()
    assert time.monotonic() - pressed < FREE_WITHIN_S
    status.get_by_text("cancelled", exact=True).wait_for(timeout=20_000)
    assert "Cancelled" in panel.locator(".kit-lines").inner_text()
    assert "none, the run was cancelled" in panel.inner_text()
