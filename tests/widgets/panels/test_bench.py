"""The benchmark panel."""

import pytest

from kit.benchmark import history
from kit.benchmark.results import BenchmarkResults
from kit.benchmark.score import components, score
from kit.benchmark.suite import run_performance_benchmark
from kit.benchmark.targets import at_least, at_most
from kit.benchmark.verdict import RowResult
from kit.errors import DataError
from kit.widgets.panels.bench import BenchPanel
from kit.widgets.panels.bench_chart import bar

WAIT_S = 60


def few_rows(**options):
    """Run two rows and call them all of them."""
    results = run_performance_benchmark(rows=["import_kit", "no_such_row"], **options)
    parts = components(results["lines"])
    return BenchmarkResults(results, complete=True, components=parts, score=score(parts))


def _press(panel):
    panel.runner.run.click()
    assert panel.runner.job.wait(WAIT_S)


def test_a_run_is_shown_and_recorded():
    """Run shows score, rows and memory, and the next panel of this machine knows it."""
    panel = BenchPanel(measure=few_rows)
    before = panel.plot.value
    assert panel.errors.value == ""
    _press(panel)
    assert panel.errors.value == ""
    assert panel.plot.value != before
    assert "import_kit" in panel.table.value
    assert "no_such_row" in panel.table.value
    assert panel._memory.mib[0] > 0
    made = {name: action.make() for name, action in panel.toolbar._actions.items()}
    assert made["csv"].content.decode().startswith("name,part,figure")
    assert made["png"].content.startswith(b"\x89PNG")
    assert b"import_kit" in made["html"].content
    compile(made["code"], "cell", "exec")
    again = BenchPanel(measure=few_rows)
    assert len(again.source) == 1
    (bar_again,) = again.chart.rows
    assert bar_again["at"] == {row["name"]: row["at"] for row in panel.chart.rows}["import_kit"]
    assert "The last recorded run on" in again.words.value


def test_before_the_first_run_words_say_what_it_will_draw():
    """Without a recorded run there is no picture and nothing to hand over, and the words say so."""
    panel = BenchPanel([], measure=few_rows)
    assert "No quick run is recorded" in panel.words.value
    assert panel.plot.layout.display == "none"
    with pytest.raises(DataError, match="Press Run"):
        panel.data()


def test_only_runs_of_the_same_kind_are_compared():
    """Quick and full runs are apart, and a run without a score is no point of the history."""
    machine = {"settings": "defaults"}
    kinds = [(True, 90, machine), (False, 80, machine), (True, None, machine), (True, 70, {"settings": "x"})]
    runs = [{"quick": quick, "score": score, "machine": where} for quick, score, where in kinds]
    assert BenchPanel.compute(runs, quick=True) == runs[:1]
    assert BenchPanel.compute(runs, quick=False) == runs[1:2]


def test_cancel_keeps_the_finished_rows():
    """A run cancelled before its first row is shown as such."""

    def cancelled(full, progress, should_stop, on_row):
        return run_performance_benchmark(full, ["import_kit"], progress, lambda: True)

    panel = BenchPanel(measure=cancelled)
    panel.runner.run.click()
    panel.runner.stop.click()
    assert panel.runner.job.wait(WAIT_S)
    assert panel.result["stopped"]
    assert "none, the run was cancelled" in panel.tiles.value
    assert "/100" not in panel.table.value


def test_a_corrupt_history_is_told_and_harms_nothing():
    """A history that cannot be read is explained in the panel, which still draws and runs."""
    file = history.history_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("not json\n")
    panel = BenchPanel(measure=few_rows)
    assert "UnreadableFile" in panel.errors.value
    _press(panel)
    assert "line 1" in panel.words.value
    assert len(panel.source) == 1
    assert "import_kit" in panel.table.value
    assert bytes(panel.plot.value).startswith(b"\x89PNG")


@pytest.mark.parametrize("quick", [True, False])
def test_the_switch_reaches_the_run(quick):
    """A full run is asked for by unticking the box."""
    asked = []

    def measure(full, **options):
        asked.append(not full)
        return few_rows(full=full, **options)

    panel = BenchPanel(measure=measure)
    panel.inputs["quick"].value = quick
    _press(panel)
    assert asked == [quick]


def test_a_run_of_a_few_rows_is_shown_and_not_recorded():
    """A selection of rows is no point of the history, and a run shows no score."""

    def measure(full, **options):
        return run_performance_benchmark(full, ["import_kit"], **options)

    panel = BenchPanel(measure=measure)
    _press(panel)
    assert "none, not every row was asked for" in panel.tiles.value
    assert "not recorded" in panel.words.value
    assert panel.source == []


def test_rows_appear_as_they_finish_and_a_click_shows_their_history():
    """While the run goes on a finished row is in the picture; clicked, it shows its figure over the runs."""
    seen = []

    def measure(on_row, **options):
        def watched(line):
            on_row(line)
            seen.append([row["name"] for row in panel.chart.rows])

        return few_rows(on_row=watched, **options)

    panel = BenchPanel(measure=measure)
    _press(panel)
    assert seen == [["import_kit"]]
    assert {row["name"]: row["state"] for row in panel.chart.rows}["no_such_row"] == "missed"
    before = panel.plot.value
    panel.chart.chosen = "import_kit"
    assert panel.plot.value != before
    assert panel.plot.figure.axes[1].get_title("left") == "import_kit in earlier runs"


@pytest.mark.parametrize(
    ("limit", "ratio", "places"),
    [
        (at_most(4), None, (0.5, 1.0)),  # twice as good as asked, and as the peer
        (at_least(1), None, (0.5, 0.25)),  # a gain: the peer's figure is 4, the better one
        (None, at_most(2), (0.25, 0.5)),
        (None, None, (None, None)),
    ],
)
def test_a_bar_stands_at_times_the_target(limit, ratio, places):
    """A row of 2 beside a peer of 4 stands where its target says, and the peer beside it."""
    line = judged(figure=2.0, peer_figure=4.0, ratio=0.5, limit=limit, ratio_limit=ratio)
    assert (bar(line)["at"], bar(line)["peer"]) == places


def judged(**features):
    """Return a line of one row."""
    about = {"name": "hot_hit", "part": "cache", "low": 2, "high": 2, "unit": "us", "target": None}
    return RowResult(**about | {"peer": "peer", "met": True} | features)


def test_a_tooltip_says_what_a_row_means():
    """A known row's tooltip is its own description, and an unknown row has a bar all the same."""
    assert "one cached value" in bar(judged(figure=2.0, peer_figure=4.0, ratio=0.5))["help"]
    unknown = judged(name="gone", figure=float("nan"), peer_figure=float("nan"), ratio=float("nan"))
    assert bar(unknown)["figure"] == "no figure"
