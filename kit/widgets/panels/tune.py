"""The tuning panel: move a setting, run, and see what it costs and saves; Save writes ``kit.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from kit.benchmark import history
from kit.benchmark.results import BenchmarkResults
from kit.settings import Settings
from kit.tuning.tuner import Advice
from kit.widgets.frame.job import Job, OnProgress
from kit.widgets.frame.live import LiveFigure, styled
from kit.widgets.frame.panel import Panel, shown
from kit.widgets.frame.runner import Runner
from kit.widgets.frame.style import summary
from kit.widgets.panels.bench_plot import Memory, Runs
from kit.widgets.panels.tune_controls import SECTIONS, arranged, controls, differences, settings_from
from kit.widgets.panels.tune_plot import TunePlot
from kit.widgets.panels.tune_tasks import TASKS, Outcome, Task, words


class TunePanel(Panel):
    """Settings above, their measured effect below.

    Parameters
    ----------
    source : Settings or object with ``settings``
        Where the controls start; a desk is taken as its settings.
    tasks : mapping of str to callable, default `TASKS`
        What Run offers, by name: ``task(settings, on_progress, should_stop)``.
    path : path, default "kit.yaml"
        Where Save writes.

    Attributes
    ----------
    result : Measured, Advice, BenchmarkResults or None
        What the last Run found.
    """

    heading = "Tuning"
    lead = "Change a setting and press Run: the kit measures itself with it. Save keeps it in kit.yaml."

    def __init__(self, source: Any, tasks: Mapping[str, Task] = TASKS, path: str | Path = "kit.yaml") -> None:
        self._tasks, self._path = tasks, Path(path)
        self._memory = Memory()
        self._runs: Runs = ()
        self.result: Outcome | None = None
        super().__init__(source if isinstance(source, Settings) else source.settings)
        self._load()

    def controls(self) -> dict[str, Any]:
        """Return a control for every setting, its range and unit in the tooltip."""
        return controls(self.source)

    def body(self) -> list[Any]:
        """Return the settings, the buttons and the plots."""
        self.plot, self.saved = LiveFigure(1120, 600), w.HTML()
        with styled():
            self._plots = TunePlot(self.plot)
        self.task = w.Dropdown(
            options=list(self._tasks), tooltip="What Run does", layout=w.Layout(width="190px")
        )
        self.runner = Runner(self._prepare, self._ended, self.errors.show, tooltip="Start the chosen task")
        self.save = w.Button(description="Save", icon="save", tooltip=f"Write {self._path}")
        self.save.on_click(self._save)
        buttons = w.HBox([self.task, self.runner, self.save, self.saved])
        return [arranged(self.inputs), buttons, self.errors, self.words, self.plot]

    @staticmethod
    def compute(source: Settings, **values: Any) -> Settings:
        """Return the settings with the controls' values; see `settings_from`."""
        return settings_from(source, values)

    def draw(self, result: Settings) -> None:
        """Say what differs from the start, and move the marks on the hit-rate curves."""
        self.saved.value = ""
        self.words.value = summary(differences(self.source, result))
        self._plots.choose(result.cache_config)

    @shown
    def _load(self) -> None:
        self._runs, bad = history.load()
        with styled():
            self._plots.remember(history.of_kind(self._runs, quick=True))
        if bad:
            raise bad[0]  # shown; everything else was drawn

    def _prepare(self) -> Callable[[OnProgress, Callable[[], bool]], Outcome]:
        chosen, task = self.compute(self.source, **self.values), self._tasks[self.task.value]
        self.errors.clear()
        self._memory = Memory()

        def work(on_progress: OnProgress, should_stop: Callable[[], bool]) -> Outcome:
            return task(chosen, self._memory.watching(on_progress), should_stop)

        return work

    @shown
    def _ended(self, job: Job) -> None:
        if job.error is not None:
            raise job.error
        self.result = found = job.result
        if isinstance(found, Advice):
            self._take(found)
        self._tell(words(found))
        self._plot(found)
        if isinstance(found, BenchmarkResults) and job.state == "done":
            self._runs, told = history.archive(found)
            self._tell(f"{words(found)}\n{told}")
            self._plot(found)

    def _plot(self, found: Outcome) -> None:
        like = found["machine"]["settings"] if isinstance(found, BenchmarkResults) else "defaults"
        with styled():
            self._plots.show(found, self._memory, history.of_kind(self._runs, True, like))

    def _tell(self, text: str) -> None:
        self.words.value = f"<pre class='kit-summary' role='status'>{escape(text)}</pre>"

    def _take(self, advice: Advice) -> None:
        """Set the controls to what the search recommends; Save is left to the analyst."""
        for section, rows in SECTIONS.items():
            for name in rows:
                self.inputs[name].value = getattr(getattr(advice.settings, section), name)

    @shown
    def _save(self, _: Any) -> None:
        written = self.compute(self.source, **self.values).save(self._path)
        self.saved.value = f"<span class='kit-status' role='status'>saved to {escape(str(written))}</span>"
