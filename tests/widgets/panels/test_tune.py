"""The tuning panel: controls, pictures, runs, advice."""

import io
import threading

import numpy as np
import pandas as pd
import pytest

from kit.benchmark.measure import Figures
from kit.benchmark.registry import Row
from kit.benchmark.results import BenchmarkResults
from kit.benchmark.targets import at_most
from kit.benchmark.verdict import judge
from kit.desk import open_desk
from kit.errors import SettingsError
from kit.market.questions import Question
from kit.monitor.estimate import Estimate
from kit.settings import Settings
from kit.tuning.lifetimes import advise_lifetimes
from kit.tuning.trace import PricePath, Trace, analyst_requests
from kit.tuning.tuner import Advice
from kit.widgets.panels.tune.panel import TunePanel
from kit.widgets.panels.tune.tasks import BackendTime, Measured, measure, searching

WAIT_S = 60


def _figures(cold_ms=80.0, stopped=False):
    told = {"chain_cold": cold_ms, "chain_warm": 9.0, "chain_hot": 0.01}
    lines = [
        judge(Row(name, "pipeline", "ms", lambda _: Figures([]), at_most(2000)), Figures([ms] * 6), 2)
        for name, ms in told.items()
    ]
    if stopped:
        return Measured(BenchmarkResults(lines=lines))
    pools = {1: Estimate(24, 23, 25), 10: Estimate(210, 190, 220)}
    backends = {"serial": BackendTime(0.0, 0.01), "processes": BackendTime(0.5, 0.006)}
    return Measured(BenchmarkResults(lines=lines), pools, backends, {1: 1.0, 2: 1.8})


def _at_once(settings, on_progress, should_stop):
    on_progress(1.0, "chain")
    return _figures(settings.connection_pool.pool_size)


TASKS = {"Measure": _at_once}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Return a desk that has been asked a little."""
    with open_desk(Settings(workers={"backend": "serial"})) as opened:
        opened.data.option_chain()
        opened.data.atm_strike()
        yield opened


def _press(panel):
    panel.runner.run.click()
    assert panel.runner.job.wait(WAIT_S)


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("pool_size", "", "Pool (sockets): the box is empty"),
        ("pool_size", "2.7", "Pool (sockets): not a whole number"),
        ("timeout", "soon", "Answer within (s): not a number"),
        ("ltp_ttl", "-1", "Last price (s)"),
        ("max_size", "0", "Memory (entries)"),
        ("pool_size", "1e9", "Pool (sockets)"),
        ("ltp_ttl", "nan", "Last price (s)"),
    ],
)
def test_a_wrong_value_is_named_by_its_label_and_stops_run_and_save(tmp_path, name, typed, told):
    """An empty box, letters, a fraction of a socket, a number out of range: shown as wrong, nothing runs."""
    panel = TunePanel(Settings(), TASKS, path=tmp_path / "kit.yaml")
    right, panel.inputs[name].value = panel.inputs[name].value, typed
    assert told in panel.errors.value
    assert told in panel.saved.value
    assert panel.runner.run.disabled
    assert panel.save.disabled
    panel.runner.start()
    assert panel.runner.job is None
    panel.inputs[name].value = right  # as it was: nothing is drawn anew
    assert (panel.errors.value, panel.saved.value) == ("", "")
    assert (panel.runner.run.disabled, panel.save.disabled) == (False, False)


def test_what_was_saved_outlives_an_earlier_error(tmp_path):
    """Save takes an error away and says where it wrote."""
    panel = TunePanel(Settings(), TASKS, path=tmp_path / "kit.yaml")
    panel.errors.show("something went wrong")
    panel.save.click()
    assert panel.errors.value == ""
    assert "saved to" in panel.saved.value


def test_an_empty_box_means_unbounded_where_there_may_be_none():
    """The bound of bytes may be left empty."""
    panel = TunePanel(Settings(cache_config={"max_bytes": 2**21}), TASKS)
    assert panel.inputs["max_bytes"].value == "2"
    panel.inputs["max_bytes"].value = ""
    assert panel.errors.value == ""
    assert panel.values["max_bytes"] is None


def test_undo_and_reset():
    """Undo takes the last change back, a Reset whole; Reset gives every setting its default."""
    panel = TunePanel(Settings(cache_config={"ltp_ttl": 2}), TASKS)
    panel.inputs["ltp_ttl"].value = "3"
    panel.inputs["pool_size"].value = "4"
    panel.undo.click()
    assert (panel.values["ltp_ttl"], panel.values["pool_size"]) == (3, 10)
    panel.undo.click()
    assert panel.values["ltp_ttl"] == 2
    panel.inputs["pool_size"].value = "4"
    panel.reset.click()
    assert (panel.values["ltp_ttl"], panel.values["pool_size"]) == (5, 10)
    panel.undo.click()
    assert (panel.values["ltp_ttl"], panel.values["pool_size"]) == (2, 4)


def test_two_runs_are_compared_in_words():
    """The second run stands beside the first, and what changed is said with its noise."""
    panel = TunePanel(Settings(), TASKS)
    _press(panel)
    panel.inputs["pool_size"].value = "31"
    _press(panel)
    assert list(panel.runs.kept) == list(panel.runs.before.options) == list(panel.runs.after.options)
    assert "chain cold 10 to 31\xa0ms, beyond noise" in panel.story.value
    assert "chain warm 9 to 9\xa0ms, within noise" in panel.story.value


def test_a_picture_of_other_settings_says_so():
    """What was measured stays when a control moves; compared again, it says that it belongs to others."""
    panel = TunePanel(Settings(), TASKS)
    _press(panel)
    panel.inputs["pool_size"].value = "31"
    assert "10\xa0ms" in panel.story.value
    _press(panel)
    panel.inputs["pool_size"].value = "12"
    panel.runs.before.value = panel.runs.after.value
    assert "Measured with other settings" in panel.story.value
    assert "pool_size 31 → 12" in panel.story.value


def test_apply_changes_the_open_desk():
    """Cache, pool and workers of the running desk are those of the controls; another exchange is refused."""
    with open_desk(Settings(workers={"backend": "serial"})) as opened:
        panel = TunePanel(opened, TASKS)
        for name, typed in (("max_size", "7"), ("pool_size", "3"), ("max_workers", "2")):
            panel.inputs[name].value = typed
        panel.apply.click()
        assert panel.errors.value == ""
        assert opened.cache.get_stats()["max_size"] == 7
        assert opened.client.get_performance_stats()["connections"]["pool_size"] == 3
        assert opened.processor.max_workers == 2
        assert opened.data.option_chain().venue == "simulated"
        with pytest.raises(SettingsError, match="keeps its exchange"):
            opened.apply(Settings(broker={"seed": 8}))


def test_your_own_session_is_one_click(desk):
    """With a desk the replayed session may be the analyst's own, and it moves the picture."""
    panel = TunePanel(desk, TASKS)
    before = panel.plots["Cache"].value
    panel.session.value = "My session so far"
    assert panel.errors.value == ""
    assert isinstance(panel.session.questions[0], Question)
    assert len(panel.session.questions) == len(desk.data.questions.listed())
    assert panel.plots["Cache"].value != before


def test_every_setting_starts_where_it_stands():
    """The controls show the values of the settings they were given."""
    settings = Settings(cache_config={"ltp_ttl": 2}, workers={"backend": "threads"})
    panel = TunePanel(settings, TASKS)
    assert panel.errors.value == ""
    assert panel.values["ltp_ttl"] == 2
    assert panel.values["backend"] == "threads"
    assert TunePanel.compute(settings, **panel.values) == settings


def test_run_measures_with_the_settings_shown():
    """Run hands the changed settings to the measurement and draws what it found."""
    panel = TunePanel(Settings(), TASKS)
    assert not panel.found.value
    panel.inputs["pool_size"].value = "33"
    _press(panel)
    assert panel.errors.value == ""
    assert panel.result.latency_ms("cold")["chain"] == 33
    assert panel.found.value
    assert (panel.runner.bar.value, panel.runner.bar.bar_style) == (1.0, "success")
    assert "33\xa0ms" in panel.story.value
    assert not panel.runner.run.disabled


def test_settings_and_runs_can_be_taken_along():
    """The code gives the settings back; table and page hold them beside every run, the picture its group."""
    panel = TunePanel(Settings(), TASKS)
    panel.inputs["pool_size"].value, panel.inputs["max_bytes"].value = "33", "2"
    _press(panel)
    made = {name: action.make() for name, action in panel.toolbar._actions.items()}
    cell = {}
    exec(made["code"].partition("desk = ")[0], cell)
    assert cell["settings"] == panel.compute(Settings(), **panel.values)
    rows = pd.read_csv(io.BytesIO(made["csv"].content)).set_index("name")
    assert rows.value["connection_pool.pool_size"] == "33"
    assert rows.value["chain_cold_ms"] == "33.0"
    assert made["png"].content.startswith(b"\x89PNG")
    assert b"calls_a_second_with_10_sockets" in made["html"].content


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
    assert "cancelled" in panel.story.value
    assert not panel.runner.run.disabled


def test_save_writes_settings_that_load(tmp_path):
    """Save writes kit.yaml, and loading it gives the settings shown."""
    file = tmp_path / "kit.yaml"
    panel = TunePanel(Settings(), TASKS, path=file)
    panel.inputs["ltp_ttl"].value = "3"
    panel.inputs["backend"].value = "serial"
    panel.save.click()
    assert panel.errors.value == ""
    loaded = Settings.load(file)
    assert (loaded.cache_config.ltp_ttl, loaded.workers.backend) == (3, "serial")
    assert "kit.yaml" in panel.saved.value


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
    before = panel.plots["Cache"].value
    _press(panel)
    assert panel.plots["Cache"].value != before
    assert panel.errors.value == ""
    assert panel.values["pool_size"] == 4
    assert "Lifetimes" in panel.story.value
    assert panel.saved.value == ""


def test_another_tolerance_advises_again_without_another_search():
    """The tolerance moves advice, controls and picture of a search that is done; a wrong one stops Run."""
    at_s = np.arange(600.0)
    paths = {key: PricePath(at_s, 55_000 + at_s) for key in ("BANKNIFTY", "ATM option")}
    lifetimes = advise_lifetimes(Trace(analyst_requests(600), paths))
    panel = TunePanel(Settings(), {"Search": lambda settings, *_: Advice(settings, lifetimes)})
    _press(panel)
    strict, before = panel.values["ltp_ttl"], panel.plots["Cache"].value
    assert "against 5 bps" in str(panel.advised.rows)
    panel.tolerance.value = "20"
    assert panel.values["ltp_ttl"] > strict
    assert "against 20 bps" in str(panel.advised.rows)
    assert panel.plots["Cache"].value != before
    panel.tolerance.value = "-1"
    assert panel.runner.run.disabled
    assert "Tolerance (bps)" in panel.errors.value


def test_the_search_takes_the_analysts_own_ideas():
    """What the panel searches with is what it was given; something else is explained in the panel."""
    panel = TunePanel(Settings(), {"Search": searching(workload=[7])})
    _press(panel)
    assert "functions of a chain, not: 7" in panel.errors.value


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
    assert set(found.pools) == {1, 2, 4, 8, 10, 16}
    assert found.backends["processes"].startup_s > found.backends["serial"].startup_s
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert seen[-1] == (1.0, "done")


def test_a_cancelled_measurement_keeps_what_it_found():
    """Stopped at once, there is no latency and no speed-up, and the panel can say so."""
    found = measure(Settings(), lambda *_: None, lambda: True)
    assert found.stopped
    assert found.latency_ms("cold") == {}
