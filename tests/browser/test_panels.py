"""Every panel as a reader sees it, in both themes and two widths; and the README's picture."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "build" / "screens"
MOST_BYTES = 300_000
PANELS = (
    "chain", "payoff", "position", "ranking", "scan", "backtest", "live", "benchmark", "monitor", "tuning",
)  # fmt: skip
HEIGHTS, TALL = {1280: 800, 1920: 1080}, 3200  # of a reader's window, and of one that shows a panel whole
LOOKS = (("Light", 1280), ("Light", 1920), ("Dark", 1920), ("Dark", 1280))
OUT_OF_REACH = """panel => [...panel.querySelectorAll('button, input, select, textarea, [role=slider]')]
  .filter(one => one.offsetParent && !one.disabled && one.tabIndex < 0 && !one.closest('tbody'))
  .map(one => one.outerHTML.slice(0, 120))"""


@dataclass
class Seen:
    """What was found on the page: by panel and look, out of reach of the keyboard, told by the console."""

    faults: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    out_of_reach: dict[str, list[str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def seen(shared_notebook: Notebook) -> Seen:
    """Open all panels on one page beside the file browser, and look at each in every theme and width."""
    page, found = shared_notebook.page, Seen()
    page.on("console", lambda said: found.told.append(said.text) if said.type == "error" else None)
    shutil.copy(Path(__file__).with_name("panels.ipynb"), shared_notebook.lab.folder)
    shared_notebook.open("panels.ipynb", "lab")
    shared_notebook.run_first_cell(timeout_s=240)
    SCREENS.mkdir(parents=True, exist_ok=True)
    panels = {name: page.locator(f".seen-{name}") for name in PANELS}
    for name, panel in panels.items():
        found.out_of_reach[name] = panel.evaluate(OUT_OF_REACH)
    for theme, width in LOOKS:
        shared_notebook.theme(f"JupyterLab {theme}")
        for height in (HEIGHTS[width], TALL):
            page.set_viewport_size({"width": width, "height": height})
            shared_notebook.wait_fitted()
            for name, panel in panels.items():
                _look(shared_notebook, panel, name, f"{theme.lower()}_{width}", found, height == TALL)
    return found


def _look(notebook: Notebook, panel: Locator, name: str, look: str, found: Seen, keep: bool) -> None:
    """Measure a panel, or keep a picture of it where it is whole in sight."""
    tabs = panel.locator("li.lm-TabBar-tab").all() if name == "tuning" else [None]
    for tab in tabs:
        part = ""
        if tab is not None:
            tab.click()
            part = f"_{tab.inner_text().lower()}"
            panel.locator("img.kit-figure:visible").first.wait_for()
            notebook.wait_fitted()
        if keep:
            panel.screenshot(path=SCREENS / f"{name}{part}_{look}.png")
        elif faults := notebook.seen(panel):
            found.faults.setdefault(name, {})[look + part] = faults


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_can_be_read_named_and_reached(seen: Seen, name: str) -> None:
    """No text is cut or lies on another, none is faint, every control has a name and Tab reaches it."""
    assert seen.faults.get(name, {}) == {}
    assert seen.out_of_reach[name] == []


def test_the_console_is_quiet(seen: Seen) -> None:
    """No panel makes the browser complain."""
    assert seen.told == []


def test_the_readmes_picture_is_of_today_and_small(seen: Seen) -> None:
    """A chain panel's picture stays below 300 kB in both themes; `make images` makes it the README's."""
    images = ROOT / "docs" / "images"
    for shown in ("chain.png", "chain-dark.png"):
        assert f"docs/images/{shown}" in (ROOT / "README.md").read_text(encoding="utf-8")
        assert (images / shown).stat().st_size < MOST_BYTES
    for theme in ("light", "dark"):
        assert (SCREENS / f"chain_{theme}_1280.png").stat().st_size < MOST_BYTES


FAULTY = """<div class="panel" style="width:400px;background:#fff;color:#000;font:14px sans-serif">
<p style="width:60px;overflow:hidden;white-space:nowrap">cut by its own box</p>
<div style="height:20px"><span>one text</span></div>
<div style="margin-top:-20px;height:20px">upon another</div>
<p style="color:#aaa">faint</p><input>
<input type="text" aria-label="a" style="width:40px" value="a long long value">
<p style="width:60px;word-break:break-all">costs 1,234,567</p>
<select aria-label="b" style="width:50px"><option>a long long choice</option></select></div>"""


def test_what_is_looked_for_would_be_found(notebook: Notebook) -> None:
    """Cut and overlapping text, a value longer than its box, faint text and a nameless control are told."""
    notebook.page.set_content(FAULTY)
    found = notebook.seen(notebook.page.locator(".panel"))
    assert [fault.split(":")[0] for fault in sorted(found)] == [
        "broken",
        "cut",
        "cut",
        "cut",
        "faint 2.3",
        "no name",
        "overlap",
    ]
