"""Earlier runs: one JSON object per line, and what changed between two of them.

Only a run of every quick row, or of every row, is recorded, and it is compared with the last one of its
kind: quick or full, with the same settings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ValidationError

from kit.benchmark.results import BenchmarkResults
from kit.clock import IST
from kit.errors import UnreadableFile
from kit.settings import cache_folder

# Two runs on one machine differ by more than either run's own interval says: clock speed, memory
# layout and neighbours change between runs and not within one. Eight runs of five rows on a shared
# two-core machine moved by up to 12 % while no neighbour took a core; a smaller change is noise.
BETWEEN_RUNS = 0.15
RECENT = 5  # runs that tell how far the figures of one machine lie apart from day to day
EQUALLY_BUSY, EQUALLY_FAST = 0.3, 0.1  # cores that others may have kept busy more; its own speed, a share


class _FileRow(BaseModel):
    name: str
    unit: str
    figure: float | None
    low: float | None
    high: float | None
    load: float | None = None
    pace_ms: float | None = None


class _Machine(BaseModel):
    settings: str = "defaults"
    load_1min: float | None = None


class _File(BaseModel):
    score: float | None
    violations: list[str]
    machine: _Machine
    versions: dict[str, str | None]
    rows: list[_FileRow]


class _Recorded(_File):
    at: AwareDatetime
    quick: bool


def history_file() -> Path:
    """Return where runs are recorded: ``benchmarks.jsonl`` in the cache folder."""
    return cache_folder() / "benchmarks.jsonl"


def archive(results: BenchmarkResults) -> tuple[list[dict[str, Any]], str]:
    """Record a complete run; return all recorded runs, and in words what changed since the last of its kind.

    A line of the history that cannot be read is named in the words and left where it is.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    earlier, bad = load()
    told = [f"Skipped in the history: {error}" for error in bad]
    if not results["complete"]:
        return earlier, "\n".join([*told, "Not every row ran: the run is not recorded."])
    last = of_kind(earlier, results["quick"], results["machine"]["settings"])
    run = record(results)
    changes = compare(last[-1], run, last[-RECENT:-1]) if last else None
    since = "This is the first run of its kind on this machine."
    told.append(since if changes is None else f"Since the last run: {changes_text(changes)}")
    return [*earlier, run], "\n".join(told)


def record(results: BenchmarkResults, path: Path | None = None) -> dict[str, Any]:
    """Append a run to the history and return what was written."""
    file = path or history_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    at = datetime.now(IST).isoformat(timespec="seconds")
    entry = {"at": at, "quick": results["quick"], **results.as_json()}
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(entry, allow_nan=False) + "\n")
    return entry


def load(path: Path | None = None) -> tuple[list[dict[str, Any]], list[UnreadableFile]]:
    """Return the recorded runs, oldest first, and an error, not raised, for each line that is no run.

    Raises
    ------
    UnreadableFile
        The file cannot be read at all.
    """
    file = path or history_file()
    if not file.is_file():
        return [], []
    runs: list[dict[str, Any]] = []
    bad: list[UnreadableFile] = []
    for number, line in enumerate(_content(file).splitlines(), 1):
        if line.strip():
            try:
                runs.append(_run(line, f"{file}, line {number}", _Recorded))
            except UnreadableFile as error:
                bad.append(error)
    return runs, bad


def of_kind(runs: Iterable[dict[str, Any]], quick: bool, settings: str = "defaults") -> list[dict[str, Any]]:
    """Return the runs that can be compared with each other and have a score, oldest first."""
    return [
        run
        for run in runs
        if run["quick"] == quick and run["machine"].get("settings") == settings and run["score"] is not None
    ]


def load_json(path: str | Path) -> dict[str, Any]:
    """Read a file that ``kit bench --json`` wrote.

    Raises
    ------
    UnreadableFile
        The file does not exist or is not such a file.
    """
    return _run(_content(Path(path)), str(path), _File)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableFile("The benchmark file cannot be read", str(file), "Check the path.") from error


def _run(content: bytes, place: str, form: type[_File]) -> dict[str, Any]:
    """Check everything that is compared or plotted later."""
    try:
        form.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"This is no recorded benchmark ({first['msg']})"
        raise UnreadableFile(what, place, "Remove it; kit bench writes a new one.") from error
    run: dict[str, Any] = json.loads(content)
    return run


@dataclass(frozen=True)
class Change:
    """A row that two runs disagree on beyond noise, or that only one of them has."""

    name: str
    unit: str
    before: float  # median; NaN where the run has no figure
    after: float
    why: str = ""  # only one run has the row, or nothing follows from the figures
    judged: bool = True  # False: the machine was not equally busy or fast, or nobody knows

    @property
    def factor(self) -> float:
        """After / before; NaN where a run has no figure."""
        return self.after / self.before if self.before else math.nan

    def __str__(self) -> str:
        before, after = ("–" if math.isnan(it) else f"{it:.4g}" for it in (self.before, self.after))
        factor = "" if math.isnan(self.factor) else f"  x {self.factor:.2f}"
        return f"{self.name}: {before} -> {after} {self.unit}{factor}{self.why and f'  ({self.why})'}"


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]] = ()
) -> list[Change]:
    """List the rows whose intervals do not touch and whose medians differ by more than `BETWEEN_RUNS`.

    A figure that one of the `earlier` runs had as well is no news: a shared machine goes from one speed to
    another and back. Largest change first, then rows that gained or lost their figure, then rows that only
    one run has. A row measured beside another load, or at another speed of the machine, is not judged.
    """
    old, new = ({row["name"]: row for row in run["rows"]} for run in (before, after))
    both = [(old[name], new[name]) for name in new if name in old]
    seen = {name: [row for run in earlier for row in run["rows"] if row["name"] == name] for name in new}
    found = [
        Change(now["name"], now["unit"], _figure(was), _figure(now), *_beside(before, was, after, now))
        for was, now in both
        if _beyond_noise(was, now) and all(_beyond_noise(row, now) for row in seen[now["name"]])
    ]
    found.sort(key=lambda change: -abs(math.log(change.factor)) if change.factor > 0 else 0.0)
    lone = [(row, math.nan, _figure(row), "a new row") for name, row in new.items() if name not in old]
    lone += [
        (row, _figure(row), math.nan, "no such row any more") for name, row in old.items() if name not in new
    ]
    return [*found, *(Change(row["name"], row["unit"], was, now, why) for row, was, now, why in lone)]


def _figure(row: Mapping[str, Any]) -> float:
    return math.nan if row["figure"] is None else float(row["figure"])


def _beyond_noise(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if was["figure"] is None or now["figure"] is None:
        return was["figure"] is not now["figure"]
    apart: bool = was["high"] < now["low"] or now["high"] < was["low"]
    return apart and bool(abs(now["figure"] - was["figure"]) > BETWEEN_RUNS * abs(was["figure"]))


def _beside(
    before: Mapping[str, Any], was: Mapping[str, Any], after: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[str, bool]:
    """Say whether two figures can be compared, and where not, how the loads beside them differed."""
    if was["figure"] is None or now["figure"] is None:
        return f"not measured {'then' if was['figure'] is None else 'now'}", True
    then, here = (
        run["machine"].get("load_1min") if row.get("load") is None else row["load"]
        for run, row in ((before, was), (after, now))
    )
    if then is None or here is None:
        return "not judged: nobody knows how busy others kept the machine", False
    if abs(then - here) > EQUALLY_BUSY:
        return f"not judged: others kept {then:g} cores busy, then {here:g}", False
    faster = float(was.get("pace_ms") or math.nan) / float(now.get("pace_ms") or math.nan)
    if abs(math.log(faster)) > math.log1p(EQUALLY_FAST):
        return f"not judged: the machine itself was {faster:.2f} times as fast as then", False
    return "", True


def changes_text(changes: Sequence[Change]) -> str:
    """Return what changed beyond noise, one line per row, and then what cannot be judged."""
    sure, unsure = ([change for change in changes if change.judged is word] for word in (True, False))
    head = "changed beyond noise:" if sure else "nothing changed beyond noise."
    rest = "Beside another load or at another speed of the machine, nothing follows from:"
    return "\n".join(
        [head, *(f"  {it}" for it in sure), *([rest, *(f"  {it}" for it in unsure)] if unsure else [])]
    )
