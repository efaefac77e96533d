"""The clock that make demo starts and stops."""

import json
import os
import subprocess
import sys
import time

import pytest

from tools import setup_time


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """Stand in an empty folder with locks, as a fresh clone has them, and an empty package cache."""
    (tmp_path / "locks").mkdir()
    for name in ("locks/lab.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PIP_NO_CACHE_DIR", raising=False)
    return tmp_path


def finished(clone):
    """Make what a finished set-up leaves, and stop the clock."""
    (clone / ".venv").mkdir(exist_ok=True)
    setup_time.end()
    return json.loads(setup_time.RECORD.read_text()) if setup_time.RECORD.is_file() else {}


def test_the_three_cases_are_told_apart(clone):
    """From nothing with either installer, and again once everything is there; all stay in one file."""
    setup_time.begin("uv")
    assert list(finished(clone)) == ["uv"]
    (clone / ".venv").rmdir()
    setup_time.begin("pip")
    assert list(finished(clone)) == ["uv", "pip"]
    (clone / ".venv" / "lab").touch()
    setup_time.begin("pip")
    found = finished(clone)
    assert list(found) == ["uv", "pip", "again"]
    assert found["again"]["installer"] == "pip"
    assert all(0 <= each["seconds"] < 60 and each["at"] for each in found.values())


def test_what_answers_no_question_is_not_recorded(clone):
    """A filled package cache, a half-made environment and outdated locks are none of the cases."""
    (clone / "cache").mkdir()
    (clone / "cache" / "wheel").write_bytes(bytes(2**21))
    setup_time.begin("uv")
    assert finished(clone) == {}
    setup_time.begin("uv")
    assert finished(clone) == {}
    (clone / ".venv" / "lab").touch()
    later = time.time() + 100
    os.utime(clone / "pyproject.toml", (later, later))
    setup_time.begin("uv")
    assert finished(clone) == {}


def test_it_begins_without_the_kit(clone):
    """The clock starts as a plain file in an interpreter that has no packages."""
    command = [sys.executable, "-I", "-S", setup_time.__file__, "begin", "uv"]
    subprocess.run(command, check=True)
    assert list(finished(clone)) == ["uv"]
