"""Sweeps: every set finds what its plan finds alone, and the best is not taken at its word."""

import warnings
from contextlib import nullcontext
from datetime import date

import numpy as np
import pytest

from kit.backtest import backtest
from kit.backtest.days import StoredDays, ahead
from kit.backtest.overfit import deflated_sharpe, overfit_probability, overfit_sentence
from kit.backtest.plan.ready import ready_plan
from kit.backtest.sets import parameter_table, plans_of
from kit.backtest.sweep import play_tape, sets_of, sweep, tapes_of
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.errors import SettingsError, UnwritableFile
from kit.parallel import ConcurrentProcessor

GRID = {"legs.*.stop.percent": [10, 20, 30], "legs.0.strike.steps": [0, 1], "entry.at": ["09:20", "10:00"]}
DAYS = [date(2022, 12, 30), date(2023, 4, 10), *(date(2024, 1, day) for day in (8, 9, 10))]


@pytest.fixture(scope="module")
def few_days(real_days):
    """Pick five sessions of all three kinds."""
    return {day: real_days[day] for day in DAYS}


def test_every_set_earns_what_its_plan_earns_alone(few_days):
    """The sweep's rupees are those of the trade log, charges included, set by set."""
    plan = ready_plan("short_straddle_reentry")
    found = sweep(plan, few_days, GRID)
    for number, each in enumerate(plans_of(plan, found.parameters)):
        alone = backtest(each, few_days)
        assert found.net[:, number].sum() == pytest.approx(alone.net_inr, abs=0.005)
        assert found.trades[number] == len(alone.filled)
    assert found.complete
    assert len(found.table) == 12


def test_without_numba_the_same_is_found(few_days):
    """The plain engine sweeps to the same figures as the compiled one."""
    plans = plans_of(
        ready_plan("short_straddle_trailing"), parameter_table({"legs.*.stop.percent": [10, 25]})
    )
    sets = sets_of(plans)
    for tape in tapes_of(sets, few_days):
        np.testing.assert_allclose(play_tape(sets, tape, compiled=False), play_tape(sets, tape), rtol=1e-12)


def test_tasks_find_what_threads_find_and_what_is_kept_is_not_done_again(few_days, tmp_path):
    """Through the processor the sweep is the same; a second run reads what the first kept."""
    plan, told = ready_plan("short_straddle_920"), []
    with ConcurrentProcessor(max_workers=1, backend="threads") as processor:
        by_tasks = sweep(plan, few_days, GRID, processor=processor, folder=tmp_path)
    again = sweep(plan, few_days, GRID, folder=tmp_path, progress=lambda *count: told.append(count))
    np.testing.assert_array_equal(by_tasks.net, sweep(plan, few_days, GRID).net)
    np.testing.assert_array_equal(by_tasks.net, again.net)
    assert told[-1][0] == told[-1][1] == len(list(tmp_path.glob("*.npz")))


def test_a_cancelled_sweep_holds_what_was_done(few_days):
    """Cancel ends after a piece; the result says that it is not complete."""
    assert not sweep(ready_plan("short_straddle_920"), few_days, GRID, cancel=lambda: True).complete


def test_a_sample_is_drawn_from_the_grid():
    """A sample has distinct points of the grid, the same for one seed."""
    grid = {"a": list(range(50)), "b": list(range(50))}
    drawn = parameter_table(grid, sample=40, seed=3)
    assert len(drawn.drop_duplicates()) == 40
    assert drawn.equals(parameter_table(grid, sample=40, seed=3))
    assert not drawn.equals(parameter_table(grid, sample=40, seed=4))


@pytest.mark.parametrize(
    "grid", [{}, {"exit.at": []}, {"legs.7.lots": [1]}, {"legs.0.stap": [1]}, {"exit.at": ["9"]}]
)
def test_a_grid_that_does_not_fit_is_refused(few_days, grid):
    """An empty grid, a path that leads nowhere or a value that does not fit is the kit's own error."""
    with pytest.raises(SettingsError):
        sweep(ready_plan("short_straddle_920"), few_days, grid)


def test_walking_forward_uses_only_the_past(few_days):
    """Each step trades on later days the set that was best before them."""
    found = sweep(ready_plan("short_straddle_920"), few_days, GRID)
    steps = found.walk_forward(train=2, test=1)
    assert len(steps) == 3
    best = found.net[:2].sum(axis=0).argmax()
    assert steps["after_inr"].iloc[0] == pytest.approx(found.net[2, best])
    assert found.heat("legs.*.stop.percent", "entry.at").shape == (3, 2)


def test_luck_is_called_luck():
    """The best of many random sets is hardly skill; one set that truly earns is."""
    noise = np.random.default_rng(5).normal(0, 1, (500, 200))
    skilled = noise.copy()
    skilled[:, 7] += 0.4
    assert deflated_sharpe(noise) < 0.9
    assert deflated_sharpe(skilled) > 0.95
    assert overfit_probability(noise) > 0.25
    assert overfit_probability(skilled) < 0.05
    assert "hardly more than luck" in overfit_sentence(noise)
    assert "too few" in overfit_sentence(noise[:5])


@pytest.fixture(scope="module")
def stored(shared_data, tmp_path_factory):
    """Import the January 2024 contracts into a store."""
    store = MinuteStore(tmp_path_factory.mktemp("minutes"))
    import_files([shared_data / "intraday" / "bnf_exp_20240110"], store)
    return StoredDays(store)


def test_days_read_ahead_are_the_days_of_the_store(stored):
    """A pass in order finds what the store has, whatever is left out or asked for again."""
    wanted = sorted(stored)[-6:]
    for asked in (wanted, wanted[::2], [*wanted[:2], wanted[0], *wanted[1:]]):
        reading = ahead(stored, wanted)
        for day in asked:
            np.testing.assert_array_equal(reading[day].close, stored[day].close)
    assert list(reading) == sorted(stored)
    assert len(reading) == len(stored)


def test_processes_and_dask_find_what_threads_find(stored):
    """A store goes to worker processes and to a Dask cluster, and every figure comes back the same."""
    distributed = pytest.importorskip("distributed")
    plan, grid = (
        ready_plan("short_straddle_reentry"),
        {"legs.*.stop.percent": [10, 20], "entry.at": ["09:20", "10:00"]},
    )
    expected = sweep(plan, stored, grid)
    with ConcurrentProcessor(2) as processor:
        found = [sweep(plan, stored, grid, processor=processor)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dask warns of its own ports and clocks
        with (
            distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
            ConcurrentProcessor(1, backend="dask", dask_address=cluster.scheduler_address) as processor,
        ):
            found.append(sweep(plan, stored, grid, processor=processor))
    for one in found:
        np.testing.assert_array_equal(one.net, expected.net)
        np.testing.assert_array_equal(one.trades, expected.trades)
        assert one.days == expected.days


@pytest.mark.parametrize("backend", [None, "threads"])
def test_a_cancelled_sweep_goes_on_where_it_was(few_days, tmp_path, backend):
    """Cancel keeps what is done, leaves nothing running, and the next run does only the rest."""
    plan, told = ready_plan("short_straddle_920"), []
    processor = ConcurrentProcessor(max_workers=1, backend=backend) if backend else None
    with processor or nullcontext():
        part = sweep(plan, few_days, GRID, folder=tmp_path, processor=processor, cancel=lambda: True)
        assert not part.complete
        assert len(list(tmp_path.glob("*.npz"))) == 1
        if processor:
            processor.wait_for_results()
            assert processor.get_stats()["cancelled"] > 0
        before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npz")}
        whole = sweep(
            plan, few_days, GRID, folder=tmp_path, processor=processor, progress=lambda *n: told.append(n)
        )
    assert whole.complete
    assert {file: file.stat().st_mtime_ns for file in before} == before
    np.testing.assert_array_equal(whole.net, sweep(plan, few_days, GRID).net)


def test_what_was_kept_and_is_damaged_is_done_again(few_days, tmp_path):
    """A cut file among what was kept costs time, not the sweep; a folder that cannot be written is named."""
    plan = ready_plan("short_straddle_920")
    whole = sweep(plan, few_days, GRID, folder=tmp_path / "kept")
    for file in (tmp_path / "kept").glob("*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(sweep(plan, few_days, GRID, folder=tmp_path / "kept").net, whole.net)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UnwritableFile, match="not repeated"):
        sweep(plan, few_days, GRID, folder=tmp_path / "taken")


def test_a_rule_can_be_left_out_as_one_of_the_values(few_days):
    """None among numbers or words means that the plan has no such rule, as it does in the plan itself."""
    plan = ready_plan("short_straddle_combined_stop")
    found = sweep(plan, few_days, {"overall.stop_inr": [500, None], "overall.target_inr": [None, 2000]})
    for number, each in enumerate(plans_of(plan, found.parameters)):
        assert found.net[:, number].sum() == pytest.approx(backtest(each, few_days).net_inr, abs=0.005)
    assert {each.overall.stop_inr for each in plans_of(plan, found.parameters)} == {500, None}


@pytest.mark.parametrize(
    "path", ["entry.at.hour", "legs.0.side.x", "underlying.name", "legs.0.strike.steps.x"]
)
def test_a_path_beyond_a_value_is_refused(few_days, path):
    """A path that goes on where the plan has a plain value is named, with what to do."""
    with pytest.raises(SettingsError, match=f"leads beyond a value of the plan: '{path}'"):
        plans_of(ready_plan("short_straddle_920").but(underlying="BANKNIFTY"), parameter_table({path: [1]}))
