"""Reaching a Dask cluster: its client, and joblib's backend on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import Any, NamedTuple

from joblib.parallel import get_active_backend, parallel_config

from kit.errors import KitError

FAREWELL_S = 2.0  # for Dask workers to hear what to stop
GREETING_S = 5.0  # for a scheduler to answer
PRELOAD = "kit.parallel.dask_worker"  # its `dask_setup` runs when a worker starts


class Cluster:
    """A client of the cluster at an address, by default of one made on this machine.

    Raises
    ------
    KitError
        ``distributed`` is not installed, no scheduler answers, or the cluster has no worker.
    """

    def __init__(self, max_workers: int, address: str | None) -> None:
        self.client = _client_of(max_workers, address)
        self.backend = _backend_of(self.client)
        self._farewells: list[Thread] = []

    def send(
        self,
        address: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        heard: Callable[[Any], None],
    ) -> tuple[Any, Callable[[], None]]:
        """Have a Dask worker call a function, another if it dies first.

        Returns joblib's future, and a function that lets Dask forget the call. `heard` is called with what
        `retrieve_result_callback` of the backend unpacks, unless Dask fails: then the future has the error,
        which is `Undelivered` when the call never got to Dask.
        """
        way = object.__new__(type(self.backend))  # a view of it: copying it would make another
        client = _Courier(self.client, address)
        vars(way).update(vars(self.backend), client=client)

        def back(out: Any) -> None:
            client.release()
            heard(out)

        client.promise = way.submit(_Batch([(function, arguments, {})]), back)
        return client.promise, client.release

    def spread(self, function: Callable[..., Any], keys: Sequence[int]) -> None:
        """Have every Dask worker call a function with keys; returns at once."""

        def tell() -> None:
            # the cluster is gone, or the client has left it, and so is what the keys stand for
            with suppress(OSError, TimeoutError, AttributeError, RuntimeError):
                self.client.run(function, keys, on_error="ignore")

        self._farewells = [thread for thread in self._farewells if thread.is_alive()]
        self._farewells.append(Thread(target=tell, name="kit-dask-stop", daemon=True))
        self._farewells[-1].start()

    def close(self) -> None:
        """Leave the cluster once it has been told what to stop, and end it if it was made here."""
        for farewell in self._farewells:
            farewell.join(FAREWELL_S)
        self.backend.stop_call()
        if self.client.status == "running":  # else the scheduler complains that nobody listens any more
            self.client.loop.add_callback(self.client.unsubscribe_topic, "all")
        with suppress(OSError, TimeoutError):
            self.client.close()
        if self.client.cluster is not None:
            self.client.cluster.close()


class Undelivered(Exception):
    """A call has not got to Dask; it has run nowhere."""


class _Batch(NamedTuple):
    """What joblib's Dask backend reads of a batch."""

    items: list[tuple[Any, tuple[Any, ...], dict[str, Any]]]


class _Courier:
    """A client that sends to one Dask worker, as long as that lives, and can let go of what it sent.

    joblib holds on to what has come back until something else does. If its Dask worker died in between,
    Dask would compute it again.

    joblib scatters and submits in a callback of the client's loop, where nobody hears of an exception. It
    gets this for the loop, which gives the exception to the future that joblib has promised.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._options = {"workers": [address], "allow_other_workers": True}
        self._future: Any = None
        self._released = False
        self.promise: Any = None
        self.loop = self

    def add_callback(self, function: Callable[..., Any], *args: Any) -> None:
        self._client.loop.add_callback(self._carry, function, args)

    async def _carry(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            await function(*args)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  the call is not on its way
            self.promise.set_exception(Undelivered(str(error) or repr(error)))

    def submit(self, *args: Any, **options: Any) -> Any:
        if self._released:
            raise Undelivered("It was let go before its arguments were there")
        self._future = self._client.submit(*args, **options, **self._options)
        return self._future

    def release(self) -> None:
        self._released = True
        if self._future is not None:
            self._future.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def _client_of(max_workers: int, address: str | None) -> Any:
    """Return a client of the cluster at an address, by default of one made on this machine.

    Raises
    ------
    KitError
        ``distributed`` is not installed, or no scheduler answers.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        remedy = "Install banknifty-kit[dask]."
        raise KitError("The dask backend needs distributed", remedy=remedy) from error
    if address is None:
        cluster = distributed.LocalCluster(
            n_workers=max_workers, threads_per_worker=1, dashboard_address=None, preload=[PRELOAD]
        )
        return distributed.Client(cluster, set_as_default=False)
    _check(distributed, address)
    return distributed.Client(address, set_as_default=False)


def _backend_of(client: Any) -> Any:
    """Return joblib's own Dask backend on a client.

    Raises
    ------
    KitError
        The cluster has no worker and none comes.
    """
    with parallel_config(backend="dask", client=client):
        backend = get_active_backend()[0]
    try:
        backend.configure()
    except TimeoutError as error:
        raise KitError("The Dask cluster has no worker", remedy="Start workers for it.") from error
    backend.start_call()
    return backend


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
