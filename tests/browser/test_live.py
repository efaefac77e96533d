"""Orders on paper in the browser: typed, refused in words, placed, and seen in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Notebook

pytestmark = pytest.mark.browser
CELL = """from kit.desk import open_desk
from kit.trading import PaperAccount
from kit.widgets import LivePanel

desk = open_desk()
chain = desk.data.option_chain("BANKNIFTY")
LivePanel(desk, PaperAccount("paper.sqlite", clock=desk.clock))"""
OFFERED = "document.querySelector('datalist option')?.value"


def test_an_order_is_typed_refused_and_placed_by_keyboard(notebook: Notebook) -> None:
    """What is no order is said in the form and places nothing; a right one stands in the table."""
    panel, page = notebook.show("live", CELL), notebook.page
    contract = panel.get_by_role("combobox", name="Contract")
    lots, limit = (panel.get_by_role("textbox", name=name) for name in ("Lots", "Limit"))
    place = panel.get_by_role("button", name="Place on paper")
    wrong = {"an unknown contract": ("NONE", "1", ""), "2.7 lots": ("", "2.7", ""), "no lots": ("", "", "")}
    wrong |= {"letters for a price": ("", "1", "abc"), "a price below nought": ("", "1", "-5")}
    panel.get_by_label("Watch").select_option("every second")
    symbol = page.wait_for_function(OFFERED, timeout=60_000).json_value()
    for said, (what, many, price) in wrong.items():
        contract.fill(what or symbol)
        lots.fill(many)
        limit.fill(price)
        place.focus()
        page.keyboard.press("Enter")
        panel.get_by_role("alert").wait_for(timeout=20_000)
        assert panel.locator("tbody").get_by_text(symbol).count() == 0, said
    contract.fill(symbol)
    lots.fill("1")
    limit.fill("0.05")
    place.focus()
    page.keyboard.press("Enter")
    panel.get_by_role("alert").wait_for(state="detached", timeout=20_000)
    panel.locator(".kit-summary").get_by_text(f"{symbol}: open").wait_for(timeout=20_000)
    panel.locator("tbody").get_by_text(symbol).first.wait_for(timeout=20_000)
    assert notebook.seen(panel) == []
