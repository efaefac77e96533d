"""The sockets of all hosts together: never more than the bound, kept alive, checked before use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection

from kit.errors import PoolExhausted
from kit.forks import renew_in_fork
from kit.transport.connection import PlainConnection, SecureConnection


@dataclass
class Counts:
    """What became of the sockets so far."""

    created: int = 0
    reused: int = 0
    recycled: int = 0
    replaced: int = 0


@dataclass(frozen=True)
class _Idle:
    pool: _HostPool
    connection: HTTPConnection
    since: float


@dataclass
class Sockets:
    """Lends connections of any host, at most `size` open at once.

    Parameters
    ----------
    size : int
        Most sockets, idle ones included; an idle socket of another host makes room.
    acquire_timeout_s : float
        Longest wait for a free one.
    max_idle_s : float
        Age at which an idle one is closed instead of used; below the broker's own time-out.
    timer : callable, optional
        Monotonic seconds.
    """

    size: int
    acquire_timeout_s: float
    max_idle_s: float
    timer: Callable[[], float] = time.monotonic
    counts: Counts = field(default_factory=Counts)
    _lent: set[HTTPConnection] = field(default_factory=set)
    _idle: list[_Idle] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        # a fork's sockets belong to its parent
        renew_in_fork(self, _changed=threading.Condition, _lent=set, _idle=list)

    def take(self, pool: _HostPool, make: Callable[[], HTTPConnection]) -> HTTPConnection:
        """Lend a connection of a host: its youngest idle one that still works, else a new one.

        Raises
        ------
        PoolExhausted
            None became free in time.
        """
        with self._changed:
            deadline = self.timer() + self.acquire_timeout_s
            while (found := self._reusable(pool)) is None and not self._room():
                if not self._changed.wait(deadline - self.timer()) and self.timer() >= deadline:
                    raise exhausted(self.size, self.acquire_timeout_s)
            self.counts.reused += found is not None
            self.counts.created += found is None
            connection = found if found is not None else make()
            self._lent.add(connection)
        return connection

    def give(self, pool: _HostPool, connection: HTTPConnection) -> None:
        """Take a connection back; a closed one only frees its place, one that was not lent is ignored."""
        with self._changed:
            if connection not in self._lent:
                return
            self._lent.discard(connection)
            if not connection.is_closed:
                self._idle.append(_Idle(pool, connection, self.timer()))
            self._changed.notify()

    @property
    def busy(self) -> int:
        """How many connections are lent."""
        return len(self._lent)

    @property
    def idle(self) -> int:
        """How many open sockets wait for use; those past their age are closed first."""
        with self._changed:
            self._recycle()
            return len(self._idle)

    def close(self, pool: _HostPool | None = None) -> None:
        """Close the idle sockets of one host; None: of all hosts."""
        with self._changed:
            for idle in [idle for idle in self._idle if pool is None or idle.pool is pool]:
                self._drop(idle)
            self._changed.notify_all()

    def _reusable(self, pool: _HostPool) -> HTTPConnection | None:
        self._recycle()
        for idle in reversed(self._idle):
            if idle.pool is not pool:
                continue
            if idle.connection.is_connected:  # nothing to read: neither closed by the peer nor out of step
                self._idle.remove(idle)
                return idle.connection
            self._drop(idle)
            self.counts.replaced += 1
            return self._reusable(pool)
        return None

    def _recycle(self) -> None:
        oldest = self.timer() - self.max_idle_s
        for idle in [idle for idle in self._idle if idle.since < oldest]:
            self._drop(idle)
            self.counts.recycled += 1

    def _room(self) -> bool:
        if self.busy + len(self._idle) < self.size:
            return True
        if self._idle:  # of another host, else it would have been reused
            self._drop(self._idle[0])
            self.counts.recycled += 1
            return True
        return False

    def _drop(self, idle: _Idle) -> None:
        self._idle.remove(idle)
        idle.connection.close()


def exhausted(size: int, waited_s: float) -> PoolExhausted:
    """Return the error for a wait that took too long."""
    remedy = (
        f"All {size} were in use for {waited_s:g} s; raise connection_pool.pool_size or use fewer threads."
    )
    return PoolExhausted("No connection became free", None, remedy)


class _HostPool:
    """One host's connections, lent from the common sockets; mixed into urllib3's pool of one host."""

    scheme: str
    proxy: Any
    _new_conn: Callable[[], HTTPConnection]
    _prepare_proxy: Callable[[HTTPConnection], None]

    def __init__(self, host: str, port: int | None = None, *, sockets: Sockets, **settings: Any) -> None:
        self._sockets = sockets
        super().__init__(host, port, **settings)  # type: ignore[call-arg]

    def take(self) -> HTTPConnection:
        """Lend a connection, opened or not.

        Raises
        ------
        PoolExhausted
            None became free in time.
        """
        return self._sockets.take(self, self._new_conn)

    def give(self, connection: HTTPConnection) -> None:
        """Take a connection back; under its second name urllib3's answers give theirs."""
        self._sockets.give(self, connection)

    _put_conn = give

    def open(self, connection: HTTPConnection) -> None:
        """Connect, through the proxy's tunnel if there is one."""
        if self.proxy is not None and self.scheme == "https":
            self._prepare_proxy(connection)
        else:
            connection.connect()

    def close(self) -> None:
        """Close what is idle."""
        self._sockets.close(self)


class PlainHostPool(_HostPool, HTTPConnectionPool):  # type: ignore[misc] # the mixin's methods are meant to win
    """Connections of one ``http`` host."""

    ConnectionCls = PlainConnection


class SecureHostPool(_HostPool, HTTPSConnectionPool):  # type: ignore[misc]
    """Connections of one ``https`` host, verified."""

    ConnectionCls = SecureConnection


HostPool = PlainHostPool | SecureHostPool
