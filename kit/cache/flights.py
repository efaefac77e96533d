"""One flight per key: of many callers that want the same thing, one fetches it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from kit.errors import KitError, KitWarning
from kit.forks import renew_in_fork
from kit.short_repr import short_repr

T = TypeVar("T")
PATIENCE_S = 30.0  # longer than any answer of the broker takes


class _Graph:
    """Who waits for whom, in all caches of the process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: dict[int, _Flight[Any]] = {}  # by thread
        renew_in_fork(self, lock=threading.Lock, waiting=dict)


_graph = _Graph()


class _Flight(Future[T]):
    def __init__(self) -> None:
        super().__init__()
        self.pilot = threading.get_ident()


class Flights(Generic[T]):
    """Runs one factory per key at a time; everybody who asked meanwhile gets its outcome.

    Examples
    --------
    >>> flights = Flights()
    >>> flights.join("key", look=lambda: None, fetch=lambda: 42)
    42
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Hashable, _Flight[Any]] = {}
        renew_in_fork(self, _lock=threading.Lock, _flying=dict)

    def join(self, key: Hashable, look: Callable[[], T | None], fetch: Callable[[], T]) -> T:
        """Return what the flight of this key brings, starting one if none is under way.

        Parameters
        ----------
        key : hashable
        look : callable
            Returns what an earlier flight left behind, or None. Called with the key locked against
            new flights, so nothing is fetched twice.
        fetch : callable
            Makes the value. Its error reaches everybody who waits, and is not remembered.

        Raises
        ------
        KitError
            `fetch` asked for its own key, here or through other threads' factories.
        """
        while True:
            with self._lock:
                flight = self._flying.get(key)
                if flight is None:
                    if (found := look()) is not None:
                        return found
                    mine: _Flight[T] = _Flight()
                    self._flying[key] = mine
                    break
            error = _outcome(key, flight)
            if error is None:
                arrived: T = flight.result()
                return arrived
            if isinstance(error, Exception):
                raise error
            # the pilot was interrupted from outside (Ctrl-C): the next in line flies
        return self._fly(key, mine, fetch)

    def _fly(self, key: Hashable, flight: _Flight[T], fetch: Callable[[], T]) -> T:
        try:
            value = fetch()
        except BaseException as error:
            self._land(key, flight)
            flight.set_exception(error)
            raise
        self._land(key, flight)
        flight.set_result(value)
        return value

    def current(self, key: Hashable) -> object:
        """Return a mark of the flight under way, to be compared by identity; None: there is none."""
        return self._flying.get(key)

    def abandon(self, key: Hashable | None = None) -> None:
        """Let later callers start anew; None: of every key. Those who wait still get their outcome."""
        with self._lock:
            if key is None:
                self._flying.clear()
            else:
                self._flying.pop(key, None)

    def _land(self, key: Hashable, flight: _Flight[T]) -> None:
        with self._lock:
            if self._flying.get(key) is flight:
                del self._flying[key]


def _outcome(key: Hashable, flight: _Flight[Any]) -> BaseException | None:
    """Wait for a flight, unless it waits for this thread, itself or through others, and return its error."""
    me, at = threading.get_ident(), flight
    with _graph.lock:
        while not at.done():
            if at.pilot == me:
                raise KitError("A factory asks for the key it is making", key, "Make it from other keys.")
            if at.pilot not in _graph.waiting:
                break
            at = _graph.waiting[at.pilot]
        _graph.waiting[me] = flight
    try:
        return _landed(key, flight)
    finally:
        with _graph.lock:
            del _graph.waiting[me]


def _landed(key: Hashable, flight: _Flight[Any]) -> BaseException | None:
    """Wait for a flight and return its error; a long wait is said, for the pilot may wait for this thread."""
    try:
        return flight.exception(PATIENCE_S)
    except TimeoutError:
        told = f"This thread waits for {short_repr(key)}, which another one has been making for long."
        why = "If that one's factory waits for this thread, neither ends: make the value from other keys."
        warnings.warn(f"{told} {why}", KitWarning, stacklevel=2)
        return flight.exception()
