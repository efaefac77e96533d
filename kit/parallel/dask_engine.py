"""Tasks on a Dask cluster, each a Dask task.

A Dask worker runs its tasks in threads, which nobody can stop. Each Dask worker therefore keeps a
`WorkerPool` of its own, one process per thread, and hands its tasks to that: a time-out, a crash or a memory
limit means there what it means on the caller's machine. A Dask worker that dies takes its processes with it.

Of an attempt this holds, on the client's event loop:

1. It has a coroutine, `_run`, from `submit` until it has ended, been stopped, or nobody is left to run it.
2. No more are sent than threads are free, each to the Dask worker with the most free ones: so our own queue
   decides what is next, and nothing less important lies ahead of a task there. A thread is free while the
   outcome of what it ran is still on its way.
3. If that Dask worker dies, Dask makes the task over to another, unless its outcome has come back. It gives
   a task up that has cost it several Dask workers: then it has crashed.
4. A shared object is a Dask task of its own, sent once: if it is lost with the Dask worker that held it, Dask
   makes it again.
5. An attempt that is stopped is let go of by the client; where it runs, `run_item` notices and stops it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing import parent_process
from queue import SimpleQueue
from time import monotonic
from typing import Any
from uuid import uuid4

import dask

from kit.errors import KitError
from kit.parallel.dask_worker import WorkItem, run_item
from kit.parallel.engines import Attempt, TravellingEngine
from kit.parallel.execution import Outcome, outcome_from
from kit.parallel.pool import Listener

GREETING_S = 5.0  # for a scheduler to answer
COUNT_S = 0.5  # how often to ask which Dask workers there are
SEND_S = 0.001  # Dask would gather what a client sends for 10 ms, and its workers would wait for it
PATIENCE_S = 30.0  # for a Dask worker to come when none is left: a busy machine starts one in ten
ENDED = "ended"  # in place of a Dask worker: the attempt needs its thread no more
PRELOAD = "kit.parallel.dask_worker"  # its `dask_setup` runs when a worker starts
_log = logging.getLogger(__name__)


class DaskEngine(TravellingEngine):
    """Runs attempts on the Dask cluster at an address, by default on one of `max_workers` made here."""

    def __init__(self, max_workers: int, address: str | None, memory_mb: int | None) -> None:
        self.client = _client_of(max_workers, address)
        self._memory_mb = memory_mb
        super().__init__()
        self._sent: dict[int, str] = {}  # the Dask worker that each attempt has gone to, or `ENDED`
        self._futures: dict[int, Any] = {}
        self._contents: dict[str, Any] = {}
        self._threads: dict[str, int] = self.client.ncores()
        self._closed = False
        self._told: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Listener(target=self._tell, name="kit-dask", daemon=True).start()
        self.client.scheduler_comm.interval = SEND_S
        self.client.loop.add_callback(self._watch)

    def room(self) -> int:
        """Return how many threads of the cluster are free; where there is none, one attempt may wait."""
        return max(1, sum(self._threads.values())) - sum(worker != ENDED for worker in [*self._sent.values()])

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Send attempts."""
        for attempt in attempts:
            self._sent[attempt.key] = ""
            self.client.loop.add_callback(self._run, attempt)

    def stop(self, keys: Sequence[int]) -> None:
        """Cancel attempts."""
        for key in keys:
            if self._sent.pop(key, None) is not None:
                self.client.loop.add_callback(self._let_go, key)

    def unpack(self, attempt: Attempt) -> None:
        """Release the shared objects that the attempt refers to, on the cluster too."""
        super().unpack(attempt)
        for reference in attempt.payload.references if attempt.payload else ():
            if not (self.folder.path / reference).exists():
                self._contents.pop(reference, None)

    def close(self) -> None:
        """Leave the cluster, which cancels all attempts, and end it if it was made here."""
        if self._closed:
            return
        self._closed = True
        self._told.put(None)
        with suppress(OSError, TimeoutError):
            self.client.close()
        if self.client.cluster is not None:
            self.client.cluster.close()
        self.folder.remove()

    def _let_go(self, key: int) -> None:
        if future := self._futures.get(key):
            future.release()

    async def _run(self, attempt: Attempt) -> None:
        """Have an attempt run, and tell what came of it unless it is stopped meanwhile."""
        payload, key = attempt.payload, attempt.key
        assert payload is not None
        references = [*dict.fromkeys(payload.references)]
        item = WorkItem(key, payload.message, attempt.timeout_s, references, self._memory_mb)
        try:
            if key not in self._sent:
                return
            self._sent[key] = worker = self._freest()
            where = {"workers": [worker], "allow_other_workers": True} if worker else {}
            contents = map(self._content, references)
            future = self.client.submit(run_item, item, *contents, key=f"kit-{key}-{uuid4().hex}", **where)
            self._futures[key] = future
            future.add_done_callback(lambda _: self.client.loop.add_callback(self._free_thread, key))
            self._end(key, partial(outcome_from, await self.client.gather(future, asynchronous=True)))
        except (Exception, CancelledError) as error:  # noqa: BLE001  whatever broke on the way ends the attempt
            self._crash(key, f"Dask gave it up: {error!r}.")
        finally:
            if sent := self._futures.pop(key, None):
                sent.release()

    def _content(self, reference: str) -> Any:
        """Return a shared object's content as it lies on the cluster; it is sent there once."""
        if reference not in self._contents:
            content = (self.folder.path / reference).read_bytes()
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
                self._contents[reference] = self.client.submit(bytes, content, key=f"kit-{reference}")
        return self._contents[reference]

    def _freest(self) -> str:
        """Return the Dask worker with the most free threads; empty if there is none."""
        free = Counter(self._threads)
        free.subtract(worker for worker in [*self._sent.values()] if worker in free)
        return max(free, key=lambda worker: free[worker], default="")

    def _free_thread(self, key: int) -> None:
        if key in self._sent:
            self._sent[key] = ENDED
            self._told.put(self.free)

    def _end(self, key: int, outcome: Callable[[], Outcome]) -> None:
        if self._sent.pop(key, None) is not None:
            self._told.put(lambda: self.done(outcome()))

    def _crash(self, key: int, why: str) -> None:
        self._end(key, lambda: Outcome(key, "crashed", None, why))

    def _tell(self) -> None:
        """Tell the scheduler on a thread of its own, since it may run the user's alerts."""
        while tell := self._told.get():
            tell()

    async def _watch(self) -> None:
        """Keep count of Dask workers, and end everything when none has come for long."""
        seen_at = monotonic()  # when there was one
        while not self._closed:
            await asyncio.sleep(COUNT_S)
            with suppress(OSError, AttributeError):  # the scheduler has gone, or the client
                before, self._threads = self._threads, dict(await self.client.scheduler.ncores())
                if lost := before.keys() - self._threads.keys():
                    _log.warning("Dask workers died: %s", ", ".join(lost))
                if self._threads != before:
                    self._told.put(self.free)
            seen_at = monotonic() if self._threads else seen_at
            if self.client.status not in ("running", "connecting") or monotonic() - seen_at >= PATIENCE_S:
                for key in [*self._sent]:
                    self._crash(key, "No Dask worker can be reached.")
                    self._let_go(key)


def _client_of(max_workers: int, address: str | None) -> Any:
    """Return a client of the cluster at an address, by default of one made on this machine."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise KitError("The dask backend needs distributed", None, "Install banknifty-kit[dask].") from error
    if address is None:
        return distributed.Client(_local(distributed, max_workers), set_as_default=False)
    _check(distributed, address)
    client = distributed.Client(address, set_as_default=False)
    try:
        client.wait_for_workers(1, timeout=PATIENCE_S)
    except TimeoutError as error:
        client.close()
        raise KitError("The Dask cluster has no worker", address, "Start workers for it.") from error
    return client


def _local(distributed: Any, max_workers: int) -> Any:
    remedy = 'Put what a script does under `if __name__ == "__main__":`; Dask workers import the script.'
    if parent_process() is not None:
        raise KitError("A Dask worker cannot make a cluster", __name__, remedy)
    options = {"threads_per_worker": 1, "dashboard_address": None, "preload": [PRELOAD]}
    try:
        return distributed.LocalCluster(n_workers=max_workers, **options)
    except RuntimeError as error:
        raise KitError("The local Dask cluster did not start", str(error), remedy) from error


def _check(distributed: Any, address: str) -> None:
    """Make sure that a scheduler answers; a Dask client may wait for ever for one that does not."""

    async def greet() -> None:
        comm = await asyncio.wait_for(distributed.core.connect(address), GREETING_S)
        await comm.close()

    try:
        with ThreadPoolExecutor(1) as elsewhere:  # a notebook's own thread runs an event loop already
            elsewhere.submit(asyncio.run, greet()).result()
    except (OSError, ValueError, TimeoutError) as error:
        raise KitError("No Dask scheduler answers", address, "Start one, or leave it out.") from error
