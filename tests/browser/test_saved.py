"""A notebook saved, left and opened again shows its panels as they were, without its kernel."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
CELL = """from kit.desk import open_desk
from kit.widgets import ChainPanel

desk = open_desk()
panel = ChainPanel(desk)
panel"""
PIXELS = "image => image.complete && image.naturalWidth"


def test_pictures_outlive_the_kernel(notebook: Notebook) -> None:
    """Plot, table and words of a saved notebook are there again before any cell has run."""
    panel, page = notebook.show("saved", CELL), notebook.page
    panel.locator("img.kit-figure:visible").wait_for(timeout=60_000)
    words, rows = panel.locator(".kit-summary").inner_text(), panel.locator("tbody tr").all_inner_texts()
    page.keyboard.press("Control+S")
    file = notebook.lab.folder / "saved.ipynb"
    for _ in range(200):
        with suppress(json.JSONDecodeError):  # half written
            if "widgets" in json.loads(file.read_text(encoding="utf-8"))["metadata"]:
                break
        page.wait_for_timeout(100)  # the page saves in its own time
    notebook.lab.end_kernels()

    page.goto("about:blank")
    notebook.open("saved.ipynb")
    image = panel.locator("img.kit-figure:visible")
    image.wait_for(timeout=60_000)
    assert image.evaluate(PIXELS) > 1000
    assert "As it was saved" in panel.evaluate("one => getComputedStyle(one, '::before').content")
    assert panel.locator(".kit-summary").inner_text() == words
    assert panel.locator("tbody tr").all_inner_texts() == rows
    assert page.locator(".jp-CodeCell .jp-InputPrompt").first.inner_text() == "[1]:"
    notebook.screenshot("saved")
