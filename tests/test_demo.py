"""The main job without a screen."""

import re

import pytest

from kit.demo import run_on_exchange, run_on_file
from kit.settings import Settings

LASTING = {"ltp_ttl": 600, "atm_ttl": 600, "options_chain_ttl": 600}  # longer than a busy machine takes
SERIAL = Settings(workers={"backend": "serial"}, cache_config=LASTING)


def test_demo_on_the_exchange_shows_everything(tmp_path, capsys):
    """The demo prints chain, ranking with its failure, budgets, tiers and statistics, and writes the page."""
    page = tmp_path / "build" / "demo.html"
    outcome = run_on_exchange(SERIAL, page)
    said = capsys.readouterr().out
    for part in (
        "BANKNIFTY",
        "Strategies, ranked",
        "broken_idea",
        "ZeroDivisionError",
        "budget",
        "SQLite hits",
    ):
        assert part in said
    html = page.read_text()
    assert html.count("data:image/png;base64,") == 4  # smile, open interest, payoff, latency by tier
    assert 'alt="Open interest by strike, calls and puts"' in html
    assert re.search(r">\d\d,\d00<", html), "strikes have separators"
    assert "prefers-color-scheme:dark" in html
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    assert outcome.cache.loc["sqlite", "network calls"] == 0
    assert outcome.cache.loc["hot", "network calls"] == 0
    assert outcome.tiers["hot"]["chain"] < outcome.tiers["network"]["chain"]


@pytest.mark.parametrize(
    ("name", "lot", "forward"),
    [
        ("nse_option_chain_BANKNIFTY_20230503_1530.json.gz", 25, 43_322),
        ("option-chain-ED-BANKNIFTY-28-Apr-2026.csv", 30, None),
    ],
)
def test_demo_on_a_saved_chain(shared_data, capsys, name, lot, forward):
    """The main job runs on the exchange's own files, with open interest turned from lots to units."""
    outcome = run_on_file(shared_data / "chain" / name, SERIAL)
    assert "Strategies, ranked" in capsys.readouterr().out
    assert outcome.snapshot.lot_size == lot
    assert (outcome.snapshot.table["oi"].dropna() % lot == 0).all()
    if forward:
        assert outcome.snapshot.forward == pytest.approx(forward, abs=8)
        assert outcome.snapshot.spot == pytest.approx(43_312.7)
