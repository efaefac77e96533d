"""What a benchmark found, as a mapping, as text and as a table for a notebook."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from kit.benchmark.verdict import RowResult, plain
from kit.shown import card, sentence, table

JSON_KEYS = ("score", "violations", "machine", "versions", "rows")
WIDTH = 120  # of the table, in characters
# What a run shall show, and the rows that show it.
VALIDATIONS: Mapping[str, tuple[str, ...]] = {
    "Cache read/write performance": ("hot_hit", "hot_write", "disk_hit", "disk_write"),
    "Concurrent processing speedup": ("parallel_10ms",),
    "Data processing latency": ("chain_processing", "strategy_evaluation"),
    "Memory usage patterns": ("memory_per_entry", "memory_growth", "main_job_memory"),
    "Latency requirement compliance": ("chain_cold", "atm_cold", "evaluation_run"),
}
_SHORT = ("row", "figure", "unit", "target", "beside peer", "target", "met")
_LONG = (
    "row", "figure", "unit", "95 % interval", "target", "peer figure", "ratio", "met", "took", "load", "peer",
)  # fmt: skip


class BenchmarkResults(dict[str, Any]):
    """The mapping that `run_performance_benchmark` returns.

    Keys: ``score`` (0 to 100; NaN for a run that was cancelled or left rows out), ``total_benchmarks``,
    ``violations`` (sentences), ``machine``, ``versions``, ``rows`` (mappings with the keys of the JSON
    file), and for a closer look ``components`` (of the score), ``lines`` (`RowResult` objects),
    ``seconds``, ``stopped``, ``quick`` and ``complete`` (every row of a quick or full run ended).
    """

    def as_json(self) -> dict[str, Any]:
        """Return the object of the JSON file."""
        return {key: plain(self[key]) for key in JSON_KEYS}

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        return f"<BenchmarkResults: {', '.join(f'{n} {v}' for n, v in figures(self).items())}>"

    def _repr_html_(self) -> str:
        return card("Benchmark", figures(self), *_details(self))


def figures(results: BenchmarkResults) -> dict[str, str]:
    """Return the figures of a run in words."""
    judged = [line for line in results["lines"] if line.met is not None]
    return {
        "Score": score_text(results),
        "Rows": f"{results['total_benchmarks']}",
        "Targets met": f"{sum(bool(line.met) for line in judged)} of {len(judged)}",
        "Missed beyond noise": f"{len(results['violations'])}",
        "Time": f"{results['seconds']:.0f} s",
    }


def _details(results: BenchmarkResults) -> list[str]:
    """Return what a reader must know, and every row; missed ones are marked."""
    lines = results["lines"]
    missed = [place for place, line in enumerate(lines) if line.missed]
    rows = [_beside(line) for line in lines]
    cut = ["Cancelled: the rows below are those that finished."] if results["stopped"] else []
    told = [*cut, *results["violations"], *_busy(lines)]
    return [*map(sentence, told), table(rows, marked=missed, most=len(rows))]


def _beside(line: RowResult) -> dict[str, str]:
    """Return a row for a page: a figure and its unit in one, so that all columns find room."""
    told = dict(zip(_LONG, _long(line), strict=True))
    name, figure, unit, peer, ratio = (
        told.pop(one) for one in ("row", "figure", "unit", "peer figure", "ratio")
    )
    told["peer"] = f"{line.peer}: {peer}, ratio {ratio}" if line.peer else ""
    first = {"part": line.part, "row": name, "met": told.pop("met"), "figure": f"{figure} {unit}"}
    return first | told


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def met(line: RowResult) -> str:
    """Say whether a row's targets are met: yes, NO, or within noise; a dash where there are none."""
    if line.met is False and not line.missed:
        return "within noise"
    return {True: "yes", False: "NO", None: "–"}[line.met]


def _short(line: RowResult) -> tuple[str, ...]:
    limits = [str(limit or "–") for limit in (line.limit, line.ratio_limit)]
    beside = _number(line.ratio) if line.peer else ""
    second = limits[1] if beside else ""
    return line.name, _number(line.figure), line.unit, limits[0], beside, second, met(line)


def _long(line: RowResult) -> tuple[str, ...]:
    span = "–" if math.isnan(line.low) else f"{line.low:.3g} … {line.high:.3g}"
    return (
        line.name, _number(line.figure), line.unit, span, line.target or "–", _number(line.peer_figure),
        _number(line.ratio), met(line), "–" if math.isnan(line.seconds) else f"{line.seconds:.1f} s",
        "–" if line.load is None else f"{line.load:g}", line.peer or "",
    )  # fmt: skip


def text(results: BenchmarkResults, long: bool = False) -> str:
    """Return the table part by part, the notes, the components of the score and the summary.

    The `long` form has intervals, the peers' figures, times and loads; the other fits 120 columns.
    """
    lines: list[RowResult] = results["lines"]
    cells, head = (_long, _LONG) if long else (_short, _SHORT)
    table = [head, *(cells(line) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    shown = [f"  {_padded(head, widths)}"]
    for part, group in groupby(lines, key=lambda line: line.part):
        shown += [part, *(f"  {_padded(cells(line), widths)}" for line in group)]
    notes = [_told(line.name, line.note) for line in lines if line.note and not line.unjudged]
    parts = [_wrapped(str(part)) for part in results["components"]]
    return "\n".join([
        *shown, "",
        *(["Notes", *notes, ""] if notes else []),
        *(["Score by component", *parts, ""] if parts else []),
        summary(results),
    ])  # fmt: skip


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _wrapped(words: str) -> str:
    return textwrap.fill(words, WIDTH, initial_indent="  ", subsequent_indent="      ")


def _told(name: str, note: str) -> str:
    return _wrapped(f"{name}: {note or 'no reason given'}")


def summary(results: BenchmarkResults) -> str:
    """Return the last lines: score, what was validated, violations, and what was not judged."""
    violations, lines = results["violations"], results["lines"]
    within = sum(line.met is False and not line.missed for line in lines)
    clean = f"No latency violations detected ✓{f' ({within} within noise)' if within else ''}"
    unjudged = [_told(line.name, line.note) for line in lines if line.unjudged]
    return "\n".join([
        f"Performance Score: {score_text(results)}",
        *(["Cancelled: the rows above are those that finished."] if results["stopped"] else []),
        f"Total Benchmarks: {results['total_benchmarks']} in {results['seconds']:.0f} s",
        *(_validated(lines) if results["complete"] else []),
        *(["Violations:", *map(_wrapped, violations)] if violations else [clean]),
        *([f"Not judged: {len(unjudged)}, which neither pass nor fail", *unjudged] if unjudged else []),
        *_busy(lines),
    ])  # fmt: skip


def score_text(results: BenchmarkResults) -> str:
    """Return the score in words; a run that is not whole has none."""
    if results["stopped"]:
        return "none, the run was cancelled"
    if not results["complete"]:
        return "none, not every row was asked for"
    return "none, nothing could be judged" if math.isnan(results["score"]) else f"{results['score']:.1f}/100"


def _validated(lines: Sequence[RowResult]) -> list[str]:
    told = []
    for name, rows in VALIDATIONS.items():
        judged = [line for line in lines if line.name in rows and line.met is not None]
        if judged:
            told.append(f"  {name}: {sum(not line.missed for line in judged)} of {len(judged)} targets met")
    return ["Validated:", *told] if told else []


def _busy(lines: Sequence[RowResult]) -> list[str]:
    loads = [line.load for line in lines if line.load is not None]
    most = max(loads, default=0.0)
    busy = f"Others kept up to {most:g} cores busy meanwhile: quiet, the machine does better."
    return [busy] if most > 0.5 else []
