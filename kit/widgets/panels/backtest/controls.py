"""The controls of the backtest panel: the plan's boxes and its text, the range, the sweep, the files."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from kit.widgets.frame.fields import sized
from kit.widgets.panels.backtest.form import BOXES, DIFFERS


def controls() -> dict[str, Any]:
    """Return a box for each key of the form, the text, and what the runs ask for."""
    look = sized(226, 116)
    boxes = {
        box.path: w.Dropdown(options=[DIFFERS, *box.choices], description=box.label, tooltip=box.help, **look)
        if box.choices
        else w.Text(description=box.label, tooltip=box.help, continuous_update=False, **look)
        for box in BOXES
    }
    typed = look | {"continuous_update": False}
    wide, longer = ({**typed, "layout": w.Layout(width=width)} for width in ("460px", "620px"))
    return {
        **boxes,
        "yaml": w.Textarea(
            description="Plan", tooltip="The plan as YAML", continuous_update=False,
            style={"description_width": "48px"},
            layout=w.Layout(flex="1 1 340px", max_width="520px", height="270px"),
        ),
        "first": w.Text(description="From", placeholder="first stored", tooltip="As 2026-11-20", **typed),
        "last": w.Text(description="To", placeholder="last stored", tooltip="Like 2026-11-20", **typed),
        "score": w.Text("0", description="Least quality", tooltip="Of a session, from 0 to 1", **typed),
        "grid": w.Text(
            "legs.*.stop.percent=10:50:10; exit.at=14:30,15:15", description="Sweep",
            tooltip="Parameters and their values; semicolons between parameters", **longer,
        ),
        "files": w.Text(
            description="Files", placeholder="minutes/*.parquet; index.csv",
            tooltip="What Import takes: paths, folders or patterns", **wide,
        ),
    }  # fmt: skip
