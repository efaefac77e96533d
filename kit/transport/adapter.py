"""The door through which a plain `requests.Session` uses the pool."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3.exceptions import EmptyPoolError

from kit.transport.sockets import PlainLane, SecureLane, Sockets, exhausted
from kit.transport.tls import context_for

if TYPE_CHECKING:
    from kit.transport.pool import ConnectionPoolManager

_MOMENTARY = (502, 503, 504)


class PoolAdapter(HTTPAdapter):
    """Sends through the pool's sockets, with its time-outs, retries and certificates.

    Reads (GET, HEAD, OPTIONS) and idempotent writes are retried with exponential back-off and
    jitter; a POST only if it was never sent. ``verify`` and ``cert`` of a call are not looked at.
    """

    def __init__(self, pool: ConnectionPoolManager, sockets: Sockets, ca_file: Path | None) -> None:
        self._pool = pool
        self._sockets = sockets
        self._ca_file = ca_file
        config = pool.config
        retry = _CountedRetry(
            total=config.max_retries,
            backoff_factor=config.backoff_factor,
            backoff_jitter=config.backoff_factor,
            status_forcelist=_MOMENTARY,
            raise_on_status=False,
        )
        retry.pool = pool
        super().__init__(pool_maxsize=config.pool_size, pool_block=True, max_retries=retry)

    def send(
        self, request: PreparedRequest, stream: bool = False, timeout: Any = None, *others: Any, **more: Any
    ) -> Response:
        """Send as `requests.adapters.HTTPAdapter.send` does; without a time-out, the pool's is taken.

        Raises
        ------
        PoolExhausted
            No socket became free in time.
        CircuitOpen
            The host has failed repeatedly.
        """
        config = self._pool.config
        url = urlsplit(str(request.url))
        health = self._pool.host(url.scheme, url.netloc).health
        health.admit()
        started, ok = time.perf_counter(), False
        try:
            wait = (config.connect_timeout, config.timeout) if timeout is None else timeout
            response = super().send(request, stream, wait, *others, **more)
            ok = response.status_code < 500
            return response
        except EmptyPoolError:
            raise exhausted(config.pool_size, config.acquire_timeout) from None
        finally:
            self._pool.note(health, time.perf_counter() - started, ok)

    def close(self) -> None:
        """Leave the sockets open: they belong to the pool, not to one session."""

    def init_poolmanager(self, *sizes: Any, **settings: Any) -> None:
        """Make urllib3 build lanes instead of pools of its own."""
        super().init_poolmanager(*sizes, **settings)
        self.poolmanager.pool_classes_by_scheme = self._lanes()

    def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
        """Make urllib3 build lanes through a proxy, too."""
        manager = super().proxy_manager_for(proxy, **settings)
        manager.pool_classes_by_scheme = self._lanes()
        return manager

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Leave certificates out: every lane verifies with the pool's one context."""
        host, _tls = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, *_certificates: Any) -> None:
        """Leave the lane's verification as it is."""

    def _lanes(self) -> Mapping[str, Any]:
        return {"http": partial(PlainLane, sockets=self._sockets), "https": self._secure_lane}

    def _secure_lane(self, host: str, port: int, **settings: Any) -> SecureLane:
        context = context_for(self._ca_file)  # read when the first secure host is met, not before
        return SecureLane(host, port, sockets=self._sockets, ssl_context=context, **settings)


class _CountedRetry(Retry):
    """urllib3's retries, counted in the pool's statistics."""

    pool: ConnectionPoolManager

    def new(self, **settings: Any) -> _CountedRetry:
        following = super().new(**settings)
        following.pool = self.pool
        return following

    def increment(self, *details: Any, **more: Any) -> _CountedRetry:
        following = super().increment(*details, **more)
        self.pool.count_retry()
        return following
