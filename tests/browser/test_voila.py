"""Notebooks as pages without code: their panels work, and nothing is asked of another host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "build" / "screens"
OTHERS = """import kit.widgets as panels
from kit.bars.minute_store import MinuteStore
from kit.desk import open_desk
from kit.settings import Settings
from kit.trading import PaperAccount

desk = open_desk(Settings(workers={"backend": "serial"}))
display(
    panels.PositionPanel(desk),
    panels.ScanPanel(desk),
    panels.BacktestPanel(desk, store=MinuteStore("minutes")),
    panels.LivePanel(desk, PaperAccount("paper.sqlite", clock=desk.clock)),
    panels.BenchPanel(),
    panels.MonitorPanel(desk),
    panels.TunePanel(desk),
)"""


@contextmanager
def served(folder: Path, notebook: str) -> Iterator[str]:
    """Serve a notebook of a folder as ``kit lab --voila`` does; gives the address with its token."""
    own = {
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ipython",
        "KIT_CACHE_DIR": "cache",
    }
    folders = {name: str(folder / beside) for name, beside in own.items()}
    words = [sys.executable, "-m", "kit.cli", "lab", "--voila", "--no-browser", notebook]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=folder, env=os.environ | folders, stderr=pipe, stdout=pipe, text=True
    ) as server:
        try:
            yield next(line.strip() for line in server.stderr or () if "?token=" in line)
        finally:
            server.terminate()
            server.communicate(timeout=20)


def opened(notebook: Notebook, address: str, theme: str) -> list[str]:
    """Open a page in a theme; returns what the console complains of, now and later."""
    told: list[str] = []
    notebook.page.on("console", lambda said: told.append(said.text) if said.type == "error" else None)
    notebook.own.append(address.partition("?")[0])
    notebook.page.goto(f"{address}&theme={theme}", wait_until="domcontentloaded", timeout=120_000)
    return told


def slide(notebook: Notebook, panel: Locator) -> None:
    """Move the first slider of a panel; its words follow."""
    from playwright.sync_api import expect

    words = panel.locator(".kit-summary").last
    before = words.inner_text()
    panel.locator(".widget-slider .noUi-handle").first.focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(words).not_to_have_text(before, timeout=60_000)


def test_the_first_notebook_is_a_page(notebook: Notebook, tmp_path: Path) -> None:
    """Panels draw and follow a slider, no text is faint or cut, the console is quiet, nothing leaves here."""
    shutil.copy(ROOT / "notebooks" / "00_start_here.ipynb", tmp_path)
    with served(tmp_path, "00_start_here.ipynb") as address:
        told = opened(notebook, address, "light")
        page = notebook.page
        page.locator(".kit-payoff img.kit-figure:visible").wait_for(timeout=90_000)
        page.locator(".kit-evaluation .kit-status").get_by_text("done", exact=True).wait_for(timeout=60_000)
        slide(notebook, page.locator(".kit-payoff"))
        found = [notebook.seen(panel) for panel in page.locator(".kit-panel").all()]
        notebook.screenshot("voila_light")
    assert found == [[], [], []]
    assert told == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_other_panel_works_on_a_page(notebook: Notebook, tmp_path: Path, theme: str) -> None:
    """In both themes the panels of the other notebooks draw and follow a slider, readable and quiet."""
    cell = {"cell_type": "code", "id": "panels", "execution_count": None, "metadata": {}, "outputs": []}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    written = {"cells": [cell | {"source": OTHERS}], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "others.ipynb").write_text(json.dumps(written), encoding="utf-8")
    with served(tmp_path, "others.ipynb") as address:
        told = opened(notebook, address, theme)
        panels = notebook.page.locator(".kit-panel")
        panels.nth(6).locator("img.kit-figure:visible").first.wait_for(timeout=90_000)
        slide(notebook, panels.first)
        found = {panel.locator("h3").first.inner_text(): notebook.seen(panel) for panel in panels.all()}
        refused = panels.locator(".kit-error").all_inner_texts()
        for width in (1280, 1920):
            notebook.page.set_viewport_size({"width": width, "height": 3200})
            notebook.wait_fitted()
            for name, panel in zip(found, panels.all(), strict=True):
                panel.screenshot(path=SCREENS / f"voila_{name.lower()}_{theme}_{width}.png")
    assert list(found) == ["Position", "Scanner", "Backtest", "Live", "Benchmark", "Monitor", "Tuning"]
    assert not any(found.values()), found
    assert refused == []
    assert told == []
