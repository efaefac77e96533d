"""The tuning panel: every control moves a picture, Run measures, Save writes ``kit.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
import pandas as pd

from kit.errors import SettingsError
from kit.settings import Settings
from kit.tuning.tuner import Advice
from kit.widgets.frame.fields import NumberField, flow
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.header import venue_line
from kit.widgets.frame.job import Job, Work
from kit.widgets.frame.live import LiveFigure
from kit.widgets.frame.panel import HANDED, Panel, quietly, shown
from kit.widgets.frame.runner import Runner
from kit.widgets.frame.style import lines, summary
from kit.widgets.panels.tune.advised import show_advice
from kit.widgets.panels.tune.cache_pictures import CACHE
from kit.widgets.panels.tune.controls import (
    ALL,
    GROUPS,
    Tolerance,
    arranged,
    code_of,
    controls,
    differences,
    put,
    settings_from,
    value_of,
)
from kit.widgets.panels.tune.replayed import ReplayedSession
from kit.widgets.panels.tune.run_pictures import CONNECTIONS, MONITOR, WORKERS, measured
from kit.widgets.panels.tune.runs import RunList, table_of
from kit.widgets.panels.tune.shown import Shown
from kit.widgets.panels.tune.tasks import TASKS, Outcome, Task, words

PICTURES = {
    "Cache": (CACHE, 280), "Connections": (CONNECTIONS, 300), "Workers": (WORKERS, 300),
    "Monitor": (MONITOR, 300),
}  # fmt: skip


class TunePanel(Panel):
    """Settings in groups, each above the pictures that it moves.

    Parameters
    ----------
    source : Desk or Settings
        Where the controls start. An open desk also gives your own session, prices for the staleness
        picture, the monitor's latencies, and can be changed by Apply.
    tasks : mapping of str to callable, default `TASKS`
        What Run offers, by name: ``task(settings, on_progress, should_stop)``.
    path : path, default "kit.yaml"
        Where Save writes.

    Attributes
    ----------
    result : Measured, Advice or None
        What the last Run found.
    runs : RunList
        Every measurement of this panel, two of them chosen.
    session : ReplayedSession
        Whose questions the pictures replay.
    """

    hands_over = HANDED
    heading = "Tuning"
    lead = "Every control moves a picture; Run measures what cannot be computed; Save keeps it in kit.yaml."

    def __init__(self, source: Any, tasks: Mapping[str, Task] = TASKS, path: str | Path = "kit.yaml") -> None:
        self._tasks, self._path = tasks, Path(path)
        self.desk = None if isinstance(source, Settings) else source
        self.result: Outcome | None = None
        self._advice: Advice | None = None
        self._past: list[dict[str, Any]] = []
        self.quiet = False
        super().__init__(source if isinstance(source, Settings) else source.settings)

    def controls(self) -> dict[str, Any]:
        """Return a control for every setting, its unit, default and range in the tooltip."""
        return controls(self.source)

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values by setting; of a wrong box the last right value."""
        return {name: value_of(control) for name, control in self.inputs.items()}

    def body(self) -> list[Any]:
        """Return the groups, the buttons, the session list and the advice."""
        self.plots = {name: LiveFigure(1120, height) for name, (_, height) in PICTURES.items()}
        groups = [w.VBox([arranged(self.inputs, name), self.plots[name]]) for name in GROUPS]
        self.tabs = w.Tab(groups, titles=list(GROUPS))
        self.tabs.observe(self.refresh, "selected_index")
        self.session = ReplayedSession(self.desk, self.refresh)
        for control in self.inputs.values():
            if isinstance(control, NumberField):
                control.observe(self._checked, "wrong")
        return [
            w.HBox([self.session, self.words]), self.errors, self.tabs, self._buttons(), *self._below(),
        ]  # fmt: skip

    def _buttons(self) -> Any:
        self.task = w.Dropdown(
            options=list(self._tasks), tooltip="What Run does", layout=w.Layout(width="200px")
        )
        self.tolerance = NumberField(Tolerance(), "tolerance_bps", "Tolerance (bps)")
        self.tolerance.observe(self._tolerated, "number")
        self.tolerance.observe(self._checked, "wrong")
        self.runner = Runner(self._prepare, self._ended, self.errors.show, tooltip="Start the chosen task")
        said = [
            ("save", "Save", f"Write {self._path.resolve()}", self._save),
            ("apply", "Apply", "Use these settings in the open desk, now", self._apply),
            ("undo", "Undo", "Take the last change back", self._undo),
            ("reset", "Reset", "Every setting to its default", self._reset),
        ]
        for name, label, help_, press in said:
            button = w.Button(description=label, tooltip=help_, layout=w.Layout(width="80px"))
            button.on_click(press)
            setattr(self, name, button)
        self.apply.disabled = self.desk is None
        self.saved = w.HTML()
        self.errors.observe(self._told_here, "value")
        buttons = [self.task, self.tolerance, self.runner, self.save, self.apply, self.undo, self.reset]
        return w.VBox([flow(*buttons), self.saved])

    def _below(self) -> list[Any]:
        self.runs = RunList(self._tell_runs)
        self.story, self.advised = w.HTML(), Grid("Advice: what to set, and why", sortable=False)
        self.advised.layout.display = "none"
        self.found = LiveFigure(1120, 300)
        return [self.runs, self.story, self.found, self.advised]

    @staticmethod
    def compute(source: Settings, **values: Any) -> Settings:
        """Return the settings with the controls' values; see `settings_from`."""
        return settings_from(source, values)

    def refresh(self, change: Any = None) -> None:
        """Draw with the controls as they stand, unless more of them are about to move."""
        if not self.quiet:
            super().refresh(change)

    def draw(self, result: Settings) -> None:
        """Draw the group in sight with these settings; the others when they come into sight."""
        self.saved.value = ""
        if not self._past or self._past[-1] != self.values:
            self._past.append(self.values)
        self.words.value = summary(differences(self.source, result))
        painters, known = PICTURES[self._group][0], self._shown(result)
        self.plot.paint(*(partial(painter, shown=known) for painter in painters))

    @property
    def _group(self) -> str:
        return list(GROUPS)[self.tabs.selected_index or 0]

    @property
    def plot(self) -> LiveFigure:
        """The pictures of the group in sight."""
        return self.plots[self._group]

    def whose(self) -> str:
        """Return whose desk is tuned."""
        if self.desk is None:
            return ""
        return venue_line(self.desk.client.venue, "the open desk, which Apply changes")

    def code(self) -> str:
        """Return Python that opens a desk with the settings shown."""
        return code_of(self.compute(self.source, **self.values))

    def data(self) -> pd.DataFrame:
        """Return the settings shown, and what every run found."""
        runs = {label: found for label, (_, found) in self.runs.kept.items()}
        return table_of(self.compute(self.source, **self.values), runs)

    def _shown(self, settings: Settings) -> Shown:
        budgets = settings.latency_requirements.model_dump()
        lifetimes = [one.under(self.tolerance.number) for one in self.session.lifetimes]
        return Shown(
            settings, self.session.questions, lifetimes, self.runs.chosen, budgets, self._latest_ms()
        )

    def _latest_ms(self) -> dict[str, float]:
        if self.desk is None:
            return {}
        seen = self.desk.monitor.get_summary()["operations"]
        return {name: 1e3 * found["p95"] for name, found in seen.items()}

    @property
    def wrong(self) -> list[str]:
        """What is wrong in the boxes, each named by its label."""
        every = (*self.inputs.values(), self.tolerance)
        fields = (control for control in every if isinstance(control, NumberField))
        return [field.wrong for field in fields if field.wrong]

    def _checked(self, _: Any) -> None:
        wrong = self.wrong
        self.runner.run.disabled = self.save.disabled = bool(wrong)
        self.apply.disabled = bool(wrong) or self.desk is None
        if wrong:
            self.errors.show(" ".join(wrong))
        else:
            self.errors.clear()

    def _prepare(self) -> Work:
        if self.wrong:
            raise SettingsError("A setting is wrong", self.wrong[0], "Fix it first.")
        self._running, task = self.compute(self.source, **self.values), self._tasks[self.task.value]
        self.errors.clear()
        return partial(task, self._running)

    @shown
    def _ended(self, job: Job) -> None:
        self.result = found = job.outcome()
        self.story.value = lines(words(found))
        if isinstance(found, Advice):
            self._advise(found)
        else:
            self.runs.keep(self._running, found, cut=job.state == "cancelled")
            self._tell_runs()

    @shown
    def _tell_runs(self, _: Any = None) -> None:
        now = self.compute(self.source, **self.values)
        self.story.value = lines(self.runs.told(now))
        self.draw(now)
        self.found.paint(partial(measured, shown=self._shown(now)))

    @shown
    def _tolerated(self, _: Any) -> None:
        """Draw with another tolerance, and advise again from what was measured."""
        if self._advice is not None:
            self._advise(self._advice)
        self.draw(self.compute(self.source, **self.values))

    def _advise(self, advice: Advice) -> None:
        self._advice, advice = advice, advice.under(self.tolerance.number)
        self.story.value = lines(words(advice))
        show_advice(self.advised, advice, self.compute(self.source, **self.values))
        self.session.priced(advice.lifetimes)
        self._put(advice.settings)

    def _told_here(self, change: Any) -> None:
        """Say an error beside the buttons too, as long as it stands above the groups, maybe out of sight."""
        if change.new or "kit-error" in self.saved.value:
            self.saved.value = change.new.replace("role='alert' ", "")

    @shown
    def _save(self, _: Any) -> None:
        written = self.compute(self.source, **self.values).save(self._path).resolve()
        told = f"saved to {written}; every notebook and command started in {written.parent} reads it"
        self.saved.value = f"<span class='kit-status' role='status'>{escape(told)}</span>"

    @shown
    def _apply(self, _: Any) -> None:
        assert self.desk is not None, "the button is disabled"
        self.desk.apply(self.compute(self.source, **self.values))
        told = "in use: " + differences(self.source, self.desk.settings)
        self.saved.value = f"<span class='kit-status' role='status'>{escape(told)}</span>"

    @shown
    def _undo(self, _: Any) -> None:
        if len(self._past) > 1:
            self._past.pop()
            self._put(self.compute(self.source, **self._past.pop()))

    @shown
    def _reset(self, _: Any) -> None:
        self._put(Settings())

    def _put(self, settings: Settings) -> None:
        """Show other settings, drawn and remembered as one change."""
        with quietly(self):
            for one in ALL:
                put(self.inputs[one.name], one.of(settings))
        self.refresh()
