"""`ConnectionPoolManager`: sockets that are bounded, kept alive and watched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import requests

from kit.arguments import instance, number
from kit.forks import renew_in_fork
from kit.monitor import PerformanceMonitor
from kit.settings import ConnectionConfig
from kit.shown import Showable, table
from kit.transport.adapter import PoolAdapter
from kit.transport.health import percentiles_ms
from kit.transport.limits import RateLimiter
from kit.transport.policy import Policy
from kit.transport.retry import RetryAdapter
from kit.transport.sockets import exhausted

__all__ = ["Connection", "ConnectionConfig", "ConnectionPoolManager"]


@dataclass(frozen=True)
class Connection:
    """What `ConnectionPoolManager.get_connection` lends.

    Parameters
    ----------
    session : requests.Session
        Sends through the pool: its sockets, time-outs and retries; certificates are always verified.
    """

    session: requests.Session


class ConnectionPoolManager(Showable):
    """Owns the sockets and their health; one per process is enough.

    Parameters
    ----------
    config : ConnectionConfig, optional
        Bounds, time-outs and retries.
    ca_file : Path, optional
        Certificate bundle instead of the system's.
    monitor : PerformanceMonitor, optional
        Hears of every exchange as the operation ``network``.

    Examples
    --------
    >>> pool = ConnectionPoolManager(ConnectionConfig(pool_size=10, timeout=10))
    >>> with pool.get_connection() as conn:  # doctest: +SKIP
    ...     response = conn.session.get(url)
    """

    def __init__(
        self,
        config: ConnectionConfig | None = None,
        *,
        ca_file: Path | None = None,
        monitor: PerformanceMonitor | None = None,
    ) -> None:
        self.config = ConnectionConfig() if config is None else instance(config, ConnectionConfig, "config")
        self._monitor = monitor
        self._below = PoolAdapter(self.config, ca_file, self._note)
        self._plain = self.adapter(Policy())
        self._places = threading.Semaphore(self.config.pool_size)
        self._lent = 0
        renew_in_fork(self, _places=partial(threading.Semaphore, self.config.pool_size), _lent=int)

    @contextmanager
    def get_connection(self, timeout: float | None = None) -> Iterator[Connection]:
        """Lend a connection; at most ``pool_size`` are lent at once.

        Parameters
        ----------
        timeout : float, optional
            Longest wait for one, seconds; default ``acquire_timeout``.

        Raises
        ------
        PoolExhausted
            None was given back in time.
        """
        given = self.config.acquire_timeout if timeout is None else timeout
        patience_s = max(0.0, number(given, "Not a time to wait", most=threading.TIMEOUT_MAX))
        if not self._places.acquire(timeout=patience_s):
            raise exhausted(self.config.pool_size, patience_s)
        self._lent += 1
        try:
            with requests.Session() as session:
                session.mount("https://", self._plain)
                session.mount("http://", self._plain)
                yield Connection(session)
        finally:
            self._lent -= 1
            self._places.release()

    def adapter(self, policy: Policy, limiter: RateLimiter | None = None) -> RetryAdapter:
        """Return what a session mounts to send through these sockets, by a policy and its limits."""
        return RetryAdapter(self._below, policy, limiter)

    def get_stats(self) -> dict[str, Any]:
        """Return counts and latencies of the connections.

        Returns
        -------
        dict
            ``active_connections`` (lent or sending), ``idle_connections``, ``open_sockets``,
            ``pool_size``, ``created``, ``reused``, ``recycled`` (closed by age, or to make room),
            ``replaced`` (found dead), ``retries``, ``requests``, ``errors``,
            ``error_rate_percent``, ``p50_ms``, ``p95_ms`` and ``hosts``, the same per host with its
            ``circuit``.
        """
        sockets, known = self._below.sockets, dict(self._below.health)
        hosts = {origin: health.stats() for origin, health in known.items()}
        recent = [seconds for health in known.values() for seconds in health.latencies_s()]
        asked, errors = (sum(host[name] for host in hosts.values()) for name in ("requests", "errors"))
        idle = sockets.idle
        return {
            "active_connections": max(self._lent, sockets.busy),
            "idle_connections": idle,
            "open_sockets": idle + sockets.busy,
            "pool_size": self.config.pool_size,
            **vars(sockets.counts),
            "retries": self._below.retries,
            "requests": asked,
            "errors": errors,
            "error_rate_percent": round(100 * errors / asked, 2) if asked else 0.0,
            **percentiles_ms(recent),
            "hosts": hosts,
        }

    def _figures(self) -> dict[str, object]:
        return {name: value for name, value in self.get_stats().items() if name != "hosts"}

    def _details(self) -> list[str]:
        hosts = self.get_stats()["hosts"].items()
        return [table([{"host": host} | stats for host, stats in hosts])]

    def close(self) -> None:
        """Close every idle socket; the pool can be closed twice and used again."""
        self._below.sockets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _note(self, seconds: float, ok: bool) -> None:
        if self._monitor is not None:
            self._monitor.record_execution("network", seconds, ok)
