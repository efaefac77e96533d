"""Each control of each panel moves a picture or a table, and `docs/controls.md` says which."""

import re
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import ipywidgets as w
import numpy as np
import pytest
from matplotlib.axis import Axis
from matplotlib.collections import Collection as Shapes
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from kit.bars.importing.importer import import_files
from kit.bars.minute_store import MinuteStore
from kit.benchmark.measure import Figures
from kit.benchmark.registry import Row
from kit.benchmark.results import BenchmarkResults
from kit.benchmark.score import components, score
from kit.benchmark.suite import run_performance_benchmark
from kit.benchmark.targets import at_most
from kit.benchmark.verdict import judge
from kit.desk import open_desk
from kit.market.instruments import instrument
from kit.model import OrderRequest
from kit.monitor.estimate import Estimate
from kit.settings import Settings
from kit.strategies import IronCondor, LongStraddle
from kit.trading import PaperAccount
from kit.tuning.tuner import Advice
from kit.widgets import (
    BacktestPanel,
    BenchPanel,
    ChainPanel,
    EvaluationPanel,
    LivePanel,
    MonitorPanel,
    PayoffPanel,
    PositionPanel,
    ScanPanel,
    TunePanel,
)
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.header import PACE
from kit.widgets.frame.live import LiveFigure
from kit.widgets.panels.bench_chart import BenchChart
from kit.widgets.panels.tune.controls import ALL, GROUPS
from kit.widgets.panels.tune.tasks import BackendTime, Measured

PAGE = Path(__file__).parents[2] / "docs" / "controls.md"
CONTROLS = (
    w.Checkbox,
    w.Dropdown,
    w.IntSlider,
    w.FloatSlider,
    w.SelectionSlider,
    w.SelectMultiple,
    w.Text,
    w.Textarea,
)
WORDS = {"causes": "attribution", "advised": "advice", "sets": "sets of the sweep"}
PATIENCE_S = 120
MADE = {}  # what is dear to make, once for all tests


@dataclass
class Driven:
    """A panel, what its pictures are called from left to right, and what is typed to move it."""

    panel: object
    pictures: dict[str, tuple[str, ...]]
    typed: dict[str, str] = field(default_factory=dict)
    run: Callable[[object, str], object] = lambda *_: None
    first: dict[str, Callable[[object], object]] = field(default_factory=dict)
    only: Collection[str] = ()
    before: dict | None = None
    quiet: bool = (
        False  # what it shows follows from its controls alone: put back, they need not be drawn again
    )


def drawn(artist):  # noqa: PLR0911 - one kind of artist after the other
    """Return what an artist shows."""
    match artist:
        case Line2D():
            return artist.get_xydata().tolist(), artist.get_visible()
        case Legend():
            return [text.get_text() for text in artist.texts]
        case Text():
            return artist.get_text()
        case AxesImage():
            return np.ma.getdata(artist.get_array()).tolist()
        case Shapes():
            paths = [path.vertices.tolist() for path in artist.get_paths()]
            return paths, np.ma.getdata(artist.get_array()).tolist()
        case Patch():
            placed = artist.get_path().transformed(artist.get_patch_transform())
            return placed.vertices.tolist(), artist.get_facecolor()
        case Axis():
            return artist.get_label_text()
        case _:
            return None


def shown(driven):
    """Return what a panel shows, by the name of picture or table."""
    found = {}
    builder = getattr(driven.panel, "builder", None)
    for owner in filter(None, (driven.panel, builder)):
        for name, value in vars(owner).items():
            parts = value.items() if name in ("plots", "tables") else [(name, value)]
            for part, widget in parts:
                if isinstance(widget, LiveFigure):
                    axes = [one for one in widget.figure.axes if one.get_label() != "<colorbar>"]
                    for title, one in zip(driven.pictures.get(part, ()), axes, strict=False):
                        found[title] = [drawn(artist) for artist in one.get_children()]
                elif isinstance(widget, Grid):
                    found[WORDS.get(part, part)] = widget.columns, widget.rows, widget.numbers
                elif isinstance(widget, BenchChart):
                    found["rows"] = widget.rows, widget.chosen
                elif name == "tiles":
                    found["figures"] = widget.value
    return found


def walk(widget) -> Iterator[w.Widget]:
    """Yield a widget and all that it holds."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def label_of(control):
    """Return what the page calls a control."""
    return control.description or control.tooltip


def other(control, typed):
    """Return another value for a control: what is to be typed, the opposite, the next choice or step."""
    if label_of(control) in typed:
        return typed[label_of(control)]
    if isinstance(control, w.Checkbox):
        return not control.value
    if isinstance(control, w.IntSlider | w.FloatSlider):
        return control.value + 3 * control.step
    values = [value for _, value in control._options_full]
    if isinstance(control, w.SelectMultiple):
        return (values[1],)
    return values[(values.index(control.value) + 1) % len(values)]


def settle():
    """Wait until nothing works in the background."""
    for thread in threading.enumerate():
        if thread.name == "kit-job":
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def move(driven, control):
    """Move one control, or press a button, and return what moved."""
    label, panel = label_of(control), driven.panel
    before = driven.before
    if label in driven.first:
        driven.first[label](panel)
        before = None
    before = before or shown(driven)
    if driven.quiet:
        driven.before = before
    if isinstance(control, w.Button):
        control.click()
    else:
        was, control.value = control.value, other(control, driven.typed)
    settle()
    driven.run(panel, label)
    settle()
    assert panel.errors.value == "", label
    after = shown(driven)
    if not isinstance(control, w.Button):
        panel._quiet = driven.quiet
        control.value = was
        panel._quiet = False
        settle()
    if label in LASTING and driven.before:
        driven.before = after
    return {name for name in after if after[name] != before.get(name)}


def measured(driven):
    """Return what each control of a panel moves, by its label."""
    return {
        label_of(control): move(driven, control)
        for control in [*walk(driven.panel)]
        if isinstance(control, (*CONTROLS, w.Button)) and control.layout.display != "none"
        if label_of(control) not in ELSEWHERE and (not driven.only or label_of(control) in driven.only)
    }


def documented(name):
    """Return what the page says that each control of a panel moves."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        label: set(moves.split("; "))
        for panel, labels, moves in rows
        for label in labels.split("; ")
        if panel == name
    }


def pressed(panel, label=""):
    """Press Run, unless that was what was pressed, and wait for its end."""
    if label != "Run":
        panel.runner.start()
    settle()


def a_chain(desk, _):
    """Return the chain panel."""
    return Driven(ChainPanel(desk), {"plot": ("smile", "open interest")})


def a_payoff(desk, _):
    """Return the payoff panel."""
    return Driven(PayoffPanel(desk), {"plot": ("payoff",)}, {"Lots": "2"})


def a_position(desk, _):
    """Return the position builder, its index shifted where that matters."""

    def take(panel, spot_pct=0.0):
        panel.builder.take(IronCondor())
        panel.inputs["spot_pct"].value = spot_pct

    typed = {"Lots": "2", "Legs": "-1 54900CE +1 55400CE", "Preset": "Long straddle"}
    first = dict.fromkeys(("Lots", "Date", "Index %", "IV points", "Map by", "Enter"), take) | {
        "Undo": lambda panel: panel.builder.take(LongStraddle()),
        "Smile in": lambda panel: take(panel, 2.0),
    }
    return Driven(PositionPanel(desk), {"plot": ("profit", "heat map")}, typed, first=first)


def an_evaluation(desk, _):
    """Return the evaluation panel after a run."""
    ideas = {"condor": IronCondor(), "straddle": LongStraddle()}
    panel = EvaluationPanel(desk.evaluation, ideas, desk)
    pressed(panel)
    return Driven(panel, {}, first={"Run": lambda panel: panel.table.show((), ())})


def a_scan(desk, _):
    """Return the scanner after a run; each bound is the median of what was found."""
    driven = asked(Driven(ScanPanel(desk), {"plot": ("trade-off",)}, run=pressed))
    driven.first["Run"] = lambda panel: panel.table.show((), ())
    middle = driven.panel.result.table.median(numeric_only=True)
    figures = {
        "P(profit) ≥ (%)": 100 * middle["probability_of_profit"], "Max. loss ≤ (₹)": middle["max_loss_inr"],
        "Margin ≤ (₹)": middle["margin_inr"], "Spread ≤ (%)": middle["spread_pct"],
        "Quoted ≥ (lots)": middle["size_lots"] // 1, "Traded ≥ (lots)": middle["traded_lots"] // 1,
    }  # fmt: skip
    driven.typed = {label: f"{figure:.10g}" for label, figure in figures.items()}
    driven.typed |= {
        "Keep (rows)": "7",
        "And": f"theta_inr > {middle['theta_inr']:.10g}",
        "Widths (₹)": "500",
    }
    driven.typed["Families"] = ("bull_put_spread",)
    return driven


def asked(driven):
    """Return a driven panel after a first run, which all later ones are compared with."""
    pressed(driven.panel)
    driven.before = shown(driven)
    return driven


def a_live(desk, folder):
    """Return the live panel of a paper account with a position and an order that waits."""
    account = PaperAccount(folder / "paper.sqlite", clock=desk.clock)
    chain = desk.data.option_chain("BANKNIFTY")
    account.see_chain(chain)
    call = chain.quote(chain.atmf_strike, "CE")
    contract = instrument(desk.client.instruments().symbol(call["symbol"])[0])
    account.place(OrderRequest.in_lots(contract, "BUY", 2, price_inr=round(call["ask"] + 5, 1)))
    account.place(OrderRequest.in_lots(contract, "BUY", 1, price_inr=1.0))
    panel = LivePanel(desk, account)
    panel.form.contract.value = call["symbol"]
    put = chain.quote(chain.atmf_strike, "PE")["symbol"]

    def run(panel, label):
        if label in ("Contract", "Side", "Lots", "Limit (₹)"):
            account.resume()
            panel.form.button.click()
            settle()
            assert panel.form.errors.value == "", label

    typed = {"Contract": put, "Lots": "2", "Limit (₹)": "1.5"}
    return Driven(panel, {}, typed, run, {"Place on paper": lambda _: account.resume()})


def a_backtest(_, folder):
    """Return the backtest panel over a real session, and two that have no contract that it trades."""
    store, files = MinuteStore(folder), Path("../shared/data/intraday").resolve()
    import_files([*files.glob("bnf_2022*"), files / "bnf_exp_20240110"], store)
    panel = BacktestPanel(store=store)
    panel.inputs["last"].value, panel.inputs["entry.at"].value = "2023-12-08", "11:00"
    typed = {
        "Entry at": "09:45", "Exit at": "14:30", "Lots": "2", "Strike (steps)": "2", "Stop (%)": "10",
        "Target (%)": "10", "Overall stop (₹)": "500", "Overall target (₹)": "500", "Capital (₹)": "200000",
        "Plan": panel.inputs["yaml"].value.replace("25.0", "12.0"), "From": "2023-12-07",
        "To": "2022-12-30", "Least quality": "0.5", "Sweep": "exit.at=14:30,15:15",
        "Files": str(files / "BNF_spot*"), "What Run does": "Sweep",
    }  # fmt: skip
    tasks = {"Sweep": "Sweep", "What Run does": "Sweep", "Files": "Import files"}

    def run(panel, label):
        panel.task.value = tasks.get(label, "Backtest")
        pressed(panel)

    names = {"stored": ("calendar",), "plot": ("net profit", "drawdown"), "heat": ("map of the sweep",)}
    first = {"Sweep": lambda panel: run(panel, "Sweep"), "Run": lambda panel: panel.trades.show((), ())}
    return asked(Driven(panel, names, typed, run, first))


def a_benchmark(*_):
    """Return the benchmark panel with a history of quick runs and of full ones."""

    def few(full, **given):
        found = run_performance_benchmark(full=full, rows=["import_kit", "no_such_row"], **given)
        parts = components(found["lines"])
        return BenchmarkResults(found, complete=True, components=parts, score=score(parts))

    run = {
        "score": 90,
        "violations": [],
        "machine": {"settings": "defaults"},
        "at": "2026-11-20T10:00:00+05:30",
        "rows": [],
    }
    scored = [run | {"quick": quick} for quick in (True, False, False)]
    return Driven(BenchPanel(scored, few), {"plot": ("score", "earlier runs", "memory")})


def a_monitor(desk, _):
    """Return the monitor of a desk that is asked before each reading."""

    def ask(_):
        desk.data.option_chain()

    ask(None)
    names = ("latency", "hit rate", "evictions", "sockets", "tasks", "calls left")
    return Driven(MonitorPanel(desk), {"plot": names}, first={"Read": ask, "Read now": ask})


def measured_as(settings, *_):
    """Return a measurement that depends on the settings."""
    ms = settings.connection_pool.pool_size
    row = Row("chain_cold", "pipeline", "ms", lambda _: Figures([]), at_most(2000))
    results = BenchmarkResults(lines=[judge(row, Figures([ms] * 6), 2)])
    pools = {size: Estimate(24 * ms, 23 * ms, 25 * ms) for size in (1, 10)}
    backends = {name: BackendTime(0.1 * ms, 0.01) for name in ("serial", "threads", "processes")}
    return Measured(results, pools, backends, {1: 1.0, 2: 1.0 + 1 / ms})


TUNED = {
    "Cache": ("hit rate by lifetime", "hits by size", "who answers", "staleness", "the broker's limits",
              "calls by kind"),
    "Connections": ("calls under way", "a faltering broker", "calls a second"),
    "Workers": ("ideas and start", "speed-up and start", "queue and time-out"),
    "Monitor": ("P99", "P95 against its budget"), "found": ("latency by tier",),
}  # fmt: skip


def tuned(desk):
    """Return the tuning panel after two measurements; one for all its groups, each of which puts back."""

    def search(settings, *_):
        pool = settings.connection_pool.model_copy(update={"pool_size": 4})
        return Advice(settings.model_copy(update={"connection_pool": pool}), panel.session.lifetimes)

    desk.data.option_chain()  # so that the monitor has seen something, whichever test comes first
    panel = TunePanel(desk, {"Measure": measured_as, "Search": search})
    panel.inputs["options_chain_ttl"].value, panel.inputs["disk"].value = "60", True
    for size in ("5", "10"):
        panel.inputs["pool_size"].value = size
        pressed(panel)
    return panel


def a_tuning(desk, _, only=""):
    """Return the tuning panel; each control is moved with its group in sight."""

    def run(panel, label):
        if label == "What Run does":
            pressed(panel)

    def put(**values):
        def do(panel):
            for name, value in values.items():
                panel.inputs[name].value = value

        return do

    panel = MADE.get("tuning") or MADE.setdefault("tuning", tuned(desk))
    groups = [*GROUPS]
    panel.tabs.selected_index = groups.index(only or groups[0])
    typed = dict.fromkeys((*(one.label for one in ALL), "Tolerance (bps)"), "33") | {
        "Disk (answers)": "1", "Disk (MiB)": "1", "Memory (MiB)": "0.1", "Memory (entries)": "2",
        "Workers": "2", "Task within (s)": "7", "Queue (tasks)": "20", "Samples kept": "100", "Retries": "1",
        "Backend": "threads",
    }  # fmt: skip
    for switch in (one.label for one in ALL if isinstance(panel.inputs[one.name], w.Checkbox)):
        del typed[switch]
    first = {
        "Memory (MiB)": put(max_size="4"), "Disk (answers)": put(max_size="1000"),
        "Run": put(pool_size="7"), "Undo": put(ltp_ttl="9"), "Reset": put(ltp_ttl="9"),
    }  # fmt: skip
    inside = {group: [one.label for one in rows] for group, rows in GROUPS.items()}
    below = {"Replayed", "What Run does", "Tolerance (bps)", "Run", "Undo", "Reset", "Before", "After"}
    return Driven(panel, TUNED, typed, run, first, inside.get(only, below), quiet=bool(only))


ELSEWHERE = {"Cancel", "Save", "Apply"}  # end a run, write kit.yaml, change the desk: the page says so
LASTING = {"Files", "Refresh", PACE}  # what they brought stays
PANELS = {
    "chain": a_chain, "payoff": a_payoff, "position": a_position, "evaluation": an_evaluation,
    "scanner": a_scan, "live": a_live, "backtest": a_backtest, "benchmark": a_benchmark,
    "monitor": a_monitor,
} | {f"tuning, {group.lower()}": partial(a_tuning, only=group) for group in GROUPS}  # fmt: skip
PANELS["tuning"] = a_tuning  # last: it ends in a Reset


@pytest.fixture(scope="module")
def desk():
    """Return a desk whose quotes are asked for anew each time."""
    settings = Settings(cache_config={"disk": False, "options_chain_ttl": 0}, workers={"backend": "serial"})
    with open_desk(settings) as opened:
        yield opened


@pytest.mark.parametrize("name", PANELS)
def test_every_control_moves_what_the_page_says(desk, tmp_path, name):
    """Driven one after the other, each control moves the pictures and tables of its row, and none is idle."""
    found, told = measured(PANELS[name](desk, tmp_path)), documented(name)
    assert [label for label, moves in found.items() if not moves] == []
    assert set(found) == set(told)
    assert {label: told[label] - moves for label, moves in found.items() if told[label] - moves} == {}
