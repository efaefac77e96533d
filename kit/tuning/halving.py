"""Successive halving: measure many candidates a little, and the better half again, more closely."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kit.monitor.estimate import Estimate, estimate

C = TypeVar("C")
_TIGHT = 0.05  # half width of the leader's interval, as a share of its median
_ENOUGH = 6  # samples; with fewer an interval is only their range


@dataclass(frozen=True)
class Tried(Generic[C]):
    """A candidate, its seconds for the workload, and the round it was dropped in (the last: kept)."""

    candidate: C
    seconds: Estimate
    samples: int
    round: int


def successive_halving(
    candidates: Sequence[C],
    measure: Callable[[C], float],
    most_samples: int = 24,
    checkpoint: Callable[[], object] = lambda: None,
) -> list[Tried[C]]:
    """Find the candidate with the lowest median.

    Each round measures every surviving candidate in turns, so that a slow moment of the machine hits
    all of them, then keeps the better half and doubles the samples. It stops when the leader's interval
    is within 5 % of its median and no other candidate's interval reaches it, or when the samples are used up.

    Parameters
    ----------
    candidates : sequence
        What to compare, the preferred ones first: of equals the first is kept.
    measure : callable
        Runs the workload with a candidate and returns seconds.
    most_samples : int, default 24
        Samples of a candidate at most.
    checkpoint : callable, optional
        Runs before each sample; may raise to stop.

    Returns
    -------
    list of Tried
        Best first; of those within 5 % of the best, the preferred one.
    """
    samples: list[list[float]] = [[] for _ in candidates]
    dropped: dict[int, int] = {}
    alive = list(range(len(candidates)))
    number, more = 0, 2
    while True:
        for _ in range(more):
            for place in alive:
                checkpoint()
                samples[place].append(measure(candidates[place]))
        found = {place: estimate(samples[place]) for place in alive}
        alive.sort(key=lambda place: found[place].figure)
        taken = len(samples[alive[0]])
        decided = taken >= _ENOUGH and _decided([found[place] for place in alive])
        if len(candidates) == 1 or decided or taken >= most_samples:
            break
        keep = max(2, (len(alive) + 1) // 2)
        dropped |= dict.fromkeys(alive[keep:], number)
        alive, number, more = alive[:keep], number + 1, min(2 * more, most_samples - taken)
    tried = [
        Tried(candidates[place], estimate(found_s), len(found_s), dropped.get(place, number))
        for place, found_s in enumerate(samples)
    ]
    ranked = sorted(tried, key=lambda one: (-one.round, one.seconds.figure))
    near = (1 + _TIGHT) * ranked[0].seconds.figure
    chosen = next(one for one in tried if one.round == number and one.seconds.figure <= near)
    return [chosen, *(one for one in ranked if one is not chosen)]


def _decided(ranked: Sequence[Estimate]) -> bool:
    leader, others = ranked[0], ranked[1:]
    width = (leader.high - leader.low) / 2
    return width <= _TIGHT * leader.figure and all(other.low > leader.high for other in others)
