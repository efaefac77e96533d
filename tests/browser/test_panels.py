"""Every panel as a reader sees it, in both themes and two widths; and the README's picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
MOST_BYTES = 300_000
OPEN = "from kit.desk import open_desk\nimport kit.widgets as panels\ndesk = open_desk()\n"
PANELS = {
    "chain": "panels.ChainPanel(desk)",
    "payoff": "panels.PayoffPanel(desk)",
    "tuning": "panels.TunePanel(desk)",
    "benchmark": "panels.BenchPanel()",
    "monitor": "panels.MonitorPanel(desk)",
}
OUT_OF_REACH = """panel => [...panel.querySelectorAll('button, input, select, textarea, [role=slider]')]
  .filter(one => one.offsetParent && !one.disabled && one.tabIndex < 0)
  .map(one => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_can_be_read_named_and_reached(notebook: Notebook, name: str) -> None:
    """No text is cut, none is faint, every control has a name and Tab reaches it; the console is quiet."""
    told: list[str] = []
    notebook.page.on("console", lambda said: told.append(said.text) if said.type == "error" else None)
    panel = notebook.show(f"seen_{name}", OPEN + PANELS[name])
    panel.locator("img.kit-live:visible").first.wait_for(timeout=60_000)
    assert panel.evaluate(OUT_OF_REACH) == []
    assert notebook.faults(panel, name) == {}
    assert told == []


def test_the_readmes_picture_is_of_today_and_small(notebook: Notebook) -> None:
    """A chain panel's picture stays below 300 kB; `make images` makes it the README's."""
    panel = notebook.show("picture", OPEN + PANELS["chain"])
    panel.locator("img.kit-live:visible").first.wait_for(timeout=60_000)
    notebook.page.set_viewport_size({"width": 1280, "height": 1800})
    notebook.page.wait_for_timeout(500)  # the page lays itself out anew, and tells nobody when it has
    fresh = ROOT / "build" / "screens" / "readme.png"
    panel.screenshot(path=fresh)
    assert fresh.stat().st_size < MOST_BYTES
    assert (ROOT / "docs" / "images" / "chain.png").stat().st_size < MOST_BYTES
