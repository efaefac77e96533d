"""What a row found, judged against its targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from kit.benchmark.measure import Figures
from kit.benchmark.registry import Row
from kit.benchmark.targets import Target
from kit.errors import KitError
from kit.monitor.estimate import estimate


@dataclass(frozen=True)
class RowResult:
    """One row of the results; the fields up to `load` are the row of the JSON file.

    Parameters
    ----------
    name, part : str
        As registered.
    figure, low, high : float
        Median and its 95 % interval, in `unit`; NaN when the row failed.
    unit : str
        Unit of all figures of the line.
    target : str or None
        Targets in words.
    peer : str or None
        Who else does the same work.
    peer_figure, ratio : float
        The peer's median, and the median of figure / peer figure over the rounds; NaN where the peer was
        not measured.
    met : bool or None
        Whether every target is met; None when there is nothing to judge.
    samples : int
        How many samples the figure is the median of.
    load : float or None
        Cores that everything else on the machine kept busy meanwhile; None where the system does not tell.
    limit, ratio_limit : Target or None
        Limits on `figure` and on `ratio`.
    missed : bool
        Missed by more than noise: a whole interval lies on the wrong side, or the row failed.
    attained : float
        How much of the target is reached, 0 to 1; NaN when there is nothing to judge.
    note : str
        What a reader must know: a missing peer, the error of a failed row.
    unjudged : bool
        A target stands here that could not be judged; the note says why.
    seconds : float
        Time that measuring the row took.
    """

    name: str
    part: str
    figure: float
    low: float
    high: float
    unit: str
    target: str | None
    peer: str | None
    peer_figure: float
    ratio: float
    met: bool | None
    samples: int = 0
    load: float | None = None
    limit: Target | None = None
    ratio_limit: Target | None = None
    missed: bool = False
    attained: float = math.nan
    note: str = ""
    unjudged: bool = False
    seconds: float = math.nan

    @property
    def peer_missing(self) -> bool:
        """Whether the row ran without the peer it names."""
        return self.peer is not None and math.isnan(self.peer_figure) and not math.isnan(self.figure)

    def as_json(self) -> dict[str, Any]:
        """Return the published fields; NaN becomes None, which JSON has a word for."""
        return {key: plain(getattr(self, key)) for key in _PUBLISHED}


_PUBLISHED = [field.name for field in fields(RowResult)][:13]


def plain(value: Any) -> Any:
    """Return the value as JSON has it: what is not a finite number is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def judge(row: Row, samples: Figures, cores: int, notes: Sequence[str] = ()) -> RowResult:
    """Judge a row's samples against its targets.

    Parameters
    ----------
    row : Row
        The targets.
    samples : Figures
        In the row's unit.
    cores : int
        Cores of this machine; a target that supposes more is waived, with a note.
    notes : sequence of str
        What the run noted.
    """
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
    nan = math.nan
    return RowResult(
        row.name, row.part, nan, nan, nan, row.unit, row.goal, row.peer, nan, nan, met=False, missed=True,
        limit=row.target, ratio_limit=row.ratio_target,
        attained=0.0, note=f"{type(error).__name__}: {error}",
    )  # fmt: skip
