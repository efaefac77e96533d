"""The first notebook as a page without code: its panels work, and nothing is asked of another host."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[str]:
    """Serve the first notebook as ``kit lab --voila`` does; the address with its token."""
    home = tmp_path_factory.mktemp("voila")
    shutil.copy(ROOT / "notebooks" / "00_start_here.ipynb", home)
    own = {
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ipython",
        "KIT_CACHE_DIR": "cache",
    }
    folders = {name: str(home / folder) for name, folder in own.items()}
    words = [sys.executable, "-m", "kit.cli", "lab", "--voila", "--no-browser", "00_start_here.ipynb"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=home, env=os.environ | folders, stderr=pipe, stdout=pipe, text=True
    ) as server:
        try:
            yield next(line.strip() for line in server.stderr or () if "?token=" in line)
        finally:
            server.terminate()
            server.communicate(timeout=20)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_first_notebook_is_a_page(notebook: Notebook, address: str, theme: str) -> None:
    """Panels draw and follow a slider, no text is faint or cut, the console is quiet, nothing leaves here."""
    told: list[str] = []
    page = notebook.page
    page.on("console", lambda said: told.append(said.text) if said.type == "error" else None)
    notebook.own.append(address.partition("?")[0])
    page.goto(f"{address}&theme={theme}", wait_until="domcontentloaded", timeout=120_000)
    payoff = page.locator(".kit-payoff")
    payoff.locator("img.kit-figure:visible").wait_for(timeout=90_000)
    page.locator(".kit-evaluation .kit-status").get_by_text("done", exact=True).wait_for(timeout=60_000)
    before = payoff.locator(".kit-summary").inner_text()
    payoff.locator(".widget-slider .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.kit-payoff .kit-summary').innerText !== before", arg=before
    )
    panels = page.locator(".kit-panel").all()
    assert {at: notebook.seen(panel) for at, panel in enumerate(panels)} == {0: [], 1: [], 2: []}
    notebook.screenshot(f"voila_{theme}")
    assert told == []
