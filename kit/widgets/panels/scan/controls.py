"""The controls of the scanner, by the names of what they ask for."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from kit.widgets.frame.fields import NumberField
from kit.widgets.panels.scan.wanted import FAMILIES, LABELS, RANKS, Wanted

ONE_FIGURE = "none"


def controls() -> dict[str, Any]:
    """Return families, bounds, further filters, widths, order, view and entry."""
    look = {"style": {"description_width": "72px"}}
    middle = look | {"layout": w.Layout(width="300px")}
    fields = {name: NumberField(Wanted(), name, label) for name, label in LABELS.items()}
    for field in fields.values():
        field.style, field.layout.width = {"description_width": "112px"}, "200px"
        field.placeholder = "any"
    text = {"continuous_update": False} | middle
    return {
        "families": w.SelectMultiple(
            options=FAMILIES, value=["iron_condor"], rows=6, description="Families", tooltip="Ctrl adds",
            **middle,
        ),
        **fields,
        "further": w.Text(
            description="And", placeholder="theta_inr > 100 and delta_inr < 5",
            tooltip="Further filters: a figure, a sign, a number", **text,
        ),
        "widths": w.Text(
            description="Widths (₹)", placeholder="2, 5 and 10 strikes",
            tooltip="Distances of wings, rupees, with commas between", **text,
        ),
        "rank_by": w.Dropdown(options=RANKS, value="return_on_margin", description="Rank by", **middle),
        "against": w.Dropdown(
            options={"one figure only": ONE_FIGURE} | RANKS, description="Front with",
            tooltip="Keep only what none beats in both figures", **middle,
        ),
        "view": w.Dropdown(
            options=["market", "lognormal"], description="View", tooltip="Whose probabilities", **middle
        ),
        "entry": w.Dropdown(
            options=["touch", "mid"], description="Entry", tooltip="At which prices", **middle
        ),
    }  # fmt: skip
