"""`ConnectionPoolManager`: sockets bounded and kept alive, hosts watched, failures named."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest, Response
from urllib3.exceptions import HTTPError

from kit.errors import Ambiguous, NeverSent, SettingsError, TransportError
from kit.monitor import PerformanceMonitor
from kit.settings import ConnectionConfig
from kit.transport.adapter import PoolAdapter
from kit.transport.health import Health, percentiles_ms
from kit.transport.sockets import Lane, Sockets, exhausted
from kit.transport.wire import read_answer

__all__ = ["Connection", "ConnectionConfig", "ConnectionPoolManager"]

_BROKEN = (OSError, HTTPException, HTTPError)


@dataclass(frozen=True)
class Connection:
    """What `ConnectionPoolManager.get_connection` lends.

    Parameters
    ----------
    session : requests.Session
        Sends through the pool: its sockets, time-outs and retries; certificates are always verified.
    """

    session: requests.Session


@dataclass(frozen=True)
class Host:
    """What the pool knows of one host.

    Parameters
    ----------
    lane : Lane
        Its connections.
    health : Health
        How it is doing.
    absolute : bool
        A plain proxy stands before it and wants the whole URL.
    """

    lane: Lane
    health: Health
    absolute: bool


class ConnectionPoolManager:
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
        self.config = config or ConnectionConfig()
        self._monitor = monitor
        self._sockets = Sockets(self.config.pool_size, self.config.acquire_timeout, self.config.max_idle_s)
        self._adapter = PoolAdapter(self, self._sockets, ca_file)
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()
        self._places = threading.Semaphore(self.config.pool_size)
        self._counting = threading.Lock()
        self._active = self._retries = 0

    @contextmanager
    def get_connection(self) -> Iterator[Connection]:
        """Lend a connection; at most ``pool_size`` are lent at once.

        Raises
        ------
        PoolExhausted
            None was given back within ``acquire_timeout`` seconds.
        """
        if not self._places.acquire(timeout=self.config.acquire_timeout):
            raise exhausted(self.config.pool_size, self.config.acquire_timeout)
        session = requests.Session()
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)
        self._count(active=1)
        try:
            yield Connection(session)
        finally:
            self._count(active=-1)
            self._places.release()

    def exchange(self, request: PreparedRequest) -> Response:
        """Send one request once and read its answer whole; cookies and redirects are not followed.

        Raises
        ------
        NeverSent
            It did not reach the host: sending it again is safe.
        Ambiguous
            It left and no whole answer came.
        PoolExhausted
            No socket became free in time.
        CircuitOpen
            The host has failed repeatedly.
        SettingsError
            The URL names no host.
        """
        url = urlsplit(str(request.url))
        host = self.host(url.scheme, url.netloc)
        host.health.admit()
        target = str(request.url) if host.absolute else request.path_url
        shown = f"{request.method} {url.scheme}://{url.netloc}{url.path}"
        connection = host.lane.take()
        started, ok = time.perf_counter(), False
        self._count(active=1)
        try:
            self._connect(host, connection, shown)
            response = self._converse(connection, request, target, shown)
            ok = response.status_code < 500
            return response
        except BaseException:
            connection.close()
            raise
        finally:
            self._count(active=-1)
            host.lane.give(connection)
            self.note(host.health, time.perf_counter() - started, ok)

    def host(self, scheme: str, netloc: str) -> Host:
        """Return what is known of a host, finding its proxy and certificates the first time."""
        origin = f"{scheme}://{netloc}"
        found = self._hosts.get(origin)
        if found is None:
            with self._lock:
                found = self._hosts.setdefault(origin, self._new_host(origin))
        return found

    def note(self, health: Health, seconds: float, ok: bool) -> None:
        """Record how an exchange ended."""
        health.record(seconds, ok)
        if self._monitor is not None:
            self._monitor.record_execution("network", seconds, ok)

    def count_retry(self) -> None:
        """Count one further attempt."""
        with self._counting:
            self._retries += 1

    def get_stats(self) -> dict[str, Any]:
        """Return how the connections do.

        Returns
        -------
        dict
            ``active_connections`` (lent or sending), ``idle_connections``, ``open_sockets``,
            ``pool_size``, ``created``, ``reused``, ``recycled`` (closed by age, or to make room),
            ``replaced`` (found dead), ``retries``, ``requests``, ``errors``,
            ``error_rate_percent``, ``p50_ms``, ``p95_ms`` and ``hosts``, the same per host with its
            ``circuit``.
        """
        hosts = {origin: host.health.stats() for origin, host in list(self._hosts.items())}
        recent = [s for host in list(self._hosts.values()) for s in host.health.latencies_s()]
        requests_, errors = (sum(host[name] for host in hosts.values()) for name in ("requests", "errors"))
        idle = self._sockets.idle
        return {
            "active_connections": self._active,
            "idle_connections": idle,
            "open_sockets": idle + self._sockets.busy,
            "pool_size": self.config.pool_size,
            **vars(self._sockets.counts),
            "retries": self._retries,
            "requests": requests_,
            "errors": errors,
            "error_rate_percent": round(100 * errors / requests_, 2) if requests_ else 0.0,
            **percentiles_ms(recent),
            "hosts": hosts,
        }

    def close(self) -> None:
        """Close every idle socket; harmless twice, and the pool can be used again."""
        self._sockets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _count(self, active: int) -> None:
        with self._counting:
            self._active += active

    def _new_host(self, origin: str) -> Host:
        probe = _probe(origin)
        environment = requests.Session().merge_environment_settings(f"{origin}/", {}, None, None, None)
        lane = cast(
            Lane, self._adapter.get_connection_with_tls_context(probe, True, environment["proxies"], None)
        )
        health = Health(origin, self.config.circuit_failures, self.config.circuit_reset_s)
        return Host(lane, health, absolute=lane.proxy is not None and origin.startswith("http:"))

    def _connect(self, host: Host, connection: Any, shown: str) -> None:
        if not connection.is_closed:
            return
        connection.timeout = self.config.connect_timeout
        try:
            host.lane.open(connection)
        except _BROKEN as error:
            raise never_sent(error, shown) from None

    def _converse(self, connection: Any, request: PreparedRequest, target: str, shown: str) -> Response:
        """Send and read. Errors are renamed here because the library's own show headers or bodies.

        They are raised when the library's is gone: it would stay behind them as their context.
        """
        connection.timeout = self.config.timeout
        failed: TransportError
        try:
            return read_answer(connection, request, target, self.config.timeout)
        except ValueError:
            failed = NeverSent("The request has a malformed header", shown, "Check the credentials.")
        except _BROKEN as error:
            failed = ambiguous(error, shown)
        raise failed


def _probe(origin: str) -> PreparedRequest:
    try:
        if origin.startswith(("http://", "https://")):
            return requests.Request("GET", f"{origin}/").prepare()
    except requests.RequestException:
        pass  # the same mistake in the library's words
    raise SettingsError("Not the address of a host", origin, "Write it as https://host or https://host:port.")


def never_sent(error: Exception, shown: str) -> NeverSent:
    """Name a failure before anything was sent."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NeverSent("The host's certificate is not trusted", shown, "Check broker.ca_file.")
    return NeverSent(
        f"No connection to the host ({reason(error)})", shown, "Check the network, then try again."
    )


def ambiguous(error: Exception, shown: str) -> TransportError:
    """Name a failure after the request had left."""
    remedy = "A read may be sent again; look up an order before repeating it."
    return Ambiguous(f"The request left and no whole answer came ({reason(error)})", shown, remedy)


def reason(error: Exception) -> str:
    """Name an error by its type alone: texts of foreign errors may quote headers or bodies."""
    return type(error).__name__
