"""The tuning panel: move a setting, run, and see what it costs and saves; Save writes ``kit.yaml``."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from kit.benchmark.tiers import TierLatencies, measure_tiers
from kit.benchmark.tuner import Advice, tune
from kit.settings import Section, Settings
from kit.widgets.job import Job, OnProgress
from kit.widgets.live import LiveFigure, styled
from kit.widgets.panel import Panel, shown
from kit.widgets.runner import Runner
from kit.widgets.style import summary
from kit.widgets.tune_plot import TunePlot

Measure = Callable[[Settings, OnProgress, Callable[[], bool]], TierLatencies]
Advise = Callable[[Settings, OnProgress, Callable[[], bool]], Advice]
Task = Callable[[OnProgress, Callable[[], bool]], TierLatencies | Advice]
_TASKS = {"Measure these settings": "measure", "Search better ones": "advise"}
_LIFETIMES = {
    "ltp_ttl": "Last price",
    "atm_ttl": "At the money",
    "options_chain_ttl": "Option chain",
    "historical_data_ttl": "Candles",
    "search_ttl": "Search",
    "instruments_ttl": "Instruments",
    "default_ttl": "Anything else",
}
_CONNECTIONS = {"pool_size": "Pool size", "max_retries": "Retries", "timeout": "Time-out (s)"}
_WORKERS = {"max_workers": "Workers", "backend": "Backend"}
_SECTIONS = {"cache_config": _LIFETIMES, "connection_pool": _CONNECTIONS, "workers": _WORKERS}
_TITLES = ("Cache lifetimes (seconds)", "Connections", "Workers")
_RANGES = {"pool_size": (1, 64), "max_retries": (0, 10), "max_workers": (1, 32)}
_BACKENDS = ("serial", "threads", "processes", "dask")


def _search(settings: Settings, on_progress: OnProgress, should_stop: Callable[[], bool]) -> Advice:
    return tune(settings, progress=on_progress, should_stop=should_stop)


class TunePanel(Panel):
    """Settings on the left of a measurement, their effect on the right.

    Parameters
    ----------
    source : Settings or object with ``settings``
        Where the controls start; a desk is taken as its settings.
    measure : callable, default `measure_tiers`
        Measures: ``measure(settings, on_progress, should_stop)``.
    advise : callable, default `tune`
        Searches, with the same arguments.
    path : path, default "kit.yaml"
        Where Save writes.

    Attributes
    ----------
    result : TierLatencies or Advice or None
        What the last Run found.
    """

    heading = "Tuning"
    lead = "Change a setting and press Run: the kit measures itself with it. Save keeps it in kit.yaml."

    def __init__(
        self,
        source: Any,
        measure: Measure = measure_tiers,
        advise: Advise = _search,
        path: str | Path = "kit.yaml",
    ) -> None:
        self._work: dict[str, Measure | Advise] = {"measure": measure, "advise": advise}
        self._path = Path(path)
        self.result: TierLatencies | Advice | None = None
        super().__init__(source if isinstance(source, Settings) else source.settings)

    def controls(self) -> dict[str, Any]:
        """Return a control for every setting, its range and unit in the tooltip."""
        return {
            name: _control(getattr(self.source, section), name, label)
            for section, rows in _SECTIONS.items()
            for name, label in rows.items()
        }

    def body(self) -> list[Any]:
        """Return the settings in three columns, the buttons and the plots."""
        self.plot, self.saved = LiveFigure(1120, 380), w.HTML()
        with styled():
            self._plots = TunePlot(self.plot)
        self.save = w.Button(description="Save", icon="save", tooltip=f"Write {self._path}")
        self.save.on_click(self._save)
        self.task = w.Dropdown(options=_TASKS, tooltip="What Run does", layout=w.Layout(width="190px"))
        self.runner = Runner(self._prepare, self._ended, self.errors.show, tooltip="Start the chosen task")
        columns = [
            w.VBox([w.HTML(f"<h4>{title}</h4>"), *(self.inputs[name] for name in rows)])
            for title, rows in zip(_TITLES, _SECTIONS.values(), strict=True)
        ]
        grid = w.HBox(columns, layout=w.Layout(flex_flow="row wrap"))
        return [
            grid,
            w.HBox([self.task, self.runner, self.save, self.saved]),
            self.errors,
            self.words,
            self.plot,
        ]

    @staticmethod
    def compute(source: Settings, **values: Any) -> Settings:
        """Return the settings with the controls' values.

        Parameters
        ----------
        source : Settings
            Gives everything that has no control.
        **values
            Values by setting.

        Raises
        ------
        SettingsError
            A value does not fit; names the setting.
        """
        changed: dict[str, Section] = {}
        for section, rows in _SECTIONS.items():
            before = getattr(source, section)
            changed[section] = type(before)(**before.model_dump() | {name: values[name] for name in rows})
        kept = {name: getattr(source, name) for name in Settings.model_fields}
        return Settings(**kept | changed)

    def draw(self, result: Settings) -> None:
        """Say what differs from the start, and move the marks on the hit-rate curves."""
        self.saved.value = ""
        self.words.value = summary(differences(self.source, result))
        self._plots.choose(result.cache_config)

    def _prepare(self) -> Task:
        chosen, work = self.compute(self.source, **self.values), self._work[self.task.value]
        self.errors.clear()
        return lambda on_progress, should_stop: work(chosen, on_progress, should_stop)

    @shown
    def _ended(self, job: Job) -> None:
        if job.error is not None:
            raise job.error
        self.result = job.result
        if isinstance(job.result, Advice):
            self._take(job.result)
        else:
            with styled():
                self._plots.measured(job.result)
            self.words.value = summary(outcome(job.result))

    def _take(self, advice: Advice) -> None:
        """Set the controls to what the search recommends; Save is left to the analyst."""
        for section, rows in _SECTIONS.items():
            for name in rows:
                self.inputs[name].value = getattr(getattr(advice.settings, section), name)
        self.words.value = f"<pre class='kit-summary' role='status'>{escape(str(advice))}</pre>"

    @shown
    def _save(self, _: Any) -> None:
        written = self.compute(self.source, **self.values).save(self._path)
        self.saved.value = f"<span class='kit-status' role='status'>saved to {written}</span>"


def _control(section: Section, name: str, label: str) -> Any:
    """Return the control of one setting; numbers are not clipped, so that a wrong one is explained."""
    told = type(section).model_fields[name].description or ""
    look = {
        "description": label,
        "tooltip": f"{name}: {told}",
        "style": {"description_width": "104px"},
        "layout": w.Layout(width="340px" if name in _RANGES else "230px"),
    }
    value = getattr(section, name)
    if name == "backend":
        return w.Dropdown(options=_BACKENDS, value=value, **look)
    if name in _RANGES:
        low, high = _RANGES[name]
        return w.IntSlider(value, low, max(high, value), **look)
    return w.FloatText(value, **look)


def differences(before: Settings, after: Settings) -> str:
    """Say which settings differ; all of them by name, with both values."""
    changes = []
    for section, rows in _SECTIONS.items():
        old, new = getattr(before, section), getattr(after, section)
        pairs = ((name, getattr(old, name), getattr(new, name)) for name in rows)
        changes += [f"{name} {_plain(was)} → {_plain(now)}" for name, was, now in pairs if was != now]
    return f"Changed: {', '.join(changes)}." if changes else "No setting is changed yet."


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def outcome(result: TierLatencies) -> str:
    """Say in words what a run measured."""
    tiers = [
        f"{operation} {', '.join(f'{tier} {found.figure:.3g} ms' for tier, found in by_tier.items())}"
        for operation, by_tier in result.latency_ms.items()
        if by_tier
    ]
    speedup = [f"{times:.2f} times with {workers}" for workers, times in result.speedup.items()]
    ended = "The run was cancelled; this is what it found. " if result.stopped else ""
    return (
        f"{ended}Median latency: {'; '.join(tiers)}. Hit rate {result.hit_rate_percent:.0f} %. "
        f"Speed-up over one worker: {', '.join(speedup)}."
    )
