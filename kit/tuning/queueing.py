"""How many calls are under way at once, and how long the others wait, for a size of the connection pool."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kit.tuning.lifetimes import SOURCES


@dataclass(frozen=True)
class Traffic:
    """What a pool of one size sees.

    Parameters
    ----------
    pool_size : int
        Sockets.
    most_in_flight, most_waiting : int
        Calls under way and calls without a socket, at the worst moment.
    longest_wait_s : float
        Seconds that a call waited for a socket, at most.
    """

    pool_size: int
    most_in_flight: int
    most_waiting: int
    longest_wait_s: float


def traffic(fetches: Sequence[tuple[float, str]], pool_size: int, round_trip_s: float) -> Traffic:
    """Serve the calls of a session's fetches in order of arrival.

    Parameters
    ----------
    fetches : sequence of (float, str)
        Second and data type, as `kit.tuning.replay.Replay.fetches`; a chain's calls arrive together.
    pool_size : int
        Calls that may be under way at once.
    round_trip_s : float
        What one call takes, seconds.

    Notes
    -----
    The broker's rate limits are left out: they are the other picture's. With them a pool larger than
    a second's permitted calls changes nothing.
    """
    arrivals = [at_s for at_s, kind in fetches for _ in range(SOURCES[kind].calls)]
    if not arrivals:
        return Traffic(pool_size, 0, 0, 0.0)
    free = [0.0] * pool_size
    starts = []
    for at_s in arrivals:
        start = max(at_s, heapq.heappop(free))
        heapq.heappush(free, start + round_trip_s)
        starts.append(start)
    came, began = np.array(arrivals), np.array(starts)
    under_way = np.arange(1, len(began) + 1) - np.searchsorted(began + round_trip_s, began, side="right")
    queued = np.arange(1, len(came) + 1) - np.searchsorted(began, came, side="right")
    return Traffic(pool_size, int(under_way.max()), int(queued.max()), float((began - came).max()))
