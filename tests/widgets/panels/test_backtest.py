"""The backtest panel."""

import shutil
from datetime import date

import pytest

from kit.backtest import Plan, backtest
from kit.backtest.plan.ready import ready_plan, ready_plans
from kit.bars.minute_store import MinuteStore
from kit.errors import DataError, SettingsError
from kit.settings import Settings
from kit.widgets.panels.backtest.form import BOXES, changed, written
from kit.widgets.panels.backtest.panel import BacktestPanel
from kit.widgets.panels.backtest.tasks import BacktestAsked, day_of, imported, swept, trade

DAY = date(2022, 12, 30)


def quietly(*_):
    """Hear of progress and say nothing."""


def never():
    """Never stop."""
    return False


@pytest.fixture(scope="module")
def store(shared_data, tmp_path_factory):
    """Return a store of one real session, imported as the panel does."""
    made = MinuteStore(tmp_path_factory.mktemp("store"))
    files = str(shared_data / "intraday" / "bnf_2022*.parquet")
    told = imported(BacktestAsked(ready_plan("iron_condor"), made, Settings(), files=files), quietly, never)
    assert told.startswith("1 session written")
    return made


@pytest.fixture
def panel(store):
    """Return a fresh panel over the store."""
    return BacktestPanel(store=store)


def run(panel, task):
    """Press Run for a task and wait for its end."""
    panel.task.value = task
    panel.runner.start()
    assert panel.runner.job.wait(300)
    return panel.runner.job


@pytest.mark.parametrize("name", list(ready_plans()))
def test_every_ready_plan_is_form_and_text(panel, name):
    """A ready plan fills every box it says something of, and its text is the plan."""
    panel.ready.value = name
    assert panel.errors.value == ""
    assert Plan.from_yaml(panel.inputs["yaml"].value) == ready_plan(name) == panel.plan
    assert panel.inputs["exit.at"].value == f"{panel.plan.exit.at:%H:%M}"


def test_the_form_writes_the_text(panel):
    """A box changes the plan and its YAML; an emptied one takes the key away."""
    panel.inputs["legs.*.stop.percent"].value = "40"
    assert {leg.stop.percent for leg in panel.plan.legs} == {40}
    assert Plan.from_yaml(panel.inputs["yaml"].value) == panel.plan
    panel.inputs["legs.*.stop.percent"].value = ""
    assert {leg.stop for leg in panel.plan.legs} == {None}
    panel.inputs["square_off"].value = "complete"
    assert panel.plan.square_off == "complete"
    assert panel.ready.value == "own plan"


def test_the_text_writes_the_form(panel):
    """YAML that is a plan fills the boxes; what legs say differently is said so."""
    text = panel.inputs["yaml"].value.replace("15:15", "14:45").replace("percent: 25.0", "percent: 30.0", 1)
    panel.inputs["yaml"].value = text
    assert panel.errors.value == ""
    assert panel.inputs["exit.at"].value == "14:45"
    assert panel.inputs["legs.*.stop.percent"].value == "differs"


@pytest.mark.parametrize(("name", "label", "text"), [
    ("entry.at", "Entry at", ""), ("entry.at", "Entry at", "letters"), ("entry.at", "Entry at", "16:00"),
    ("legs.*.lots", "Lots", "2.7"), ("legs.*.lots", "Lots", "-1"), ("legs.*.lots", "Lots", "letters"),
    ("legs.*.stop.percent", "Stop (%)", "0"), ("legs.*.stop.percent", "Stop (%)", "letters"),
    ("overall.stop_inr", "Overall stop (₹)", "-5"), ("capital_inr", "Capital (₹)", "letters"),
    ("yaml", "Plan", "legs: ["), ("yaml", "Plan", "entry_at: 09:20"), ("first", "From", "30-12-2022"),
    ("score", "Least quality", "1e9"), ("score", "Least quality", "letters"),
    ("grid", "Sweep", "nonsense"),
])  # fmt: skip
def test_wrong_values_are_named_and_stop_run(panel, name, label, text):
    """What does not fit is told by its label, disables Run and leaves the plan as it was."""
    before, right = panel.plan, panel.inputs[name].value
    panel.inputs[name].value = text
    assert f"{label}:" in panel.errors.value
    assert "does not accept" not in panel.errors.value or name == "yaml"
    assert panel.runner.run.disabled
    assert panel.plan == before
    panel.inputs[name].value = right
    assert panel.errors.value == ""
    assert not panel.runner.run.disabled


def test_run_trades_the_plan(panel, store):
    """Trades, figures, band and pictures are those of the backtest itself."""
    assert run(panel, "Backtest").state == "done"
    same = backtest(panel.plan, store, band=True)
    assert panel.errors.value == ""
    assert panel.result.net_inr == same.net_inr
    assert len(panel.trades.rows) == len(same.trades)
    assert len(panel.band.rows) == len(same.band)
    assert panel.plot.value[:4] == b"\x89PNG"
    assert "rest on the convention" in panel.said.value or "does not depend" in panel.said.value


def test_a_sweep_fills_the_heat_map(panel):
    """Every set stands in the table, and the picture shows two parameters, or one as bars."""
    panel.inputs["grid"].value = "legs.*.stop.percent=20,30; exit.at=14:30,15:15"
    assert run(panel, "Sweep").state == "done"
    assert len(panel.sets.rows) == 4
    two = panel.heat.value
    panel.inputs["grid"].value = "legs.*.stop.percent=20:40:10"
    run(panel, "Sweep")
    assert len(panel.sets.rows) == 3
    assert panel.heat.value != two


def test_cancel_ends_a_backtest_and_keeps_what_was_done_of_a_sweep(store):
    """Stopped after a session there is no result; a sweep holds what it has."""
    asked = BacktestAsked(
        ready_plan("short_straddle_920"), store, Settings(), grid="legs.*.stop.percent=20,30"
    )
    assert trade(asked, quietly, lambda: True) is None
    assert swept(asked, quietly, lambda: True).net.shape[1] == 2


def test_no_days_say_what_to_do(tmp_path, store):
    """An empty store, or a range without days, is told with the remedy; so are files that are none."""
    plan = ready_plan("short_straddle_920")
    with pytest.raises(DataError, match="Collect or import"):
        trade(BacktestAsked(plan, MinuteStore(tmp_path), Settings()), quietly, never)
    with pytest.raises(DataError, match="Collect or import"):
        trade(BacktestAsked(plan, store, Settings(), first=date(2023, 1, 1)), quietly, never)
    with pytest.raises(DataError, match="No such file"):
        imported(BacktestAsked(plan, store, Settings(), files="nowhere/*.csv"), quietly, never)
    assert "choose Collect minutes, or Import files" in BacktestPanel(store=tmp_path).words.value


def test_a_file_that_cannot_be_taken_is_named(tmp_path, shared_data):
    """One bad file does not keep the others out."""
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    shutil.copy(shared_data / "intraday" / "bnf_20221230.parquet", tmp_path)
    store = MinuteStore(tmp_path / "store")
    asked = BacktestAsked(ready_plan("iron_condor"), store, Settings(), files=str(tmp_path / "*b*"))
    told = imported(asked, quietly, never)
    assert "bad.csv" in told
    assert store.days() == [DAY]


def test_what_is_shown_can_be_taken_along(panel):
    """The trade log, the page and the code of what is shown; before a run there is none."""
    with pytest.raises(DataError, match="Nothing has been traded"):
        panel.data()
    compile(panel.code(), "cell", "exec")
    run(panel, "Backtest")
    made = {name: action.make() for name, action in panel.toolbar._actions.items()}
    assert made["csv"].content.decode().startswith("day,plan,leg")
    assert b"<!doctype html>" in made["html"].content


@pytest.mark.parametrize("box", BOXES, ids=lambda box: box.path)
def test_a_box_reads_what_it_wrote(box):
    """Each key of the form stands in its box as it was written there."""
    text = box.choices[-1] if box.choices else "10:05" if box.path.endswith(".at") else "3"
    plan = changed(ready_plan("short_straddle_920"), box.path, text)
    assert written(plan, box.path) == text


def test_days_are_days():
    """A day is read, nothing is open, anything else is refused."""
    assert day_of(" 2022-12-30 ") == DAY
    assert day_of("") is None
    with pytest.raises(SettingsError):
        day_of("yesterday")
