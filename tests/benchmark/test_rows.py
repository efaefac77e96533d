"""The rows that no other room owns: start-up, memory, and the main operations through each tier."""

import os
import signal
import time

import psutil
import pytest

from kit.benchmark import machine
from kit.benchmark.run import Run
from kit.benchmark.suite import run_performance_benchmark
from kit.errors import KitError
from kit.simulator.distance import ROUND_TRIP_S


def lines(*names):
    """Run rows quickly and return their lines by name."""
    results = run_performance_benchmark(rows=names, progress=lambda *_: None)
    return {line.name: line for line in results["lines"]}


def test_the_figures_that_do_not_depend_on_speed_are_met():
    """The full cache does not grow, and weighs hardly more than its tables."""
    found = lines("memory_growth", "memory_per_entry")
    assert {name: line.met for name, line in found.items()} == dict.fromkeys(found, True)


@pytest.mark.parametrize(
    "names",
    [
        ("candles_call", "candles_overhead", "ltp_call", "restart_chain", "hot_write"),
        ("candles_cold", "candles_warm", "candles_hot", "atm_cold", "atm_warm"),
        ("scan_positions", "scan_condors", "scan_speedup", "position_grid", "position_margin"),
        ("evaluation_beside_joblib", "parallel_shared_frame"),
        ("minutes_to_arrays", "import_parquet", "import_csv", "sweep_one_day", "backtest_five_years"),
    ],
    ids=lambda names: names[0],
)
def test_a_row_gives_a_figure_in_a_quick_run(names):
    """No row is broken by what changed elsewhere: each measures something, and says no failure."""
    broken = {name: line.note for name, line in lines(*names).items() if not line.figure > 0}
    assert broken == {}


def test_a_row_that_fails_in_a_fresh_interpreter_repeats_its_last_word():
    """The error of the child process is the error of the row."""
    with pytest.raises(KitError, match="ZeroDivisionError"):
        machine.fresh("1 / 0")


def test_the_operations_are_measured_through_their_tiers():
    """A price is measured cold, warm and hot; cold takes the stated round trip, and the others none."""
    found = lines("ltp_cold", "ltp_warm", "ltp_hot", "chain_processing", "evaluation_run", "main_job_memory")
    assert found["ltp_hot"].figure < found["ltp_warm"].figure
    assert found["ltp_cold"].figure >= 1e3 * ROUND_TRIP_S > found["ltp_warm"].figure
    assert all(line.figure > 0 for line in found.values())


def test_a_run_opens_its_desk_once_and_ends_it():
    """All rows share one exchange, and no process is left behind."""
    with Run(quick=True) as run:
        desk, cold = run.desk(), run.cold_desk()
        assert run.desk() is desk
        assert cold.exchange is desk.exchange
        assert not cold.settings.cache_config.disk
        exchange = desk.exchange
    assert not psutil.pid_exists(exchange.pid)


def test_workers_lose_nothing(capfd):
    """What is stuck ends, Ctrl-C ends a run, and the processor is whole afterwards."""
    found = lines("interrupt", "stuck_processes")
    assert max(line.figure for line in found.values()) < 10  # seconds, on a busy machine
    assert capfd.readouterr().err == ""  # no alarm for what dies on purpose


def test_a_slider_moves_its_picture_and_a_runaway_ends(capfd):
    """A step of a slider draws another picture, and Cancel ends an idea that swallows every error."""
    found = lines("slider_step", "runaway_cancelled")
    assert {name: line.figure > 0 for name, line in found.items()} == dict.fromkeys(found, True)
    assert capfd.readouterr().err == ""


def test_an_interrupt_is_judged_where_the_kit_was_started_in_the_background():
    """A script's background jobs, and a kernel between two cells, ignore SIGINT and pass that on."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        line = lines("interrupt")["interrupt"]
    finally:
        signal.signal(signal.SIGINT, heard)
    assert line.met, line.note


def test_dask_keeps_its_own_words(capfd):
    """What Dask logs when a worker is killed, here and in its processes, does not reach the terminal."""
    distributed = pytest.importorskip("distributed")
    with Run() as run, run.scope():
        run.hush()
        cluster = run.enter(distributed.LocalCluster(n_workers=1, dashboard_address=":0"))
        killed = next(iter(cluster.workers.values())).pid
        os.kill(killed, signal.SIGKILL)
        until = time.monotonic() + 20
        while next(iter(cluster.workers.values())).pid in (killed, None) and time.monotonic() < until:
            time.sleep(0.1)
    assert "DASK_LOGGING__DISTRIBUTED" not in os.environ
    assert capfd.readouterr().err == ""
