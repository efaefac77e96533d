"""A broker that sends on: no secret follows, and the caller is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kit import AngelAPIClient, Credentials, Settings
from kit.errors import ProtocolError

SECRET = "HUSH"
WHERE = ["http://localhost:{}/x", "/x", "//localhost:{}/x", "?x", "http://127.0.0.1:{}/rest"]
TOKENS = b'{"status": true, "data": {"jwtToken": "HUSH.A.B", "refreshToken": "HUSH", "feedToken": "HUSH"}}'


class _SendsOn(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Give tokens, and send everything else on."""
        server: Any = self.server
        length = int(self.headers["Content-Length"])
        server.heard.append((self.path, str(self.headers) + str(self.rfile.read(length))))
        self.send_response(200 if "loginByPassword" in self.path else server.status)
        self.send_header("Location", server.where)
        self.send_header("Content-Length", str(len(TOKENS)))
        self.end_headers()
        self.wfile.write(TOKENS)

    do_GET = do_POST  # noqa: N815 - the library's name

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def host() -> Iterator[Any]:
    """Run a broker that sends on."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _SendsOn)
    server.heard = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_sends_on_is_refused(host: Any, status: int) -> None:
    """Wherever the broker's address sends on to, nobody goes there, and the answer is called none."""
    secrets = Credentials(api_key=SECRET, client_code=SECRET, pin=SECRET, totp_secret="JBSWY3DPEHPK3PXP")
    settings = Settings(connection_pool={"max_retries": 0}, cache_config={"disk": False})
    with AngelAPIClient(secrets, settings, base_url=f"http://127.0.0.1:{host.server_port}") as client:
        for where in WHERE:
            host.status, host.where = status, where.format(host.server_port)
            with pytest.raises(ProtocolError, match=f"HTTP {status}") as caught:
                client.ltp("NSE", "Nifty Bank", "99926009")
            assert SECRET not in repr(caught.value)
    assert {path.split("/")[1] for path, _ in host.heard} == {"rest"}
    assert len([path for path, _ in host.heard if "getLtpData" in path]) == len(WHERE)
