"""The results as a page of its own, and as a plot; matplotlib loads when one is asked for."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from kit.benchmark.results import BenchmarkResults
from kit.files import write_text
from kit.plots import as_html, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_html(results: BenchmarkResults, path: str | Path) -> Path:
    """Write a self-contained page: summary, table, plot, machine and versions."""
    facts = {**results["machine"], **{k: v for k, v in results["versions"].items() if v}}
    listed = "".join(f"<li>{escape(str(name))}: {escape(str(value))}</li>" for name, value in facts.items())
    page = (
        '<!doctype html><meta charset="utf-8"><title>Bank Nifty Kit: benchmark</title>'
        "<style>body{font:14px system-ui;margin:2em}td,th{padding:2px 10px;text-align:left}</style>"
        f"{results._repr_html_()}{as_html(plot_score(results), 'how near every row is to its target')}"
        f"<ul>{listed}</ul>"
    )
    return write_text(Path(path), page)


def plot_score(results: BenchmarkResults) -> Figure:
    """Plot how near every judged row is to its target, grouped by component."""
    page, axes = figure(8, 1.5 + 0.24 * sum(len(part.attained) for part in results["components"]))
    for part in results["components"]:
        names = [f"{part.part}: {name}" for name in part.attained]
        label = f"{part.part}, weight {part.weight:g}: {part.points:.1f}"
        axes.barh(names, [100 * share for share in part.attained.values()], label=label)
    axes.set(xlim=(0, 100), xlabel="% of the target reached; 100 = at the reference")
    scored = "none" if math.isnan(results["score"]) else f"{results['score']:.1f}"
    axes.set_title(f"Performance score {scored}", loc="left")
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return page
