"""What a row found, judged against its targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from kit.benchmark.measure import Figures
from kit.benchmark.registry import Row
from kit.benchmark.targets import Target
from kit.errors import KitError
from kit.monitor.estimate import estimate


@dataclass(frozen=True)
class RowResult:
    """One row of the results; the fields up to `pace_ms` are the row of the JSON file.

    What was not measured is NaN: all figures of a failed row, and the peer's where it is missing.
    """

    name: str
    part: str
    figure: float  # the median, in `unit`
    low: float  # and its 95 % interval
    high: float
    unit: str
    target: str | None  # both targets in words
    peer: str | None
    peer_figure: float
    ratio: float  # median of figure / peer figure over the rounds
    met: bool | None  # every target; None: there is nothing to judge
    samples: int = 0  # that the figure is the median of
    load: float | None = None  # cores that others kept busy meanwhile; None: the system does not tell
    pace_ms: float | None = None  # what a fixed loop took right after: how fast the machine was itself
    limit: Target | None = None  # on the figure
    ratio_limit: Target | None = None
    missed: bool = False  # by more than noise: a whole interval lies on the wrong side, or the row failed
    attained: float = math.nan  # how much of the target is reached, 0 to 1; NaN: nothing to judge
    note: str = ""  # what a reader must know: a missing peer, the error of a failed row
    unjudged: bool = False  # there is a target that could not be judged; the note says why
    seconds: float = math.nan  # that measuring the row took

    @property
    def peer_missing(self) -> bool:
        """Whether the row ran without the peer it names."""
        return self.peer is not None and math.isnan(self.peer_figure) and not math.isnan(self.figure)

    def as_json(self) -> dict[str, Any]:
        """Return the published fields; NaN becomes None, which JSON has a word for."""
        return {key: plain(getattr(self, key)) for key in _PUBLISHED}


_PUBLISHED = [field.name for field in fields(RowResult)][:14]


def plain(value: Any) -> Any:
    """Return the value as JSON has it: what is not a finite number is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def judge(row: Row, samples: Figures, cores: int, notes: Sequence[str] = ()) -> RowResult:
    """Judge a row's samples, in its unit, against its targets; one that supposes more cores is waived."""
    ours, peer = estimate(samples.ours), estimate(samples.peer)
    pairs = [mine / theirs for mine, theirs in zip(samples.ours, samples.peer, strict=False) if theirs]
    ratio = estimate(pairs)
    judged = [(row.target, ours, samples.ours), (row.ratio_target, ratio, pairs)]
    held = [(target, found) for target, found, measured in judged if target is not None and measured]
    wanted = sum(target is not None for target, *_ in judged)
    notes = list(notes)
    if held and cores < row.cores:
        notes.append(f"the target supposes {row.cores} cores, this machine has {cores}: not judged")
        held = []
    return RowResult(
        name=row.name,
        part=row.part,
        figure=ours.figure,
        low=ours.low,
        high=ours.high,
        unit=row.unit,
        target=row.goal,
        peer=row.peer,
        peer_figure=peer.figure,
        ratio=ratio.figure,
        limit=row.target,
        ratio_limit=row.ratio_target,
        met=all(target.met(found.figure) for target, found in held) if held else None,
        missed=any(target.missed_beyond_noise(found.low, found.high) for target, found in held),
        attained=min((target.attained(found.figure) for target, found in held), default=math.nan),
        note="; ".join(notes),
        unjudged=len(held) < wanted,
        samples=len(samples.ours),
    )


def failed(row: Row, error: KitError) -> RowResult:
    """Return the line of a row that raised: no figure, nothing attained, the error as note."""
    note = f"{type(error).__name__}: {error}"
    nothing = judge(row, Figures([]), row.cores)
    return replace(nothing, met=False, missed=True, attained=0.0, note=note, unjudged=False)
