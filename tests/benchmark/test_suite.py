"""The suite around the rows: selection, failures, judging, notes."""

import math
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from kit.benchmark import suite
from kit.benchmark.load import Load
from kit.benchmark.measure import Arms, Figures
from kit.benchmark.registry import Row, all_rows, row
from kit.benchmark.results import VALIDATIONS, text
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, within
from kit.errors import KitError, SettingsError
from kit.settings import Settings


def run_quietly(**options):
    """Run without printing."""
    return suite.run_performance_benchmark(progress=lambda *_: None, **options)


def test_the_results_carry_what_the_brief_promises(toys, capsys):
    """A plain call returns the mapping and prints score, number of benchmarks and violations."""
    toys("a")
    results = suite.run_performance_benchmark()
    assert isinstance(results, dict)
    assert (results["score"], results["total_benchmarks"], results["violations"]) == (100.0, 1, [])
    printed = capsys.readouterr().out
    assert "Performance Score: 100.0/100" in printed
    assert "Total Benchmarks: 1" in printed
    assert "No latency violations detected ✓" in printed


def test_a_failing_row_is_reported_and_the_others_still_run(toys):
    """Neither a typed error nor a plain one takes other rows with it; both are told."""

    def typed(_):
        raise KitError("The probe broke", 7, "Buy another.")

    toys("a", typed)
    toys("b", lambda _: Figures([1 / 0]))
    toys("c")
    results = run_quietly()
    assert [line.missed for line in results["lines"]] == [True, True, False]
    assert "The probe broke: 7. Buy another." in results["violations"][0]
    assert "ZeroDivisionError" in results["violations"][1]
    assert results["score"] == pytest.approx(100 / 3)


def test_a_run_of_some_rows_has_no_score(toys):
    """Asked for by name, rows are judged and their run is not: it would be another score."""
    toys("a")
    toys("b")
    results = run_quietly(rows=["a"])
    assert math.isnan(results["score"])
    assert results["components"] == []
    assert results.as_json()["score"] is None
    assert "Performance Score: none, not every row was asked for" in str(results)


def test_the_table_fits_120_columns_and_its_long_form_has_everything(toys):
    """However long names, notes and units are; intervals, peers and times are asked for."""
    features = {"unit": "% of the permitted rate", "peer": "a peer of a very long name indeed", "quick": True}
    toys(
        "a_row_of_quite_a_long_name_indeed",
        lambda _: Figures([1.0], [2.0]),
        peer_target=within(3),
        **features,
    )

    def failing(_):
        raise KitError("This row failed with a sentence " * 9, 1.23456, "Do something about it.")

    toys("b", failing)
    results = run_quietly()
    assert max(map(len, text(results).splitlines())) <= 120
    assert "a peer of a very long name" not in text(results)
    assert "a peer of a very long name" in text(results, long=True)
    assert "95 % interval" in text(results, long=True)


def test_a_whole_run_says_what_it_validated(toys):
    """The five things that a run shall validate stand in the summary with their targets."""
    for names in VALIDATIONS.values():
        for name in names:
            toys(name)
    told = str(run_quietly())
    assert all(
        f"{name}: {len(names)} of {len(names)} targets met" in told for name, names in VALIDATIONS.items()
    )


def test_a_quick_run_holds_every_validation():
    """Each row behind a validation exists, is quick and has a target."""
    for name in (name for names in VALIDATIONS.values() for name in names):
        found = all_rows()[name]
        assert found.quick, name
        assert found.goal, name


def test_an_unknown_row_names_the_close_ones_and_the_others_still_run(toys):
    """A misspelt row is a failed line with a suggestion beside the measured rows."""
    toys("hot_hit")
    results = run_quietly(rows=["hot_hti", "hot_hit"])
    assert [line.figure for line in results["lines"]][1] == 1.0
    assert "'hot_hti'. Did you mean hot_hit?" in results["violations"][0]
    for name in ("disk_hit", "chain_hot", "ltp_cold"):
        toys(name)
    assert run_quietly(rows=["zzz"])["violations"][0].count(",") == 2


def test_two_rows_of_one_name_are_refused(toys):
    """A name that is taken raises at registration, not at random later."""
    toys("a", Row.in_unit)  # any function of another module
    with pytest.raises(SettingsError, match="'a'"):
        row("cache", "us", name="a")(lambda _: Figures([1.0]))


def test_a_run_is_quick_unless_it_is_full(toys):
    """A run leaves the slow rows out unless it is full; a named row runs whether quick or not."""
    toys("fast")
    toys("slow", quick=False)
    assert [line["name"] for line in run_quietly()["rows"]] == ["fast"]
    assert [line["name"] for line in run_quietly(full=True)["rows"]] == ["fast", "slow"]
    assert [line["name"] for line in run_quietly(rows=["slow"])["rows"]] == ["slow"]


def test_a_peer_that_is_not_installed_is_a_word_on_the_row(toys):
    """The row is measured without the peer, and says how to get it."""

    def measure(run):
        assert run.peer("no_such_peer_package") is None
        return Arms(lambda: None)

    toys("a", measure, peer="nobody", peer_target=within(3))
    (line,) = run_quietly()["lines"]
    assert line.figure > 0
    assert line.met is True
    assert "no_such_peer_package is not installed" in line.note


def test_notes_and_random_numbers_do_not_leak_into_the_next_row(toys):
    """Each row starts with its own seed and no notes, so that rows mean the same alone and in company."""
    drawn = []

    def measure(run):
        drawn.append(run.rng.random())
        run.peer("no_such_peer_package")
        return Figures([1.0])

    toys("a", measure)
    toys("b", measure)
    toys("c")
    lines = run_quietly()["lines"]
    assert drawn[0] == drawn[1]
    assert lines[2].note == ""


def test_progress_goes_from_0_to_1_with_the_row_that_runs(toys):
    """The callback sees the share done and the name of the row."""
    toys("a")
    toys("b")
    seen = []
    suite.run_performance_benchmark(progress=lambda share, word: seen.append((share, word)))
    assert seen == [(0.0, "a"), (0.5, "b"), (1.0, "done")]


def test_a_machine_with_one_core_runs_every_row(toys, monkeypatch):
    """The figure is measured, the target that supposes two cores is not judged, and a word says so."""
    monkeypatch.setattr("kit.benchmark.run.cpu_count", lambda: 1)
    toys("speedup", lambda _: Figures([0.9]), target=at_least(1.8), unit="times", cores=2)
    (line,) = run_quietly()["lines"]
    assert line.figure == 0.9
    assert line.met is None
    assert "this machine has 1: not judged" in line.note


def test_a_peer_that_breaks_on_import_costs_only_its_columns(toys, monkeypatch, tmp_path):
    """Whatever a peer raises, our own figure is measured, and the peer's error is told."""
    (tmp_path / "broken_peer.py").write_text("import sys; sys.no_such_attribute\n")
    monkeypatch.syspath_prepend(tmp_path)
    toys("a", lambda run: Figures([1.0], [run.peer("broken_peer") or 1.0]), peer="broken")
    (line,) = run_quietly()["lines"]
    assert line.met is True
    assert "broken_peer cannot be imported (AttributeError" in line.note


def test_a_budget_of_the_settings_is_the_limit(toys):
    """A row that names a budget is judged by the settings of the run."""
    toys("a", unit="ms", budget="atm_calculation")
    tight = Settings(latency_requirements={"atm_calculation": 0.5})
    assert run_quietly()["lines"][0].target == "<= 1000 ms"
    (line,) = run_quietly(settings=tight)["lines"]
    assert (line.target, line.met) == ("<= 0.5 ms", False)


def test_the_simulated_exchange_is_used_whatever_the_settings_say():
    """Nobody's live account is measured, and no live limit is spent."""
    with Run(settings=Settings(broker={"mode": "live"})) as run:
        assert run.settings.broker.mode == "simulated"


def test_within_noise_is_said_beside_no_violations(toys):
    """A median beyond its limit by less than noise is no violation and does not go unsaid."""
    toys("a", lambda _: Figures([1.9, 2.1, 2.2]))
    assert "No latency violations detected ✓ (1 within noise)" in str(run_quietly())


def test_a_failed_row_shows_dashes_not_numbers(toys):
    """The table never shows a number that was not measured."""
    toys("a", lambda _: Figures([math.nan]))
    table = text(run_quietly()).splitlines()
    assert table[2].split()[:2] == ["a", "–"]
    assert "NO" in table[2]
    assert "<td>NO</td>" in run_quietly()._repr_html_()


SPIN = "import time; until = time.monotonic() + 20\nwhile time.monotonic() < until: pass"


def test_what_others_do_meanwhile_is_measured():
    """A stranger that keeps a core busy is the load beside a row, and the summary says so."""
    apart = "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"  # else its end would be waited for
    spin = f"subprocess.Popen([sys.executable, '-c', {SPIN!r}], {apart})"
    leave = f"import subprocess, sys; print({spin}.pid)"
    done = subprocess.run([sys.executable, "-c", leave], capture_output=True, text=True, check=True)
    stranger = psutil.Process(int(done.stdout))
    try:
        load = Load()
        time.sleep(1)
        assert load.cores() > 0.3
    finally:
        stranger.kill()


def test_what_a_row_does_itself_is_no_load_beside_it(monkeypatch):
    """On a machine where nothing else runs, neither this process nor its children count."""

    def own():
        tree = (psutil.Process(), *psutil.Process().children(recursive=True))
        return SimpleNamespace(user=sum(sum(process.cpu_times()[:4]) for process in tree))

    monkeypatch.setattr(psutil, "cpu_times", own)
    load = Load()
    with subprocess.Popen([sys.executable, "-c", SPIN.replace("20", "1")]):
        time.sleep(0.7)
        assert load.cores() < 0.3  # the child keeps a core busy, or its share of one


def test_a_moment_says_nothing_of_the_load():
    """Systems count in hundredths of a second: in less than half of one there is no load to tell."""
    assert Load().cores() is None


def test_a_busy_machine_is_said(toys):
    """The summary says that the figures suffer, if they do."""
    toys("a")
    results = run_quietly()
    results["lines"] = [replace(results["lines"][0], load=1.5)]
    assert "Others kept up to 1.5 cores busy" in str(results)
    results["lines"] = [replace(results["lines"][0], load=0.1)]
    assert "busy" not in str(results)


def test_a_run_gives_each_row_fresh_folders_and_removes_them(toys):
    """Folders are empty, apart, and gone after the run."""
    with Run() as run:
        first, second = run.folder(), run.folder()
        assert first != second
        assert not list(first.iterdir())
    assert not first.exists()


def test_every_row_has_a_sentence_a_known_part_and_a_unit():
    """A row that nobody can read about, or that counts in no component, does not land."""
    from kit.benchmark.score import WEIGHTS

    for found in all_rows().values():
        assert found.measure.__doc__, found.name
        assert found.part in WEIGHTS, found.name
        assert found.unit, found.name
        assert found.peer or found.peer_target is None, found.name
