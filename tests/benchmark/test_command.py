"""The command: exit codes, files, history."""

import json
import subprocess
import sys

import pytest

from kit import cli
from kit.benchmark import command, history
from kit.benchmark.measure import Figures
from kit.errors import SettingsError, UnwritableFile
from kit.settings import Settings


def test_the_json_is_one_object_of_the_published_shape(toys, tmp_path, capsys):
    """Five keys, fourteen per row, numbers or null, the run's conditions: any JSON reader can read it."""
    toys("a")
    toys("b", lambda _: Figures([1 / 0]))
    file = tmp_path / "b.json"
    assert command.main(json=file, html=tmp_path / "b.html") == 0
    content = json.loads(file.read_text())
    assert list(content) == ["score", "violations", "machine", "versions", "rows"]
    assert all(len(line) == 14 for line in content["rows"])
    assert content["rows"][1]["figure"] is None
    assert content["machine"]["cores"] >= 1
    conditions = {name: content["machine"][name] for name in ("seed", "round_trip_ms", "settings")}
    assert conditions == {"seed": 7, "round_trip_ms": 40, "settings": "defaults"}
    assert content["rows"][0]["samples"] == 3
    assert content["versions"]["python"]
    page = (tmp_path / "b.html").read_text()
    assert "Targets met" in page
    assert "http" not in page.replace("http-equiv", "")


def test_check_fails_on_a_clear_miss_and_not_on_noise(toys, capsys):
    """The exit code is 1 when an interval lies beyond the target, else 0."""
    toys("a", lambda _: Figures([1.9, 2.1, 2.2]))
    assert command.main(check=True) == 0
    toys("b", lambda _: Figures([2.1, 2.2, 2.3]))
    assert command.main(check=True) == 1
    assert command.main() == 0


def test_only_unknown_rows_is_wrong_usage_and_no_score(toys, capsys):
    """Asking for nothing that exists measures nothing, scores nothing, and exits with 2."""
    toys("a")
    assert command.main(rows=["b"]) == 2
    assert "Performance Score: none" in capsys.readouterr().out


def test_against_peers_runs_the_rows_with_peers_and_fails_without_one(toys, capsys):
    """Only rows with a peer run; a peer that is missing is an exit code, a wrong word an error."""
    toys("alone")
    toys("beside", lambda _: Figures([1.0], [2.0]), peer="other")
    assert command.main(against="peers") == 0
    assert "alone" not in capsys.readouterr().out
    toys("without", peer="absent")
    assert command.main(against="peers") == 1
    assert command.main(against="peers", rows=["alone"]) == 0
    assert "Total Benchmarks: 0" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="rivals"):
        command.main(against="rivals")


def test_runs_are_recorded_and_compared_with_the_last(toys, capsys):
    """The second run tells what changed since the first; a corrupt line is told, and the run recorded."""
    toys("a", lambda _: Figures([1.0] * 6))
    command.main()
    toys("a", lambda _: Figures([2.0] * 6))
    command.main()
    assert "a: 1 -> 2 us  x 2.00" in capsys.readouterr().out
    assert len(history.load()[0]) == 2
    with history.history_file().open("a") as file:
        file.write("rubbish\n")
    assert command.main() == 0
    assert "line 3" in capsys.readouterr().out
    assert len(history.load()[0]) == 3


def test_compare_reads_two_files_and_runs_nothing(toys, tmp_path, capsys):
    """Comparing two files prints the change from the first to the second."""
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, cost in zip(files, (1.0, 3.0), strict=True):
        toys("a", lambda _, cost=cost: Figures([cost] * 6))
        command.main(json=file)
    capsys.readouterr()
    assert command.main(compare=files) == 0
    assert "a: 1 -> 3 us  x 3.00" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_named_before_anything_runs(toys, tmp_path, capsys):
    """A folder that is a file costs no run, and neither does a row's name in the place of a file."""
    ran, taken = [], tmp_path / "taken"
    taken.write_text("")
    toys("a", lambda _: ran.append(1) or Figures([1.0]))
    with pytest.raises(UnwritableFile, match=r"taken/b\.json"):
        command.main(json=taken / "b.json")
    with pytest.raises(SettingsError, match=r"'a'.*kit bench a --json FILE"):
        command.main(json="a")
    assert (ran, capsys.readouterr().out) == ([], "")


def test_a_row_that_cannot_be_measured_is_listed_with_the_reason(toys, capsys):
    """It neither passes nor fails, and a check says so."""

    def measure(run):
        run.need("no_such_part", "dask")

    toys("a", measure)
    assert command.main(check=True) == 0
    printed = capsys.readouterr().out
    assert "Not judged: 1" in printed
    assert "a: no_such_part is not installed; pip install 'banknifty-kit[dask]'" in printed


def test_only_whole_runs_of_one_kind_are_compared(toys, capsys):
    """A run of named rows is not recorded, and one with other settings is not compared."""
    toys("a", lambda _: Figures([1.0] * 6))
    toys("b")
    command.main(rows=["a"])
    assert "not recorded" in capsys.readouterr().out
    assert history.load() == ([], [])
    command.main()
    command.main(settings=Settings(workers={"max_workers": 1}))
    assert capsys.readouterr().out.count("first run of its kind") == 2


def test_the_command_takes_the_settings_it_is_given(tmp_path, capsys):
    """A settings file that does not exist is refused before anything runs."""
    assert cli.main(["--settings", str(tmp_path / "absent.yaml"), "bench", "import_kit"]) == 2
    assert "absent.yaml" in capsys.readouterr().err


def test_a_reader_that_has_gone_gets_no_traceback():
    """Piped into a command that reads nothing, the benchmark ends without a word."""
    words = [sys.executable, "-m", "kit.cli", "bench", "import_kit"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        child.stdout.close()
        assert child.wait(60) == 141
        assert "Traceback" not in child.stderr.read()
