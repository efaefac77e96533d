"""Commands on terminals and paths that are not as they should be: a sentence and a code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.cli import main
from kit.collecting import minutes_of
from kit.errors import UnwritableFile
from kit.files import write_text
from kit.settings import Settings
from kit.widgets.panels.backtest.panel import BacktestPanel

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")


def _kit(words: list[str], cwd: Path, shell: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kit.cli", *words]
    if shell:
        command = ["/bin/sh", "-c", f'"$@" {shell}', "sh", *command]
    kept = {**os.environ, "KIT_CACHE_DIR": str(cwd / "cache"), "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, errors="replace", timeout=100, check=False
    )


@pytest.fixture(scope="module")
def chain(shared_data: Path) -> str:
    """Find a saved chain that tells its time."""
    return str(
        next(file for file in sorted(shared_data.rglob("*.json")) if b'"records"' in file.read_bytes()[:200])
    )


WRONG = {
    "a chain that is not there": (["demo", "--chain", "nowhere.json"], "nowhere.json"),
    "a spot below nothing": (["demo", "--chain", "CHAIN", "--spot", "-5"], "-5"),
    "a spot of none": (["demo", "--chain", "CHAIN", "--spot", "nan"], "nan"),
    "an endless spot": (["demo", "--chain", "CHAIN", "--spot", "inf"], "inf"),
    "a spot far away": (["demo", "--chain", "CHAIN", "--spot", "1e6"], "spot"),
    "an endless speed": (["simulate", "--speed", "inf"], "speed"),
    "a speed of none": (["simulate", "--speed", "nan"], "speed"),
    "a standing market": (["simulate", "--speed", "0"], "speed"),
    "a seed beyond": (["simulate", "--seed", "9" * 400], "eed"),
    "a port beyond": (["simulate", "--port", "99999999999"], "port"),
    "the first year": (["simulate", "--at", "0001-01-01T10:00"], "0001"),
    "the last year": (["simulate", "--at", "9999-12-31T10:00"], "9999"),
    "a settings folder": (["--settings", ".", "demo"], "settings"),
    "the first day": (["download", "--from", "0001-01-01", "--to", "0001-01-02"], "0001"),
    "no settings": (["--settings", "none.yaml", "demo"], "none.yaml"),
    "a tolerance of none": (["tune", "--tolerance-bps", "nan"], "tolerance"),
    "a tolerance below nothing": (["tune", "--tolerance-inr=-1"], "tolerance"),
    "an endless tolerance": (["tune", "--tolerance-bps", "1e999"], "tolerance"),
    "no trace": (["tune", "--trace", "none.csv"], "none.csv"),
    "a device for a trace": (["tune", "--trace", "/dev/zero"], "device"),
    "a workload that is no Python": (["tune", "--workload", "/etc/passwd:x"], "not Python"),
    "a score beyond one": (
        ["backtest", "short_straddle_920", "--data", ".", "--least-quality", "7"],
        "between 0 and 1",
    ),
    "a trade log for a printer": (["backtest", "short_straddle_920", "--trades", "log.pdf"], ".xlsx"),
    "a store that is a file": (["collect", "--store", "/etc/passwd"], "cannot be written"),
    "a folder for a trace": (["tune", "--trace", "."], "directory"),
    "an empty folder of minutes": (["import", ".", "--store", "store"], "No file to import"),
    "the end of time": (["download", "--from", "2026-01-01", "--to", "9999-12-31"], ": 9999-12-31."),
}


IDLE = {
    "a time of no file": (["demo", "--at", "2026-10-08T13:45"], "--at means nothing without --chain"),
    "a spot of no file": (["demo", "--spot", "55000"], "--spot means nothing without --chain"),
    "a row that is not measured": (
        ["bench", "--compare", "a", "b", "--check"],
        "--check means nothing with --compare",
    ),
    "results that are not made": (["bench", "--compare", "a", "b", "--json"], "--json means nothing"),
    "a row beside a comparison": (["bench", "chain_hot", "--compare", "a", "b"], "rows means nothing"),
    "settings of a file's scan": (
        ["--settings", "x.yaml", "scan", "--chain", "CHAIN"],
        "--settings means nothing",
    ),
    "settings of a store": (["--settings", "x.yaml", "backtest", "iron_condor", "--data", "."], "--settings"),
    "settings of files": (["--settings", "x.yaml", "import", "."], "with kit import"),
    "settings of the cache": (["--settings", "x.yaml", "cache"], "with kit cache"),
    "settings of an exchange": (["--settings", "x.yaml", "simulate"], "with kit simulate"),
    "settings of a lab": (["--settings", "x.yaml", "lab"], "with kit lab"),
    "a seed of no draw": (
        ["sweep", "iron_condor", "--set", "entry.at=09:20,09:30", "--seed", "3"],
        "--seed means nothing without --sample",
    ),
    "widths of no wings": (["scan", "short_straddle", "--chain", "CHAIN", "--widths", "500"], "wings"),
    "no expiry": (["scan", "--chain", "CHAIN", "--expiry", ""], "Not a date"),
    "no workload": (["tune", "--workload", ""], "workload"),
    "no sets": (["sweep", "iron_condor", "--set", "entry.at=09:20", "--top", "0"], "at least one"),
    "a bound of none": (["scan", "--chain", "CHAIN", "--where", "max_loss_inr < nan"], "Not a number"),
}
WRONG |= IDLE
EITHER = [
    ["tune", "--tolerance-bps", "5", "--tolerance-inr", "3"],
    ["sweep", "p", "--set", "a=1", "--workers", "2", "--dask", "tcp://127.0.0.1:1"],
]


@pytest.mark.parametrize("words", EITHER)
def test_one_or_the_other(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Two options of which one would win in silence are refused together."""
    with pytest.raises(SystemExit):
        main(words)
    assert "not allowed with" in capsys.readouterr().err


def test_settings_beside_a_store_of_minutes(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where minutes are stored already, settings would change nothing: they are refused, the store named."""
    monkeypatch.chdir(tmp_path)
    assert main(["import", str(shared_data / "intraday" / "bnf_20221230.parquet")]) == 0
    capsys.readouterr()
    for words in (["backtest", "iron_condor"], ["sweep", "iron_condor", "--set", "entry.at=09:20,09:30"]):
        assert main(["--settings", "x.yaml", *words]) == 2
        assert "--settings means nothing beside a store of minutes: 'data/minutes" in capsys.readouterr().err


def test_each_market_has_minutes_of_its_own() -> None:
    """Another seed, or the broker, never trades what was collected from a simulated market."""
    asked = ({}, {"seed": 11}, {"seed": 12}, {"mode": "live"}, {"mode": "live", "seed": 11})
    folders = [minutes_of(Settings(broker=broker)) for broker in asked]
    assert len(set(folders)) == 4
    assert folders[3] == folders[4]  # the broker has no seed
    panels = [BacktestPanel(Settings(broker=broker)).store.folder for broker in asked]
    assert len(set(panels)) == 4


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_word_is_one_sentence(
    kind: str, chain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that cannot be ends with exit code 2 and its name."""
    monkeypatch.chdir(tmp_path)
    words, named = WRONG[kind]
    assert main([chain if word == "CHAIN" else word for word in words]) == 2
    said = capsys.readouterr().err
    assert named in said
    assert said.startswith("kit: ")


def test_another_coding_loses_a_letter_at_most(chain: str, tmp_path: Path) -> None:
    """A terminal without the kit's letters still gets the whole answer."""
    done = _kit(["demo", "--chain", chain], tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert "iron_condor" in done.stdout


@pytest.mark.parametrize("coding", ["ascii:strict", "latin-1", "cp1252", "koi8-r", "shift_jis", "utf-16"])
def test_any_coding_takes_any_letter(coding: str, tmp_path: Path) -> None:
    """Whatever the terminal's coding, a folder whose name it cannot write is no traceback."""
    strange = str(tmp_path / "\u0915\u20b9\u2013\u00e9")
    done = _kit(["cache"], tmp_path, PYTHONIOENCODING=coding, PYTHONUTF8="0", KIT_CACHE_DIR=strange)
    assert (done.returncode, done.stderr) == (0, "")
    assert "found 0 files" in done.stdout.replace("\x00", "")


GONE = [
    "| head -1",
    "| true",
    ">&-",
    "2>&-",
    ">&- 2>&-",
    ">/dev/full",
    "2>/dev/full",
    ">/dev/full 2>&1",
    "<&-",
]


@pytest.mark.parametrize("shell", GONE)
def test_an_output_that_is_gone(shell: str, tmp_path: Path) -> None:
    """Output that is closed, full or read no further ends a command without a traceback."""
    (tmp_path / "cache").mkdir()
    for number in range(2000):  # more than a pipe holds
        (tmp_path / "cache" / f"{number:050}.sqlite").touch()
    done = _kit(["cache"], tmp_path, shell)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if shell == ">/dev/full":
        assert (done.returncode, "cannot be written" in done.stderr) == (2, True)


@pytest.mark.parametrize("shell", ["2>&-", ">&- 2>&-"])
def test_a_progress_bar_without_a_terminal(shell: str, tmp_path: Path) -> None:
    """A command that shows its progress ends as it would where nothing can be shown: its code tells."""
    words = ["sweep", "iron_condor", "--set", "a=1", "--data", "."]
    assert _kit(words, tmp_path, shell).returncode == _kit(words, tmp_path).returncode == 2


def test_a_page_in_a_folder_to_come(tmp_path: Path) -> None:
    """A page's folder is made; one that cannot be is named."""
    page = write_text(tmp_path / "new" / "deep" / "page.html", "page")
    assert page.read_text(encoding="utf-8") == "page"
    for wrong in (page / "page.html", tmp_path, tmp_path / ("x" * 3000)):
        with pytest.raises(UnwritableFile):
            write_text(wrong, "page")
