"""Sends one request once over the common sockets; `kit.transport.retry` mounts it below every session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import requests
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from kit.addresses import ProxyAddress, not_an_address
from kit.errors import Ambiguous, NeverSent, SettingsError, TransportError
from kit.forks import renew_in_fork
from kit.settings import ConnectionConfig
from kit.transport.health import Health
from kit.transport.proxies import proxy_of
from kit.transport.sockets import HostPool, PlainHostPool, SecureHostPool, Sockets
from kit.transport.tls import context_for, environment_bundle

_BROKEN = (OSError, HTTPException, HTTPError)
_MOST_BYTES = 128 * 2**20  # of one whole answer, decompressed; what may be longer is streamed
_PIECE = 2**18


class AnswerTooLarge(HTTPError):
    """An answer is longer, once decompressed, than any broker's."""


@dataclass(frozen=True, slots=True)
class _Host:
    """The connections to one host and its health; `absolute`: a plain proxy before it wants the whole URL."""

    pool: HostPool
    health: Health
    absolute: bool


class PoolAdapter(HTTPAdapter):
    """Sends through common sockets, by their time-outs and certificates, and names what fails.

    Its errors never show headers or bodies. Loopback is reached without a proxy, whatever the environment
    says. Certificates are always verified.

    Parameters
    ----------
    config : ConnectionConfig
        Bounds and time-outs.
    ca_file : Path or None
        Certificate bundle instead of the environment's or the system's, where a call names none.
    on_exchange : callable
        Gets the seconds of every attempt and whether it succeeded.
    """

    def __init__(
        self, config: ConnectionConfig, ca_file: Path | None, on_exchange: Callable[[float, bool], None]
    ) -> None:
        super().__init__(max_retries=0)
        self.config = config
        self.sockets = Sockets(config.pool_size, config.acquire_timeout, config.max_idle_s)
        self.health: dict[str, Health] = {}
        self._ca_file = ca_file
        self._on_exchange = on_exchange
        self.retries = 0
        self._hosts: dict[tuple[str, str, ProxyAddress, str], _Host] = {}
        self._opening = threading.Lock()
        renew_in_fork(self, _opening=threading.Lock)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str | None = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Send a request once and read its answer, whole unless it is streamed.

        Parameters
        ----------
        request, stream, verify, proxies
            As in `requests.adapters.HTTPAdapter.send`.
        timeout : float or (float, float), optional
            Seconds without a byte, or those to connect and those; default the pool's. A whole answer,
            head included, may take six times as long.
        cert : None
            There are no client certificates.

        Raises
        ------
        NeverSent
            It did not reach the host: sending it again is safe.
        Ambiguous
            It left and no whole answer came, or one that is too long.
        PoolExhausted
            No socket became free in time.
        CircuitOpen
            The host has failed repeatedly.
        SettingsError
            The URL names no host, the proxy's address is none, or certificates were not to be verified.
        """
        if str(request.url).startswith("https:") and (verify is False or cert):
            raise SettingsError("Certificates are always verified", None, "Name the authority as ca_file.")
        connect_s, read_s = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        host = self._host(request, verify, proxies)
        host.health.admit()
        connection = host.pool.take()
        started, ok = time.perf_counter(), False
        try:
            connection.timeout = connect_s or self.config.connect_timeout
            _connect(host, connection, request)
            connection.timeout = read_s or self.config.timeout
            response = self._converse(host, connection, request, stream)
            if response.is_redirect:
                _check_target(response)
            ok = response.status_code < 500
            return response
        except BaseException:
            connection.close()
            host.pool.give(connection)
            raise
        finally:
            seconds = time.perf_counter() - started
            host.health.record(seconds, ok)
            self._on_exchange(seconds, ok)

    def close(self) -> None:
        """Leave the sockets open: they belong to the pool, not to one session."""

    def _converse(self, host: _Host, connection: Any, request: PreparedRequest, stream: bool) -> Response:
        """Send and read. Errors are renamed here because the library's own show headers or bodies.

        They are raised when the library's is gone: it would stay behind them as their context.
        """
        failed: TransportError
        sent = False
        try:
            _ask(host, connection, request)
            sent = True
            response = self.build_response(request, _head(host, connection))
            return response if stream else _whole(response)
        except (*_BROKEN, ValueError) as error:  # the latter of a header of ours, or of a count in the answer
            remedy = "A read may be sent again; look up an order before repeating it."
            what = f"The request left and no whole answer came ({_kind(error)})"
            failed = Ambiguous(what, shown(request), remedy)
            if isinstance(error, ValueError) and not sent:
                what, remedy = "The request has a malformed header", "Check the credentials."
                failed = NeverSent(what, shown(request), remedy)
        raise failed

    def _host(self, request: PreparedRequest, verify: Any, proxies: Any) -> _Host:
        """Return what is known of a host, finding its proxy and certificates the first time."""
        url = urlsplit(str(request.url))
        proxy = proxy_of(str(request.url), proxies)
        bundle = verify if isinstance(verify, str) and verify != environment_bundle() else ""
        key = (url.scheme, url.netloc, proxy, bundle)
        found = self._hosts.get(key)
        if found is None:
            with self._opening:
                found = self._hosts.setdefault(key, self._new_host(request, *key))
        return found

    def _new_host(
        self, request: PreparedRequest, scheme: str, netloc: str, proxy: ProxyAddress, bundle: str
    ) -> _Host:
        origin = f"{scheme}://{netloc.rpartition('@')[2]}"
        try:
            manager = self.proxy_manager_for(proxy) if proxy else self.poolmanager
            manager.pool_classes_by_scheme = {"http": partial(PlainHostPool, sockets=self.sockets)}
            manager.pool_classes_by_scheme["https"] = self._secure
            where, _certificates = self.build_connection_pool_key_attributes(request, True)
            kept = {"ca_certs": bundle}
            pool = cast(HostPool, manager.connection_from_host(**where, pool_kwargs=kept))
        except (requests.RequestException, HTTPError, ValueError, KeyError, TypeError):
            raise not_an_address(origin) from None
        config = self.config
        health = Health(origin, config.circuit_failures, config.circuit_reset_s)
        plain = pool.proxy is not None and scheme == "http"
        return _Host(pool, self.health.setdefault(origin, health), plain)

    def _secure(self, host: str, port: int, ca_certs: str = "", **settings: Any) -> SecureHostPool:
        context = context_for(ca_certs or self._ca_file)  # read when the first secure host is met
        return SecureHostPool(host, port, sockets=self.sockets, ssl_context=context, **settings)


def shown(request: PreparedRequest) -> str:
    """Return a request's method and address, without query, user, headers and body."""
    url = urlsplit(str(request.url))
    return f"{request.method} {url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def _connect(host: _Host, connection: Any, request: PreparedRequest) -> None:
    if not connection.is_closed:
        return None
    failed: TransportError
    try:
        return host.pool.open(connection)
    except (*_BROKEN, UnicodeError) as error:  # UnicodeError: of a host name that is too long
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            failed = NeverSent(
                "The host's certificate is not trusted", shown(request), "Check broker.ca_file."
            )
        else:
            way = _way(host)
            remedy = f"Check the network{' and the proxy' * bool(way)}, then try again."
            what = f"No connection to the host{way} ({_kind(error)})"
            failed = NeverSent(what, shown(request), remedy)
    raise failed


def _way(host: _Host) -> str:
    """Return through which proxy a host is reached: not its user and password."""
    return f" through the proxy {host.pool.proxy.host}:{host.pool.proxy.port}" if host.pool.proxy else ""


def _ask(host: _Host, connection: Any, request: PreparedRequest) -> None:
    connection.sock.settimeout(connection.timeout)
    headers: Any = request.headers
    if host.absolute:
        headers = {**headers, **host.pool.proxy_headers}
    connection.request(
        request.method,
        str(request.url) if host.absolute else request.path_url,
        request.body,
        headers,
        chunked=not (request.body is None or "Content-Length" in headers),
        preload_content=False,
        decode_content=False,
    )


def _head(host: _Host, connection: Any) -> Any:
    """Return the answer with its body unread."""
    raw = connection.getresponse()
    raw._connection, raw._pool = connection, host.pool  # gives the connection back when it is read
    return raw


def _whole(response: Response) -> Response:
    """Read an answer to its end; where it breaks off, its socket is closed."""
    pieces, size, raw = [], 0, response.raw
    try:
        while piece := raw.read(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_BYTES:
                raise AnswerTooLarge
    except BaseException:
        raw.close()
        raise
    if _is_cut(raw):
        raw.close()
        raise HTTPError("the compressed body ends early")
    raw.release_conn()
    response._content = b"".join(pieces)
    response._content_consumed = True  # type: ignore[attr-defined]
    return response


def _is_cut(raw: Any) -> bool:
    """Say whether a compressed body lacks its end: urllib3 takes it for whole."""
    decoder = getattr(raw, "_decoder", None)  # private: urllib3 has no public word for it
    parts = getattr(decoder, "_decoders", [decoder])
    ended = [
        getattr(getattr(part, "_obj", None), "eof", True) or getattr(part, "_state", 0) for part in parts
    ]
    return raw.tell() > 0 and not all(ended)


def _check_target(response: Response) -> None:
    """Refuse a redirect to an invalid address, at which requests would raise errors of any kind.

    Raises
    ------
    Ambiguous
        The host was reached, and redirects to an invalid address.
    """
    try:
        where = response.headers["Location"].encode("latin-1").decode()
        target = urlsplit(urljoin(str(response.url), where))
        if target.scheme in ("http", "https") and target.hostname and target.port != 0:
            return
    except ValueError:
        pass
    remedy = "A read may be asked of the right address."
    raise Ambiguous("The host redirects to an invalid address", shown(response.request), remedy)


def _kind(error: Exception) -> str:
    """Name an error by its type alone: texts of foreign errors may quote headers or bodies."""
    return type(error).__name__
