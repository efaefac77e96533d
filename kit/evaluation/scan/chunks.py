"""One chunk of a scan: scored, filtered, and cut to the best; what a worker does and sends back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.scan.engine import Floats, Places, figures
from kit.evaluation.scan.families import Positions
from kit.evaluation.scan.filters import Filter, Rank, best_of
from kit.evaluation.scan.ladder import Ladder

CHUNK = 65_536  # positions; some 30 ms, so that a scan tells of its best often and stops at once


class Kept(NamedTuple):
    """The best of some positions.

    Parameters
    ----------
    figures : ndarray, shape (n, figures)
        Of each, the best first.
    batch, number : ndarray, shape (n,)
        Which batch of positions each is of, and which of it.
    removed : tuple of int
        How many each filter removed, one filter after the other.
    scored : int
        How many were scored.
    """

    figures: Floats
    batch: NDArray[np.int32]
    number: NDArray[np.int64]
    removed: tuple[int, ...]
    scored: int


class Chunk(NamedTuple):
    """Some positions of one batch: which batch, where in it they begin, and the positions."""

    batch: int
    start: int
    places: Places
    lots: Places


def chunks(batches: Sequence[Positions]) -> Iterator[Chunk]:
    """Cut batches of positions into chunks of at most `CHUNK`."""
    for batch, positions in enumerate(batches):
        for start in range(0, len(positions.places), CHUNK):
            yield Chunk(batch, start, positions.places[start : start + CHUNK], positions.lots)


def best_of_chunk(
    found: Ladder, chunk: Chunk, *, wanted: Sequence[Filter], order: Rank, top: int | None
) -> Kept:
    """Score a chunk, drop what a filter removes and return the best that are left."""
    rows = figures(found, chunk.places, chunk.lots)
    left = np.arange(len(rows))
    removed = []
    for one in wanted:
        passed = left[one.passes(rows[left])]
        removed.append(left.size - passed.size)
        left = passed
    left = left[best_of(order.keys(rows[left]), top)]
    batch = np.full(left.size, chunk.batch, np.int32)
    return Kept(rows[left], batch, chunk.start + left, tuple(removed), len(rows))


def merged(kept: Sequence[Kept], order: Rank, top: int | None) -> Kept:
    """Return the best of what several chunks kept."""
    rows = np.concatenate([one.figures for one in kept])
    batch, number = (np.concatenate([one[place] for one in kept]) for place in (1, 2))
    # equal ranks come in the order of enumeration, whichever chunk ended first
    order_of = np.lexsort((number, batch))
    rows, batch, number = rows[order_of], batch[order_of], number[order_of]
    best = best_of(order.keys(rows), top)
    removed = tuple(sum(counts) for counts in zip(*(one.removed for one in kept), strict=True))
    return Kept(rows[best], batch[best], number[best], removed, sum(one.scored for one in kept))
