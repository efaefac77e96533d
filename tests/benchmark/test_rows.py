"""The rows that no other room owns: start-up, memory, and the main operations through each tier."""

import json

import psutil
import pytest

from kit.benchmark import machine
from kit.benchmark.rows import startup
from kit.benchmark.run import Run
from kit.benchmark.suite import run_performance_benchmark
from kit.errors import KitError


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
    """A chain is measured cold, warm and hot on one desk, and the nearer tier is the faster one."""
    found = lines("ltp_cold", "ltp_warm", "ltp_hot", "chain_processing", "evaluation_run")
    assert found["ltp_hot"].figure < found["ltp_warm"].figure
    assert found["ltp_hot"].figure < found["ltp_cold"].figure
    assert all(line.figure > 0 for line in found.values())


@pytest.mark.parametrize(
    ("content", "figure", "word"),
    [
        (None, None, "the browser test"),
        ("{", None, "UnreadableFile"),
        (json.dumps({"steps_ms": [30, 40, 50]}), 40.0, ""),
    ],
)
def test_the_slider_is_read_from_the_browser_test(tmp_path, monkeypatch, content, figure, word):
    """Without the file nothing is judged, a broken file fails the row, a good one gives its median."""
    file = tmp_path / "slider.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setattr(startup, "SLIDER_FILE", file)
    line = lines("slider")["slider"]
    assert line.as_json()["figure"] == figure
    assert word in line.note
    assert line.met is (None if content is None else figure is not None)


def test_a_run_opens_its_desk_once_and_ends_it():
    """All rows share one exchange, and no process is left behind."""
    with Run(quick=True) as run:
        desk, cold = run.desk(), run.cold_desk()
        assert run.desk() is desk
        assert cold.exchange is desk.exchange
        assert not cold.settings.cache_config.disk
        exchange = desk.exchange
    assert not psutil.pid_exists(exchange.pid)
