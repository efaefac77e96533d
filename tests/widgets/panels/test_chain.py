"""The chain panel."""

from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from kit.errors import UnknownExpiry
from kit.widgets.panels.chain import COLUMNS, ChainPanel


@pytest.fixture(scope="module")
def chains(make_chain):
    """Return two expiries."""
    near = make_chain()
    return near, replace(make_chain(days=45), expiry=date(2026, 12, 29))


class _Cells(HTMLParser):
    """Collects the rows of a table, and checks that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, _):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.rows[-1].append(data)


@pytest.mark.parametrize("columns", list(COLUMNS))
def test_the_table_mirrors_its_sides(chains, columns):
    """Every row holds the call fields, the strike and the put fields in mirrored order."""
    panel = ChainPanel(chains)
    panel.inputs["columns"].value = columns
    assert panel.errors.value == ""
    rows = _Cells(panel.table.value).rows
    titles = rows[1]
    assert titles == [*titles[:7], "Strike", *titles[:7][::-1]]
    assert {len(row) for row in rows[1:]} == {15}
    assert len(rows) == 2 + 2 * panel.inputs["around"].value + 1


def test_a_missing_quote_is_a_dash(chains):
    """A contract without a bid shows a dash, never nan."""
    frame = chains[0].table
    frame["bid"] = float("nan")
    panel = ChainPanel(replace(chains[0], frame=frame))
    assert panel.errors.value == ""
    assert "nan" not in panel.table.value
    assert "–" in panel.table.value


def test_another_expiry_is_another_picture(chains):
    """Choosing an expiry changes table, plot and words; more rows change the table alone."""
    panel = ChainPanel(chains)
    plot, table = panel.plot.value, panel.table.value
    panel.inputs["around"].value = 12
    assert panel.plot.value == plot
    assert panel.table.value != table
    panel.inputs["expiry"].value = date(2026, 12, 29)
    assert panel.plot.value != plot
    assert "29 Dec 2026" in panel.words.value


def test_the_words_say_age_and_source(chains):
    """The text beside the plot tells when the chain was quoted and where it came from."""
    assert "20 Nov 2026 11:15:00 IST, from network" in ChainPanel(chains[0]).words.value


def test_an_expiry_that_is_not_loaded_is_refused(chains):
    """Asking for another expiry names it."""
    with pytest.raises(UnknownExpiry, match="2027"):
        ChainPanel.compute(chains, expiry=date(2027, 1, 26), columns="Quotes", around=3)
