"""The benchmark panel."""

import pytest

from kit.benchmark import history
from kit.benchmark.results import BenchmarkResults
from kit.benchmark.score import components, score
from kit.benchmark.suite import run_performance_benchmark
from kit.widgets.panels.bench import BenchPanel

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
    assert len(BenchPanel(measure=few_rows).source) == 1


def test_only_runs_of_the_same_kind_are_compared():
    """Quick and full runs are apart, and a run without a score is no point of the history."""
    machine = {"settings": "defaults"}
    kinds = [(True, 90, machine), (False, 80, machine), (True, None, machine), (True, 70, {"settings": "x"})]
    runs = [{"quick": quick, "score": score, "machine": where} for quick, score, where in kinds]
    assert BenchPanel.compute(runs, quick=True) == runs[:1]
    assert BenchPanel.compute(runs, quick=False) == runs[1:2]


def test_cancel_keeps_the_finished_rows():
    """A run cancelled before its first row is shown as such."""

    def cancelled(full, progress, should_stop):
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

    def measure(full, progress, should_stop):
        asked.append(not full)
        return few_rows(full=full, progress=progress, should_stop=should_stop)

    panel = BenchPanel(measure=measure)
    panel.inputs["quick"].value = quick
    _press(panel)
    assert asked == [quick]


def test_a_run_of_a_few_rows_is_shown_and_not_recorded():
    """A selection of rows is no point of the history, and a run shows no score."""

    def measure(full, progress, should_stop):
        return run_performance_benchmark(full, ["import_kit"], progress, should_stop)

    panel = BenchPanel(measure=measure)
    _press(panel)
    assert "none, not every row was asked for" in panel.tiles.value
    assert "not recorded" in panel.words.value
    assert panel.source == []
