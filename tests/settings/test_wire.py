"""Every key of sockets, workers and broker, and of any section yet to come, changes what the kit does."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import pytest
import requests

from kit import (
    AngelAPIClient,
    ConcurrentProcessor,
    ConnectionPoolManager,
)
from kit.broker.order_updates import OrderUpdates
from kit.clock import IST
from kit.desk import monitor_of, open_desk
from kit.errors import CircuitOpen, KitError, PoolExhausted, QueueFull, SettingsError
from kit.parallel import ProcessingTask
from kit.settings import Settings
from kit.transport.health import Health
from kit.transport.retry import backoff_s
from kit.transport.sockets import Sockets

Seen = Callable[[Settings, Any], Any]
SUNDAY = datetime(2026, 11, 22, 12, tzinfo=IST)


def _sockets(settings: Settings, _place: Any) -> int:
    pool = ConnectionPoolManager(settings.connection_pool.model_copy(update={"acquire_timeout": 0.05}))
    lent = []
    with suppress(PoolExhausted):
        for _ in range(4):
            lent.append(pool.get_connection())
            lent[-1].__enter__()
    for one in lent:
        with suppress(RuntimeError):  # the one that was not lent
            one.__exit__(None, None, None)
    return len(lent)


def _attempts(settings: Settings, place: Any) -> int:
    place.exchange.faults.add("searchScrip", "html-502", times=50)
    data = place.data(settings)
    before = place.exchange.stats.requests["searchScrip"]
    with suppress(KitError):
        data._present().client.search("NFO", "NIFTY")
    place.exchange.faults.clear()
    return place.exchange.stats.requests["searchScrip"] - before


def _patience(key: str) -> Seen:
    """Tell whether a silent host, or a wait for a free socket, is given up within the bound."""

    def seen(settings: Settings, place: Any) -> bool:
        config = settings.connection_pool
        if key == "timeout":
            place.exchange.faults.add("searchScrip", "stall:0.6", times=1)
            try:
                place.data(settings)._present().client.search("NFO", "NIFTY")
            except KitError:
                return True
            finally:
                place.exchange.faults.clear()
            return False
        began = monotonic()
        if key == "connect_timeout":
            with socket.socket() as full, socket.socket() as one, socket.socket() as two, suppress(KitError):
                full.bind(("127.0.0.1", 0))
                full.listen(0)
                for filler in (one, two):
                    filler.setblocking(False)
                    filler.connect_ex(full.getsockname())
                url = f"http://127.0.0.1:{full.getsockname()[1]}/"
                ConnectionPoolManager(config)._below.send(requests.Request("GET", url).prepare())
            return monotonic() - began < 1.0
        pool = ConnectionPoolManager(config)
        with pool.get_connection(), suppress(PoolExhausted), pool.get_connection():
            pass
        return monotonic() - began < 0.5

    return seen


def _recycled(settings: Settings, _place: Any) -> int:
    now = [0.0]
    config = settings.connection_pool
    sockets = Sockets(config.pool_size, config.acquire_timeout, config.max_idle_s, timer=lambda: now[0])
    from kit.transport.sockets import PlainHostPool

    pool = PlainHostPool("127.0.0.1", 1, sockets=sockets)
    connection = pool.take()
    connection.sock = _Open()  # type: ignore[assignment]
    pool.give(connection)
    now[0] = 10.0
    return sockets.idle


class _Open:
    def close(self) -> None:
        """Be closed."""


def _circuit(settings: Settings, _place: Any) -> tuple[bool, bool]:
    """Tell whether three failures open the circuit, and whether it is shut ten seconds later."""
    now = [0.0]
    config = settings.connection_pool
    health = Health("host", config.circuit_failures, config.circuit_reset_s, timer=lambda: now[0])
    for _ in range(3):
        health.record(0.1, ok=False)
    found = []
    for now[0] in (0.0, 10.0):
        try:
            health.admit()
            found.append(False)
        except CircuitOpen:
            found.append(True)
    return found[0], found[1]


def _shares(settings: Settings, place: Any) -> bool:
    """Tell whether two clients of one account use one login."""
    with TemporaryDirectory(prefix="kit") as folder:  # whose name is short enough for a socket
        os.environ["KIT_CACHE_DIR"] = folder
        marks = {place.data(settings)._present().client.session.access.tokens().mark for _ in range(2)}
    return len(marks) == 1


def _processor(settings: Settings) -> ConcurrentProcessor:
    return ConcurrentProcessor.from_settings(settings.workers, monitor_of(settings))


def _queued(settings: Settings, _place: Any) -> bool:
    gate = threading.Event()
    with _processor(settings) as processor:
        try:
            for number in range(12):
                processor.submit_task(ProcessingTask(f"t{number}", gate.wait, (5,)))
        except QueueFull:
            return True
        finally:
            gate.set()
    return False


def _in_time(settings: Settings, _place: Any) -> bool:
    with _processor(settings) as processor:
        processor.submit_task(ProcessingTask("t", threading.Event().wait, (0.3,)))
        try:
            processor.get_result("t")
        except KitError:
            return False
    return True


def _at_once(settings: Settings, _place: Any) -> bool:
    """Tell whether two tasks can meet."""
    meet = threading.Barrier(2)

    def wait() -> bool:
        with suppress(threading.BrokenBarrierError):
            meet.wait(1.0)
        return not meet.broken

    with _processor(settings) as processor:
        for name in ("a", "b"):
            processor.submit_task(ProcessingTask(name, wait))
        return bool(processor.get_result("a") and processor.get_result("b"))


def _refuses(make: Callable[[Settings], Any]) -> Seen:
    def seen(settings: Settings, _place: Any) -> str:
        try:
            with make(settings):
                return "made"
        except KitError as error:
            return type(error).__name__

    return seen


def _trusts_nobody(settings: Settings, place: Any) -> bool:
    """Tell whether the authority's file is read: one that is not there can trust nobody."""
    client = AngelAPIClient(place.exchange.credentials, settings, base_url="https://127.0.0.1:9")
    with closing(client):
        try:
            client.login()
        except KitError as error:
            return isinstance(error, SettingsError)
    return False


def _misses_dask(settings: Settings, place: Any) -> bool:
    engine = settings.workers.dask_address
    if engine is None:  # a local cluster: too slow to start for a proof
        return False
    return bool(_refuses(_processor)(settings, place) != "made")


def _address(key: str) -> Seen:
    def seen(settings: Settings, place: Any) -> str:
        client = AngelAPIClient(place.exchange.credentials, settings)
        with closing(client):
            found: dict[str, Callable[[], str]] = {
                "base_url": lambda: client.session.base_url,
                "master_url": lambda: client._master._url,
                "stream_url": lambda: client.feed._url,
                "order_stream_url": lambda: OrderUpdates(client)._url,
            }
            return found[key]()

    return seen


def _market(settings: Settings, _place: Any) -> tuple[float, float]:
    """Return a price of the market that the settings start, and how fast its clock runs."""
    with open_desk(settings) as desk:
        return desk.data.option_chain().frame["ltp"].sum(), desk.clock.speed  # type: ignore[attr-defined]


PROOFS: dict[str, tuple[Any, Any, Seen]] = {
    "connection_pool.pool_size": ((1, 3), (2, 4), _sockets),
    "connection_pool.max_retries": ((0, 2), (1, 3), _attempts),
    "connection_pool.timeout": ((0.2, 10), (True, False), _patience("timeout")),
    "connection_pool.connect_timeout": ((0.2, 10), (True, False), _patience("connect_timeout")),
    "connection_pool.acquire_timeout": ((0.05, 1.0), (True, False), _patience("acquire_timeout")),
    "connection_pool.backoff_factor": ((0, 10), (False, True), lambda settings, _: backoff_s(
        settings.connection_pool.backoff_factor, 0) > 1),
    "connection_pool.max_idle_s": ((5, 55), (0, 1), _recycled),
    "connection_pool.circuit_failures": ((3, 5), ((True, True), (False, False)), _circuit),
    "connection_pool.circuit_reset_s": ((5, 30), ((True, False), (True, True)), _circuit),
    "workers.max_workers": ((1, 2), (False, True), _at_once),
    "workers.backend": (("serial", "threads"), (False, True), _at_once),
    "workers.queue_size": ((2, 100), (True, False), _queued),
    "workers.task_timeout_s": ((0.05, 30), (False, True), _in_time),
    "workers.max_worker_memory_mb": ((64, None), ("KitError", "made"), _refuses(_processor)),
    "workers.dask_address": (("tcp://127.0.0.1:9", None), (True, False), _misses_dask),
    "broker.mode": (("live", "simulated"), ("SettingsError", "made"), _refuses(open_desk)),
    "broker.base_url": (("https://a.example", "https://b.example"), ("https://a.example", "https://b.example"),
        _address("base_url")),
    "broker.master_url": (("https://a.example", "https://b.example"), ("https://a.example", "https://b.example"),
        _address("master_url")),
    "broker.stream_url": (("wss://a.example", "wss://b.example"), ("wss://a.example", "wss://b.example"),
        _address("stream_url")),
    "broker.order_stream_url": (("wss://a.example", "wss://b.example"), ("wss://a.example", "wss://b.example"),
        _address("order_stream_url")),
    "broker.ca_file": (("nowhere.pem", None), (True, False), _trusts_nobody),
    "broker.share_tokens": (("memory", "never"), (True, False), _shares),
    "broker.seed": ((1, 2), None, lambda settings, place: _market(settings, place)[0]),
    "broker.speed": ((1.0, 60.0), (1.0, 60.0), lambda settings, place: _market(settings, place)[1]),
}  # fmt: skip
BESIDE: dict[str, dict[str, Any]] = {
    "connection_pool.timeout": {"connection_pool": {"max_retries": 0}},
    "connection_pool.max_retries": {"connection_pool": {"backoff_factor": 0}},
    "connection_pool.acquire_timeout": {"connection_pool": {"pool_size": 1}},
    "connection_pool.circuit_reset_s": {"connection_pool": {"circuit_failures": 3}},
    "workers.dask_address": {"workers": {"backend": "dask"}},
    "workers.max_worker_memory_mb": {"workers": {"backend": "threads"}},
}
ELSEWHERE = ("cache_config", "data_manager", "performance_monitor", "latency_requirements", "stream")
KEYS = [
    f"{name}.{key}"
    for name, section in Settings.model_fields.items()
    if name not in ELSEWHERE
    for key in type(section.default).model_fields
]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_changes_what_the_kit_does(key: str, prove: Callable[..., None]) -> None:
    """Two values of a key make the kit do two things; a key without a proof fails here."""
    assert key in PROOFS, f"{key} has no proof"
    prove(key, PROOFS[key], BESIDE.get(key, {}))
