"""The tuning panel and the hit-rate curves."""

import threading

import numpy as np
import pytest

from kit.benchmark import history
from kit.benchmark.measure import Figures
from kit.benchmark.registry import Row
from kit.benchmark.results import BenchmarkResults
from kit.benchmark.score import components, score
from kit.benchmark.suite import run_performance_benchmark
from kit.benchmark.targets import at_most
from kit.benchmark.verdict import judge
from kit.errors import SettingsError
from kit.settings import Settings
from kit.tuning.lifetimes import advise_lifetimes
from kit.tuning.trace import PricePath, Trace, analyst_requests
from kit.tuning.tuner import Advice
from kit.widgets.panels.tune import TunePanel
from kit.widgets.panels.tune_plot import by_tier, hit_rate
from kit.widgets.panels.tune_tasks import TASKS as ALL_TASKS
from kit.widgets.panels.tune_tasks import Measured, measure, searching

WAIT_S = 30


def _figures(cold_ms=80.0, stopped=False):
    told = {"chain_cold": cold_ms, "chain_warm": 9.0, "chain_hot": 0.01}
    lines = [
        judge(Row(name, "pipeline", "ms", lambda _: Figures([]), at_most(2000)), Figures([ms] * 6), 2)
        for name, ms in told.items()
    ]
    return Measured(BenchmarkResults(lines=lines), 83.0, {} if stopped else {1: 1.0, 2: 1.8})


def _at_once(settings, on_progress, should_stop):
    on_progress(1.0, "chain")
    return _figures(settings.connection_pool.pool_size)


TASKS = {"Measure": _at_once}


def _press(panel):
    panel.runner.run.click()
    assert panel.runner.job.wait(WAIT_S)


def test_every_setting_starts_where_it_stands():
    """The controls show the values of the settings they were given."""
    settings = Settings(cache_config={"ltp_ttl": 2}, workers={"backend": "threads"})
    panel = TunePanel(settings, TASKS)
    assert panel.errors.value == ""
    assert panel.values["ltp_ttl"] == 2
    assert panel.values["backend"] == "threads"
    assert TunePanel.compute(settings, **panel.values) == settings


def test_a_moved_control_is_told_and_marked():
    """A changed lifetime moves its mark on the hit-rate curve and is named in words."""
    panel = TunePanel(Settings(), TASKS)
    before = panel.plot.value
    panel.inputs["options_chain_ttl"].value = 10
    assert panel.plot.value != before
    assert "options_chain_ttl 60 → 10" in panel.words.value


def test_run_measures_with_the_settings_shown():
    """Run hands the changed settings to the measurement and draws what it found."""
    panel = TunePanel(Settings(), TASKS)
    before = panel.plot.value
    panel.inputs["pool_size"].value = 33
    _press(panel)
    assert panel.errors.value == ""
    assert panel.result.latency_ms("cold")["chain"] == 33
    assert panel.plot.value != before
    assert (panel.runner.bar.value, panel.runner.bar.bar_style) == (1.0, "success")
    assert "33 ms" in panel.words.value
    assert not panel.runner.run.disabled


def test_cancel_keeps_what_was_found():
    """Cancel ends a run, and its partial figures are shown as such."""
    started = threading.Event()

    def endless(settings, on_progress, should_stop):
        started.set()
        while not should_stop():
            threading.Event().wait(0.001)
        return _figures(stopped=True)

    panel = TunePanel(Settings(), {"Endless": endless})
    panel.runner.run.click()
    assert started.wait(WAIT_S)
    assert panel.runner.run.disabled
    panel.runner.stop.click()
    assert panel.runner.job.wait(WAIT_S)
    assert panel.runner.job.state == "cancelled"
    assert "cancelled" in panel.words.value
    assert not panel.runner.run.disabled


def test_a_wrong_value_starts_nothing():
    """A value outside its range shows the error of the settings, and Run measures nothing."""
    panel = TunePanel(Settings(), TASKS)
    panel.inputs["timeout"].value = 0
    assert "timeout" in panel.errors.value
    panel.runner.run.click()
    assert panel.runner.job is None
    assert "SettingsError" in panel.errors.value
    with pytest.raises(SettingsError, match="timeout"):
        TunePanel.compute(panel.source, **panel.values)


def test_save_writes_settings_that_load(tmp_path):
    """Save writes kit.yaml, and loading it gives the settings shown."""
    file = tmp_path / "kit.yaml"
    panel = TunePanel(Settings(), TASKS, path=file)
    panel.inputs["ltp_ttl"].value = 3
    panel.inputs["backend"].value = "serial"
    panel.save.click()
    assert panel.errors.value == ""
    loaded = Settings.load(file)
    assert (loaded.cache_config.ltp_ttl, loaded.workers.backend) == (3, "serial")
    assert "kit.yaml" in panel.saved.value


def test_save_refuses_a_wrong_value(tmp_path):
    """A wrong value is explained and no file is written."""
    panel = TunePanel(Settings(), TASKS, path=tmp_path / "kit.yaml")
    panel.inputs["ltp_ttl"].value = -1
    panel.save.click()
    assert "ltp_ttl" in panel.errors.value
    assert not (tmp_path / "kit.yaml").exists()


def test_a_failed_run_is_shown():
    """An error of the measurement appears in the panel, and Run is free again."""

    def broken(settings, on_progress, should_stop):
        raise SettingsError("No credentials", "KIT_PIN", "Set it.")

    panel = TunePanel(Settings(), {"Broken": broken})
    _press(panel)
    assert "KIT_PIN" in panel.errors.value
    assert panel.runner.bar.bar_style == "danger"
    assert not panel.runner.run.disabled


def test_a_search_sets_the_controls():
    """A recommendation moves the controls, draws its reasons, and saves nothing by itself."""
    at_s = np.arange(600.0)
    paths = {key: PricePath(at_s, 55_000 + np.sin(at_s)) for key in ("BANKNIFTY", "ATM option")}
    lifetimes = advise_lifetimes(Trace(analyst_requests(600), paths))

    def advise(settings, on_progress, should_stop):
        pool = settings.connection_pool.model_copy(update={"pool_size": 4})
        return Advice(settings.model_copy(update={"connection_pool": pool}), lifetimes, [])

    panel = TunePanel(Settings(), {"Search": advise})
    before = panel.plot.value
    _press(panel)
    assert panel.plot.value != before
    assert panel.errors.value == ""
    assert panel.values["pool_size"] == 4
    assert "Lifetimes" in panel.words.value
    assert panel.saved.value == ""


def test_a_benchmark_is_shown_and_remembered():
    """A benchmark fills score, memory and history, and the next panel of this machine knows it."""

    def benchmark(settings, on_progress, should_stop):
        results = run_performance_benchmark(False, ["import_kit"], on_progress, should_stop)
        parts = components(results["lines"])
        return BenchmarkResults(results, complete=True, components=parts, score=score(parts))

    panel = TunePanel(Settings(), {"Benchmark": benchmark})
    before = panel.plot.value
    _press(panel)
    assert panel.errors.value == ""
    assert panel.plot.value != before
    assert "Performance Score" in panel.words.value
    assert "first run" in panel.words.value
    _press(panel)
    assert "Since the last run" in panel.words.value


def test_a_corrupt_history_is_told_and_harms_nothing():
    """A damaged history file is explained, and Run still works."""
    file = history.history_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("not json\n")
    panel = TunePanel(Settings(), TASKS)
    assert "UnreadableFile" in panel.errors.value
    _press(panel)
    assert panel.errors.value == ""


def test_the_search_takes_the_analysts_own_ideas():
    """What the panel searches with is what it was given; something else is explained in the panel."""
    panel = TunePanel(Settings(), {"Search": searching(workload=[7])})
    _press(panel)
    assert "functions of a chain, not: 7" in panel.errors.value


def test_every_task_has_a_name():
    """The panel offers a measurement, a search and the benchmark."""
    panel = TunePanel(Settings())
    assert panel.task.options == tuple(ALL_TASKS)
    assert len(ALL_TASKS) == 3


@pytest.mark.parametrize("kind", ["ltp", "options_chain", "historical_data"])
def test_a_longer_lifetime_never_hits_less_by_much(kind):
    """No lifetime answers nothing from memory, a long one nearly all."""
    assert hit_rate(kind, 0) == 0
    assert 0 < hit_rate(kind, 60) < hit_rate(kind, 3600) <= 100


def test_tiers_carry_the_names_of_the_figures():
    """Cold, warm and hot become the tiers that the figure colours."""
    assert by_tier(_figures())["network"] == {"chain": 80.0}
    assert set(by_tier(_figures())) == {"network", "sqlite", "hot"}


def test_a_measurement_goes_through_every_tier_that_is_on():
    """Cold, warm and hot are measured for each operation; a tier that is off is absent instead of wrong."""
    seen = []
    settings = Settings(cache_config={"disk": False}, workers={"backend": "serial", "max_workers": 1})
    found = measure(settings, lambda share, word: seen.append((share, word)), lambda: False)
    cold, warm, hot = (found.latency_ms(tier) for tier in ("cold", "warm", "hot"))
    assert list(cold) == list(hot) == ["chain", "candles", "ltp", "atm"]
    assert warm == {}
    assert all(hot[name] < cold[name] for name in cold)
    assert found.speedup == {1: 1.0}
    assert 0 < found.hit_rate_percent < 100
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert seen[-1] == (1.0, "done")


def test_a_cancelled_measurement_keeps_what_it_found():
    """Stopped at once, there is no latency and no speed-up, and the panel can say so."""
    found = measure(Settings(), lambda *_: None, lambda: True)
    assert found.stopped
    assert found.latency_ms("cold") == {}
