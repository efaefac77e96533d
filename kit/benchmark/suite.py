"""Runs the rows and judges them: `run_performance_benchmark`, and `kit bench` behind it."""

from __future__ import annotations

import json as json_format
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, perf_counter, time
from typing import Any

from kit.benchmark import history
from kit.benchmark.deadline import bounded
from kit.benchmark.machine import machine, versions
from kit.benchmark.measure import Arms, Samples, time_arms
from kit.benchmark.registry import Row, all_rows, unknown_row
from kit.benchmark.report import save_html, text
from kit.benchmark.results import Line, Results, failed, judge
from kit.benchmark.run import Overrun, Run, Unmeasured
from kit.benchmark.score import WEIGHTS, components, score
from kit.errors import KitError, SettingsError
from kit.monitor.progress import Bar, Progress, Stopped
from kit.settings import Settings

# A row takes a few seconds; the longest, candle_rate, takes 66 s by the broker's limits.
DEADLINE_S = {"quick": 45.0, "full": 180.0}
INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended
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
        What the parts run with, always on the simulated exchange, seed 7; default the defaults.

    Returns
    -------
    Results
        A dict with ``score``, ``total_benchmarks``, ``violations``, ``machine``, ``versions``, ``rows``.
    """
    chosen, unknown = _choose(quick, rows)
    should_stop = should_stop or (lambda: False)
    where = machine(settings)
    with Run(quick, settings, should_stop) as run, Bar(progress) as bar:
        started = perf_counter()
        lines, stopped = _measure_all(run, chosen, bar, should_stop)
        seconds = perf_counter() - started
    about = {"seconds": seconds, "stopped": stopped, "quick": quick}
    about["complete"] = rows is None and not stopped
    results = _assemble([*unknown, *lines], machine=where, **about)
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


def _measure_all(
    run: Run, rows: Sequence[Row], progress: Progress, should_stop: Callable[[], bool]
) -> tuple[list[Line], bool]:
    lines: list[Line] = []
    try:
        for number, row in enumerate(rows):
            progress(number / len(rows), row.name)
            run.checkpoint()
            started = perf_counter()
            line = _measure(run, row.under(run.settings.latency_requirements), should_stop)
            lines.append(replace(line, seconds=perf_counter() - started))
    except (Stopped, KeyboardInterrupt):
        return lines, True
    progress(1.0, "done")
    return lines, False


def _measure(run: Run, row: Row, should_stop: Callable[[], bool]) -> Line:
    deadline_s = DEADLINE_S["quick" if run.quick else "full"]
    offset = time() - monotonic()

    def work() -> Samples:
        with run.scope():
            found = row.measure(run)
            return found if isinstance(found, Samples) else _timed(run, row, found)

    try:
        samples = bounded(work, deadline_s, should_stop, run.close_row)
        return judge(row, samples, run.cores, [*run.notes, *_jump(offset)])
    except Unmeasured as reason:
        return judge(row, Samples([]), run.cores, [*run.notes, str(reason)])
    except Overrun:
        run.renew()
        return failed(row, KitError("The row did not end within", f"{deadline_s:g} s", "Run it alone."))
    except KitError as error:
        return failed(row, error)
    except Exception as error:  # noqa: BLE001 - one broken row must not take the others with it
        what = f"The row failed with {type(error).__name__}"
        return failed(row, KitError(what, str(error), "The other rows still ran."))


def _jump(offset: float) -> list[str]:
    """Say that the wall clock was set while the row ran, if it was; figures do not depend on it."""
    moved_s = time() - monotonic() - offset
    return [f"the clock of this machine jumped by {moved_s:+.0f} s meanwhile"] if abs(moved_s) > 1 else []


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
    settings: Settings | None = None,
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
    settings : Settings, optional
        What the parts run with; default the defaults.

    Returns
    -------
    int
        0; 1 as `check` and `against` say; 2 when a row was asked for that does not exist; 130 after
        Ctrl-C, with the finished rows printed and written.

    Raises
    ------
    SettingsError
        `against` is not ``"peers"``, a file cannot be written, or is named like a row.
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
    results = run_performance_benchmark(quick, _against(against, quick, rows), settings=settings)
    _write(results, json, html)
    sys.stdout.write(_since_last(results) + "\n")
    return _exit_code(results, check, against is not None)


def _exit_code(results: Results, check: bool, against: bool) -> int:
    lines: list[Line] = results["lines"]
    if results["stopped"]:
        return INTERRUPTED
    if any(line.part == UNKNOWN for line in lines):
        return 2
    missed = check and any(line.missed for line in lines)
    return int(missed or (against and any(line.peer_missing for line in lines)))


def _against(against: str | None, quick: bool, rows: Sequence[str] | None) -> Sequence[str] | None:
    if against is None:
        return rows
    if against != "peers":
        raise SettingsError("A benchmark can run against", against, "Say: kit bench --against peers.")
    known = all_rows()
    chosen = rows or [name for name, row in known.items() if row.quick or not quick]
    return [name for name in chosen if name not in known or known[name].peer]


def _check_file(file: Path) -> None:
    """Refuse a file before the run that could not be written after it.

    Raises
    ------
    SettingsError
        It is named like a row, or its folder does not take files.
    """
    if str(file) in all_rows():
        remedy = f"Say: kit bench {file} --json FILE."
        raise SettingsError("A row's name stands where a file is expected", str(file), remedy)
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise SettingsError("The results cannot be written", str(file), "Choose another path.")


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


def _since_last(results: Results) -> str:
    """Record the run and say what changed; a history that cannot be kept is told, never fatal."""
    try:
        return history.archive(results)[1]
    except (KitError, OSError) as error:
        return str(error)
