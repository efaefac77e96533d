"""The command line."""

import contextlib
import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from kit.cli import main

ROOT = Path(__file__).parent.parent


def test_wrong_settings_file_is_one_sentence(tmp_path, capsys):
    """A broken kit.yaml gives exit code 2 and one sentence that names the file and the key."""
    file = tmp_path / "kit.yaml"
    file.write_text("cache_config: {ltp_tll: 3}\n")
    assert main(["--settings", str(file), "demo"]) == 2
    said = capsys.readouterr().err
    assert "ltp_tll" in said
    assert "Did you mean 'ltp_ttl'?" in said
    assert "Traceback" not in said


def test_the_package_is_the_command():
    """``python -m kit`` does what the script does, with its exit codes."""
    command = [sys.executable, "-m", "kit", "demoo"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_on_a_file_that_is_no_chain(tmp_path, capsys):
    """A file that is no option chain gives exit code 2 and names the file."""
    file = tmp_path / "letter.json"
    file.write_text('{"dear": "reader"}')
    assert main(["demo", "--chain", str(file)]) == 2
    assert "letter.json" in capsys.readouterr().err


def test_demo_on_a_chain_that_does_not_tell_its_time(shared_data, tmp_path, capsys):
    """An export of an expiry that hardly trades names the options for what it lacks, and runs with them."""
    file = shared_data / "chain/option-chain-ED-BANKNIFTY-29-Sep-2026.csv"
    settings = tmp_path / "kit.yaml"
    settings.write_text("workers: {backend: serial}")
    words = ["--settings", str(settings), "demo", "--chain", str(file)]
    assert main(words) == 2
    assert "--at" in capsys.readouterr().err
    words += ["--at", "2026-04-21T12:00", "--html", str(tmp_path / "page.html")]
    assert main(words) == 2
    assert "--spot" in capsys.readouterr().err
    assert main([*words, "--spot", "56500"]) == 0
    said = capsys.readouterr().out
    assert "21 Apr 2026 12:00:00 IST" in said
    assert "The PE has no price at this strike" in said
    assert "no price at this strike" in (tmp_path / "page.html").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a disk that is always full")
def test_page_that_cannot_be_written(shared_data, tmp_path, capsys):
    """A page that the disk refuses after the work gives exit code 2 and its name, after the text."""
    file = shared_data / "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
    settings = tmp_path / "kit.yaml"
    settings.write_text("workers: {backend: serial}")
    words = ["--settings", str(settings), "demo", "--chain", str(file), "--html", "/dev/full"]
    assert main(words) == 2
    said = capsys.readouterr()
    assert "Strategies, ranked" in said.out
    assert "/dev/full" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo", "--html", "."], "name a file"),
        (["bench", "--json", "taken/b.json"], "another place"),
        (["scan", "--csv", "taken/deep/s.csv"], "another place"),
        (["backtest", "iron_condor", "--html", "taken/p.html"], "another place"),
        (["backtest", "iron_condor", "--trades", ""], "name a file"),
        (["demo", "--html", "x" * 300], "another place"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(words, said, tmp_path, monkeypatch, capsys):
    """Nobody waits for minutes of work whose file has no place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    with contextlib.suppress(SystemExit):
        assert main(words) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_a_page_without_plots_is_refused_before_the_work(monkeypatch, capsys):
    """Where matplotlib or openpyxl is missing, the file that needs it is refused with what to install."""
    monkeypatch.setattr("kit.cli.outputs.find_spec", lambda _package: None)
    for words in (["demo", "--html", "x.html"], ["backtest", "iron_condor", "--trades", "x.xlsx"]):
        with pytest.raises(SystemExit):
            main(words)
        assert "pip install 'banknifty-kit[" in capsys.readouterr().err


def test_cache_folder_that_cannot_be_used(tmp_path, monkeypatch, capsys):
    """Where the cache folder is a file, a command goes on and says so in plain lines."""
    occupied = tmp_path / "occupied"
    occupied.write_text("")
    monkeypatch.setenv("KIT_CACHE_DIR", str(occupied))
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["download", "--interval", "ONE_DAY", "--from", "2026-11-16", "--to", "2026-11-17"]) == 0
    said = capsys.readouterr()
    assert "2 of 2 bars" in said.out
    assert "kit: The disk tier is off" in said.err
    assert "line.py" not in said.err


def test_warnings_of_others_are_shown_as_ever(tmp_path, monkeypatch, capsys):
    """A library's warning during a command reaches the reader and harms nothing, however it is given."""
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["cache"]) == 0
        warnings.warn("the port is taken", UserWarning, stacklevel=1)
        warnings.showwarning(UserWarning("a"), UserWarning, "file.py", 7, None, "the line")
    said = capsys.readouterr().err
    assert "UserWarning: the port is taken" in said
    assert "file.py:7: UserWarning: a\n  the line" in said


def test_download_rejects_a_day_that_is_none(capsys):
    """A day that is no date is refused by the command line itself."""
    with pytest.raises(SystemExit):
        main(["download", "--from", "yesterday", "--to", "2026-11-20"])
    assert "yesterday" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["backtest x", "sweep x --set a=1", "collect", "download --to 2024-01-05"]
)
def test_a_day_that_is_none_is_named(command, capsys):
    """A day that the calendar lacks is named with the form to write it in, by every command."""
    with pytest.raises(SystemExit):
        main([*command.split(), "--from", "2024-13-01"])
    assert "'2024-13-01' is no day: write it as 2024-01-31" in capsys.readouterr().err


def test_cache_info_and_clear(tmp_path, monkeypatch, capsys):
    """`kit cache` lists the SQLite files, and clear removes them all but the account's shared limits."""
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    for name in ("replies.sqlite", "replies.sqlite-wal", "limits.sqlite"):
        (tmp_path / name).write_bytes(b"x")
    assert main(["cache"]) == 0
    assert "replies.sqlite" in capsys.readouterr().out
    assert main(["cache", "clear"]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["limits.sqlite"]


def test_simulate_prints_one_json_object_first():
    """The first line of `kit simulate` has url, api_key, client_code, pin and totp_secret."""
    words = [sys.executable, "-m", "kit.cli", "simulate", "--at", "2026-11-20T11:15"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            first = json.loads(server.stdout.readline())
        finally:
            server.terminate()
        server.wait(10)
    assert {"url", "api_key", "client_code", "pin", "totp_secret"} <= set(first)
    assert first["url"].startswith("http://127.0.0.1:")


def test_simulate_on_a_taken_port_names_it(exchange, capsys):
    """A port in use gives exit code 2 and names the port and the way out."""
    port = exchange.url.rsplit(":", 1)[1]
    assert main(["simulate", "--port", port]) == 2
    assert port in capsys.readouterr().err


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Build the wheel and lay it out as an installer does; the environment in which it is the kit."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
        wheel.extractall(place / "site")
    return {**os.environ, "PYTHONPATH": str(place / "site")}


def test_lab_of_an_installed_wheel_lays_out_its_notebooks(installed, tmp_path):
    """`kit lab` in an empty folder serves the first notebook on loopback, and spares a file of yours."""
    mine = tmp_path / "notebooks" / "01_tune.ipynb"
    mine.parent.mkdir()
    mine.write_text("mine")
    words = [sys.executable, "-m", "kit.cli", "lab", "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=tmp_path, env=installed, stderr=pipe, stdout=pipe, text=True) as lab:
        try:
            address = next(line for line in lab.stderr if "http://" in line and "?token=" in line)
        finally:
            lab.terminate()
        said, _ = lab.communicate(timeout=20)
    shipped = {file.name for file in (ROOT / "notebooks").glob("*.ipynb")}
    assert "http://127.0.0.1:" in address
    assert "00_start_here.ipynb" in address
    assert {file.name for file in mine.parent.iterdir()} == shipped
    assert mine.read_text() == "mine"
    assert f"{len(shipped) - 1} notebooks laid into" in said


def test_an_installed_wheel_finds_its_settings_of_jupyterlab(installed, tmp_path):
    """The wheel holds JupyterLab's settings and the facts, and `kit doctor` needs no checkout."""
    code = "from kit.cli.lab import shipped; print(shipped('etc'), shipped('notebooks'), shipped('data'))"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=installed, capture_output=True, text=True, check=True)
    places = [Path(word) for word in done.stdout.split()]
    assert all(place.is_dir() and str(ROOT) not in str(place) for place in places)
    assert (places[0] / "labconfig" / "default_setting_overrides.json").is_file()


def test_lab_on_a_notebook_that_is_not_there(capsys):
    """A notebook that does not exist gives exit code 2 and names it."""
    assert main(["lab", "notebooks/nowhere.ipynb"]) == 2
    assert "nowhere.ipynb" in capsys.readouterr().err


def test_bench_writes_json_with_and_without_a_name(tmp_path, monkeypatch, capsys):
    """`kit bench --json` writes bench.json in the working folder, and any other name when told."""
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "import_kit", "--json"]) == 0
    assert main(["bench", "import_kit", "--json", "mine.json"]) == 0
    for name in ("bench.json", "mine.json"):
        found = json.loads((tmp_path / name).read_text())
        assert {"score", "violations", "machine", "versions", "rows"} == set(found)
        assert found["rows"][0]["name"] == "import_kit"
    assert "import_kit" in capsys.readouterr().out


def test_scan_ranks_a_saved_chain(shared_data, tmp_path, capsys):
    """`kit scan` on a file prints the ranking under its view and writes every figure of it."""
    page = shared_data / "chain" / "nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
    words = ["scan", "iron_condor", "--chain", str(page), "--expiry", "2023-05-11", "--view", "lognormal"]
    words += ["--where", "probability_of_profit > 0.5", "--rank-by", "return_on_margin", "--top", "5"]
    assert main([*words, "--csv", str(tmp_path / "best.csv")]) == 0
    shown = capsys.readouterr().out
    assert "BANKNIFTY 11 May 2023" in shown
    assert "view lognormal" in shown
    assert len((tmp_path / "best.csv").read_text().splitlines()) == 6


def test_scan_of_all_families_shows_the_best_of_each(shared_data, capsys):
    """Without a family `kit scan` shows each family once; a number of rows asks for the first of all."""
    page = str(shared_data / "chain" / "nse_option_chain_BANKNIFTY_20230503_1530.json.gz")
    words = ["scan", "--chain", page, "--expiry", "2023-05-11", "--where", "loss_to_risk < 2"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "The best of each family" in told
    for family in ("iron condor", "bull put spread", "long straddle"):
        assert told.count(f" {family} ") == 1
    assert main([*words, "--top", "30"]) == 0
    told = capsys.readouterr().out
    assert "The best of each family" not in told
    assert told.splitlines()[-1].startswith("29 ")


def test_scan_ranks_calendars_with_the_next_expiry(shared_data, capsys):
    """A family over two expiries takes the next one of the file beside the one asked for."""
    page = str(shared_data / "chain" / "nse_option_chain_BANKNIFTY_20230503_1530.json.gz")
    assert main(["scan", "put_calendar", "--chain", page, "--expiry", "2023-05-11", "--top", "3"]) == 0
    assert "11MAY2023, +1 " in (shown := capsys.readouterr().out)
    assert "18MAY2023" in shown


def test_scan_refuses_what_it_does_not_know(shared_data, capsys):
    """A family, a filter and an expiry that are none are one sentence each."""
    page = str(shared_data / "chain" / "nse_option_chain_BANKNIFTY_20230503_1530.json.gz")
    for words, told in (
        (["iron_kondor"], "iron_condor"),
        (["iron_condor", "--where", "cheap"], "Not a filter"),
        (["iron_condor", "--expiry", "2024-05-11"], "no options of this expiry"),
        (["iron_condor", "--where", "probability_of_profit > 1"], "No position is left"),
    ):
        assert main(["scan", *words, "--chain", page]) == 2
        assert told in capsys.readouterr().err
