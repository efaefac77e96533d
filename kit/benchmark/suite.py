"""Runs the rows and judges them: `run_performance_benchmark`, and `kit bench` behind it."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from kit.benchmark import history
from kit.benchmark.machine import machine, versions
from kit.benchmark.measure import Arms, Samples, time_arms
from kit.benchmark.progress import Bar, Progress
from kit.benchmark.registry import Row, all_rows, unknown_row
from kit.benchmark.report import changes_text, save_html, text
from kit.benchmark.results import Line, Results, failed, judge
from kit.benchmark.run import Run, Stopped
from kit.benchmark.score import WEIGHTS, components, score
from kit.errors import KitError, SettingsError
from kit.settings import Settings

UNKNOWN = "unknown"  # the part of a row that was asked for and does not exist


def run_performance_benchmark(
    quick: bool = False,
    rows: Iterable[str] | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    settings: Settings | None = None,
) -> Results:
    """Measure the real pipeline, each row beside its peer, and score it against the stated references.

    Parameters
    ----------
    quick : bool, default False
        Only the quick rows, with fewer samples: under a minute.
    rows : iterable of str, optional
        Names of the rows to run; default all. An unknown name becomes a failed line.
    progress : callable, optional
        Called with the share done (0 to 1) and the row that runs. Without it, a progress bar is shown
        on a terminal and a summary is printed at the end.
    should_stop : callable, optional
        Asked between samples; True ends the run and keeps the finished rows.
    settings : Settings, optional
        What the parts run with; default the defaults on the simulated exchange, seed 7.

    Returns
    -------
    Results
        A dict with ``score``, ``total_benchmarks``, ``violations``, ``machine``, ``versions``, ``rows``.
    """
    chosen, unknown = _choose(quick, rows)
    where = machine()
    with Run(quick, settings, should_stop or (lambda: False)) as run, Bar(progress) as bar:
        started = perf_counter()
        lines, stopped = _measure_all(run, chosen, bar)
        seconds = perf_counter() - started
    results = _assemble([*unknown, *lines], machine=where, seconds=seconds, stopped=stopped)
    if progress is None:
        sys.stdout.write(f"{text(results)}\n")
    return results


def _choose(quick: bool, names: Iterable[str] | None) -> tuple[list[Row], list[Line]]:
    known = all_rows()
    if names is None:
        return _by_part(row for row in known.values() if row.quick or not quick), []
    wanted = list(dict.fromkeys([names] if isinstance(names, str) else names))
    unknown = [name for name in wanted if name not in known]
    lost = [failed(Row(name, UNKNOWN, "", lambda _: Samples([])), unknown_row(name)) for name in unknown]
    return _by_part(known[name] for name in wanted if name in known), lost


def _by_part(rows: Iterable[Row]) -> list[Row]:
    parts = list(WEIGHTS)
    return sorted(rows, key=lambda row: parts.index(row.part) if row.part in parts else len(parts))


def _measure_all(run: Run, rows: Sequence[Row], progress: Progress) -> tuple[list[Line], bool]:
    lines: list[Line] = []
    for number, row in enumerate(rows):
        progress(number / len(rows), row.name)
        try:
            run.checkpoint()
            started = perf_counter()
            line = _measure(run, row)
            lines.append(replace(line, seconds=perf_counter() - started))
        except Stopped:
            return lines, True
    progress(1.0, "done")
    return lines, False


def _measure(run: Run, row: Row) -> Line:
    try:
        with run.scope():
            found = row.measure(run)
            samples = found if isinstance(found, Samples) else _timed(run, row, found)
        return judge(row, samples, run.cores, run.notes)
    except KitError as error:
        return failed(row, error)
    except Exception as error:  # noqa: BLE001 - one broken row must not take the others with it
        what = f"The row failed with {type(error).__name__}"
        return failed(row, KitError(what, str(error), "The other rows still ran."))


def _timed(run: Run, row: Row, arms: Arms) -> Samples:
    found = time_arms(arms, run.seconds, run.checkpoint)
    ours, peer = ([row.in_unit(sample, arms.items) for sample in arm] for arm in (found.ours, found.peer))
    return Samples(ours, peer)


def _assemble(lines: Sequence[Line], **about: Any) -> Results:
    parts = components(lines)
    return Results(
        score=score(parts),
        total_benchmarks=len(lines),
        violations=[_violation(line) for line in lines if line.missed],
        versions=versions(),
        rows=[line.as_json() for line in lines],
        components=parts,
        lines=list(lines),
        **about,
    )


def _violation(line: Line) -> str:
    if line.note and line.figure != line.figure:  # NaN: the row failed, and the note says why
        return f"{line.name}: {line.note}"
    return f"{line.name}: {line.figure:.4g} {line.unit}, asked {line.target}"


def main(
    *,
    quick: bool = False,
    json: str | Path | None = None,
    against: str | None = None,
    check: bool = False,
    compare: Sequence[str | Path] | None = None,
    rows: Sequence[str] | None = None,
    html: str | Path | None = None,
) -> int:
    """Run ``kit bench`` and return its exit code.

    Parameters
    ----------
    quick : bool
        Only the quick rows.
    json, html : path, optional
        Write the results there, too.
    against : {"peers"}, optional
        Only the rows that have a peer; return 1 when one of the peers is not installed.
    check : bool
        Return 1 when a target is missed by more than its noise or a row failed.
    compare : two paths, optional
        Instead of running, tell what changed beyond noise from the first JSON file to the second.
    rows : sequence of str, optional
        Only these rows.

    Returns
    -------
    int
        0; 1 as `check` and `against` say; 2 when a row was asked for that does not exist.

    Raises
    ------
    SettingsError
        `against` is not ``"peers"``.
    UnreadableFile
        A file to compare is not one of ours.
    """
    if compare:
        before, after = (history.load_json(path) for path in compare)
        sys.stdout.write(changes_text(history.compare(before, after)) + "\n")
        return 0
    results = run_performance_benchmark(quick, _against(against, quick, rows))
    _write(results, json, html)
    sys.stdout.write(_since_last(results, quick) + "\n")
    return _exit_code(results["lines"], check, against is not None)


def _exit_code(lines: Sequence[Line], check: bool, against: bool) -> int:
    if any(line.part == UNKNOWN for line in lines):
        return 2
    missed = check and any(line.missed for line in lines)
    return int(missed or (against and any(line.peer_missing for line in lines)))


def _against(against: str | None, quick: bool, rows: Sequence[str] | None) -> Sequence[str] | None:
    if against is None:
        return rows
    if against != "peers":
        raise SettingsError("A benchmark can run against", against, "Say: kit bench --against peers.")
    return rows or [row.name for row in all_rows().values() if row.peer and (row.quick or not quick)]


def _write(results: Results, json: str | Path | None, html: str | Path | None) -> None:
    """Write what was asked for.

    Raises
    ------
    SettingsError
        The file cannot be written; the results were printed before.
    """
    try:
        if json is not None:
            content = json_format.dumps(results.as_json(), indent=2, allow_nan=False)
            Path(json).write_text(content + "\n", encoding="utf-8")
        if html is not None:
            save_html(results, html)
    except OSError as error:
        raise SettingsError("The results cannot be written", error.filename, f"{error.strerror}.") from error


def _since_last(results: Results, quick: bool) -> str:
    """Record the run and say what changed; a history that cannot be read is told, never fatal."""
    try:
        earlier = [run for run in history.load() if run["quick"] == quick]
        told = changes_text(history.compare(earlier[-1], results.as_json())) if earlier else ""
        history.record(results, quick)
    except (KitError, OSError) as error:
        return str(error)
    return f"Since the last run: {told}" if told else ""
