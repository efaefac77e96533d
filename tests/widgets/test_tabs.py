"""All panels on one page, over a real desk."""

import pytest

from kit.desk import open_desk
from kit.errors import UnknownSymbol
from kit.settings import Settings
from kit.strategies import ALL
from kit.widgets import lab


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Return a desk with its own simulated exchange and without a disk tier."""
    settings = Settings(cache_config={"disk": False}, workers={"backend": "serial"})
    with open_desk(settings) as opened:
        yield opened


def test_every_panel_draws_what_the_market_says(desk):
    """Each tab holds a panel that drew without an error; the chains are those of the desk."""
    page = lab(desk)
    panels = dict(zip(page.titles, page.children, strict=True))
    assert panels["Ranking"].runner.job.wait(60)
    first = ["Chain", "Payoff", "Position", "Ranking", "Scanner", "Live"]
    assert list(panels) == [*first, "Backtest", "Tuning", "Benchmark", "Monitor"]
    assert {name: panel.errors.value for name, panel in panels.items()} == dict.fromkeys(panels, "")
    assert panels["Chain"].context.expiries == desk.data.expiries("BANKNIFTY")
    assert len(panels["Ranking"].results.completed) == len(ALL)
    assert panels["Tuning"].source == desk.settings
    panels["Chain"].context.open(ALL[0]())
    assert page.titles[page.selected_index] == "Position"


def test_a_choice_in_one_panel_is_there_in_the_others(desk):
    """Another expiry, chosen in the chain, is asked for and moves payoff and ranking."""
    page = lab(desk)
    chain, payoff, _, ranking = page.children[:4]
    assert ranking.runner.job.wait(60)
    before, first = payoff.plot.value, ranking.runner.job
    chain.expiry.value = chain.context.expiries[1]
    assert (payoff.source, payoff.plot.value != before) == (chain.source, True)
    assert payoff.source.venue == "simulated"
    assert ranking.runner.job is not first
    assert ranking.runner.job.wait(60)
    assert [panel.errors.value for panel in (chain, payoff, ranking)] == [""] * 3


def test_an_unknown_index_is_named(desk):
    """A name that the exchange does not list is an error, not an empty page."""
    with pytest.raises(UnknownSymbol, match="BANKNIFFTY"):
        lab(desk, "BANKNIFFTY")
