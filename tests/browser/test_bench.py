"""The benchmark panel in the browser: cancel a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = pytest.mark.browser
FREE_WITHIN_S = 2


def test_cancel_keeps_the_finished_rows_and_frees_the_kernel(notebook: Notebook) -> None:
    """Cancel of a benchmark leaves the kernel free at once and shows the rows that were finished."""
    notebook.open("02_benchmark.ipynb")
    notebook.run_first_cell()
    panel = notebook.page.locator(".kit-bench")
    status = panel.locator(".kit-status").first
    panel.get_by_role("button", name="Run").click()
    status.get_by_text("%").wait_for(timeout=30_000)
    panel.get_by_role("button", name="Cancel").click()
    pressed = time.monotonic()
    notebook.type_cell("print(6 * 7, 'is free')")
    notebook.page.get_by_text("42 is free").wait_for()
    assert time.monotonic() - pressed < FREE_WITHIN_S
    status.get_by_text("cancelled", exact=True).wait_for(timeout=30_000)
    assert "Cancelled" in panel.locator(".kit-lines").inner_text()
