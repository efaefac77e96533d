"""The runs of a tuning panel: kept in a list, any two of them set against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w
import pandas as pd

from kit.benchmark.rows.pipeline import TIERS
from kit.settings import Settings
from kit.widgets.frame.fields import sized
from kit.widgets.frame.panel import quietly
from kit.widgets.panels.tune.controls import ALL, differences, plain
from kit.widgets.panels.tune.tasks import Measured, compared, measured

_LONGEST = 56  # characters of a label


class RunList(w.HBox):  # type: ignore[misc]  # ipywidgets has no types
    """Two choices among the runs so far; nothing is shown before the first.

    Parameters
    ----------
    on_choice : callable
        Called when another pair is chosen.

    Attributes
    ----------
    kept : dict of str to (Settings, Measured)
        Every run by its label, the newest last.
    """

    def __init__(self, on_choice: Callable[[Any], None]) -> None:
        look = sized(520, 64)
        self.kept: dict[str, tuple[Settings, Measured]] = {}
        self.quiet = False  # while both choices move, before anything is drawn
        self.before = w.Dropdown(description="Before", tooltip="A run to compare with", **look)
        self.after = w.Dropdown(description="After", tooltip="The run that is compared", **look)
        for choice in (self.before, self.after):
            choice.observe(lambda change: None if self.quiet else on_choice(change), "value")
        super().__init__([self.before, self.after], layout=w.Layout(display="none", flex_flow="row wrap"))

    def keep(self, settings: Settings, found: Measured, cut: bool) -> None:
        """Add a run under what its settings changed, and choose it beside the one shown before."""
        changed = differences(Settings(), settings)
        told = changed.removeprefix("Changed: ") if settings != Settings() else "every default"
        label = f"{len(self.kept) + 1}: {told}"
        label = (label[:_LONGEST] + "…" if len(label) > _LONGEST else label) + (" (cut short)" if cut else "")
        self.kept[label] = settings, found
        earlier = self.after.value
        with quietly(self):
            for choice in (self.before, self.after):
                choice.options = list(self.kept)
            self.before.value, self.after.value = earlier or label, label
        self.layout.display = None

    @property
    def chosen(self) -> Mapping[str, Measured]:
        """The runs to overlay by label, the later choice last."""
        labels = dict.fromkeys(one for one in (self.before.value, self.after.value) if one in self.kept)
        return {label: self.kept[label][1] for label in labels}

    def told(self, now: Settings) -> str:
        """Say what changed from one to the other, and where the controls have moved on since; "" of none."""
        if not self.chosen:
            return ""
        one, (settings, other) = self.kept[self.before.value], self.kept[self.after.value]
        text = measured(other) if one[1] is other else "\n".join(compared(one[1], other))
        if settings != now:
            text += "\nMeasured with other settings than those above: " + differences(settings, now)
        return text


def table_of(settings: Settings, runs: Mapping[str, Measured]) -> pd.DataFrame:
    """Return settings and what runs found as one table: of what, name, value, interval."""
    rows: list[dict[str, Any]] = [
        {"of": "settings", "name": f"{one.section}.{one.name}", "value": plain(one.of(settings))}
        for one in ALL
    ]
    for label, run in runs.items():
        found = {f"{name}_{tier}_ms": one for tier in TIERS for name, one in run.intervals_ms(tier).items()}
        found |= {f"calls_a_second_with_{size}_sockets": one for size, one in run.pools.items()}
        rows += [{"of": label, "name": name, "value": one.figure, "low": one.low, "high": one.high}
                 for name, one in found.items()]  # fmt: skip
        rows += [{"of": label, "name": f"start_of_{name}_s", "value": one.startup_s}
                 for name, one in run.backends.items()]  # fmt: skip
        rows += [{"of": label, "name": f"speedup_with_{workers}_workers", "value": times}
                 for workers, times in run.speedup.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["of", "name", "value", "low", "high"]).set_index(["of", "name"])
