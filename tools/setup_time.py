"""Times what ``make demo`` takes with its set-up, and leaves it in ``build/setup.json``.

``begin`` runs as a plain file before there is anything but some Python, so it imports nothing of the kit;
``end`` runs in the finished environment. Three cases are told apart: ``pip`` and ``uv`` from nothing (no
``.venv``, an empty package cache), and ``again``, when everything was there. Others are not recorded:
what a half-filled cache takes answers no question.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

BUILD = Path("build")
RECORD = BUILD / "setup.json"
_BEGUN = BUILD / "setup.begun.json"
_STAMP = Path(".venv/lab")
_EMPTY_BYTES = 2**20  # an installer leaves marks of its own in a cache that holds no package


def begin(installer: str) -> None:
    """Note the time, if this is one of the three cases."""
    kind = _case(installer)
    _BEGUN.unlink(missing_ok=True)
    if kind:
        BUILD.mkdir(exist_ok=True)
        _BEGUN.write_text(json.dumps({"case": kind, "installer": installer, "began": time.monotonic()}))


def _case(installer: str) -> str | None:
    if not Path(".venv").exists():
        return installer if _is_empty(_cache_folder(installer)) else None
    if not _STAMP.is_file():
        return None
    made = _STAMP.stat().st_mtime
    return "again" if all(Path(file).stat().st_mtime <= made for file in _MADE_FROM) else None


_MADE_FROM = ("locks/lab.txt", "pyproject.toml")


def _cache_folder(installer: str) -> Path | None:
    """Return where an installer keeps what it has downloaded; None where it keeps nothing."""
    name = installer.upper()
    if os.environ.get("PIP_NO_CACHE_DIR" if name == "PIP" else "UV_NO_CACHE"):
        return None
    if told := os.environ.get(f"{name}_CACHE_DIR"):
        return Path(told)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home)) / installer / "cache"
    if sys.platform == "darwin" and installer == "pip":
        return home / "Library" / "Caches" / "pip"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / installer


def _is_empty(folder: Path | None) -> bool:
    held = 0
    for place, _, files in os.walk(folder) if folder else ():
        held += sum((Path(place) / file).lstat().st_size for file in files)
        if held > _EMPTY_BYTES:
            return False
    return True


def end() -> None:
    """Record the time since `begin` with commit and date, beside the other cases."""
    now = time.monotonic()
    if not _BEGUN.is_file():
        return
    from tools.provenance import provenance

    begun = json.loads(_BEGUN.read_text())
    _BEGUN.unlink()
    known = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    about = {"seconds": round(now - begun["began"], 2), "installer": begun["installer"], **provenance()}
    RECORD.write_text(json.dumps({**known, begun["case"]: about}, indent=1) + "\n")


if __name__ == "__main__":
    begin(sys.argv[2]) if sys.argv[1] == "begin" else end()
