"""What the Dask engine has run on a Dask worker: calls, in worker processes of its own.

Dask has it made by the trip (see `kit.parallel.dask_engine`). A trip brings orders and takes back what has
come of them, which need not be all: what goes on stays in its seat, and the seat's next trip finds it there.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic, sleep
from typing import Any, NamedTuple

from kit.parallel.execution import Outcome, travelling
from kit.parallel.pool import WorkerPool
from kit.parallel.process import Job

TRIP_S = 0.3  # after this a trip returns with what there is
STALL_S = 0.1  # a trip to which nothing happens for so long gives back what has not begun
LOOK_S = 1.0  # how often a trip that waits for one long call makes sure that somebody wants it
SETTLE_S = 0.25  # for the caller to take a trip back that Dask has moved
RECALLED = "recalled"  # status of a call that comes back as it was sent
CANCELLED = b""  # message of a call that is not wanted any more
_FORGOTTEN_KEYS = 10_000


class Crate:
    """The content of a shelf's token on its way to another machine."""

    def __init__(self, token: str, content: bytes) -> None:
        self.token = token
        self.content = content

    def __sizeof__(self) -> int:
        """Tell Dask what it weighs."""
        return len(self.content) + 2000  # joblib scatters objects from 1,000 bytes on


class Order(NamedTuple):
    """One call, as a Dask worker is told of it."""

    key: int
    message: bytes
    timeout_s: float | None
    tokens: tuple[str, ...]


class Errand(NamedTuple):
    """What a trip is for.

    Parameters
    ----------
    seat : int
        Whose trip it is.
    worker : str
        Address of the Dask worker it is for.
    home : str or None
        Address of the Dask worker that has begun some of the orders.
    orders : sequence of Order
        Everything that the seat has open, begun or not.
    spare : int
        Return when no more than so many have not ended.
    memory_mb : int or None
        Limit of a process's own memory, MiB.
    """

    seat: int
    worker: str
    home: str | None
    orders: Sequence[Order]
    spare: int
    memory_mb: int | None


class Report(NamedTuple):
    """What a trip brings back: outcomes as bytes, from where, and whether a long call holds the seat."""

    home: str
    bodies: list[bytes]
    stalled: bool


class Seat:
    """The calls of one seat on this Dask worker."""

    def __init__(self, pool: WorkerPool) -> None:
        self.open: dict[int, Order] = {}
        self.pool = pool
        self._ended: SimpleQueue[list[Outcome]] = SimpleQueue()

    def take(self, orders: Sequence[Order], crates: dict[str, bytes]) -> None:
        """Begin with the orders that are not here yet."""
        jobs = []
        for order in orders:
            if order.key in self.open:
                continue
            unwanted = order.message == CANCELLED or order.key in _cancelled
            if unwanted or not all(token in crates for token in order.tokens):
                self.open[order.key] = order._replace(tokens=())
                self._ended.put([Outcome(order.key, "cancelled", None)])
            else:
                self.open[order.key] = order
                for token in order.tokens:
                    self.pool.shelf.receive(token, crates[token])
                _seats_by_key[order.key] = self
                jobs.append(self.job(order.key))
        self.begin(jobs)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Submit jobs to the pool."""
        self.pool.submit(jobs)
        for job in jobs:
            if job.key in _cancelled:  # it may have been stopped just before the pool had it
                self.pool.stop(job.key, "cancelled")

    def hear(self, outcomes: list[Outcome]) -> None:
        """Keep what came of calls until somebody fetches it."""
        for outcome in outcomes:
            _seats_by_key.pop(outcome.key, None)
        self._ended.put(outcomes)

    def fetch(self, seconds: float) -> list[bytes]:
        """Return what has come of calls, waiting for it; nothing if nothing comes in time."""
        with suppress(Empty):
            outcomes = self._ended.get(timeout=max(0.0, seconds))
            for outcome in outcomes:
                self.pool.shelf.release(self.open.pop(outcome.key).tokens)
            return [travelling(outcome) for outcome in outcomes]
        return []

    def hand_back(self) -> bool:
        """Take out of the pool what no process has begun; `fetch` returns it, here and in other seats.

        Before any process has begun with anything there is nothing to wait for elsewhere: then all stays,
        and the answer is True.
        """
        held = {key: seat for key, seat in [*_seats_by_key.items()] if seat.pool is self.pool}
        recalled = [key for key in self.pool.recall() if key in held]
        if recalled and len(recalled) == len(held):
            self.begin([held[key].job(key) for key in recalled])
            return True
        for key in recalled:
            held[key].hear([Outcome(key, RECALLED, None)])
        return False

    def job(self, key: int) -> Job:
        """Return the pool's job for an open order."""
        order = self.open[key]
        return Job(key, order.message, order.timeout_s, self.hear)


def run_orders(errand: Errand, *crates: Crate) -> Report:
    """Run orders in this Dask worker's own processes (called by Dask).

    It returns when all but the spare ones have ended, when it has taken its time, or when one call holds
    up the others. With a single long call left it waits for that, as long as the caller is there.

    Parameters
    ----------
    errand : Errand
        The orders.
    crates : Crate
        What their messages speak of.
    """
    from distributed import get_worker

    here: Any = get_worker()
    if errand.home not in (None, here.address) and _alive(here, errand.home):
        return Report(errand.home, [], stalled=True)  # Dask moved a trip whose calls run elsewhere
    if errand.worker != here.address:
        sleep(SETTLE_S)  # where it was may have died after the caller had the report, but not yet said so
        if _abandoned(here):
            return Report(here.address, [], stalled=False)
    seat = _seats.setdefault(errand.seat, Seat(_pool_here(here, errand.memory_mb)))
    seat.take(errand.orders, {crate.token: crate.content for crate in crates})
    bodies, stalled = _gathered(seat, errand.spare, here)
    if not seat.open:
        _seats.pop(errand.seat, None)
    return Report(here.address, bodies, stalled)


def _gathered(seat: Seat, spare: int, here: Any) -> tuple[list[bytes], bool]:
    """Fetch from a seat until it is time to go home, and tell whether a long call holds it up."""
    bodies: list[bytes] = []
    until, patience_s = monotonic() + TRIP_S, STALL_S
    while len(seat.open) > spare:
        fetched = seat.fetch(min(patience_s, until - monotonic()))
        bodies += fetched
        if fetched and monotonic() < until:
            continue
        patience_s = STALL_S if seat.hand_back() else LOOK_S
        while more := seat.fetch(0):
            bodies += more
        if bodies:
            return bodies, bool(seat.open) and not fetched
        if _abandoned(here):
            stop_here([*seat.open])
        until = monotonic() + max(TRIP_S, patience_s)
    return bodies, False


def stop_here(keys: Sequence[int]) -> None:
    """Stop calls that run or will run on this Dask worker (called by Dask)."""
    _cancelled.update(dict.fromkeys(keys))
    for key in [*_cancelled][:-_FORGOTTEN_KEYS]:
        del _cancelled[key]
    for pool in _pools.values():
        for key in keys:
            pool.stop(key, "cancelled")


def dask_setup(worker: Any) -> None:  # noqa: ARG001  Dask calls it so
    """Keep a Dask worker of this machine through an interrupt, which is the caller's to handle.

    Ctrl-C in a terminal and the stop button reach every process of the caller's group.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


_cancelled: dict[int, None] = {}  # in the order in which they may be forgotten
_seats: dict[int, Seat] = {}
_seats_by_key: dict[int, Seat] = {}  # of calls that are in a pool
_pools: dict[int | None, WorkerPool] = {}
_making = Lock()


def _pool_here(here: Any, memory_mb: int | None) -> WorkerPool:
    """Return this Dask worker's pool, one process per thread of it."""
    with _making:
        if memory_mb not in _pools:
            _pools[memory_mb] = WorkerPool(here.state.nthreads, memory_mb, here.local_directory)
    return _pools[memory_mb]


def _alive(here: Any, address: str) -> bool:
    """Ask the scheduler whether a Dask worker is there."""
    from distributed.utils import sync

    return bool(sync(here.loop, here.scheduler.ncores, workers=[address]))


def _abandoned(here: Any) -> bool:
    """Tell whether nobody waits for the running trip any more, because the caller has gone."""
    state = here.state.tasks.get(here.get_current_task())
    return state is None or state.state in ("cancelled", "released", "forgotten")
