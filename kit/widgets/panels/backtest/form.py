"""A plan as a form: some of its keys as boxes, the same plan as its YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from kit.backtest import Plan
from kit.errors import SettingsError


class PlanBox(NamedTuple):
    """One key of a plan: where it stands, its label, what may be chosen; empty choices are typed."""

    path: str
    label: str
    help: str
    choices: tuple[str, ...] = ()


BOXES = (
    PlanBox("entry.at", "Entry at", "Minute of the day, like 09:20"),
    PlanBox("exit.at", "Exit at", "Minute of the day, like 15:15"),
    PlanBox("legs.*.lots", "Lots", "A whole number from 1, of every leg"),
    PlanBox("legs.*.strike.steps", "Strike (steps)", "Whole: listed strikes out of the money, of every leg"),
    PlanBox("legs.*.stop.percent", "Stop (%)", "Of the entry price, of every leg; empty: none"),
    PlanBox("legs.*.target.percent", "Target (%)", "Of the entry price, of every leg; empty: none"),
    PlanBox("overall.stop_inr", "Overall stop (₹)", "Loss at which all legs leave; empty: none"),
    PlanBox("overall.target_inr", "Overall target (₹)", "Profit at which all legs leave; empty: none"),
    PlanBox("capital_inr", "Capital (₹)", "What returns are counted on"),
    PlanBox("square_off", "Square off", "Legs go alone, or all together", ("partial", "complete")),
    PlanBox("break_even", "Break even", "Whose stops move to cost", ("none", "all", "in_profit")),
    PlanBox("fills.stop", "Stops fill at", "Price of a stop", ("level", "bar_close", "next_open", "extreme")),
)
DIFFERS = "differs"


def written(plan: Plan, path: str) -> str:
    """Return a key of a plan as it stands in its box: empty where it is not set.

    Of several legs that say different things it is ``"differs"``.
    """
    values = {_at(part, rest) for part, rest in _parts(plan.model_dump(mode="json"), path)}
    return DIFFERS if len(values) > 1 else next(iter(values), "")


def changed(plan: Plan, path: str, text: str) -> Plan:
    """Return a plan with another value of a key; an empty text takes the key away.

    Raises
    ------
    SettingsError
        The plan does not accept it; says which key and why.
    """
    data = yaml.safe_load(plan.to_yaml())
    legs = data.get("legs")
    if path.startswith("legs.*.") and not isinstance(legs, list):
        raise SettingsError("These legs are a strategy's", path, "Change them in the text beside.")
    value = text if ":" in text or not text.strip() else yaml.safe_load(text)
    for part, rest in _parts(data, path):
        _put(part, rest, value if text.strip() else None)
    return Plan.from_yaml(yaml.safe_dump(data, sort_keys=False))


def _parts(data: Mapping[str, Any], path: str) -> list[tuple[Any, list[str]]]:
    """Return where a path begins: the plan itself, or each of its legs."""
    if path.startswith("legs.*."):
        return [(leg, path.split(".")[2:]) for leg in data["legs"]]
    return [(data, path.split("."))]


def _at(part: Any, steps: list[str]) -> str:
    for step in steps:
        part = part.get(step) if isinstance(part, Mapping) else None
    return "" if part is None else f"{part:.10g}" if isinstance(part, float) else str(part)


def _put(part: dict[str, Any], steps: list[str], value: Any) -> None:
    *way, last = steps
    at = part
    for step in way:
        if not isinstance(at.get(step), dict) or (step in _ONE_OF and value is not None):
            at[step] = {}
        at = at[step]
    if value is None:
        at.pop(last, None)
        if way and not at:
            part.pop(way[0], None)
    else:
        at[last] = value


_ONE_OF = ("stop", "target", "strike")  # given by exactly one of their keys
