"""The command line."""

import json
import subprocess
import sys
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


def test_demo_on_a_file_that_is_no_chain(tmp_path, capsys):
    """A file that is no option chain gives exit code 2 and names the file."""
    file = tmp_path / "letter.json"
    file.write_text('{"dear": "reader"}')
    assert main(["demo", "--chain", str(file)]) == 2
    assert "letter.json" in capsys.readouterr().err


def test_download_rejects_a_day_that_is_none(capsys):
    """A day that is no date is refused by the command line itself."""
    with pytest.raises(SystemExit):
        main(["download", "--from", "yesterday", "--to", "2026-11-20"])
    assert "yesterday" in capsys.readouterr().err


def test_cache_info_and_clear(tmp_path, monkeypatch, capsys):
    """`kit cache` lists the SQLite files, and clear removes them."""
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    (tmp_path / "replies.sqlite").write_bytes(b"x")
    assert main(["cache"]) == 0
    assert "replies.sqlite" in capsys.readouterr().out
    assert main(["cache", "clear"]) == 0
    assert not list(tmp_path.iterdir())


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


def test_lab_serves_the_first_notebook_on_loopback_only():
    """`kit lab` starts JupyterLab on 127.0.0.1 and names the first notebook in its address."""
    words = [sys.executable, "-m", "kit.cli", "lab", "--no-browser"]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as lab:
        try:
            address = next(line for line in lab.stderr if "http://" in line and "?token=" in line)
        finally:
            lab.terminate()
        lab.stderr.read()
        lab.wait(20)
    assert "http://127.0.0.1:" in address
    assert "00_start_here.ipynb" in address


def test_lab_on_a_notebook_that_is_not_there(capsys):
    """A notebook that does not exist gives exit code 2 and names it."""
    assert main(["lab", "notebooks/nowhere.ipynb"]) == 2
    assert "nowhere.ipynb" in capsys.readouterr().err
