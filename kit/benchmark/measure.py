"""Timing of two arms side by side.

Both arms run in turns within one loop (ours, peer, peer, ours, ...), so that a slow moment of the
machine hits both. All times come from the monotonic performance counter: a wall clock that jumps
changes nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

Work = Callable[[], object]
_SHORTEST_S = 0.002  # of a sample
_MOST_REPEATS = 2**20  # of a call that takes 2 ns


@dataclass(frozen=True)
class Arms:
    """What to time: our call and, where there is one, the peer's call for the same work."""

    ours: Work
    peer: Work | None = None  # None when it is not installed
    items: float = 1  # operations in one call: a time is divided by it, a rate multiplied
    before: Work | None = None  # runs untimed before each sample, for instance to empty a cache
    calls: int | None = None  # per sample; default as many as last long against the timer (1 with `before`)
    rounds: int | None = None  # samples of each arm; default as many as the row's time allows, 5 to 200
    warm: int = 2  # untimed calls of each arm before the first sample


@dataclass(frozen=True)
class Figures:
    """What a row measured itself, in the row's unit; pairs belong to the same round."""

    ours: Sequence[float]
    peer: Sequence[float] = ()


def time_arms(arms: Arms, seconds: float, checkpoint: Work = lambda: None) -> Figures:
    """Return the seconds per call of both arms, timed in turns, round by round.

    Some `seconds` are spent on each arm, and at least five rounds; `checkpoint` runs between rounds and may
    raise to stop.
    """
    calls = [call for call in (arms.ours, arms.peer) if call is not None]
    for call in calls:
        _warm(call, arms)
    repeats = [arms.calls or _repeats(call, arms) for call in calls]
    times: list[list[float]] = [[] for _ in calls]
    for number in _rounds(arms, seconds * len(calls)):
        checkpoint()
        order = range(len(calls)) if number % 2 == 0 else reversed(range(len(calls)))
        for arm in order:
            times[arm].append(_sample(calls[arm], repeats[arm], arms.before))
    return Figures(times[0], times[1] if arms.peer is not None else ())


def speedups(
    alone: Work, together: Work, rounds: int, checkpoint: Work = lambda: None, warm: int = 1
) -> Figures:
    """Return how many times as fast the second call is, round by round, both timed in turns."""
    found = time_arms(Arms(alone, together, calls=1, rounds=rounds, warm=warm), 0.0, checkpoint)
    return Figures([one / other for one, other in zip(found.ours, found.peer, strict=True)])


def _rounds(arms: Arms, seconds: float) -> Iterator[int]:
    started = perf_counter()
    number = 0
    while number < (arms.rounds or 200):
        yield number
        number += 1
        if arms.rounds is None and number >= 5 and perf_counter() - started > seconds:
            return


def _warm(call: Work, arms: Arms) -> None:
    for _ in range(arms.warm):
        if arms.before:
            arms.before()
        call()


def _repeats(call: Work, arms: Arms) -> int:
    """Double the calls per sample until a sample lasts long enough; a clock that stands still ends it."""
    repeats = 1
    if arms.before:
        return repeats
    while repeats < _MOST_REPEATS and _sample(call, repeats, None) * repeats < _SHORTEST_S:
        repeats *= 2
    return repeats


def _sample(call: Work, repeats: int, before: Work | None) -> float:
    if before:
        before()
    with _quiet_collector():
        started = perf_counter()
        for _ in range(repeats):
            call()
        return (perf_counter() - started) / repeats


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep the garbage collector out of a sample; it would hit one arm and not the other."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
