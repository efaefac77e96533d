"""The band of a result: the same plans under the other fill conventions, in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from kit.backtest.log import Row
from kit.backtest.plan.plan import Plan
from kit.shown import rupees

# What a desk would ask next: how much of the profit is the convention's?
CONVENTIONS: Mapping[str, Mapping[str, Any]] = {
    "as planned": {},
    "at the level": {"stop": "level", "target": "level"},
    "at the bar's close": {"stop": "bar_close", "target": "bar_close"},
    "at the next open": {"stop": "next_open", "target": "next_open"},
    "at the bar's worst": {"stop": "extreme", "target": "extreme"},
    "enter and leave at the next open": {"entry": "next_open", "exit": "next_open"},
    "stop first": {"same_bar": "stop_first"},
    "target first": {"same_bar": "target_first"},
}


def under(plan: Plan, convention: str) -> Plan:
    """Return a plan under one of the named conventions."""
    changes = CONVENTIONS[convention]
    return plan.but(fills=plan.fills.model_copy(update=dict(changes))) if changes else plan


def band_table(
    planned: Sequence[Row], others: Sequence[Mapping[str, Sequence[Row]]], names: Sequence[str]
) -> pd.DataFrame:
    """Return the rupees and trades as planned and under each convention.

    Parameters
    ----------
    planned : sequence of dict
        The rows of the log.
    others : sequence of mapping of str to sequence of dict
        Of each plan, its rows by convention.
    names : sequence of str
        The conventions that change any of the plans.
    """
    table = {"as planned": _sums(planned)}
    for name in names:
        table[name] = _sums([row for one in others for row in one[name]])
    return pd.DataFrame(table).T.rename_axis("fills")


def _sums(rows: Sequence[Row]) -> dict[str, float]:
    filled = [row for row in rows if row["reason"] != "refused"]
    sums = {name: float(sum(row[name] for row in filled)) for name in ("net_inr", "gross_inr", "charges_inr")}
    return sums | {"trades": len(filled)}


def band_sentence(band: pd.DataFrame) -> str:
    """Say in one sentence how much of the profit rests on the convention."""
    net = band["net_inr"].round(2)  # of equal ones the first is named
    planned, low, high = net.iloc[0], net.min(), net.max()
    kind = "profit" if planned > 0 else "loss" if planned < 0 else "result"
    if not band["trades"].any():
        return "Nothing was traded, so nothing rests on how fills are counted."
    if high - low < 0.005:
        return f"The {kind} of {rupees(abs(planned))} does not depend on how fills are counted."
    share = f", {(high - low) / abs(planned):,.0%} of the planned {kind}," if planned else ""
    sign = "; so does whether it earns or loses" if low < 0 < high else ""
    span = f"from {rupees(low)} ({net.idxmin()}) to {rupees(high)} ({net.idxmax()}) by the fills"
    rests = f"the {rupees(high - low)} between{share} rest on the convention{sign}"
    return f"Planned {rupees(planned)}; {span}: {rests}."
