"""A fork of the caller, at any moment: it answers, whatever the other threads were doing."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from kit import AngelAPIClient, CacheManager, ConnectionPoolManager, DataManager, PerformanceMonitor
from kit.cache.flights import Flights
from kit.errors import KitError
from kit.settings import Settings
from kit.simulator.server import SimulatedExchange
from kit.transport.database import Database
from kit.transport.limits import RateLimiter, Window

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),  # of Python 3.12: threads are the point
]
BRIEF = Settings(cache_config={"ltp_ttl": 0.02, "options_chain_ttl": 0.05})


def _answers(work: Callable[[], object]) -> bool:
    """Fork, do some work there, and tell whether it was done in time."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)  # held up for ever, it is killed
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - told to the parent by the status, to the reader here
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def _holding(enter: Callable[[threading.Event, threading.Event], None], work: Callable[[], object]) -> bool:
    """Fork while another thread is in the middle of something."""
    inside, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=enter, args=(inside, leave))
    thread.start()
    inside.wait()
    try:
        return _answers(work)
    finally:
        leave.set()
        thread.join()


def test_a_factory_under_way() -> None:
    """What another thread was making is made anew, not waited for."""
    cache = CacheManager()

    def making(inside: threading.Event, leave: threading.Event) -> None:
        cache.get_or_set("key", lambda: (inside.set(), leave.wait(), 1)[2])

    assert _holding(making, lambda: cache.get_or_set("key", lambda: 2))


def test_a_flight_under_way() -> None:
    """The same for flights alone."""
    flights: Flights[int] = Flights()

    def flying(inside: threading.Event, leave: threading.Event) -> None:
        flights.join("key", lambda: None, lambda: (inside.set(), leave.wait(), 1)[2])  # type: ignore[arg-type,return-value]

    assert _holding(flying, lambda: flights.join("key", lambda: None, lambda: 2))


PARTS: dict[str, Callable[[DataManager], tuple[object, str]]] = {
    "cache": lambda data: (data._cache, "_lock"),
    "limits": lambda data: (data._present().client.session.limiter._turns._shared, "_lock"),
    "answers": lambda data: (data._present().client.session.replies.cache.responses._database, "_lock"),
    "marks": lambda data: (data._present().client.session.replies.cache.responses, "_lock"),
    "sockets": lambda data: (data._present().client._pool._below.sockets, "_changed"),
    "hosts": lambda data: (data._present().client._pool._below, "_opening"),
    "master": lambda data: (data._present().client._master, "_lock"),
    "listing": lambda data: (data._present().listing, "_lock"),
    "counts": lambda data: (data._present().client.session, "_counting"),
    "feed": lambda data: (data._present().client.feed, "_changing"),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_lock_that_is_held(part: str, exchange: SimulatedExchange) -> None:
    """A lock that another thread holds at the moment of a fork holds nobody up there."""
    roots = {"base_url": exchange.url, "master_url": exchange.master_url}
    with AngelAPIClient(exchange.credentials, BRIEF, clock=exchange.clock, **roots) as client:
        data = DataManager(api_client=client)
        data.option_chain()
        owner, name = PARTS[part](data)

        def holding(inside: threading.Event, leave: threading.Event) -> None:
            with getattr(owner, name):
                inside.set()
                leave.wait()

        assert _holding(holding, lambda: (data.spot(), data.option_chain(), data.get_performance_stats()))


def test_a_fork_waits_for_sqlite(tmp_path: Path) -> None:
    """No copy is made while a thread is inside SQLite, whose own locks nobody could release there."""
    database = Database(tmp_path / "a.sqlite", 1, ["CREATE TABLE rows (at)"])
    inside, done = threading.Event(), []

    def slow(rows: sqlite3.Connection) -> None:
        inside.set()
        time.sleep(0.2)
        done.append(rows.execute("INSERT INTO rows VALUES (1)").rowcount)

    thread = threading.Thread(target=database.write, args=(slow,))
    thread.start()
    inside.wait()
    assert _answers(lambda: (done[0], database.read("SELECT at FROM rows")[0]))
    thread.join()


# A busy machine may lock its file for long, and answer late.
@pytest.mark.filterwarnings("ignore::kit.errors.CacheUnavailable", "ignore::kit.errors.StaleData")
def test_threads_that_ask(exchange: SimulatedExchange, wide_limits: None) -> None:
    """Forks at any moment among threads that ask and ask get their own answers."""
    roots = {"base_url": exchange.url, "master_url": exchange.master_url}
    with AngelAPIClient(exchange.credentials, BRIEF, clock=exchange.clock, **roots) as client:
        data, stop = DataManager(api_client=client), threading.Event()
        data.option_chain()

        def asking() -> None:
            while not stop.is_set():
                with suppress(KitError):
                    data.spot()
                    data.option_chain()

        threads = [threading.Thread(target=asking) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            assert all(_answers(lambda: (data.spot(), data.option_chain())) for _ in range(5))
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_parts_of_their_own() -> None:
    """Pools, monitors and limits made before a fork go on after it, on both sides."""
    pool, monitor, limiter = ConnectionPoolManager(), PerformanceMonitor(), RateLimiter(None)

    def used() -> None:
        with pool.get_connection(timeout=1), monitor.measure("op"), limiter.turn("b", [Window(5, 1)]):
            pass

    with pool.get_connection():
        assert _answers(used)
    used()
