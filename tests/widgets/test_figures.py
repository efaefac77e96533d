"""What stands in the panels' figures can be read, however wide the page is."""

from dataclasses import replace
from itertools import combinations

import pytest

from kit.backtest import Plan, backtest
from kit.backtest.sweep import sweep
from kit.bars.minute_store import MinuteStore
from kit.benchmark.results import BenchmarkResults
from kit.benchmark.rows.pipeline import OPERATIONS, TIERS
from kit.benchmark.suite import run_performance_benchmark
from kit.desk import open_desk
from kit.monitor.estimate import Estimate
from kit.settings import Settings
from kit.widgets import (
    BacktestPanel,
    BenchPanel,
    ChainPanel,
    MonitorPanel,
    PayoffPanel,
    PositionPanel,
    ScanPanel,
    TunePanel,
)
from kit.widgets.frame.panel import figures_in
from kit.widgets.panels.tune.tasks import BACKENDS, BackendTime, Measured

WIDTHS = (800, 1080, 1460)
NAMES = ("chain", "payoff", "position", "scan", "backtest", "bench", "monitor", "tune", "untuned")


@pytest.fixture(scope="module")
def panels(tmp_path_factory, shared_data):
    """Return panels with something in them, by name."""
    settings = Settings(cache_config={"disk": False}, workers={"backend": "serial"})
    with open_desk(settings) as desk:
        scan = ScanPanel(desk)
        scan.runner.start()
        bench = BenchPanel(measure=_one_row)
        bench.runner.start()
        shown = {
            "chain": ChainPanel(desk), "payoff": PayoffPanel(desk), "position": PositionPanel(desk),
            "scan": scan, "bench": bench, "monitor": MonitorPanel(desk),
            "tune": TunePanel(desk, {"Measure": _measured}),
            "backtest": _traded(tmp_path_factory.mktemp("store"), shared_data),
        }  # fmt: skip
        assert scan.runner.job.wait(60)
        assert bench.runner.job.wait(60)
        for typed in ("9", "10"):
            shown["tune"].inputs["pool_size"].value = typed
            shown["tune"].runner.start()
            assert shown["tune"].runner.job.wait(60)
        for tab in range(1, 4):
            shown["tune"].tabs.selected_index = tab
        shown["untuned"] = TunePanel(desk)
        for tab in (1, 2):
            shown["untuned"].tabs.selected_index = tab
        yield shown


def _measured(*_):
    lines = run_performance_benchmark(rows=["atm_hot"])["lines"]
    found = [replace(lines[0], name=f"{operation}_{tier}") for operation in OPERATIONS for tier in TIERS]
    pools = {size: Estimate(25 * size, 24 * size, 26 * size) for size in (1, 2, 4, 8, 10, 16)}
    backends = {name: BackendTime(0.5, 0.01) for name in BACKENDS}
    return Measured(BenchmarkResults(lines=found), pools, backends, {1: 1.0, 2: 1.8, 4: 2.5})


def _one_row(full, **told):
    return run_performance_benchmark(full, ["import_kit"], **told)


def _traded(folder, shared_data):
    from kit.bars.importing.importer import import_files

    store = MinuteStore(folder)
    import_files([shared_data / "intraday" / "bnf_20221230.parquet"], store)
    panel = BacktestPanel(store=store)
    panel.draw(backtest(panel.plan, store, band=True))
    panel.draw(sweep(Plan.from_yaml(panel.plan.to_yaml()), store, {"legs.*.stop.percent": [20, 30, 40]}))
    return panel


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_of_a_figure_is_cut_or_lies_on_another(panels, name, width):
    """Titles, labels, ticks and legends stay apart and within the figure."""
    found = []
    for figure in figures_in(panels[name]):
        figure.fit(width)
        found += _faults(figure.figure, figure.canvas.get_renderer())
    assert found == []


def _faults(figure, renderer):
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in _texts(figure, renderer)]
    whole = figure.bbox
    cut = [
        f"cut: {text!r}" for text, box in boxes
        if box.x0 < whole.x0 - 2 or box.x1 > whole.x1 + 2 or box.y0 < whole.y0 - 2 or box.y1 > whole.y1 + 2
    ]  # fmt: skip
    met = [
        f"{one!r} on {other!r}" for (one, first), (other, second) in combinations(boxes, 2)
        if _shared(first, second) > 0.08 * min(first.width * first.height, second.width * second.height)
    ]  # fmt: skip
    return cut + met


def _texts(figure, renderer):
    """Yield every text that is drawn: no tick beyond the limits, nothing empty or invisible."""
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        yield from (text for text in axes.texts if text.get_visible() and text.get_text().strip())
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                yield from (
                    tick.label1 for tick in axis.get_major_ticks()
                    if tick.label1.get_visible() and tick.label1.get_text().strip()
                    and low - 1e-9 <= tick.get_loc() <= high + 1e-9
                )  # fmt: skip
                if axis.get_label_text():
                    yield axis.label
        yield from (one for one in (axes.title, axes._left_title) if one.get_text().strip())
        if (legend := axes.get_legend()) is not None:
            yield from legend.get_texts()


def _shared(one, other):
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return wide * high if wide > 0 and high > 0 else 0.0
