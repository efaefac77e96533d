"""The rows that no other room owns: start-up, memory, and the main operations through each tier."""

import json
import subprocess
import time
from datetime import datetime

import psutil
import pytest

from kit.benchmark import machine, stamps
from kit.benchmark.rows import rates, startup
from kit.benchmark.run import Run
from kit.benchmark.suite import run_performance_benchmark
from kit.clock import IST
from kit.errors import KitError
from kit.simulator.distance import ROUND_TRIP_S


def lines(*names):
    """Run rows quickly and return their lines by name."""
    results = run_performance_benchmark(quick=True, rows=names, progress=lambda *_: None)
    return {line.name: line for line in results["lines"]}


def test_the_figures_that_do_not_depend_on_speed_are_met():
    """Importing opens nothing, the full cache does not grow, and no possible hit is missed."""
    found = lines("import_opens", "memory_growth", "memory_per_entry", "hit_rate")
    assert {name: line.met for name, line in found.items()} == dict.fromkeys(found, True)
    assert found["import_opens"].figure == 0


def test_an_import_that_opens_something_is_noticed():
    """The row's hook sees a socket and a file outside the interpreter, so that its zero means something."""
    spoilt = startup.COUNT_OPENED.replace(
        "import kit\n", "import socket; socket.socket(); open('/etc/hostname')\n"
    )
    assert int(machine.fresh(spoilt)) >= 2


def test_a_row_that_fails_in_a_fresh_interpreter_repeats_its_last_word():
    """The error of the child process is the error of the row."""
    with pytest.raises(KitError, match="ZeroDivisionError"):
        machine.fresh("1 / 0")


def test_the_operations_are_measured_through_their_tiers():
    """A price is measured cold, warm and hot; cold takes the stated round trip, and the others none."""
    found = lines("ltp_cold", "ltp_warm", "ltp_hot", "chain_processing", "evaluation_run")
    assert found["ltp_hot"].figure < found["ltp_warm"].figure
    assert found["ltp_cold"].figure >= 1e3 * ROUND_TRIP_S > found["ltp_warm"].figure
    assert all(line.figure > 0 for line in found.values())


def stamped(**changes):
    """Return a slider record of this moment and this checkout, with changes."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=stamps.CHECKOUT, capture_output=True, check=True)
    whole = {"at": datetime.now(IST).isoformat(), "commit": head.stdout.decode().strip()}
    return json.dumps({"steps_ms": [30, 40, 50], **whole, **changes})


@pytest.fixture
def slider(tmp_path, monkeypatch):
    """Return a function that gives the slider's line over a file of this content, its sources untouched."""
    file = tmp_path / "slider.json"
    monkeypatch.setattr(startup, "SLIDER_FILE", file)
    monkeypatch.setattr(startup, "_SLIDER_SOURCES", ("LICENSE",))

    def measured(content):
        if content is not None:
            file.write_text(content)
        return lines("slider")["slider"]

    return measured


def test_a_time_that_was_recorded_earlier_counts_with_its_date_and_commit(slider):
    """A record of this code gives its median, and says where it is from."""
    line = slider(stamped())
    assert (line.figure, line.met) == (40.0, True)
    assert "timed in the browser test on" in line.note


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "not timed yet"),
        (json.dumps({"steps_ms": [1]}), "nobody knows when"),
        ({"at": "2026-01-01T00:00:00+05:30"}, "too long ago"),
        ({"commit": None}, "not committed"),
        ({"commit": "0" * 40}, "the code has changed since"),
    ],
)
def test_a_recorded_time_of_other_code_is_not_judged(slider, content, word):
    """Missing, undated, old, or of an unknown state: no figure, no failure, and the reason in a word."""
    line = slider(stamped(**content) if isinstance(content, dict) else content)
    assert (line.as_json()["figure"], line.met, line.missed, line.unjudged) == (None, None, False, True)
    assert word in line.note


@pytest.mark.parametrize("content", ["{", "[1]", '{"commit": 1, "at": "x"}'])
def test_a_broken_record_fails_its_row(slider, content):
    """A file that is no record is an error that names it."""
    line = slider(content)
    assert line.missed
    assert "UnreadableFile" in line.note


def test_a_run_opens_its_desk_once_and_ends_it():
    """All rows share one exchange, and no process is left behind."""
    with Run(quick=True) as run:
        desk, cold = run.desk(), run.cold_desk()
        assert run.desk() is desk
        assert cold.exchange is desk.exchange
        assert not cold.settings.cache_config.disk
        exchange = desk.exchange
    assert not psutil.pid_exists(exchange.pid)


def test_what_threads_and_workers_share_loses_nothing():
    """One call per key, no thread, answer, task or process lost or left, whoever dies."""
    names = ("single_flight", "cache_threads", "disk_hammer", "disk_kills")
    names += ("dying_workers", "run_twice", "orphans", "interrupt", "stuck_processes")
    found = lines(*names)
    assert {name: line.met for name, line in found.items()} == dict.fromkeys(names, True)


def test_a_rate_is_not_judged_when_the_clock_was_set(monkeypatch):
    """The limits are kept by the wall clock: a rate measured while it jumped means nothing, and says so."""
    jump = iter((0.0, 300.0))
    monkeypatch.setattr(rates, "_CALLS", 6)
    monkeypatch.setattr(rates, "time", lambda: time.time() - next(jump))
    line = lines("candle_rate")["candle_rate"]
    assert (line.met, line.unjudged) == (None, True)
    assert "the clock was set meanwhile" in line.note
