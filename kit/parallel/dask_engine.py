"""Tasks on a Dask cluster, through joblib's Dask backend.

A Dask worker runs its tasks in threads, which nobody can stop. Each Dask worker therefore keeps a
`WorkerPool` of its own, one process per thread, and hands its tasks to that: a time-out, a crash or a
memory limit means there what it means on the caller's machine. A Dask worker that dies takes its processes
with it.

Every thread of a Dask worker is a seat here. Calls go to a seat by the trip, a Dask task which brings short
calls several at a time and a long one alone, and nothing is sent to a seat behind a long one. A trip returns
before its last calls have ended, so that the next brings more in time. When the Dask worker dies, Dask
makes the trip to another; only calls of which nothing has come back are in it.

Shared objects travel as crates, which joblib's backend scatters once; a Dask worker puts their content on
its own shelf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from itertools import count
from math import ceil
from secrets import randbits
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from kit.parallel.dask_cluster import Cluster, Undelivered
from kit.parallel.dask_trip import Crates, Pace, Trip, Waiting
from kit.parallel.dask_worker import RECALLED, Report, run_orders, stop_here
from kit.parallel.execution import Outcome, outcome_from
from kit.parallel.folders import Folder
from kit.parallel.packing import Scope, pack
from kit.parallel.shelf import Shelf

if TYPE_CHECKING:
    from kit.parallel.engines import Call
    from kit.parallel.process import Done

MOST_LOST = 3  # trips that a call may be lost with
RETRY_S = 0.1  # for the scheduler to notice which Dask worker a trip could not leave for
PATIENCE_S = 10.0  # for a Dask worker to come when none is left
_seats = count(randbits(60))  # seats of several callers meet on one Dask worker


class DaskEngine:
    """Runs calls on a Dask cluster.

    Parameters
    ----------
    max_workers : int
        Workers of the local cluster that is made when there is no address.
    address : str or None
        The scheduler of a running cluster.
    memory_mb : int or None
        Limit of a task process's own memory, MiB.

    Raises
    ------
    KitError
        ``distributed`` is not installed, no scheduler answers, or it has no worker.
    """

    def __init__(self, max_workers: int, address: str | None, memory_mb: int | None) -> None:
        self._cluster = Cluster(max_workers, address)
        self.client = self._cluster.client
        self._memory_mb = memory_mb
        self._folder = Folder()
        self._shelf = Shelf(self._folder.path)
        self._lock = Lock()
        self._calls: dict[int, Call] = {}
        self._waiting = Waiting()
        self._fresh = 0  # calls that came since the seats were filled
        self._trips: dict[int, Trip] = {}  # by seat
        self._losses: Counter[int] = Counter()
        self._crates = Crates(self._folder.path)
        self._pace = Pace()
        self._deserted_at = 0.0
        self._threads: dict[str, int] = self.client.ncores()  # by address of the Dask worker
        self.client.loop.add_callback(self.client.subscribe_topic, "all", self._hear)
        self.client.loop.call_later(1.0, self._count)  # until the scheduler knows of that, one may have died

    def pack(self, call: Call, scope: Scope | None) -> None:
        """Pickle a call."""
        call.parcel = pack(call.key, call.task, call.seed, self._shelf, scope)

    def unpack(self, call: Call) -> None:
        """Release what the call had on the shelf, and crates whose content is gone from there."""
        if call.parcel:
            self._shelf.release(call.parcel.tokens)
            self._crates.prune(call.parcel.tokens)

    def scope(self) -> Scope:
        """Open a scope on the shelf."""
        return Scope(self._shelf)

    def room(self) -> int:
        """Return how many calls the free seats take, and those whose trip has just returned."""
        with self._lock:
            batch = self._pace.batch()
            if self._hopeless():
                return batch  # they end at once
            free = max(1, sum(self._threads.values())) - len(self._trips)
            places = [batch - len(trip.calls) for trip in self._trips.values() if trip.landed]
            return max(0, free * batch + sum(places) - self._fresh)

    def submit(self, calls: Sequence[Call]) -> None:
        """Send calls, together with those that follow within moments."""
        with self._lock:
            first, self._fresh = not self._fresh, self._fresh + len(calls)
            for call in calls:
                self._calls[call.key] = call
                self._waiting.put(call)
        if first:
            self.client.loop.add_callback(self._fill)

    def stop(self, keys: Sequence[int]) -> None:
        """Have every Dask worker stop these calls; returns at once."""
        with self._lock:
            known = self._waiting.without([key for key in keys if self._calls.pop(key, None)])
        if known:
            self._cluster.spread(stop_here, known)

    def recall(self) -> list[int]:
        """Take back what no seat has."""
        with self._lock:
            self._fresh = 0
            return [key for key in self._waiting.clear() if self._calls.pop(key, None)]

    def begun(self, keys: Collection[int]) -> Collection[int]:
        """Return those that a seat is at, or about to be."""
        with self._lock:
            return {next(iter(trip.calls)) for trip in self._trips.values() if trip.calls} & {*keys}

    def close(self) -> None:
        """Leave the cluster, its tasks stopped, and end it if it was made here."""
        self._cluster.close()
        self._folder.remove()

    def _fill(self) -> None:
        """Send what waits to free seats, most to the Dask worker that has the most of them."""
        with self._lock:
            self._fresh = 0
        self._despair()
        trips = []
        with self._lock:
            free = Counter(self._threads)
            free.subtract(Counter(trip.worker for trip in self._trips.values()))
            while self._waiting and (seats := sum(max(0, number) for number in free.values())):
                worker = max(free, key=lambda address: free[address])
                free[worker] -= 1
                trip = Trip(next(_seats), worker, {})
                self._board(trip, ceil(len(self._waiting) / seats))
                self._trips[trip.seat] = trip
                trips.append(trip)
        for trip in trips:
            self._send(trip)

    def _board(self, trip: Trip, most: int) -> None:
        """Let the most important calls join a trip; lock held."""
        for _ in range(min(most, len(self._waiting), self._pace.batch() - len(trip.calls))):
            call = self._waiting.pop()
            trip.calls[call.key] = call

    def _send(self, trip: Trip) -> None:
        with self._lock:
            if trip.seat not in self._trips:  # taken back while it waited
                return
            tokens = trip.tokens(self._calls)
            errand = trip.errand(self._calls, self._pace.typical_s, self._memory_mb)
        arguments = (errand, *self._crates.of(tokens))
        heard = partial(self._arrived, trip)
        future, trip.release = self._cluster.send(trip.worker, run_orders, arguments, heard)
        future.add_done_callback(  # `_arrived` hears of trips that came back, and only of those
            lambda done: self._lost(trip, done.exception()) if done.exception() else None
        )

    def _arrived(self, trip: Trip, out: Any) -> None:
        if trip.seat not in self._trips:
            return
        try:
            report: Report = self._cluster.backend.retrieve_result_callback(out)[0]
        except Exception as error:  # noqa: BLE001  whatever broke on the Dask worker ends this trip
            self._lost(trip, error)
            return
        outcomes = [outcome_from(body, "dask") for body in report.bodies]
        ended = [outcome for outcome in outcomes if outcome.status != RECALLED]
        with self._lock:
            trip.landed, trip.held_up = not report.stalled, 0
            trip.home = trip.worker = report.home
            heard = {call.done for call in trip.calls.values()}
            for outcome in outcomes:
                call = trip.calls.pop(outcome.key)
                if outcome.status == RECALLED and outcome.key in self._calls:
                    self._waiting.put(call)
            self._pace.learn([outcome.running_s for outcome in ended], report.stalled)
        self._ended(ended, heard)
        self._go_on(trip)

    def _go_on(self, trip: Trip) -> None:
        """Send a seat's next trip if something of the last one goes on there, else free the seat."""
        with self._lock:
            if trip.landed and trip.calls:
                self._board(trip, self._pace.batch())
            trip.landed = False
            if not trip.calls:
                self._trips.pop(trip.seat, None)
        if trip.calls:
            self._send(trip)
        self._fill()

    def _lost(self, trip: Trip, error: BaseException) -> None:
        """Give calls that Dask gave up another trip, each alone; those lost before have crashed.

        A trip that did not get away is sent again: some of its calls may be going on where the last one was.
        """
        crashed = []
        with self._lock:
            if trip.seat not in self._trips:
                return
            self._crates.renew(trip.tokens(self._calls))  # they were on a Dask worker that died, or nowhere
            trip.held_up += 1
            if isinstance(error, Undelivered) and trip.held_up < MOST_LOST and not self._hopeless():
                self.client.loop.call_later(RETRY_S, self._send, trip)
                return
            del self._trips[trip.seat]
            for key, call in trip.calls.items():
                self._losses[key] += key in self._calls
                if self._losses[key] >= MOST_LOST or self.client.status != "running":
                    crashed.append(Outcome(key, "crashed", None, f"Dask gave it up: {error}."))
                elif key in self._calls:
                    self._waiting.put(call)
            self._pace.slow()
        self._ended(crashed)
        self._fill()

    def _ended(self, outcomes: list[Outcome], others: Iterable[Done] = ()) -> None:
        """Tell how calls ended; those whose calls have ended unheard learn that there is room."""
        told: dict[Done, list[Outcome]] = {done: [] for done in others}
        with self._lock:
            for outcome in outcomes:
                self._losses.pop(outcome.key, None)
                if call := self._calls.pop(outcome.key, None):
                    told.setdefault(call.done, []).append(outcome)
        for done, together in told.items():
            done(together)

    def _hear(self, event: tuple[float, Any]) -> None:
        """Hear of what happens in the cluster."""
        action, worker = event[1].get("action"), event[1].get("worker")
        if action == "add-worker":
            self.client.loop.add_callback(self._count)
        elif action == "remove-worker" and self._threads.pop(worker, None) and not self._threads:
            self._desert()

    async def _count(self) -> None:
        """Find out which Dask workers there are."""
        try:
            threads = await self.client.scheduler.ncores()
        except (OSError, AttributeError):  # the scheduler has gone, or the client
            return
        with self._lock:
            deserted = bool(self._threads) and not threads
            self._threads = dict(threads)
            left = [key for trip in self._trips.values() for key in trip.calls if key not in self._calls]
            heard = {call.done for call in self._calls.values()}
        if deserted:
            self._desert()
        if left:
            self._cluster.spread(stop_here, left)  # the worker that came last has not heard of it
        self._fill()
        self._ended([], heard)

    def _desert(self) -> None:
        """Take everything back, as Dask would forget it, and wait for a worker while there is patience."""
        with self._lock:
            trips = [*self._trips.values()]
            self._trips.clear()
            self._crates.renew({token for trip in trips for token in trip.tokens(self._calls)})
            for call in [call for trip in trips for call in trip.calls.values() if call.key in self._calls]:
                self._waiting.put(call)
            self._deserted_at = monotonic()
        for trip in trips:
            trip.release()
        self.client.loop.call_later(PATIENCE_S + 0.1, self._despair)

    def _despair(self) -> None:
        """End everything if no Dask worker has come for long."""
        with self._lock:
            if not self._hopeless():
                return
            self._waiting.clear()
            lost = [Outcome(key, "crashed", None, "No Dask worker can be reached.") for key in self._calls]
        self._ended(lost)

    def _hopeless(self) -> bool:
        gone = self.client.status not in ("running", "connecting")
        return gone or (not self._threads and monotonic() - self._deserted_at >= PATIENCE_S)
