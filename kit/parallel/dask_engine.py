"""Tasks on a Dask cluster, through joblib's Dask backend.

A Dask worker runs its tasks in threads, which nobody can stop. Each Dask worker therefore keeps a
`WorkerPool` of its own, one process per thread, and hands its tasks to that: a time-out, a crash or a
memory limit means there what it means on the caller's machine. A Dask worker that dies takes its processes
with it, and the scheduler gives its tasks to another.

Shared objects travel as crates, which joblib's backend scatters once; a Dask worker puts their content on
its own shelf. Calls travel in batches, smaller the longer they have been taking.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from joblib.parallel import get_active_backend, parallel_config

from kit.errors import KitError
from kit.parallel.dask_worker import Crate, Order, run_orders, stop_here
from kit.parallel.execution import Outcome, outcome_from
from kit.parallel.packing import Scope, pack
from kit.parallel.shelf import Shelf

if TYPE_CHECKING:
    from kit.parallel.engines import Call
    from kit.parallel.process import Done

BATCH_S = 0.2  # work in one message to a Dask worker
MOST_BATCHED = 64
GREETING_S = 5.0  # for a scheduler to answer


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
        ``distributed`` is not installed, or no scheduler answers.
    """

    def __init__(self, max_workers: int, address: str | None, memory_mb: int | None) -> None:
        self.client = _client(max_workers, address)
        self._memory_mb = memory_mb
        self._folder = Path(mkdtemp(prefix="kit-dask-"))
        self._shelf = Shelf(self._folder)
        self._lock = Lock()
        self._calls: dict[int, Call] = {}
        self._unsent: list[Call] = []
        self._crates: dict[str, Crate] = {}
        self._typical_s: float = 1.0
        self._slots: int = max(1, sum(self.client.ncores().values()))
        self._backend = _backend(self.client)
        self._backend.configure(n_jobs=self._slots)
        self._backend.start_call()

    def pack(self, call: Call, scope: Scope | None) -> None:
        """Pickle a call."""
        call.parcel = pack(call.key, call.task, call.seed, self._shelf, scope)

    def unpack(self, call: Call) -> None:
        """Release what the call had on the shelf, and crates whose content is gone from there."""
        if call.parcel:
            self._shelf.release(call.parcel.tokens)
            for token in call.parcel.tokens:
                if not (self._folder / token).exists():
                    self._crates.pop(token, None)

    def scope(self) -> Scope:
        """Open a scope on the shelf."""
        return Scope(self._shelf)

    def room(self) -> int:
        """Return how many calls keep every worker busy and one batch ahead, if that makes a batch."""
        batch = self._batch()
        free = 2 * self._slots * batch - len(self._calls)
        return free if free >= batch else 0

    def submit(self, calls: Sequence[Call]) -> None:
        """Send calls in batches, together with those that follow within moments."""
        with self._lock:
            self._calls.update((call.key, call) for call in calls)
            first = not self._unsent
            self._unsent += calls
        if first:
            self.client.loop.add_callback(self._flush)

    def _flush(self) -> None:
        """Send what has gathered until Dask's event loop came round."""
        with self._lock:
            calls = [call for call in self._unsent if call.key in self._calls]
            self._unsent = []
        size = max(1, min(self._batch(), -(-len(calls) // self._slots)))
        for first in range(0, len(calls), size):
            self._send(calls[first : first + size])

    def stop(self, keys: Sequence[int]) -> None:
        """Have every Dask worker stop these calls; returns at once."""
        with self._lock:
            known = [key for key in keys if self._calls.pop(key, None)]
        if known:
            Thread(target=self._spread, args=(known,), name="kit-dask-stop", daemon=True).start()

    def recall(self) -> list[int]:
        """Return nothing: what is sent belongs to the scheduler."""
        return []

    def begun(self, keys: Collection[int]) -> Collection[int]:
        """Return them all: what is sent begins within moments."""
        return keys

    def close(self) -> None:
        """Leave the cluster, and end it if it was made here."""
        self._backend.stop_call()
        with suppress(OSError, TimeoutError):
            self.client.close()
        if self.client.cluster is not None:
            self.client.cluster.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _batch(self) -> int:
        return max(1, min(MOST_BATCHED, round(BATCH_S / self._typical_s)))

    def _send(self, calls: Sequence[Call]) -> None:
        orders: list[Order] = []
        crates: dict[str, Crate] = {}
        for call in calls:
            assert call.parcel is not None
            orders.append(Order(call.key, call.parcel.message, call.timeout_s))
            crates.update((token, self._crate(token)) for token in call.parcel.tokens)
        arguments = (orders, self._memory_mb, *crates.values())
        keys = [call.key for call in calls]
        future = self._backend.submit(_Batch(arguments), lambda bodies: self._arrived(keys, bodies))
        future.add_done_callback(lambda done: self._checked(keys, done.exception()))

    def _crate(self, token: str) -> Crate:
        if token not in self._crates:
            self._crates[token] = Crate(token, (self._folder / token).read_bytes())
        return self._crates[token]

    def _arrived(self, keys: Sequence[int], out: Any) -> None:
        try:
            bodies = self._backend.retrieve_result_callback(out)[0]
        except Exception as error:  # noqa: BLE001  whatever broke on the Dask worker is these calls' end
            self._lost(keys, error)
            return
        self._ended([outcome_from(body, "dask") for body in bodies])

    def _checked(self, keys: Sequence[int], error: BaseException | None) -> None:
        if error is not None:  # the callback hears of batches that came back, and only of those
            self._lost(keys, error)

    def _lost(self, keys: Sequence[int], error: BaseException) -> None:
        self._ended([Outcome(key, "crashed", None, f"Dask gave it up: {error}.") for key in keys])

    def _ended(self, outcomes: list[Outcome]) -> None:
        told: dict[Done, list[Outcome]] = {}
        with self._lock:
            for outcome in outcomes:
                self._typical_s = max(1e-5, 0.8 * min(self._typical_s, 0.1) + 0.2 * outcome.running_s)
                if call := self._calls.pop(outcome.key, None):
                    told.setdefault(call.done, []).append(outcome)
        for done, together in told.items():
            done(together)

    def _spread(self, keys: list[int]) -> None:
        with suppress(OSError, TimeoutError):  # the cluster is gone, and so are the calls
            self.client.run(stop_here, keys, on_error="ignore")


class _Batch:
    """What joblib's Dask backend reads of a batch: its items."""

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.items: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [(run_orders, arguments, {})]


def _client(max_workers: int, address: str | None) -> Any:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        remedy = "Install banknifty-kit[dask]."
        raise KitError("The dask backend needs distributed", remedy=remedy) from error
    if address is None:
        cluster = distributed.LocalCluster(
            n_workers=max_workers, threads_per_worker=1, dashboard_address=None
        )
        return distributed.Client(cluster, set_as_default=False)
    _check(distributed, address)
    return distributed.Client(address, set_as_default=False)


def _check(distributed: Any, address: str) -> None:
    """Make sure that a scheduler answers; a Dask client may wait for ever for one that does not."""

    async def greet() -> None:
        comm = await asyncio.wait_for(distributed.core.connect(address), GREETING_S)
        await comm.close()

    try:
        with ThreadPoolExecutor(1) as elsewhere:  # a notebook's own thread runs an event loop already
            elsewhere.submit(asyncio.run, greet()).result()
    except (OSError, ValueError, TimeoutError) as error:
        raise KitError(
            "No Dask scheduler answers", address, "Start one, or leave dask_address out."
        ) from error


def _backend(client: Any) -> Any:
    """Return joblib's own Dask backend on a client."""
    with parallel_config(backend="dask", client=client):
        return get_active_backend()[0]
