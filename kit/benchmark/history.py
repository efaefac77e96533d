"""Earlier runs: one JSON object per line, and what changed between two of them."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kit.benchmark.results import JSON_KEYS, Results
from kit.clock import IST
from kit.errors import UnreadableFile
from kit.settings import cache_folder

# Two runs on one machine differ by more than either run's own interval says: clock speed, memory
# layout and neighbours change between runs and not within one. Eight runs of five rows on a shared
# two-core machine moved by up to 12 % while no neighbour took a core; a smaller change is noise.
BETWEEN_RUNS = 0.15


def history_file() -> Path:
    """Return where runs are recorded: ``benchmarks.jsonl`` in the cache folder."""
    return cache_folder() / "benchmarks.jsonl"


def record(results: Results, quick: bool, path: Path | None = None) -> Path:
    """Append a run to the history."""
    file = path or history_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    entry = {"at": datetime.now(IST).isoformat(timespec="seconds"), "quick": quick, **results.as_json()}
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(entry, allow_nan=False) + "\n")
    return file


def load(path: Path | None = None) -> list[dict[str, Any]]:
    """Read the recorded runs, oldest first; none when nothing was recorded yet.

    Returns
    -------
    list of dict
        The JSON object of each run, with ``at`` (ISO time) and ``quick``.

    Raises
    ------
    UnreadableFile
        A line is not a recorded run; names the file and the line.
    """
    file = path or history_file()
    if not file.is_file():
        return []
    lines = file.read_bytes().splitlines()
    return [
        _run(line, f"{file}, line {number}", ("at", "quick", *JSON_KEYS))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def load_json(path: str | Path) -> dict[str, Any]:
    """Read a file that ``kit bench --json`` wrote.

    Raises
    ------
    UnreadableFile
        The file does not exist or is not such a file.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableFile("The benchmark file cannot be read", str(path), "Check the path.") from error
    return _run(content, str(path), JSON_KEYS)


def _run(content: bytes, place: str, keys: Collection[str]) -> dict[str, Any]:
    remedy = "Move or delete it; kit bench writes a new one."
    try:
        run = json.loads(content)
    except ValueError as error:
        raise UnreadableFile("The benchmark history is not JSON", place, remedy) from error
    if not isinstance(run, dict) or not set(keys) <= set(run) or not isinstance(run["rows"], list):
        raise UnreadableFile("This is not a recorded benchmark", place, remedy)
    return run


@dataclass(frozen=True)
class Change:
    """A row that two runs disagree on beyond noise.

    Parameters
    ----------
    name, unit : str
        The row and its unit.
    before, after : float
        Medians; NaN where a run has no figure.
    factor : float
        after / before; NaN where a run has no figure.
    """

    name: str
    unit: str
    before: float
    after: float
    factor: float


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """List the rows whose intervals do not touch and whose medians differ by more than `BETWEEN_RUNS`.

    Parameters
    ----------
    before, after : mapping
        Two runs, as `load` or `load_json` give them.

    Returns
    -------
    list of Change
        Largest change first; rows that gained or lost their figure are at the end. A row that only
        one run has is left out: the runs had different selections.
    """
    old = {row["name"]: row for row in before["rows"]}
    pairs = [(old[row["name"]], row) for row in after["rows"] if row["name"] in old]
    found = [_change(was, now) for was, now in pairs if _beyond_noise(was, now)]
    return sorted(found, key=lambda change: -abs(math.log(change.factor)) if change.factor > 0 else 0.0)


def _beyond_noise(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if was["figure"] is None or now["figure"] is None:
        return was["figure"] is not now["figure"]
    apart: bool = was["high"] < now["low"] or now["high"] < was["low"]
    return apart and bool(abs(now["figure"] - was["figure"]) > BETWEEN_RUNS * abs(was["figure"]))


def _change(was: Mapping[str, Any], now: Mapping[str, Any]) -> Change:
    before, after = (math.nan if row["figure"] is None else float(row["figure"]) for row in (was, now))
    return Change(now["name"], now["unit"], before, after, after / before if before else math.nan)
