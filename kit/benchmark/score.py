"""The score: 100 is 'every row at its reference'.

A row attains ``limit / figure`` of its target (``figure / limit`` where more is better), at most 1;
with two targets the worse one counts, and a failed row attains nothing. A component is the mean of
its rows, in points of 100. The score is the mean of the components by the published weights, over
the components that were measured. Nothing can lift a row above 1, so a slow part cannot be hidden
by a fast one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit.benchmark.verdict import RowResult

WEIGHTS: Mapping[str, float] = {
    "pipeline": 20,  # what the user waits for: a chain, from the network to the screen
    "cache": 10,
    "transport": 10,
    "pricing": 15,
    "parallel": 10,
    "evaluation": 15,
    "backtest": 10,
    "bars": 5,
    "monitor": 5,
}


@dataclass(frozen=True)
class Component:
    """One part's share of the score."""

    part: str
    weight: float  # as published
    points: float  # 0 to 100
    attained: Mapping[str, float]  # by row, the share of its target that was reached

    def __str__(self) -> str:
        short = {name: share for name, share in self.attained.items() if share < 1}
        why = (
            ", ".join(f"{name} {share:.0%}" for name, share in short.items()) or "every row at its reference"
        )
        return f"{self.part:<12} weight {self.weight:>3g}  {self.points:5.1f}  {why}"


def components(lines: Sequence[RowResult]) -> list[Component]:
    """Return the measured components in the order of `WEIGHTS`; rows without target do not count."""
    found = []
    for part, weight in WEIGHTS.items():
        attained = {
            line.name: line.attained for line in lines if line.part == part and not math.isnan(line.attained)
        }
        if attained:
            points = 100 * sum(attained.values()) / len(attained)
            found.append(Component(part, weight, points, attained))
    return found


def score(parts: Sequence[Component]) -> float:
    """Return the weighted mean of the components, 0 to 100; NaN when nothing could be judged."""
    total = sum(part.weight for part in parts)
    return sum(part.weight * part.points for part in parts) / total if total else math.nan
