"""The command ``kit bench``: what it prints and writes, and its exit code."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Sequence
from pathlib import Path

from kit.benchmark import history
from kit.benchmark.registry import all_rows
from kit.benchmark.report import save_html
from kit.benchmark.results import BenchmarkResults, text
from kit.benchmark.suite import UNKNOWN, run_performance_benchmark
from kit.benchmark.verdict import RowResult
from kit.errors import KitError, SettingsError
from kit.files import check_writable, write_text
from kit.monitor.progress import ProgressBar
from kit.settings import Settings

INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended


def main(
    *,
    full: bool = False,
    long: bool = False,
    json: str | Path | None = None,
    against: str | None = None,
    check: bool = False,
    compare: Sequence[str | Path] | None = None,
    rows: Sequence[str] | None = None,
    html: str | Path | None = None,
    settings: Settings | None = None,
) -> int:
    """Run ``kit bench`` and return its exit code.

    The parameters are its options, which ``kit bench --help`` and ``docs/benchmark.md`` explain.

    Returns
    -------
    int
        0; 1 as `check` and `against` say; 2 when a row was asked for that does not exist; 130 after
        Ctrl-C, with the finished rows printed and written.

    Raises
    ------
    SettingsError
        `against` is not ``"peers"``, or a file is named like a row.
    UnwritableFile
        A file cannot be written; said before anything is measured.
    UnreadableFile
        A file to compare is not one of ours.
    """
    if compare:
        before, after = (history.load_json(path) for path in compare)
        sys.stdout.write(history.changes_text(history.compare(before, after)) + "\n")
        return 0
    for file in (json, html):
        if file is not None:
            _check_file(Path(file))
    with ProgressBar() as show:
        results = run_performance_benchmark(full, _against(against, full, rows), show, settings=settings)
    sys.stdout.write(f"{text(results, long)}\n")
    if json is not None:
        write_text(Path(json), json_format.dumps(results.as_json(), indent=2, allow_nan=False) + "\n")
    if html is not None:
        save_html(results, html)
    sys.stdout.write(_since_last(results) + "\n")
    return _exit_code(results, check, against is not None)


def _exit_code(results: BenchmarkResults, check: bool, against: bool) -> int:
    lines: list[RowResult] = results["lines"]
    if results["stopped"]:
        return INTERRUPTED
    if any(line.part == UNKNOWN for line in lines):
        return 2
    missed = check and any(line.missed for line in lines)
    return int(missed or (against and any(line.peer_missing for line in lines)))


def _against(against: str | None, full: bool, rows: Sequence[str] | None) -> Sequence[str] | None:
    if against is None:
        return rows
    if against != "peers":
        raise SettingsError("A benchmark cannot run against", against, "Use: kit bench --against peers.")
    known = all_rows()
    chosen = rows or [name for name, row in known.items() if row.quick or full]
    return [name for name in chosen if name not in known or known[name].peer]


def _check_file(file: Path) -> None:
    """Refuse a file before the run that is named like a row, or could not be written after it."""
    if str(file) in all_rows():
        remedy = f"Use: kit bench {file} --json FILE."
        raise SettingsError("A row's name stands where a file is expected", str(file), remedy)
    check_writable(file)


def _since_last(results: BenchmarkResults) -> str:
    """Record the run and return what changed in words, or why the history could not be written."""
    try:
        return history.archive(results)[1]
    except (KitError, OSError) as error:
        return str(error)
