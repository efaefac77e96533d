"""What a cell shows: every part and result in words, as HTML, and as JSON."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from kit.benchmark.suite import run_performance_benchmark
from kit.chains.readers import read_chain
from kit.cli import main
from kit.desk import open_desk
from kit.evaluation.scan import scan
from kit.market.smart import SmartCache
from kit.pricing.analytics import snapshot_analytics
from kit.settings import Settings
from kit.shown import card, printed, rows_of, rupees, sentence, table, unbroken, written
from kit.strategies import IronCondor, ShortStraddle
from kit.transport.pool import ConnectionPoolManager
from kit.tuning.lifetimes import advise_lifetimes
from kit.tuning.tuner import Advice, record
from kit.widgets.panels.chain import ChainPanel
from kit.widgets.panels.payoff import PayoffPanel

STATED = "nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
PARTS = {
    "chain": lambda desk: desk.data.option_chain(),
    "results": lambda desk: desk.evaluation.last,
    "score": lambda desk: desk.evaluation.last.best(),
    "scan": lambda desk: scan(desk.data.option_chain(), "iron_condor", top=5),
    "settings": lambda desk: desk.settings,
    "desk": lambda desk: desk,
    "client": lambda desk: desk.client,
    "pool": lambda desk: ConnectionPoolManager(desk.settings.connection_pool),
    "cache": lambda desk: desk.cache,
    "smart cache": lambda desk: SmartCache(desk.cache),
    "processor": lambda desk: desk.processor,
    "data manager": lambda desk: desk.data,
    "evaluation": lambda desk: desk.evaluation,
    "monitor": lambda desk: desk.monitor,
    "analytics": lambda desk: snapshot_analytics(desk.data.option_chain()),
    "advice": lambda desk: Advice(desk.settings, advise_lifetimes(record(desk))),
    "benchmark": lambda _: run_performance_benchmark(rows=["hot_hit"]),
}
VOID = {"br", "img", "hr", "input", "meta"}


@pytest.fixture(scope="module")
def desk():
    """Open a desk in this process that has asked and evaluated something, a failure with markup included."""

    def unlucky(snapshot):
        raise ValueError("<b>no luck</b>")

    with open_desk(Settings(workers={"backend": "serial"})) as desk:
        ideas = {"condor": IronCondor(), "straddle": ShortStraddle(), "<i>unlucky": unlucky}
        desk.evaluation.evaluate_strategies_concurrent(ideas, desk.data.option_chain())
        desk.monitor.set_requirement("slow", 1)
        desk.monitor.record_execution("slow", 2.0)
        yield desk


class Balance(HTMLParser):
    """Follows what is open; a tag that closes another one is an error."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = set()

    def handle_starttag(self, tag, attrs):  # noqa: ARG002, D102
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):  # noqa: D102
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", PARTS)
def test_every_part_shows_itself(desk, name):
    """A part is a short line of text and a whole card of HTML, into which no text leaks markup."""
    part = PARTS[name](desk)
    text, html = repr(part), part._repr_html_()
    assert "\n" not in text
    assert len(text) < 700
    page = Balance()
    page.feed(html)
    assert page.open == []
    assert "kit-card" in html
    assert page.seen >= {"dt", "dd"}
    assert page.seen.isdisjoint({"b", "i", "script"})
    assert "nan" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    assert "src=" not in html


STATISTICS = {
    "cache": lambda desk: desk.cache.get_stats(),
    "cache info": lambda desk: [row["hits"] for row in desk.cache.get_cache_info()],
    "processor": lambda desk: desk.processor.get_stats(),
    "pool": lambda desk: desk.client.get_performance_stats()["connections"],
    "disk": lambda desk: desk.client.session.replies.cache.get_stats(),
    "monitor": lambda desk: desk.monitor.get_summary(),
    "client": lambda desk: desk.client.get_performance_stats(),
    "data manager": lambda desk: desk.data.get_performance_stats(),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_every_statistic_can_be_written_as_json(desk, name):
    """Statistics and summaries come back from JSON as they went, also with a budget exceeded."""
    found = STATISTICS[name](desk)
    assert repr(json.loads(json.dumps(found))) == repr(found)


def test_a_secret_is_in_no_view(desk):
    """Neither text nor HTML of desk and client holds a credential or a token."""
    secrets = [secret.get_secret_value() for secret in vars(desk.exchange.credentials).values()]
    shown = "".join(repr(part) + part._repr_html_() for part in (desk, desk.client, desk.settings))
    assert [secret for secret in secrets if secret in shown] == []


def test_values_are_written_for_a_reader():
    """Figures have separators, unknown is a dash, unbounded a sign, yes and no are words."""
    values = [1234567, 12.3456, 0.012345, float("nan"), None, float("inf"), True, (1.5, 2000.0), ()]
    told = ["1,234,567", "12.35", "0.01235", "–", "–", "∞", "yes", "1.5 · 2,000", "none"]
    assert [written(value) for value in values] == told


def test_a_table_escapes_counts_and_marks():
    """Headings and cells are escaped, figures stand right, long tables are cut and say so, marks show."""
    frame = pd.DataFrame({"<h>": ["<c>", "d"], "n": [1.0, None]}, index=pd.Index([7, 8], name="k"))
    html = table(rows_of(frame), "<x>", marked=[1], most=1)
    assert "&lt;h&gt;" in html
    assert "&lt;c&gt;" in html
    assert "&lt;x&gt;" in html
    assert "1 more" in html
    assert "class='kit-n'>1<" in html
    assert "kit-marked" in table(rows_of(frame), marked=[1])
    assert table([]) == sentence("") == ""
    assert "&lt;a" in card("<a", {"<b": "<c"})


@pytest.fixture
def shell(desk):
    """Start an IPython shell that knows the desk, with the kit's magics."""
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}), user_ns={"desk": desk})
    shell.extension_manager.load_extension("kit")
    yield shell
    shell.history_manager.end_session()


def test_a_cell_is_measured_into_the_desks_monitor(shell, desk, capsys):
    """`%%measure` runs the cell in the notebook's names and counts it, a failing one as an error."""
    shell.run_cell("%%measure adding\nanswer = 40 + 2").raise_error()
    assert shell.user_ns["answer"] == 42
    shell.run_cell("%%measure adding\n1 / 0")
    found = desk.monitor.get_metrics("adding")
    assert (found.calls, found.total_errors) == (2, 1)
    assert "adding: 2 runs" in capsys.readouterr().out


def test_kit_shows_desk_and_chain(shell, desk):
    """`%kit status` gives the desk, `%kit chain` a chain, of the named expiry where one is named."""
    assert shell.run_cell("%kit status").result is desk
    day = desk.data.expiries()[1]
    assert shell.run_cell(f"%kit chain {day}").result.expiry == day
    assert shell.run_cell("%kit chain").result.expiry == desk.data.expiries()[0]


@pytest.mark.parametrize("line", ["%kit", "%kit nonsense", "%kit chain 2020-01-01", "%%measure\n1"])
def test_a_wrong_magic_says_what_to_write(shell, line, capsys):
    """A word that is none, an expiry that is not listed, a missing name: one line and no traceback."""
    assert not shell.run_cell(line).success
    said = capsys.readouterr()
    assert "UsageError" in said.err
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("loss ₹ 1,563,934.", "loss ₹\N{NO-BREAK SPACE}1,563,934."),
        ("a fee of ₹ -12 or −₹ 5", "a fee of ₹\N{NO-BREAK SPACE}-12 or −\N{WORD JOINER}₹\N{NO-BREAK SPACE}5"),
        (
            "81.1 ms, 95 % of 20 lots",
            "81.1\N{NO-BREAK SPACE}ms, 95\N{NO-BREAK SPACE}% of 20\N{NO-BREAK SPACE}lots",
        ),
        ("5 minutes, 3 strategies, 2 sets", "5 minutes, 3 strategies, 2 sets"),
    ],
)
def test_a_figure_stays_beside_its_unit(text, whole):
    """No line ends between a figure and its unit; between other words it may."""
    assert unbroken(text) == whole
    assert whole in sentence(text)


@pytest.mark.parametrize("columns", [None, 80, 100, 120, 400])
def test_a_table_is_no_wider_than_the_terminal(columns, monkeypatch):
    """Where there is no room beside, columns follow below with the rows' names; nothing is cut or marked."""
    frame = pd.DataFrame({f"column {number}": [number, 1000.5] for number in range(14)}, index=["one", "two"])
    monkeypatch.setenv("COLUMNS", str(columns or 0))
    text = printed(frame)
    assert max(map(len, text.splitlines())) <= (columns or 1000)
    assert "\\" not in text
    assert [int(found) for found in re.findall(r"column (\d+)", text)] == [*range(14)]
    assert text.count("one") == {None: 1, 400: 1}.get(columns, text.count("two"))


def test_what_a_file_does_not_state_is_marked_wherever_it_is_shown(shared_data, capsys):
    """A derived spot and time are marked in a cell, a terminal, panels and the scan; stated ones never."""
    for name, guessed in (("option-chain-ED-BANKNIFTY-26-May-2026.csv", True), (STATED, False)):
        chain = read_chain(shared_data / "chain" / name)[0]
        main(["scan", "iron_condor", "--chain", str(shared_data / "chain" / name), "--top", "1"])
        shown = {"cell": chain._repr_html_(), "terminal": repr(chain), "scan": capsys.readouterr().out}
        for panel in (ChainPanel, PayoffPanel):
            one = panel(chain)
            shown[panel.__name__] = " ".join(str(getattr(part, "value", "")) for part in _parts(one))
        assert {view: "(derived)" in text for view, text in shown.items()} == dict.fromkeys(shown, guessed)


def _parts(widget):
    yield widget
    for part in getattr(widget, "children", ()):
        yield from _parts(part)


@pytest.mark.parametrize(("amount", "told"), [(4687.5, "₹ 4,688"), (4690.5, "₹ 4,690"), (-0.5, "₹ 0")])
def test_half_a_rupee_is_written_as_numbers_are(amount, told):
    """Half a rupee goes to the even one, as in every table, however its sum was rounded in binary."""
    for dust in (-1e-9, 0.0, 1e-9):
        assert rupees(amount + dust) == told


def test_no_card_shows_a_key_as_python_writes_it(desk):
    """What is remembered is named by its words and date, and what a processor did by its counts."""
    for part in (desk.cache, desk.data):
        assert "chain BANKNIFTY 2" in part._repr_html_()
        assert "datetime" not in part._repr_html_()
    assert len(repr(desk.processor)) < 200
