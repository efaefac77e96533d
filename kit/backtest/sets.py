"""Sets of parameters: which plans a sweep compares, and which of them can share one tape."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from kit.backtest.plan.plan import Plan
from kit.backtest.plan.strategy import as_values
from kit.errors import SettingsError
from kit.section import Section
from kit.strategies.base import Strategy

Grid = Mapping[str, Sequence[Any]]
MOST_SETS = 1_000_000


def parameter_table(grid: Grid, sample: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Return one row per set of parameters: the whole grid, or a random sample of it.

    Parameters
    ----------
    grid : mapping of str to sequence
        Values by path into the plan, for instance ``{"legs.*.stop.percent": [20, 30]}``; ``*`` is every leg.
    sample : int, optional
        So many sets drawn without repetition.
    seed : int, default 0
        Of the draw.

    Raises
    ------
    SettingsError
        The grid is empty, has an empty list or what is no list, or the sample is none; or more than a million
        sets are asked for.
    """
    empty = [
        path
        for path, values in grid.items()
        if isinstance(values, str) or not isinstance(values, Collection) or len(values) == 0
    ]
    if not grid or empty:
        raise SettingsError("A sweep needs values for each parameter", empty or None, "Give lists of values.")
    if sample is not None and (isinstance(sample, bool) or not isinstance(sample, int) or sample < 1):
        raise SettingsError("A sample is a whole number of sets", sample, "Draw at least one.")
    count = prod(map(len, grid.values()))
    if (drawn := count if sample is None else min(sample, count)) > MOST_SETS:
        raise SettingsError(
            "A sweep of so many sets fits no memory", f"{drawn:,}", "Draw some: sample=10_000."
        )
    if drawn == count:
        rows = list(product(*grid.values()))
    else:
        rows = [_nth(grid, number) for number in sorted(random.Random(seed).sample(range(count), drawn))]  # noqa: S311 - a draw, no secret
    return pd.DataFrame(rows, columns=list(grid))


def _nth(grid: Grid, number: int) -> tuple[Any, ...]:
    """Return one point of the grid without listing the others."""
    places = np.unravel_index(number, [len(values) for values in grid.values()])
    return tuple(values[int(place)] for values, place in zip(grid.values(), places, strict=True))


def plans_of(plan: Plan, table: pd.DataFrame) -> list[Plan]:
    """Return the plan of each row of a parameter table.

    Raises
    ------
    SettingsError
        A path leads nowhere in the plan, or a value does not fit.
    """
    base = _set_fields(plan)
    known = table.astype(object).where(table.notna(), None)  # in a column of numbers None had become NaN
    rows = zip(*(known[path].tolist() for path in table.columns), strict=True)
    return [Plan(**_changed(base, dict(zip(table.columns, row, strict=True)))) for row in rows]


def _changed(base: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    for path, value in values.items():
        base = _with(base, path.split("."), value, path)
    return base


def _with(part: Any, steps: list[str], value: Any, path: str) -> Any:
    """Return a part of a plan with one value set; what lies beside it is shared, not copied."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(part, list | tuple):
        if step != "*" and not (step.isdigit() and int(step) < len(part)):
            raise SettingsError(
                "The plan has no such leg", path, f"Write legs.0 to legs.{len(part) - 1}, or *."
            )
        return [
            _with(each, rest, value, path) if step in ("*", str(number)) else each
            for number, each in enumerate(part)
        ]
    known = _opened(part, path)
    return {**known, step: _with(known.get(step), rest, value, path)}


def _opened(part: Any, path: str) -> dict[str, Any]:
    """Return a part of a plan as a mapping."""
    if isinstance(part, Section):
        return _set_fields(part)
    if isinstance(part, Strategy):
        part = as_values(part)
    if isinstance(part, Strategy):
        raise SettingsError("No path leads into a strategy that has no name in YAML", path, "Sweep a rule.")
    if part is not None and not isinstance(part, dict):
        raise SettingsError("The path leads beyond a value of the plan", path, "End it one word earlier.")
    return part or {}


def _set_fields(part: Section) -> dict[str, Any]:
    """Return what was given of a part; a strategy object among it stays the object."""
    return {name: getattr(part, name) for name in part.model_fields_set}


def tape_key(plan: Plan) -> tuple[Any, ...]:
    """Return what decides a plan's tapes: plans with one key choose the same contracts at the same bars."""
    legs = tuple((leg.side, leg.right, str(leg.expiry), leg.strike, leg.on) for leg in plan.legs)
    rules = (plan.underlying, plan.days, plan.entry, plan.exit, plan.money, plan.fills.exit)
    entries = (plan.fills.entry, *(leg.wait for leg in plan.legs)) if plan.holds_overnight else ()
    return (*rules, plan.adjust is None, plan.charges, legs, entries)  # `entries` decide whose days are free


def chooses_again(plan: Plan) -> bool:
    """Tell whether a plan may choose contracts after its first entries."""
    return plan.adjust is not None or any(rule.kind != "cost" for leg in plan.legs for rule in leg.reentry)
