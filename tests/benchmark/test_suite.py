"""The suite around the rows: selection, failures, cancel, exit codes, files."""

import json
import math
from types import SimpleNamespace

import pytest

from kit.benchmark import history, registry, report, suite
from kit.benchmark.measure import Arms, Samples
from kit.benchmark.registry import Row, all_rows, row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_least, at_most, within
from kit.errors import KitError, SettingsError


@pytest.fixture
def toys(monkeypatch, tmp_path):
    """Replace the rows by toys and the cache folder by an empty one; return how to add a toy."""
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_REGISTER", {})
    monkeypatch.setattr(registry, "_rows", SimpleNamespace(__path__=[], __name__="no.rows"))

    def add(name, measure=lambda _: Samples([1.0, 1.0, 1.0]), **features):
        features = {"part": "cache", "unit": "us", "target": at_most(2), **features}
        registry._REGISTER[name] = Row(name=name, measure=measure, **features)

    return add


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


def test_what_a_row_opens_closes_with_the_row(toys):
    """A row's contexts and closings run before the next row starts, also when it fails."""
    events = []

    def measure(run):
        run.after_row(lambda: events.append("closed"))
        raise KitError("no")

    toys("a", measure)
    toys("b", lambda _: events.append("b") or Samples([1.0]))
    run_quietly()
    assert events == ["closed", "b"]


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


def test_progress_goes_from_0_to_1_with_the_row_that_runs(toys):
    """The callback sees the share done and the name of the row."""
    toys("a")
    toys("b")
    seen = []
    suite.run_performance_benchmark(progress=lambda share, word: seen.append((share, word)))
    assert seen == [(0.0, "a"), (0.5, "b"), (1.0, "done")]


def test_the_json_is_one_object_of_the_published_shape(toys, tmp_path, capsys):
    """Five keys, eleven per row, numbers or null: any JSON reader can read it."""
    toys("a")
    toys("b", lambda _: Samples([1 / 0]))
    file = tmp_path / "b.json"
    assert suite.main(json=file, html=tmp_path / "b.html") == 0
    content = json.loads(file.read_text())
    assert list(content) == ["score", "violations", "machine", "versions", "rows"]
    assert all(len(line) == 11 for line in content["rows"])
    assert content["rows"][1]["figure"] is None
    assert content["machine"]["cores"] >= 1
    assert content["versions"]["python"]
    page = (tmp_path / "b.html").read_text()
    assert "data:image/png;base64" in page
    assert "http" not in page.replace("http-equiv", "")


def test_check_fails_on_a_clear_miss_and_not_on_noise(toys, capsys):
    """The exit code is 1 when an interval lies beyond the target, else 0."""
    toys("a", lambda _: Samples([1.9, 2.1, 2.2]))
    assert suite.main(check=True) == 0
    toys("b", lambda _: Samples([2.1, 2.2, 2.3]))
    assert suite.main(check=True) == 1
    assert suite.main() == 0


def test_only_unknown_rows_is_wrong_usage_and_no_score(toys, capsys):
    """Asking for nothing that exists measures nothing, scores nothing, and exits with 2."""
    toys("a")
    assert suite.main(rows=["b"]) == 2
    assert "Performance Score: –/100" in capsys.readouterr().out


def test_a_machine_with_one_core_runs_every_row(toys, monkeypatch):
    """The figure is measured, the target that supposes two cores is not judged, and a word says so."""
    monkeypatch.setattr("kit.benchmark.run.cores", lambda: 1)
    toys("speedup", lambda _: Samples([0.9]), target=at_least(1.8), unit="times", cores=2)
    (line,) = run_quietly()["lines"]
    assert line.figure == 0.9
    assert line.met is None
    assert "this machine has 1: not judged" in line.note


def test_against_peers_runs_the_rows_with_peers_and_fails_without_one(toys, capsys):
    """Only rows with a peer run; a peer that is missing is an exit code, a wrong word an error."""
    toys("alone")
    toys("beside", lambda _: Samples([1.0], [2.0]), peer="other")
    assert suite.main(against="peers") == 0
    assert "alone" not in capsys.readouterr().out
    toys("without", peer="absent")
    assert suite.main(against="peers") == 1
    with pytest.raises(SettingsError, match="rivals"):
        suite.main(against="rivals")


def test_runs_are_recorded_and_compared_with_the_last(toys, capsys):
    """The second run tells what changed since the first; a corrupt history is told and nothing fails."""
    toys("a", lambda _: Samples([1.0] * 6))
    suite.main()
    toys("a", lambda _: Samples([2.0] * 6))
    suite.main()
    assert "a: 1 -> 2 us  x 2.00" in capsys.readouterr().out
    assert len(history.load()) == 2
    with history.history_file().open("a") as file:
        file.write("rubbish\n")
    assert suite.main() == 0
    assert "line 3" in capsys.readouterr().out


def test_compare_reads_two_files_and_runs_nothing(toys, tmp_path, capsys):
    """Comparing two files prints the change from the first to the second."""
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, cost in zip(files, (1.0, 3.0), strict=True):
        toys("a", lambda _, cost=cost: Samples([cost] * 6))
        suite.main(json=file)
    capsys.readouterr()
    assert suite.main(compare=files) == 0
    assert capsys.readouterr().out == "changed beyond noise:\n  a: 1 -> 3 us  x 3.00\n"


def test_a_file_that_cannot_be_written_is_named_after_the_results(toys, tmp_path, capsys):
    """A folder that does not exist loses no figure: they were printed before."""
    toys("a")
    with pytest.raises(SettingsError, match=r"nowhere/b\.json"):
        suite.main(json=tmp_path / "nowhere" / "b.json")
    assert "Performance Score: 100.0/100" in capsys.readouterr().out


def test_a_closing_that_fails_costs_its_row_only(toys):
    """What a row left behind and cannot be closed is that row's failure."""

    def measure(run):
        run.after_row(lambda: 1 / 0)
        return Samples([1.0])

    toys("a", measure)
    toys("b")
    assert [line.missed for line in run_quietly(rows=["a", "b"])["lines"]] == [True, False]
    assert run_quietly(rows="b")["total_benchmarks"] == 1


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
