"""One chunk of a scan: scored, filtered, and cut to the best; what a worker does and sends back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.scan.engine import Floats, figures
from kit.evaluation.scan.families import UNLISTED, Positions
from kit.evaluation.scan.filters import Filter, Rank, best_of
from kit.evaluation.scan.ladder import Ladder

CHUNK = 32_768  # positions; some 15 ms, so that a scan tells of its best often and stops at once


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
    scored, missing : int
        How many were scored, and how many need a contract that is not listed or priced.
    """

    figures: Floats
    batch: NDArray[np.int32]
    number: NDArray[np.int64]
    removed: tuple[int, ...]
    scored: int
    missing: int


class Part(NamedTuple):
    """Some positions of one batch, by number: whoever scores them makes them."""

    batch: int
    positions: Positions
    start: int
    stop: int


Chunk = tuple[Part, ...]


def chunks(batches: Sequence[Positions]) -> Iterator[Chunk]:
    """Cut batches of positions into chunks of `CHUNK`; small batches share one."""
    parts, room = list[Part](), CHUNK
    for batch, positions in enumerate(batches):
        start, count = 0, len(positions)
        while start < count:
            stop = min(count, start + room)
            parts.append(Part(batch, positions, start, stop))
            start, room = stop, room - (stop - start)
            if room == 0:
                yield tuple(parts)
                parts, room = [], CHUNK
    if parts:
        yield tuple(parts)


def best_of_chunk(
    found: Ladder, chunk: Chunk, *, wanted: Sequence[Filter], order: Rank, top: int | None
) -> Kept:
    """Score a chunk, drop what a filter removes and return the best that are left."""
    return merged([_best_of(found, part, wanted, order, top) for part in chunk], order, top)


def _best_of(found: Ladder, part: Part, wanted: Sequence[Filter], order: Rank, top: int | None) -> Kept:
    places = part.positions.places(part.start, part.stop)
    listed = np.flatnonzero((places != UNLISTED).all(axis=1))
    rows = figures(found, places[listed], part.positions.lots)
    kept, removed = np.ones(len(rows), np.bool_), []
    for one in wanted:
        passed = kept & one.passes(rows)
        removed.append(int(kept.sum() - passed.sum()))
        kept = passed
    left = np.flatnonzero(kept)
    left = left[best_of(order.keys(rows)[left], top)]
    batch, missing = np.full(left.size, part.batch, np.int32), len(places) - len(rows)
    return Kept(rows[left], batch, part.start + listed[left], tuple(removed), len(rows), missing)


def merged(kept: Sequence[Kept], order: Rank, top: int | None) -> Kept:
    """Return the best of what several chunks kept."""
    rows = np.concatenate([one.figures for one in kept])
    batch, number = (np.concatenate([one[place] for one in kept]) for place in (1, 2))
    # equal ranks come in the order of enumeration, whichever chunk ended first
    order_of = np.lexsort((number, batch))
    rows, batch, number = rows[order_of], batch[order_of], number[order_of]
    best = best_of(order.keys(rows), top)
    removed = tuple(sum(counts) for counts in zip(*(one.removed for one in kept), strict=True))
    scored, missing = (sum(one[place] for one in kept) for place in (4, 5))
    return Kept(rows[best], batch[best], number[best], removed, scored, missing)
