"""Sockets: bounded, kept, replaced; failures named by what is safe to do next."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from kit.errors import Ambiguous, CircuitOpen, NeverSent, PoolExhausted, SettingsError
from kit.settings import ConnectionConfig
from kit.transport.pool import ConnectionPoolManager


def _request(url: str, **headers: str) -> requests.PreparedRequest:
    return requests.Request("POST", url, headers, json={"a": 1}).prepare()


def test_twenty_exchanges_use_one_socket(asked: Any, host: Any) -> None:
    """A kept connection is used again as long as it lives."""
    with ConnectionPoolManager() as pool:
        for _ in range(20):
            assert asked(pool, _request(f"{host.url}/x")).json()["status"] is True
    assert host.accepted == 1
    assert pool.get_stats()["reused"] == 19


def test_never_more_sockets_than_the_pool_holds(asked: Any, host: Any) -> None:
    """Thirty threads through a pool of three open at most three sockets at once, by the server's count."""
    with ConnectionPoolManager(ConnectionConfig(pool_size=3)) as pool, ThreadPoolExecutor(30) as threads:
        answers = list(threads.map(lambda n: asked(pool, _request(f"{host.url}/slow?{n}")), range(30)))
        assert pool.get_stats()["open_sockets"] <= 3
    assert all(answer.ok for answer in answers)
    assert host.most_open <= 3


def test_an_idle_socket_of_another_host_makes_room(asked: Any, host: Any, dead_url: str) -> None:
    """The bound counts all hosts together, and an idle socket elsewhere never blocks a call."""
    with ConnectionPoolManager(ConnectionConfig(pool_size=1, acquire_timeout=0.3)) as pool:
        asked(pool, _request(f"{host.url}/x"))
        with pytest.raises(NeverSent):
            asked(pool, _request(f"{dead_url}/x"))
        assert pool.get_stats()["recycled"] == 1
        assert asked(pool, _request(f"{host.url}/x")).ok


def test_a_dead_socket_is_replaced_before_use(asked: Any, host: Any) -> None:
    """A connection that the peer closed while it was idle is noticed, and the call succeeds."""
    with ConnectionPoolManager() as pool:
        asked(pool, _request(f"{host.url}/x"))
        host.hang_up()
        assert asked(pool, _request(f"{host.url}/x")).ok
        assert pool.get_stats()["replaced"] == 1
    assert host.accepted == 2


def test_a_socket_idle_for_too_long_is_recycled(asked: Any, host: Any) -> None:
    """Age closes an idle socket before the broker does."""
    with ConnectionPoolManager(ConnectionConfig(max_idle_s=0.05)) as pool:
        asked(pool, _request(f"{host.url}/x"))
        assert pool.get_stats()["idle_connections"] == 1
        time.sleep(0.1)
        stats = pool.get_stats()
        assert (stats["idle_connections"], stats["recycled"]) == (0, 1)


def test_an_answer_that_closes_is_not_kept(asked: Any, host: Any) -> None:
    """A connection that the host closes with its answer frees its place."""
    host.fail_next = ["closing"]
    with ConnectionPoolManager() as pool:
        assert asked(pool, _request(f"{host.url}/x")).ok
        assert pool.get_stats()["open_sockets"] == 0


def test_a_refused_connection_was_never_sent(asked: Any, dead_url: str) -> None:
    """Nobody listening means nothing was sent, and the message names the host but no header."""
    with ConnectionPoolManager() as pool, pytest.raises(NeverSent) as raised:
        asked(pool, _request(f"{dead_url}/x?refreshToken=SECRET-Q", Authorization="Bearer SECRET-J"))
    assert dead_url in str(raised.value)
    assert "SECRET" not in str(raised.value) + repr(raised.value)


@pytest.mark.parametrize("fault", ["drop", "half", "stall", "trickle"])
def test_a_lost_answer_is_ambiguous(asked: Any, host: Any, fault: str) -> None:
    """Whatever breaks after sending is ambiguous, ends in bounded time and frees the socket."""
    host.fail_next = [fault]
    with ConnectionPoolManager(ConnectionConfig(timeout=0.3, pool_size=1)) as pool:
        started = time.monotonic()
        with pytest.raises(Ambiguous):
            asked(pool, _request(f"{host.url}/x", Authorization="SECRET-J"))
        assert time.monotonic() - started < 60
        assert pool.get_stats()["open_sockets"] == 0
        assert asked(pool, _request(f"{host.url}/x")).ok


def test_a_header_that_cannot_be_sent_is_not_quoted(asked: Any, host: Any) -> None:
    """A token with a line break is refused without repeating it."""
    request = _request(f"{host.url}/x")
    request.headers["Authorization"] = "Bearer SECRET\nJWT"
    with ConnectionPoolManager() as pool, pytest.raises(NeverSent) as raised:
        asked(pool, request)
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_lent_connection_is_an_ordinary_session(asked: Any, host: Any) -> None:
    """The session of a lent connection sends through the pool's sockets, streaming included."""
    with ConnectionPoolManager() as pool:
        for _ in range(3):
            with pool.get_connection() as connection:
                assert connection.session.get(f"{host.url}/x").json()["data"]["path"] == "/x"
                assert pool.get_stats()["active_connections"] == 1
        with (
            pool.get_connection() as connection,
            connection.session.get(f"{host.url}/y", stream=True) as told,
        ):
            assert b"".join(told.iter_content(5)).startswith(b'{"status": true')
        asked(pool, _request(f"{host.url}/z"))
        stats = pool.get_stats()
    assert host.accepted == 1
    assert (stats["active_connections"], stats["created"], stats["requests"]) == (0, 1, 5)


def test_a_lent_session_retries_reads_and_not_writes(asked: Any, host: Any) -> None:
    """A GET behind a bad gateway is tried again, a POST is not."""
    config = ConnectionConfig(backoff_factor=0.01, max_retries=2)
    with ConnectionPoolManager(config) as pool, pool.get_connection() as connection:
        host.fail_next = ["broken", "broken"]
        assert connection.session.get(f"{host.url}/read").status_code == 200
        host.fail_next = ["broken"]
        assert connection.session.post(f"{host.url}/write").status_code == 502
        assert pool.get_stats()["retries"] == 2
    assert (host.count("/read"), host.count("/write")) == (3, 1)


def test_a_full_pool_says_so() -> None:
    """Who waits too long for a connection learns how many there are and what to do."""
    with ConnectionPoolManager(ConnectionConfig(pool_size=1, acquire_timeout=0.05)) as pool:
        with pool.get_connection(), pytest.raises(PoolExhausted, match="All 1 were in use"):
            pool.get_connection().__enter__()
        with pool.get_connection():
            pass  # given back, it can be lent again


def test_a_socket_wait_ends(asked: Any, host: Any) -> None:
    """A call that finds every socket busy fails in the time it was given."""
    config = ConnectionConfig(pool_size=1, acquire_timeout=0.05)
    with ConnectionPoolManager(config) as pool, ThreadPoolExecutor(1) as thread:
        slow = thread.submit(asked, pool, _request(f"{host.url}/slow"))
        while not pool.get_stats()["active_connections"]:
            time.sleep(0.005)
        with pytest.raises(PoolExhausted):
            asked(pool, _request(f"{host.url}/x"))
        assert slow.result().ok


def test_repeated_failure_opens_the_circuit_until_a_trial_succeeds(
    asked: Any, host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """After five failures nothing is sent, error and log say so; one trial then closes it again."""
    config = ConnectionConfig(circuit_failures=5, circuit_reset_s=0.4)
    with ConnectionPoolManager(config) as pool:
        host.fail_next = ["broken"] * 5
        for _ in range(5):
            asked(pool, _request(f"{host.url}/x"))
        with pytest.raises(CircuitOpen, match="the next try is at"):
            asked(pool, _request(f"{host.url}/x"))
        assert len(host.seen) == 5
        assert pool.get_stats()["hosts"][host.url]["circuit"] == "open"
        assert caplog.record_tuples == [
            ("kit.transport", logging.WARNING, f"{host.url} failed 5 times in a row: circuit open")
        ]
        time.sleep(0.45)
        assert asked(pool, _request(f"{host.url}/x")).ok
        assert pool.get_stats()["hosts"][host.url]["circuit"] == "closed"


def test_statistics_tell_errors_and_latency(asked: Any, host: Any) -> None:
    """Error rate and percentiles look at what was really exchanged."""
    with ConnectionPoolManager() as pool:
        host.fail_next = ["", "broken"]
        for _ in range(4):
            asked(pool, _request(f"{host.url}/x"))
        stats = pool.get_stats()
    assert (stats["requests"], stats["errors"], stats["error_rate_percent"]) == (4, 1, 25.0)
    assert 0 < stats["p50_ms"] <= stats["p95_ms"]


def test_a_proxy_of_the_environment_is_used(asked: Any, host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a proxy set, a call to any host goes to the proxy, which is asked with the whole URL."""
    monkeypatch.setenv("http_proxy", host.url)
    monkeypatch.delenv("no_proxy", raising=False)
    with ConnectionPoolManager() as pool, pool.get_connection() as connection:
        assert asked(pool, _request("http://broker.invalid/exchanged")).ok
        assert connection.session.get("http://broker.invalid/lent").ok
    assert host.seen == ["http://broker.invalid/exchanged", "http://broker.invalid/lent"]
    assert host.accepted == 1


def test_a_stranger_certificate_is_not_trusted(asked: Any, tmp_path: Any) -> None:
    """A host whose certificate no known authority signed is refused, and nobody can ask to trust it."""
    trustme = pytest.importorskip("trustme")
    import ssl
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class _Fine(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_words: Any) -> None:
            pass

    authority = trustme.CA()
    server = HTTPServer(("127.0.0.1", 0), _Fine)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{server.server_address[1]}/"
    try:
        with ConnectionPoolManager() as pool, pytest.raises(NeverSent, match="not trusted"):
            asked(pool, _request(url))
        bundle = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        with ConnectionPoolManager(ca_file=bundle) as pool, pool.get_connection() as connection:
            assert connection.session.get(url).status_code == 204
            for unsafe in ({"verify": False}, {"cert": "mine.pem"}):
                with pytest.raises(SettingsError, match="always verified"):
                    connection.session.get(url, **unsafe)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
