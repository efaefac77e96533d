"""Rows that hang, cancel and Ctrl-C: what was finished is kept, and the rest runs."""

import json
import signal
import subprocess
import sys
import threading
import time

from kit.benchmark import command, history, suite
from kit.benchmark.measure import Arms, Figures
from kit.errors import KitError


def run_quietly(**options):
    """Run without printing."""
    return suite.run_performance_benchmark(progress=lambda *_: None, **options)


def hang():
    """Return a row that ignores every ordinary exception."""

    def measure(_):
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # noqa: BLE001 - that is what it is here for
                continue

    return measure


def test_a_row_that_hangs_ends_at_its_deadline_and_the_others_run(toys, monkeypatch):
    """A loop, and a wait in C for a process that never answers, cost their rows and nothing else."""
    monkeypatch.setattr(suite, "QUICK_S", 1.5)
    closed = []

    def wait(run):
        run.after_row(lambda: closed.append(1) or child.kill())
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
            child.wait()
        return Figures([1.0])

    toys("a", hang())
    toys("b", wait)
    toys("c")
    lines = run_quietly()["lines"]
    assert [line.missed for line in lines] == [True, True, False]
    assert "did not end within: '1.5 s'" in lines[0].note
    assert closed == [1]


def test_cancel_does_not_wait_for_a_row_that_hangs(toys):
    """Cancelled within a row that never comes to a checkpoint, the finished rows are returned."""
    begun = threading.Event()
    toys("a")
    toys("b", lambda _: begun.set() or hang()(_))
    results = run_quietly(should_stop=begun.is_set)
    assert (results["stopped"], [line.name for line in results["lines"]]) == (True, ["a"])


def test_ctrl_c_keeps_the_finished_rows(toys, tmp_path, capsys):
    """An interrupt prints and writes what was finished, records nothing and exits with 130."""

    def interrupt(run):
        threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,)).start()
        hang()(run)

    toys("a")
    toys("b", interrupt)
    assert command.main(json=tmp_path / "b.json") == 130
    assert [row["name"] for row in json.loads((tmp_path / "b.json").read_text())["rows"]] == ["a"]
    assert "Cancelled" in capsys.readouterr().out
    assert history.load() == ([], [])


def test_cancel_keeps_the_finished_rows(toys):
    """Cancel ends between samples, within a row too, and returns what was finished."""
    asked = []

    def should_stop():
        asked.append(1)
        return len(asked) > 4

    toys("a")
    toys("b", lambda _: Arms(lambda: None, rounds=1000))
    toys("c")
    results = run_quietly(should_stop=should_stop)
    assert results["stopped"]
    assert [line.name for line in results["lines"]] == ["a"]
    assert "Cancelled" in str(results)


def test_what_a_row_opens_closes_with_the_row(toys):
    """A row's contexts and closings run before the next row starts, also when it fails."""
    events = []

    def measure(run):
        run.after_row(lambda: events.append("closed"))
        raise KitError("no")

    toys("a", measure)
    toys("b", lambda _: events.append("b") or Figures([1.0]))
    run_quietly()
    assert events == ["closed", "b"]


def test_a_closing_that_fails_costs_its_row_only(toys):
    """What a row left behind and cannot be closed is that row's failure."""

    def measure(run):
        run.after_row(lambda: 1 / 0)
        return Figures([1.0])

    toys("a", measure)
    toys("b")
    assert [line.missed for line in run_quietly(rows=["a", "b"])["lines"]] == [True, False]
    assert run_quietly(rows="b")["total_benchmarks"] == 1
