"""The suite around the rows: selection, failures, judging, notes."""

import math
from types import SimpleNamespace

import pytest

from kit.benchmark import registry, report, suite
from kit.benchmark.measure import Arms, Samples
from kit.benchmark.registry import Row, all_rows, row
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
    toys("b", lambda _: Samples([1 / 0]))
    toys("c")
    results = run_quietly()
    assert [line.missed for line in results["lines"]] == [True, True, False]
    assert "The probe broke: 7. Buy another." in results["violations"][0]
    assert "ZeroDivisionError" in results["violations"][1]
    assert results["score"] == pytest.approx(100 / 3)


def test_an_unknown_row_names_the_close_ones_and_the_others_still_run(toys):
    """A misspelt row is a failed line with a suggestion beside the measured rows."""
    toys("hot_hit")
    results = run_quietly(rows=["hot_hti", "hot_hit"])
    assert [line.figure for line in results["lines"]][1] == 1.0
    assert "'hot_hti'. Did you mean hot_hit?" in results["violations"][0]
    for name in ("disk_hit", "chain_hot", "ltp_cold"):
        toys(name)
    assert run_quietly(rows=["zzz"])["violations"][0].count(",") == 2


def test_a_file_of_rows_that_cannot_be_imported_costs_only_its_rows(toys, monkeypatch, tmp_path):
    """A broken file becomes one failed line with the reason; the other files' rows are measured."""
    folder = tmp_path / "toy_rows"
    folder.mkdir()
    (folder / "crooked.py").write_text("import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_rows", SimpleNamespace(__path__=[str(folder)], __name__="toy_rows"))
    toys("a")
    results = run_quietly()
    assert results["total_benchmarks"] == 2
    assert any(
        "crooked cannot be imported: \"No module named 'nothing_of" in line for line in results["violations"]
    )


def test_two_rows_of_one_name_are_refused(toys):
    """A name that is taken raises at registration, not at random later."""
    toys("a", Row.in_unit)  # any function of another module
    with pytest.raises(SettingsError, match="'a'"):
        row("a", part="cache", unit="us")(lambda _: Samples([1.0]))


def test_quick_runs_the_quick_rows(toys):
    """A quick run leaves the slow rows out; a named row runs whether quick or not."""
    toys("fast", quick=True)
    toys("slow")
    assert [line["name"] for line in run_quietly(quick=True)["rows"]] == ["fast"]
    assert [line["name"] for line in run_quietly(quick=True, rows=["slow"])["rows"]] == ["slow"]


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
        return Samples([1.0])

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
    monkeypatch.setattr("kit.benchmark.run.cores", lambda: 1)
    toys("speedup", lambda _: Samples([0.9]), target=at_least(1.8), unit="times", cores=2)
    (line,) = run_quietly()["lines"]
    assert line.figure == 0.9
    assert line.met is None
    assert "this machine has 1: not judged" in line.note


def test_a_peer_that_breaks_on_import_costs_only_its_columns(toys, monkeypatch, tmp_path):
    """Whatever a peer raises, our own figure is measured, and the peer's error is told."""
    (tmp_path / "broken_peer.py").write_text("import sys; sys.no_such_attribute\n")
    monkeypatch.syspath_prepend(tmp_path)
    toys("a", lambda run: Samples([1.0], [run.peer("broken_peer") or 1.0]), peer="broken")
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
    toys("a", lambda _: Samples([1.9, 2.1, 2.2]))
    assert "No latency violations detected ✓ (1 within noise)" in str(run_quietly())


def test_a_failed_row_shows_dashes_not_numbers(toys):
    """The table never shows a number that was not measured."""
    toys("a", lambda _: Samples([math.nan]))
    table = report.text(run_quietly()).splitlines()
    assert table[2].split()[:2] == ["a", "–"]
    assert "NO" in table[2]
    assert "<td>NO</td>" in report.table_html(run_quietly())


def test_a_busy_machine_is_said(toys, monkeypatch):
    """When others use the cores before the run starts, the summary says that the figures suffer."""
    toys("a")
    monkeypatch.setattr("os.getloadavg", lambda: (9.0, 9.0, 9.0))
    assert "The machine was busy (load 9 on" in str(run_quietly())
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    assert "busy" not in str(run_quietly())


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
