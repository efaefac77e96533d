"""What a benchmark found: one judged line per row, and the whole as a mapping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from kit.benchmark.measure import Samples
from kit.benchmark.registry import Row
from kit.errors import KitError
from kit.monitor.interval import interval

JSON_KEYS = ("score", "violations", "machine", "versions", "rows")


@dataclass(frozen=True)
class Line:
    """One row of the results; the first eleven fields and `samples` are the row of the JSON file.

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
    missed : bool
        Missed by more than noise: a whole interval lies on the wrong side, or the row failed.
    attained : float
        How much of the target is reached, 0 to 1; NaN when there is nothing to judge.
    note : str
        What a reader must know: a missing peer, the error of a failed row.
    unjudged : bool
        A target stands here that could not be judged; the note says why.
    samples : int
        How many samples the figure is the median of.
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
    missed: bool = False
    attained: float = math.nan
    note: str = ""
    unjudged: bool = False
    samples: int = 0
    seconds: float = math.nan

    @property
    def peer_missing(self) -> bool:
        """Whether the row ran without the peer it names."""
        return self.peer is not None and math.isnan(self.peer_figure) and not math.isnan(self.figure)

    def as_json(self) -> dict[str, Any]:
        """Return the published fields; NaN becomes None, which JSON has a word for."""
        return {key: _plain(getattr(self, key)) for key in LINE_KEYS}


LINE_KEYS = (*[field.name for field in fields(Line)][:11], "samples")


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def judge(row: Row, samples: Samples, cores: int, notes: Sequence[str] = ()) -> Line:
    """Judge a row's samples against its targets.

    Parameters
    ----------
    row : Row
        The targets.
    samples : Samples
        In the row's unit.
    cores : int
        Cores of this machine; a target that supposes more is waived, with a note.
    notes : sequence of str
        What the run noted.
    """
    ours, peer = interval(samples.ours), interval(samples.peer)
    pairs = [mine / theirs for mine, theirs in zip(samples.ours, samples.peer, strict=False) if theirs]
    ratio = interval(pairs)
    judged = [(row.target, ours, samples.ours), (row.ratio_target, ratio, pairs)]
    held = [(target, found) for target, found, measured in judged if target is not None and measured]
    wanted = sum(target is not None for target, *_ in judged)
    notes = list(notes)
    if held and cores < row.cores:
        notes.append(f"the target supposes {row.cores} cores, this machine has {cores}: not judged")
        held = []
    return Line(
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
        met=all(target.met(found.figure) for target, found in held) if held else None,
        missed=any(target.missed_beyond_noise(found.low, found.high) for target, found in held),
        attained=min((target.attained(found.figure) for target, found in held), default=math.nan),
        note="; ".join(notes),
        unjudged=len(held) < wanted,
        samples=len(samples.ours),
    )


def failed(row: Row, error: KitError) -> Line:
    """Return the line of a row that raised: no figure, nothing attained, the error as note."""
    nan = math.nan
    return Line(
        row.name, row.part, nan, nan, nan, row.unit, row.goal, row.peer, nan, nan, met=False, missed=True,
        attained=0.0, note=f"{type(error).__name__}: {error}",
    )  # fmt: skip


class Results(dict[str, Any]):
    """The mapping that `run_performance_benchmark` returns.

    Keys: ``score`` (0 to 100), ``total_benchmarks``, ``violations`` (sentences), ``machine``,
    ``versions``, ``rows`` (mappings with the keys of the JSON file), and for a closer look
    ``components`` (of the score), ``lines`` (`Line` objects), ``seconds``, ``stopped``, ``quick`` and
    ``complete`` (every row of a quick or full run ended).
    """

    def as_json(self) -> dict[str, Any]:
        """Return the object of the JSON file."""
        return {key: _plain(self[key]) for key in JSON_KEYS}

    def __str__(self) -> str:
        from kit.benchmark.report import text

        return text(self)

    def _repr_html_(self) -> str:
        from kit.benchmark.report import table_html

        return table_html(self)
