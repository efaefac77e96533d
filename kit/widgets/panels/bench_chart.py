"""The benchmark's rows as a picture drawn by the page: each against its target and its peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import getdoc
from math import isfinite, isnan, nan
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

from kit.benchmark.registry import Row, all_rows
from kit.benchmark.results import BenchmarkResults, met
from kit.benchmark.score import components
from kit.benchmark.verdict import RowResult


class BenchChart(anywidget.AnyWidget):
    """One bar per row on one axis of times the target; what a row means in its tooltip.

    Attributes
    ----------
    rows : list of dict
        As `bar` gives them, in the order in which they finished.
    chosen : str
        The row that was clicked; empty before.
    """

    _esm = Path(__file__).with_name("bench_chart.js")

    rows: t.List[Any] = t.List().tag(sync=True)
    chosen = t.Unicode("").tag(sync=True)

    def show(self, lines: Sequence[RowResult]) -> None:
        """Show these rows and no others."""
        self.rows = [bar(line) for line in lines]

    def add(self, line: RowResult) -> None:
        """Show one more; safe on a worker."""
        self.rows = [*self.rows, bar(line)]


def bar(line: RowResult) -> dict[str, Any]:
    """Return what the page draws of a row.

    ``at`` and ``peer`` are times the target: 1 is at it, 0.5 twice as good, 2 half as good. Where a row has a
    target beside its peer only, they are times that; where it has none, there is no bar.
    """
    known = all_rows().get(line.name)
    at, peer = _places(line)
    return {
        "name": line.name,
        "part": line.part,
        "figure": f"{line.figure:.4g} {line.unit}" if isfinite(line.figure) else "no figure",
        "goal": line.target or "no target",
        "met": "not judged" if line.met is None else met(line).lower(),
        "state": "missed" if line.missed else "good" if line.met else "plain",
        "at": at,
        "peer": peer,
        "beside": f"{line.peer}: {line.peer_figure:.4g} {line.unit}" if isfinite(line.peer_figure) else "",
        "help": " ".join(filter(None, [(getdoc(known.measure) if known else "") or "", line.note])),
    }


def _places(line: RowResult) -> tuple[float | None, float | None]:
    limit, ratio = line.limit, line.ratio_limit
    if limit is not None and isfinite(line.figure) and line.figure > 0 and limit.limit > 0:
        at = line.figure / limit.limit if limit.at_most else limit.limit / line.figure
        beside = at / line.ratio if limit.at_most else at * line.ratio
        return at, beside if isfinite(line.ratio) and line.ratio > 0 else None
    if ratio is not None and isfinite(line.ratio) and line.ratio > 0:
        at = line.ratio / ratio.limit if ratio.at_most else ratio.limit / line.ratio
        return at, 1 / ratio.limit if ratio.at_most else ratio.limit
    return None, None


def recalled(run: Mapping[str, Any]) -> BenchmarkResults:
    """Return a recorded run as it would be judged today; rows that are gone since are left out."""
    known, missed = all_rows(), {told.partition(":")[0] for told in run["violations"]}
    lines = [
        _recalled(row, known[row["name"]], row["name"] in missed)
        for row in run["rows"]
        if row["name"] in known
    ]
    return BenchmarkResults(lines=lines, components=components(lines), score=run["score"], stopped=False)


def _recalled(row: Mapping[str, Any], known: Row, missed: bool) -> RowResult:
    figure, low, high, peer_figure, ratio = (
        nan if row.get(key) is None else float(row[key])
        for key in ("figure", "low", "high", "peer_figure", "ratio")
    )
    targets = [(known.target, figure), (known.ratio_target, ratio)] if row.get("met") is not None else []
    held = [target.attained(found) for target, found in targets if target is not None and not isnan(found)]
    return RowResult(
        known.name, known.part, figure, low, high, row["unit"], known.goal, known.peer, peer_figure, ratio,
        row.get("met"), load=row.get("load"), limit=known.target, ratio_limit=known.ratio_target,
        missed=missed, attained=min(held, default=nan),
    )  # fmt: skip
