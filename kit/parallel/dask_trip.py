"""A trip: the calls of one seat on their way to a Dask worker and back; what waits for it, and crates."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from kit.parallel.dask_worker import CANCELLED, Crate, Errand, Order

if TYPE_CHECKING:
    from kit.parallel.engines import Call

TRIP_WORK_S = 0.15  # work that one trip brings
MOST_BATCHED = 64
LEAD_S = 0.02  # work that may be left when a trip returns: the next one gets there in that time


class Waiting:
    """Calls that no seat has, the most important first."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Call]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, call: Call) -> None:
        """Let a call wait."""
        heapq.heappush(self._heap, (-call.task.priority, call.key, call))

    def pop(self) -> Call:
        """Take the most important call out."""
        return heapq.heappop(self._heap)[2]

    def without(self, keys: Sequence[int]) -> list[int]:
        """Take the calls with these keys out, and return the keys of which none waited."""
        waited = {key for _, key, _ in self._heap}.intersection(keys)
        self._heap = [entry for entry in self._heap if entry[1] not in waited]
        heapq.heapify(self._heap)
        return [key for key in keys if key not in waited]

    def clear(self) -> list[int]:
        """Take everything out, and return its keys."""
        keys = [key for _, key, _ in self._heap]
        self._heap.clear()
        return keys


@dataclass(slots=True)
class Trip:
    """What one seat has.

    Parameters
    ----------
    seat : int
        A number that no other caller uses.
    worker : str
        Address of the Dask worker to go to.
    calls : dict of int to Call
        By key; the first one runs or is next to.
    home : str or None
        Address of the Dask worker that has begun some of them.
    landed : bool
        It has just returned, and the seat could take more.
    held_up : int
        How often in a row it did not get away.
    release : callable
        Lets Dask forget it.
    """

    seat: int
    worker: str
    calls: dict[int, Call]
    home: str | None = None
    landed: bool = False
    held_up: int = 0
    release: Callable[[], None] = lambda: None

    def tokens(self, wanted: Collection[int]) -> set[str]:
        """Return the tokens that the wanted calls speak of."""
        parcels = [call.parcel for key, call in self.calls.items() if key in wanted]
        return {token for parcel in parcels if parcel for token in parcel.tokens}

    def errand(self, wanted: Collection[int], typical_s: float, memory_mb: int | None) -> Errand:
        """Return what to have done on the Dask worker, where a call typically takes so long."""
        orders = []
        for key, call in self.calls.items():
            if key in wanted and call.parcel:
                orders.append(Order(key, call.parcel.message, call.timeout_s, call.parcel.tokens))
            else:
                orders.append(Order(key, CANCELLED, None, ()))
        spare = min(len(orders) // 4, ceil(LEAD_S / typical_s))
        return Errand(self.seat, self.worker, self.home, orders, spare, memory_mb)


class Crates:
    """The crates of a shelf, each made once, so that joblib scatters it once.

    Parameters
    ----------
    folder : Path
        The shelf's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.made: dict[str, Crate] = {}
        self._folder = folder

    def of(self, tokens: Iterable[str]) -> list[Crate]:
        """Return the crates of tokens, without those whose call has just been cancelled."""
        for token in tokens:
            if token not in self.made:
                with suppress(FileNotFoundError):
                    self.made[token] = Crate(token, (self._folder / token).read_bytes())
        return [crate for token in tokens if (crate := self.made.get(token))]

    def prune(self, tokens: Iterable[str]) -> None:
        """Drop those whose content has gone from the shelf."""
        self.renew(token for token in tokens if not (self._folder / token).exists())

    def renew(self, tokens: Iterable[str]) -> None:
        """Make them anew when they are asked for next."""
        for token in tokens:
            self.made.pop(token, None)


class Pace:
    """How long a call typically takes, and so how many of them a trip brings."""

    def __init__(self) -> None:
        self.typical_s = 1.0

    def batch(self) -> int:
        """Return how many calls make a trip."""
        return max(1, min(MOST_BATCHED, round(TRIP_WORK_S / self.typical_s)))

    def learn(self, seconds: Iterable[float], stalled: bool) -> None:
        """Learn of calls that have ended; one that holds a trip up counts at once, others in time."""
        for running_s in seconds:
            self.typical_s = max(1e-5, 0.8 * min(self.typical_s, 0.1) + 0.2 * running_s)
        if stalled:
            self.slow()

    def slow(self) -> None:
        """Let calls travel alone for a while."""
        self.typical_s = 1.0
