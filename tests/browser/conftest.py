"""JupyterLab on a copy of the notebooks, and a Chromium that opens it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).parents[2]
TOKEN = "browser-test"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
ALL_RAN = """() => {
  const failed = [...document.querySelectorAll('[data-mime-type="application/vnd.jupyter.stderr"]')]
    .some(e => e.innerText.includes('Traceback (most recent call last)'));
  const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .map(e => e.textContent.trim());
  return failed || (prompts.length > 0 && prompts.every(p => /^\\[\\d+\\]:?$/.test(p)));
}"""
ANY_STARTED = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
  .some(e => /\\[(\\*|\\d+)\\]/.test(e.textContent))"""

# Every figure in sight is drawn as wide as it is shown, or as narrow as figures get, at 1.5 times the size.
# The page tells the widths; it could not after a cell that awaits, if such a cell's messages had no end.
FITS = """() => [...document.querySelectorAll('img.kit-figure')].filter(one => one.offsetParent).every(
  one => Math.abs(one.naturalWidth / 1.5 - one.clientWidth) < 20 || one.naturalWidth / 1.5 < 780)"""
STEPS = 15
# From the key event to the frame that shows the new picture, by the page's own clock.
WATCH = """image => {
  window.kitSteps = [];
  let pressed = null;
  document.addEventListener('keydown', () => { pressed = performance.now(); }, true);
  image.addEventListener('load', () => requestAnimationFrame(() => {
    if (pressed !== null) { window.kitSteps.push(performance.now() - pressed); pressed = null; }
  }));
}"""


@dataclass
class Lab:
    """A running JupyterLab."""

    url: str
    folder: Path

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the server's REST interface; the token in the header stands in for a cookie."""
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}api/{path}", data, headers, method=method), timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def end_kernels(self) -> None:
        """End every kernel, so that what it started ends with it."""
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")


@dataclass
class Notebook:
    """One notebook, open in the browser."""

    lab: Lab
    page: Page
    requests: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=lambda: ["data:", "blob:"])

    def open(self, name: str, way: str = "doc") -> None:
        """Open a notebook alone, or beside the file browser ("lab"); its kernel first, else two start."""
        kernel = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        self.lab.api("sessions", "POST", kernel)
        address = f"{self.lab.url}{way}/tree/{name}?reset&token={TOKEN}"
        self.page.goto(address, wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        toolbar = self.page.locator(".jp-NotebookPanel-toolbar")
        toolbar.get_by_text("Python 3").wait_for(timeout=60_000)  # idle shows before there is a kernel
        toolbar.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=60_000)

    def run_all(self, timeout_s: float = 60) -> None:
        """Run every cell; fails with the traceback of a cell that fails."""
        from playwright.sync_api import TimeoutError as NotStarted

        for _ in range(4):  # a click right after a cold load can be lost
            self.page.click("li.lm-MenuBar-item:has-text('Run')")
            self.page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
            try:
                self.page.wait_for_function(ANY_STARTED, timeout=3_000)
                break
            except NotStarted:
                continue
        self.page.wait_for_function(ALL_RAN, timeout=1000 * timeout_s)
        self._no_traceback()

    def _no_traceback(self) -> None:
        stderr = self.page.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
        failed = stderr.filter(has_text="Traceback (most recent call last)").all_inner_texts()
        assert not failed, failed[0][-2000:]

    def run_first_cell(self, timeout_s: float = 60) -> None:
        """Run the first cell of code and nothing else."""
        cell = self.page.locator(".jp-CodeCell").first
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        cell.locator(".jp-InputPrompt").get_by_text("[1]").wait_for(timeout=1000 * timeout_s)
        self._no_traceback()

    def type_cell(self, code: str) -> None:
        """Append a cell below the first one and run it."""
        self.page.locator(".jp-CodeCell .cm-content").first.click()
        for key in ("Escape", "b", "Enter"):
            self.page.keyboard.press(key)
        self.page.keyboard.type(code)
        self.page.keyboard.press("Control+Enter")

    def show(self, name: str, code: str) -> Locator:
        """Open a notebook of one cell, run it, and return the panel that it shows."""
        cell = {"cell_type": "code", "id": "panel", "execution_count": None, "metadata": {}, "outputs": []}
        kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        written = {"cells": [cell | {"source": code}], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (self.lab.folder / f"{name}.ipynb").write_text(json.dumps(written), encoding="utf-8")
        self.open(f"{name}.ipynb")
        self.run_first_cell()
        panel = self.page.locator(".kit-panel").first
        panel.wait_for(timeout=60_000)
        return panel

    def wait_fitted(self) -> None:
        """Wait until every figure in sight is drawn for the room that it has."""
        self.page.wait_for_function(FITS, timeout=60_000)

    def slider_ms(self, panel: Locator, handle: Locator) -> list[float]:
        """Step a slider by the arrow keys; return how long each new picture took, milliseconds."""
        panel.locator("img.kit-figure").evaluate(WATCH)
        handle.focus()
        for step in range(1, STEPS + 1):
            self.page.keyboard.press("ArrowRight" if step <= 8 else "ArrowLeft")
            self.page.wait_for_function("count => window.kitSteps.length >= count", arg=step, timeout=20_000)
        taken: list[float] = self.page.evaluate("window.kitSteps")
        return taken

    def theme(self, name: str) -> None:
        """Choose a theme in the menu, as a user does."""
        self.page.click("li.lm-MenuBar-item:has-text('Settings')")
        self.page.hover(".lm-Menu-itemLabel:text-is('Theme')")
        self.page.click(f".lm-Menu-itemLabel:text-is('{name}')")
        light = "false" if "Light" in name else "true"
        self.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="detached", timeout=20_000)

    def seen(self, panel: Locator) -> list[str]:
        """List what a reader would stumble over in a panel; see ``seen.js``."""
        found: list[str] = panel.evaluate(Path(__file__).with_name("seen.js").read_text(encoding="utf-8"))
        return found

    def screenshot(self, name: str) -> None:
        """Keep a picture of the page under ``build/screens``."""
        folder = ROOT / "build" / "screens"
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png")

    def external(self) -> list[str]:
        """List the addresses asked for outside this machine."""
        known = (*self.own, self.lab.url)
        own = (*known, *(address.replace("http", "ws") for address in known))
        return sorted({address for address in self.requests if not address.startswith(own)})


def _chromium() -> str:
    """Find a Chromium; without one skip loudly, or fail where the browser tests are required."""
    found = os.environ.get("KIT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    found = found or _from_playwright()
    if found:
        return found
    explain = "No Chromium was found: run tests/browser/get_chromium.py or set KIT_CHROMIUM."
    if os.environ.get("KIT_REQUIRE_BROWSER") == "1":
        pytest.fail(explain)
    pytest.skip(explain)


def _from_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium."""
    executable = _chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Lab]:
    """JupyterLab, started as ``kit lab`` does, on a copy of the notebooks with folders of its own."""
    home = tmp_path_factory.mktemp("lab")
    notebooks = Path(shutil.copytree(ROOT / "notebooks", home / "notebooks"))
    words = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={notebooks}",
    ]  # fmt: skip
    with (home / "lab.log").open("wb") as log:
        server = subprocess.Popen(words, cwd=notebooks, env=_environment(home), stdout=log, stderr=log)
        try:
            lab = Lab(_address(home / "run", server, home / "lab.log"), notebooks)
            yield lab
            lab.end_kernels()
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _environment(home: Path) -> dict[str, str]:
    """Give the server and its kernels folders of their own, and no setting of the developer."""
    own = {
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ipython", "KIT_CACHE_DIR": "cache",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIT_")}
    folders = {name: str(home / folder) for name, folder in own.items()}
    return kept | folders | {"JUPYTER_CONFIG_PATH": str(ROOT / "etc")}


def _address(runtime: Path, server: subprocess.Popen[bytes], log: Path, timeout_s: float = 60) -> str:
    """Wait for the file in which the server tells its address."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and server.poll() is None:
        for told in runtime.glob("jpserver-*.json"):
            try:
                return str(json.loads(told.read_text())["url"])
            except json.JSONDecodeError:
                continue  # half written
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def _opened(chromium: Browser, lab: Lab) -> Iterator[Notebook]:
    """Open a fresh page; at the end no request may have left this machine, and every kernel ends."""
    context = chromium.new_context(viewport={"width": 1360, "height": 1100}, color_scheme="light")
    context.set_default_timeout(60_000)  # a machine that tests two files at a time is busy
    opened = Notebook(lab, context.new_page())
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    yield opened
    context.close()
    lab.end_kernels()
    assert opened.external() == []


@pytest.fixture
def notebook(chromium: Browser, lab: Lab) -> Iterator[Notebook]:
    """Open a fresh page for one test."""
    yield from _opened(chromium, lab)


@pytest.fixture(scope="module")
def shared_notebook(chromium: Browser, lab: Lab) -> Iterator[Notebook]:
    """Open a fresh page for all tests of a file."""
    yield from _opened(chromium, lab)
