"""Runs the rows and judges them: `run_performance_benchmark`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from kit.benchmark.deadline import bounded
from kit.benchmark.load import Load, pace
from kit.benchmark.machine import machine, versions
from kit.benchmark.measure import Arms, Figures, time_arms
from kit.benchmark.registry import Row, all_rows, unknown_row
from kit.benchmark.results import BenchmarkResults
from kit.benchmark.run import Overrun, Run, Unmeasured
from kit.benchmark.score import WEIGHTS, components, score
from kit.benchmark.verdict import RowResult, failed, judge
from kit.errors import KitError
from kit.monitor.progress import Progress, ProgressBar, Stopped
from kit.settings import Settings

# A row takes a few seconds; the longest, backtest_first_try, as long as collecting three days does.
QUICK_S, FULL_S = 45.0, 180.0  # a quick row in a quick run, and any other
UNKNOWN = "unknown"  # the part of a row that was asked for and does not exist


def run_performance_benchmark(
    full: bool = False,
    rows: Iterable[str] | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    settings: Settings | None = None,
    on_row: Callable[[RowResult], object] = lambda line: None,  # noqa: ARG005 - says what a callback gets
) -> BenchmarkResults:
    """Measure the real pipeline, each row beside its peer, and score it against the stated references.

    Parameters
    ----------
    full : bool, default False
        Every row, with more samples: some minutes. Else the quick rows, about a minute, which hold all that
        a run shall validate: cache reads and writes, the speed-up of workers, the latency of processing
        data, memory, and the latency budgets.
    rows : iterable of str, optional
        Names of the rows to run instead; such a run has no score. An unknown name becomes a failed line.
    progress : callable, optional
        Called with the share done (0 to 1) and the row that runs. Without it, a progress bar is shown
        on a terminal and a summary is printed at the end.
    should_stop : callable, optional
        Asked between samples; True ends the run and keeps the finished rows.
    settings : Settings, optional
        What the parts run with, always on the simulated exchange, seed 7; default the defaults.
    on_row : callable, optional
        Given each row as it finishes.

    Returns
    -------
    BenchmarkResults
        A dict with ``score``, ``total_benchmarks``, ``violations``, ``machine``, ``versions``, ``rows``.
    """
    chosen, unknown = _choose(full, rows)
    should_stop = should_stop or (lambda: False)
    where = machine(settings)
    with Run(not full, settings, should_stop) as run, ProgressBar(progress) as bar:
        started = perf_counter()
        lines, stopped = _measure_all(run, chosen, bar, should_stop, on_row)
        seconds = perf_counter() - started
    about = {"seconds": seconds, "stopped": stopped, "quick": not full}
    about["complete"] = rows is None and not stopped
    results = _assemble([*unknown, *lines], machine=where, **about)
    if progress is None:
        sys.stdout.write(f"{results}\n")
    return results


def _choose(full: bool, names: Iterable[str] | None) -> tuple[list[Row], list[RowResult]]:
    known = all_rows()
    if names is None:
        return _by_part(row for row in known.values() if row.quick or full), []
    wanted = list(dict.fromkeys([names] if isinstance(names, str) else names))
    unknown = [name for name in wanted if name not in known]
    lost = [failed(Row(name, UNKNOWN, "", lambda _: Figures([])), unknown_row(name)) for name in unknown]
    return _by_part(known[name] for name in wanted if name in known), lost


def _by_part(rows: Iterable[Row]) -> list[Row]:
    parts = list(WEIGHTS)
    return sorted(rows, key=lambda row: parts.index(row.part) if row.part in parts else len(parts))


def _measure_all(
    run: Run,
    rows: Sequence[Row],
    progress: Progress,
    should_stop: Callable[[], bool],
    on_row: Callable[[RowResult], object],
) -> tuple[list[RowResult], bool]:
    lines: list[RowResult] = []
    beside = Load()
    try:
        for number, row in enumerate(rows):
            progress(number / len(rows), row.name)
            run.checkpoint()
            started = perf_counter()
            beside.mark()
            line = _measure(run, row.under(run.settings.latency_requirements), should_stop)
            lines.append(replace(line, seconds=perf_counter() - started, load=beside.cores(), pace_ms=pace()))
            on_row(lines[-1])
    except (Stopped, KeyboardInterrupt):
        return lines, True
    progress(1.0, "done")
    return lines, False


def _measure(run: Run, row: Row, should_stop: Callable[[], bool]) -> RowResult:
    deadline_s = QUICK_S if run.quick and row.quick else FULL_S

    def work() -> Figures:
        with run.scope():
            found = row.measure(run)
            return found if isinstance(found, Figures) else _timed(run, row, found)

    try:
        samples = bounded(work, deadline_s, should_stop, run.close_row)
        return judge(row, samples, run.cores, run.notes)
    except Unmeasured as reason:
        return judge(row, Figures([]), run.cores, [*run.notes, str(reason)])
    except Overrun:
        run.renew()
        return failed(row, KitError("The row did not end within", f"{deadline_s:g} s", "Run it alone."))
    except KitError as error:
        return failed(row, error)
    except Exception as error:  # noqa: BLE001 - one broken row must not take the others with it
        what = f"The row failed with {type(error).__name__}"
        return failed(row, KitError(what, str(error), "The other rows still ran."))


def _timed(run: Run, row: Row, arms: Arms) -> Figures:
    found = time_arms(arms, run.seconds, run.checkpoint)
    ours, peer = ([row.in_unit(sample, arms.items) for sample in arm] for arm in (found.ours, found.peer))
    return Figures(ours, peer)


def _assemble(lines: Sequence[RowResult], **about: Any) -> BenchmarkResults:
    parts = components(lines) if about["complete"] else []  # of fewer rows it would be another score
    return BenchmarkResults(
        score=score(parts),
        total_benchmarks=len(lines),
        violations=[_violation(line) for line in lines if line.missed],
        versions=versions(),
        rows=[line.as_json() for line in lines],
        components=parts,
        lines=list(lines),
        **about,
    )


def _violation(line: RowResult) -> str:
    if line.note and line.figure != line.figure:  # NaN: the row failed, and the note says why
        return f"{line.name}: {line.note}"
    return f"{line.name}: {line.figure:.4g} {line.unit}, asked {line.target}"
