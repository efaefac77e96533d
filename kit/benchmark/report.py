"""The results as text, as HTML and as plots; matplotlib loads when a plot is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from kit.benchmark.results import Line, Results
from kit.plots import as_html, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEAD = ("row", "figure", "unit", "95 % interval", "target", "peer figure", "ratio", "met", "took", "peer")


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


def _cells(line: Line) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: "–"}[line.met]
    if line.met is False and not line.missed:
        met = "within noise"
    span = "–" if math.isnan(line.low) else f"{line.low:.4g} … {line.high:.4g}"
    return (
        line.name, _number(line.figure), line.unit, span, line.target or "–", _number(line.peer_figure),
        _number(line.ratio), met, f"{line.seconds:.1f} s", line.peer or "",
    )  # fmt: skip


def text(results: Results) -> str:
    """Return the table part by part, the notes, the components of the score and the summary, as text."""
    lines: list[Line] = results["lines"]
    table = [_HEAD, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    shown = [_padded(_HEAD, widths)]
    for part, group in groupby(lines, key=lambda line: line.part):
        shown += [part, *(f"  {_padded(_cells(line), widths)}" for line in group)]
    notes = [f"  {line.name}: {line.note}" for line in lines if line.note and not line.unjudged]
    parts = [f"  {part}" for part in results["components"]]
    return "\n".join([f"  {shown[0]}", *shown[1:], "", *(["Notes", *notes, ""] if notes else []),
                      "Score by component", *parts, "", summary(results)])  # fmt: skip


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def summary(results: Results) -> str:
    """Return the last lines: score, number of benchmarks, violations, and what was not judged."""
    violations, lines = results["violations"], results["lines"]
    told = [f"  {sentence}" for sentence in violations]
    within = sum(line.met is False and not line.missed for line in lines)
    clean = f"No latency violations detected ✓{f' ({within} within noise)' if within else ''}"
    unjudged = [f"  {line.name}: {line.note or 'no reason given'}" for line in lines if line.unjudged]
    stopped = ["Cancelled: the rows above are those that finished."] if results["stopped"] else []
    load, cores = results["machine"]["load_1min"] or 0.0, results["machine"]["cores"]
    busy = [f"The machine was busy (load {load:g} on {cores} cores): quiet, it does better."]
    return "\n".join([
        f"Performance Score: {'–' if math.isnan(results['score']) else format(results['score'], '.1f')}/100",
        f"Total Benchmarks: {results['total_benchmarks']} in {results['seconds']:.0f} s",
        *(["Violations:", *told] if violations else [clean]),
        *([f"Not judged: {len(unjudged)}, which neither pass nor fail", *unjudged] if unjudged else []),
        *(busy if load > 0.5 * cores else []),
        *stopped,
    ])  # fmt: skip


def table_html(results: Results) -> str:
    """Return the table and the summary as an HTML fragment."""
    head = "".join(f"<th>{name}</th>" for name in ("part", *_HEAD))
    body = "".join(
        f"<tr><td>{line.part}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(line)) + "</tr>"
        for line in results["lines"]
    )
    return f"<pre>{escape(summary(results))}</pre><table><tr>{head}</tr>{body}</table>"


def save_html(results: Results, path: str | Path) -> Path:
    """Write a self-contained page: summary, table, plot, machine and versions."""
    facts = {**results["machine"], **{k: v for k, v in results["versions"].items() if v}}
    listed = "".join(f"<li>{escape(str(name))}: {escape(str(value))}</li>" for name, value in facts.items())
    page = (
        '<!doctype html><meta charset="utf-8"><title>Bank Nifty Kit: benchmark</title>'
        "<style>body{font:14px system-ui;margin:2em}td,th{padding:2px 10px;text-align:left}</style>"
        f"{table_html(results)}{as_html(plot_score(results), 'how near every row is to its target')}"
        f"<ul>{listed}</ul>"
    )
    file = Path(path)
    file.write_text(page, encoding="utf-8")
    return file


def plot_score(results: Results) -> Figure:
    """Plot how near every judged row is to its target, grouped by component."""
    page, axes = figure(8, 1.5 + 0.24 * sum(len(part.attained) for part in results["components"]))
    for part in results["components"]:
        names = [f"{part.part}: {name}" for name in part.attained]
        label = f"{part.part}, weight {part.weight:g}: {part.points:.1f}"
        axes.barh(names, [100 * share for share in part.attained.values()], label=label)
    axes.set(xlim=(0, 100), xlabel="% of the target reached; 100 = at the reference")
    axes.set_title(f"Performance score {results['score']:.1f}", loc="left")
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return page
