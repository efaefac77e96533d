"""The demo's page in the browser: whole tables where there is room, and no page that scrolls sideways."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.demo import run_on_exchange
from kit.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
CUT = """() => [...document.querySelectorAll('.kit-wide')]
  .filter(table => table.scrollWidth > table.clientWidth).length"""
ASIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


def test_the_demos_page_shows_whole_tables_and_stays_within_the_window(
    chromium: Browser, tmp_path: Path
) -> None:
    """From 1280 pixels on no column is out of sight; a narrower window scrolls its tables alone."""
    file = tmp_path / "demo.html"
    run_on_exchange(Settings(workers={"backend": "serial"}), file)
    for width in (390, 768, 1280, 1920):
        page = chromium.new_page(viewport={"width": width, "height": 900})
        page.goto(file.as_uri())
        assert not page.evaluate(ASIDE), width
        if width >= 1280:
            assert page.evaluate(CUT) == 0, width
        page.close()
