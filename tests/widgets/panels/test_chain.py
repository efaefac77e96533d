"""The chain panel."""

from dataclasses import replace
from datetime import date

import pytest

from kit.widgets.panels.chain import COLUMNS, ChainPanel


@pytest.fixture(scope="module")
def chains(make_chain):
    """Return two expiries."""
    near = make_chain()
    return near, replace(make_chain(days=45), expiry=date(2026, 12, 29))


@pytest.mark.parametrize("columns", list(COLUMNS))
def test_the_table_mirrors_its_sides(chains, columns):
    """Every row holds the call fields, the strike and the put fields in mirrored order."""
    panel = ChainPanel(chains)
    panel.inputs["columns"].value = columns
    assert panel.errors.value == ""
    titles = [column["title"] for column in panel.table.columns]
    assert titles == [*titles[:7], "Strike", *titles[:7][::-1]]
    assert {len(row["cells"]) for row in panel.table.rows} == {15}
    assert len(panel.table.rows) == 2 * panel.inputs["around"].value + 1


def test_a_missing_quote_is_nothing(chains):
    """A contract without a bid has an empty cell, never a number that is none; a column of them goes."""
    frame = chains[0].table
    frame.loc[frame["right"] == "CE", "bid"] = float("nan")
    frame["volume"] = float("nan")
    panel = ChainPanel(replace(chains[0], frame=frame))
    assert panel.errors.value == ""
    fields = [column["field"] for column in panel.table.columns]
    assert {row["cells"][fields.index("bid")] for row in panel.table.rows} == {None}
    assert "volume" not in fields


def test_another_expiry_is_another_picture(chains):
    """Choosing an expiry changes table, plot and words; more rows change the table alone."""
    panel = ChainPanel(chains)
    plot, table = panel.plot.value, panel.table.rows
    panel.inputs["around"].value = 12
    assert panel.plot.value == plot
    assert panel.table.rows != table
    panel.expiry.value = date(2026, 12, 29)
    assert panel.plot.value != plot
    assert "29 Dec 2026" in panel.words.value


def test_the_words_say_age_and_source(chains):
    """The text beside the plot tells when the chain was quoted and where it came from."""
    assert "20 Nov 2026 11:15:00 IST, from the network" in ChainPanel(chains[0]).words.value


def test_the_money_is_marked_and_its_insides_are_shaded(chains):
    """One row is at the money; below the forward calls are shaded, above it puts."""
    panel = ChainPanel(chains)
    middle = [row["key"] for row in panel.table.rows if row["mark"]]
    assert middle == [chains[0].atmf_strike]
    shaded = {row["key"]: row["inside"] for row in panel.table.rows}
    assert shaded[min(shaded)] == ["Calls"]
    assert shaded[max(shaded)] == ["Puts"]


def test_what_is_shown_can_be_taken_along(chains):
    """CSV, picture and page hold what is shown, and the code asks for the same expiry."""
    panel = ChainPanel(chains)
    made = {name: action.make() for name, action in panel.header.toolbar._actions.items()}
    assert made["csv"].content.decode().count("\n") == 1 + 2 * len(panel.table.rows)
    assert made["png"].content.startswith(b"\x89PNG")
    assert b"<table" in made["html"].content
    assert "2026-11-23" in made["code"]
