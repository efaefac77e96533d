"""The benchmark panel: run the rows, read the score, see memory and the history of earlier runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from math import isnan
from typing import Any

import ipywidgets as w
import pandas as pd

from kit.benchmark import history
from kit.benchmark.results import BenchmarkResults, figures
from kit.benchmark.suite import run_performance_benchmark
from kit.clock import IST
from kit.errors import DataError
from kit.widgets.frame.job import Job, OnProgress, ShouldStop, Work
from kit.widgets.frame.live import LiveFigure, Painter
from kit.widgets.frame.panel import HANDED, Panel, shown
from kit.widgets.frame.runner import Runner
from kit.widgets.frame.style import facts, summary
from kit.widgets.panels.bench_chart import BenchChart, recalled
from kit.widgets.panels.bench_plot import (
    Memory,
    Runs,
    draw_history,
    draw_memory,
    draw_row_history,
    draw_score,
)

_NONE_YET = (
    "No {kind} run is recorded on this machine yet. Run measures row by row, each bar beside its target and "
    "its peer, then draws the score by part, this kernel's memory meanwhile, and from then on earlier runs."
)


class BenchPanel(Panel):
    """Runs the benchmark and compares it with earlier runs.

    Parameters
    ----------
    source : sequence of dict, optional
        The earlier runs, as `kit.benchmark.history.load` gives them; default those of this machine.
    measure : callable, default `run_performance_benchmark`
        Called with ``full``, ``progress``, ``should_stop`` and ``on_row``.

    Attributes
    ----------
    result : BenchmarkResults or None
        What the last run found.
    """

    hands_over = HANDED
    heading = "Benchmark"
    lead = "Every figure of the kit, measured on this machine beside its peer; 100 is at the reference."

    def __init__(
        self, source: Runs | None = None, measure: Callable[..., BenchmarkResults] = run_performance_benchmark
    ) -> None:
        self._measure, self._memory = measure, Memory()
        self.result: BenchmarkResults | None = None
        super().__init__(source or ())
        if source is None:
            self._load()

    def controls(self) -> dict[str, Any]:
        """Return the switch between a quick and a full run."""
        look = {"description": "Quick (about a minute)", "indent": False, "tooltip": "Fewer rows and samples"}
        return {"quick": w.Checkbox(value=True, layout=w.Layout(width="210px"), **look)}

    def body(self) -> list[Any]:
        """Return the button row, the score, the plots and the table of rows."""
        self.tiles, self.table, self.plot = w.HTML(), w.HTML(), LiveFigure(1120, 300)
        self.chart = BenchChart()
        self.chart.observe(self.refresh, "chosen")
        self.runner = Runner(self._prepare, self._ended, self.errors.show, tooltip="Measure every row")
        row = w.HBox([self.inputs["quick"], self.runner])
        return [row, self.errors, self.tiles, self.words, self.chart, self.plot, self.table]

    @staticmethod
    def compute(source: Runs, quick: bool) -> Runs:
        """Return the earlier runs of one kind; see `kit.benchmark.history.of_kind`."""
        return history.of_kind(source, quick)

    def draw(self, result: Runs) -> None:
        """Draw score by part, the history, of the row that was clicked if one was, and memory over a run.

        Before a run the last recorded one of the kind is shown; without one, words say what Run will draw.
        """
        shown, when = self.result, ""
        if shown is None and result:
            shown = recalled(result[-1])
            when = f" on {datetime.fromisoformat(result[-1]['at']).astimezone(IST):%d %b %H:%M}"
            self.words.value = summary(f"The last recorded run{when} IST; Run measures anew.")
        if self.runner.job is None:
            self.chart.show(shown["lines"] if shown else ())
        painters = self._painters(result, shown, when)
        if painters:
            self.plot.paint(*painters)
        else:
            self.plot.layout.display = "none"
        if shown is None and self.runner.job is None:
            kind = "quick" if self.inputs["quick"].value else "full"
            self.words.value = summary(_NONE_YET.format(kind=kind))

    def _painters(self, runs: Runs, shown: BenchmarkResults | None, when: str) -> list[Painter]:
        """Return what draws a picture each, of what there is."""
        painters = list[Painter]()
        if shown is not None and not isnan(shown["score"]):
            painters.append(partial(draw_score, results=shown, when=when))
        if self.chart.chosen:
            painters.append(partial(draw_row_history, runs=runs, name=self.chart.chosen))
        elif runs:
            painters.append(partial(draw_history, runs=runs))
        if self._memory.at_s:
            painters.append(partial(draw_memory, memory=self._memory))
        return painters

    def code(self) -> str:
        """Return Python that measures what Run does."""
        full = not self.inputs["quick"].value
        return f"from kit import run_performance_benchmark\n\nrun_performance_benchmark(full={full})\n"

    def data(self) -> pd.DataFrame:
        """Return every row of the run shown, as its file has it.

        Raises
        ------
        DataError
            Nothing has been measured yet.
        """
        earlier = self.compute(self.source, **self.values)
        if self.result is None and not earlier:
            raise DataError("Nothing has been measured yet", None, "Press Run.")
        rows = self.result["rows"] if self.result is not None else earlier[-1]["rows"]
        return pd.DataFrame(rows).set_index("name")

    @shown
    def _load(self) -> None:
        self.source, bad = history.load()
        self.draw(self.compute(self.source, **self.values))
        if bad:
            raise bad[0]  # shown; everything else was drawn

    def _prepare(self) -> Work:
        self.errors.clear()
        self._memory = Memory()
        self.chart.show(())
        self.words.value = summary("Rows appear as they finish; a click shows a row's history.")
        return partial(self._work, self.inputs["quick"].value)

    def _work(self, quick: bool, on_progress: OnProgress, should_stop: ShouldStop) -> BenchmarkResults:
        return self._measure(
            full=not quick, progress=self._memory.watching(on_progress), should_stop=should_stop,
            on_row=self.chart.add,  # on the worker: a plain trait
        )  # fmt: skip

    @shown
    def _ended(self, job: Job) -> None:
        self.result = found = job.outcome()
        self.chart.show(found["lines"])
        self.table.value = f"<div class='kit-scroll kit-lines' tabindex=0>{found._repr_html_()}</div>"
        self.tiles.value = facts(figures(found))
        self.words.value = summary("Cancelled: no score, nothing recorded; the finished rows are below.")
        self.draw(self.compute(self.source, **self.values))
        if job.state == "done":
            self.source, told = history.archive(found)
            self.words.value = summary(told)
            self.draw(self.compute(self.source, **self.values))
