"""A host that does as its paths say: a plain server, so that sockets can be counted one by one."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from requests import Response

from kit.transport.policy import Policy, ReplyVerdict


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.accepted = 0
        self.open_now: set[socket.socket] = set()
        self.most_open = 0
        self.seen: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.fail_next: list[str] = []
        self.more = ""
        self.lock = threading.Lock()

    def get_request(self) -> Any:
        connection, address = super().get_request()
        with self.lock:
            self.accepted += 1
            self.open_now.add(connection)
            self.most_open = max(self.most_open, len(self.open_now))
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self.lock:
            self.open_now.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_request: Any) -> None:
        """Broken connections are what these tests are about."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def count(self, path: str) -> int:
        return sum(seen == path for seen in self.seen)

    def hang_up(self) -> None:
        """Close every open connection, as a broker does with idle ones."""
        with self.lock:
            for connection in self.open_now:
                with contextlib.suppress(OSError):  # it has hung up itself
                    connection.shutdown(socket.SHUT_RDWR)
        time.sleep(0.05)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        with self.server.lock:
            self.server.seen.append(path)
            self.server.headers.append(dict(self.headers))
            fault = self.server.fail_next.pop(0) if self.server.fail_next else ""
        getattr(self, f"_{fault or 'fine'}")()

    do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815

    def log_message(self, *_words: Any) -> None:
        """Be quiet."""

    def _reply(self, status: int, body: bytes, length: int | None = None, more: str = "") -> None:
        head = f"HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n{more}"
        head += (
            f"Set-Cookie: session=SECRET-COOKIE\r\nContent-Length: {len(body) if length is None else length}"
        )
        self.wfile.write(f"{head}\r\n\r\n".encode() + body)

    def _fine(self) -> None:
        if "slow" in self.path:
            time.sleep(0.3)
        self._reply(200, b'{"status": true, "data": {"path": "%s"}}' % self.path.partition("?")[0].encode())

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _half(self) -> None:
        self._reply(200, b'{"status": tr', length=40)
        self._drop()

    def _stall(self) -> None:
        time.sleep(1.5)
        self.close_connection = True

    def _trickle(self) -> None:
        self._reply(200, b"", length=10_000)
        for _piece in range(100):
            self.wfile.write(b" ")
            time.sleep(0.1)

    def _broken(self) -> None:
        self._reply(502, b"<html>bad gateway</html>")

    def _refused(self) -> None:
        self._reply(403, b"Access denied because of exceeding access rate", more=self.server.more)

    def _rejected(self) -> None:
        self._reply(200, b'{"status": false, "data": null}')

    def _tagged(self) -> None:
        known = self.headers.get("If-None-Match") == '"v1"'
        self._reply(304 if known else 200, b"" if known else b'{"tagged": true}', more='ETag: "v1"\r\n')

    def _moved(self) -> None:
        self._reply(302, b"", more="Location: /there\r\n")

    def _varied(self) -> None:
        said = self.headers.get("X-Tongue", "").encode()
        self._reply(200, b'{"tongue": "%s"}' % said, more="Vary: X-Tongue\r\n")

    def _brief(self) -> None:
        self._reply(200, b"{}", more="Cache-Control: max-age=1\r\n")

    def _headless(self) -> None:
        self._reply(200, b"", length=7)

    def _closing(self) -> None:
        self.close_connection = True
        self._reply(200, b'{"status": true}', more="Connection: close\r\n")


@pytest.fixture
def host() -> Iterator[_Server]:
    """Serve until the test ends; see the handler for what its `fail_next` understands."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.hang_up()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dead_url() -> str:
    """Return the URL of a port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{bound.getsockname()[1]}"


def asked(pool: Any, request: requests.PreparedRequest, **how: Any) -> Response:
    """Send a request through a pool as a session without a cache does."""
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, pool.adapter(Policy()))
        return session.send(request, **how)


@pytest.fixture(name="asked")
def asked_fixture() -> Any:
    """Return the function as a fixture."""
    return asked


def judge(response: Response) -> ReplyVerdict:
    """Judge as the broker's side does, in its simplest form."""
    if response.status_code == 403:
        return ReplyVerdict.RATE_LIMITED
    if response.status_code >= 500:
        return ReplyVerdict.TRANSIENT
    return ReplyVerdict.OK if b'"status": true' in response.content else ReplyVerdict.FINAL


@pytest.fixture
def verdicts() -> Any:
    """Return the judge as a fixture."""
    return judge
