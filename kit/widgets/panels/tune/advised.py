"""The table of advice: what to set, why, how sure, and whether it lies at the edge of what was tried."""

from __future__ import annotations

from kit.settings import Settings
from kit.tuning.advice import recommendations
from kit.tuning.tuner import Advice
from kit.widgets.frame.grid import Grid, GridColumn, GridRow
from kit.widgets.panels.tune.controls import ALL, plain

_COLUMNS = (
    GridColumn("setting", "Setting", text=True, key=True), GridColumn("now", "Now", text=True),
    GridColumn("better", "Set to", text=True), GridColumn("why", "Why", text=True),
    GridColumn("sure", "How sure", text=True), GridColumn("edge", "Edge of what was tried", text=True),
)  # fmt: skip


def show_advice(grid: Grid, advice: Advice, settings: Settings) -> None:
    """Show an advice beside the settings as they stand."""
    labels = {one.name: one.label for one in ALL}
    rows = [
        (labels[one.setting], plain(one.now), plain(one.better), one.why, one.sure, one.edge)
        for one in recommendations(advice, settings)
    ]
    grid.show(_COLUMNS, [GridRow(row[0], row) for row in rows])
    grid.layout.display = None
