"""One chunk of a scan: scored, filtered, and cut to the best; what a worker does and sends back.

The positions of all batches are numbered one after the other, and a chunk is a range of these numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.scan.engine import figures
from kit.evaluation.scan.families import UNLISTED, Positions
from kit.evaluation.scan.filters import Filter, Rank, best_of
from kit.evaluation.scan.ladder import Ladder
from kit.pricing.arrays import Floats

CHUNK = 65_536  # positions; some 25 ms, so that a scan tells of its best often and stops at once
PIECES = 16  # of a smaller scan, for the same reason
LAST = 3  # no chunk is more than this part of what is left
LEAST = 2_048  # positions that are worth a chunk
LEAST_SPANNING = 128  # likewise, where each takes a millisecond
Scorer = Callable[[Ladder, NDArray[np.int32], NDArray[np.int32]], Floats]


class Kept(NamedTuple):
    """The best of some positions.

    Parameters
    ----------
    figures : ndarray, shape (n, figures)
        Of each, the best first.
    number : ndarray, shape (n,)
        Of each among the positions of all batches.
    removed : tuple of int
        How many each filter removed, one filter after the other.
    scored, missing : int
        How many were scored, and how many need a contract that is not listed or priced.
    """

    figures: Floats
    number: NDArray[np.int64]
    removed: tuple[int, ...]
    scored: int
    missing: int


class ScanPart(NamedTuple):
    """Positions of one batch: from a place in it to another, and the number of its first of all."""

    positions: Positions
    start: int
    stop: int
    offset: int


def chunks(batches: Sequence[Positions]) -> Iterator[tuple[int, int]]:
    """Cut the numbers of all positions into ranges of at most `CHUNK`, the last ones small.

    So no worker is left alone with a large one at the end.
    """
    count, start = sum(map(len, batches)), 0
    least = LEAST_SPANNING if any(positions.spans for positions in batches) else LEAST
    most = min(CHUNK, max(count // PIECES, least))
    while start < count:
        stop = min(count, start + min(most, max((count - start) // LAST, least)))
        yield start, stop
        start = stop


def parts_of(batches: Sequence[Positions], start: int, stop: int) -> Iterator[ScanPart]:
    """Return what lies in a range of numbers, batch by batch."""
    offset = 0
    for positions in batches:
        first, last = max(start - offset, 0), min(stop - offset, len(positions))
        if first < last:
            yield ScanPart(positions, first, last, offset)
        offset += len(positions)


def best_of_chunk(
    start: int,
    stop: int,
    *,
    found: Ladder,
    batches: Sequence[Positions],
    wanted: Sequence[Filter],
    order: Rank,
    top: int | None,
    definition: Scorer | None = None,
) -> Kept:
    """Score a range of positions, drop what a filter removes and return the best that are left.

    What spans expiries is scored by its `definition`, one by one.
    """
    kept = []
    for part in parts_of(batches, start, stop):
        places, lots = part.positions.places(part.start, part.stop), part.positions.lots
        listed = np.flatnonzero((places != UNLISTED).all(axis=1))
        scorer = definition if part.positions.spans and definition is not None else figures
        rows = scorer(found, places[listed], lots)
        kept.append(_best_of(rows, part, listed, wanted, order, top))
    return merged(kept, order, top)


def _best_of(
    rows: Floats,
    part: ScanPart,
    listed: NDArray[np.intp],
    wanted: Sequence[Filter],
    order: Rank,
    top: int | None,
) -> Kept:
    kept, removed = np.ones(len(rows), np.bool_), []
    for one in wanted:
        passed = kept & one.passes(rows)
        removed.append(int(kept.sum() - passed.sum()))
        kept = passed
    left = np.flatnonzero(kept)
    left = left[best_of(order.keys(rows)[left], top)]
    number = part.offset + part.start + listed[left]
    return Kept(rows[left], number, tuple(removed), len(rows), part.stop - part.start - len(rows))


def merged(kept: Sequence[Kept], order: Rank, top: int | None) -> Kept:
    """Return the best of what several chunks kept."""
    rows, number = (np.concatenate([one[place] for one in kept]) for place in (0, 1))
    # equal ranks come in the order of enumeration, whichever chunk ended first
    order_of = np.argsort(number, kind="stable")
    rows, number = rows[order_of], number[order_of]
    best = best_of(order.keys(rows), top)
    removed = tuple(sum(counts) for counts in zip(*(one.removed for one in kept), strict=True))
    scored, missing = sum(one.scored for one in kept), sum(one.missing for one in kept)
    return Kept(rows[best], number[best], removed, scored, missing)
