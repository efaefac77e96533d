"""The wire's edges: heads that never end, bodies without measure, proxies that are none."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from websockets.exceptions import WebSocketException

from kit.broker.stream.socket import open_socket
from kit.errors import Ambiguous, KitError, NeverSent, SettingsError, TransportError
from kit.settings import ConnectionConfig
from kit.transport import adapter
from kit.transport.limits import RateLimiter, Window
from kit.transport.policy import Policy, Route
from kit.transport.pool import ConnectionPoolManager

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a maker of hosts that answer a request by whatever a function does with its socket."""
    doors: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def make(answer: Callable[[socket.socket], None]) -> str:
        door = socket.create_server(("127.0.0.1", 0))
        doors.append(door)

        def work() -> None:
            while True:
                try:
                    talk, _address = door.accept()
                except OSError:
                    return
                with talk:
                    talk.settimeout(3)
                    try:
                        talk.recv(65_536)
                        answer(talk)
                    except OSError:
                        pass  # the client had enough

        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{door.getsockname()[1]}/x"

    yield make
    for door in doors:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
    for thread in threads:
        thread.join()


def forever(piece: bytes, pause_s: float = 0.0, first: bytes = b"") -> Callable[[socket.socket], None]:
    """Return an answer that sends one piece again and again."""

    def answer(talk: socket.socket) -> None:
        talk.sendall(first)
        while True:
            talk.sendall(piece)
            time.sleep(pause_s)

    return answer


HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "a head byte by byte": forever(b"a", 0.02, HEAD + b"X-Long: "),
    "headers without end": forever(b"X-A: b\r\n", 0.02, HEAD),
    "continue without end": forever(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001),
    "early hints without end": forever(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", 0.001),
    "continue at full speed": forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "a body byte by byte": forever(b" ", 0.02, HEAD + b"Content-Length: 100000\r\n\r\n"),
    "chunks byte by byte": forever(b"1\r\n \r\n", 0.02, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
    "a chunk's size byte by byte": forever(b"0", 0.02, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
    "a body without length": forever(b" ", 0.02, HEAD + b"\r\n"),
    "a status line without end": forever(b"HTTP", 0.02),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_no_answer_outlasts_six_time_outs(serve: Serve, kind: str) -> None:
    """Whatever a host sends without end, and wherever, the call is over in six time-outs."""
    url = serve(ENDLESS[kind])
    with ConnectionPoolManager(ConnectionConfig(max_retries=0, timeout=0.2)) as pool:
        started = time.monotonic()
        with pool.get_connection() as lent, pytest.raises(Ambiguous):
            lent.session.get(url)
        assert time.monotonic() - started < 6 * 0.2 + 30
        assert pool.get_stats()["open_sockets"] == 0


def test_what_comes_before_an_answer_is_not_the_answer(serve: Serve) -> None:
    """Early hints are skipped as ``100 Continue`` is, in any number; what follows is the answer."""
    before = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 2
    url = serve(lambda line: line.sendall(before + HEAD + b"Content-Length: 2\r\n\r\n{}"))
    with ConnectionPoolManager() as pool, pool.get_connection() as lent:
        answer = lent.session.get(url)
    assert (answer.status_code, answer.content) == (200, b"{}")


def test_an_endless_body_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond all bounds ends the call as soon as it is, however fast it comes."""
    monkeypatch.setattr(adapter, "_MOST_BYTES", 2**20)
    url = serve(forever(bytes(2**16), first=HEAD + b"\r\n"))
    with ConnectionPoolManager(ConnectionConfig(max_retries=0, timeout=20)) as pool:
        with pool.get_connection() as lent, pytest.raises(Ambiguous, match="AnswerTooLarge"):
            lent.session.get(url)
        assert pool.get_stats()["open_sockets"] == 0


def test_a_body_that_swells_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound counts what a compressed body becomes."""
    monkeypatch.setattr(adapter, "_MOST_BYTES", 2**20)
    packed = gzip.compress(bytes(64 * 2**20))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    url = serve(lambda talk: talk.sendall(head + packed))
    with (
        ConnectionPoolManager(ConnectionConfig(max_retries=0, timeout=20)) as pool,
        pool.get_connection() as lent,
        pytest.raises(Ambiguous, match="AnswerTooLarge"),
    ):
        lent.session.get(url)


@pytest.mark.parametrize("size", [b"-5", b"-0", b"zz", b"0x5", b"5 5", b"1_0", b"", "٥".encode(), b"f" * 40])
def test_a_count_that_is_none_comes_after_sending(serve: Serve, size: bytes) -> None:
    """A piece whose size is none was sent in answer to something: that is never called unsent."""
    url = serve(
        lambda talk: talk.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nab\r\n")
    )
    with ConnectionPoolManager(ConnectionConfig(max_retries=0, timeout=0.5)) as pool:
        try:
            with pool.get_connection() as lent:
                assert lent.session.get(url).content is not None
        except TransportError as error:
            assert type(error) is Ambiguous  # noqa: PT017 - an answer is fine as well


RUBBISH = [
    b"", b"\x00" * 50, b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n",
    HEAD + b"Content-Length: -5\r\n\r\nabc", HEAD + b"Content-Length: many\r\n\r\nabc",
    HEAD + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nabc",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    HEAD + b"X" * 70_000 + b": a\r\n\r\n", HEAD + b"A: b\r\n" * 150 + b"\r\n", os.urandom(500),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(RUBBISH)))
def test_rubbish_is_an_answer_or_a_typed_error(serve: Serve, number: int) -> None:
    """Bytes that are no HTTP give a typed error or some answer, and the socket's place back."""
    url = serve(lambda talk: talk.sendall(RUBBISH[number]))
    with ConnectionPoolManager(ConnectionConfig(max_retries=0, timeout=1, pool_size=1)) as pool:
        for _ in range(2):
            try:
                with pool.get_connection() as lent:
                    lent.session.get(url)
            except TransportError:
                pass
        assert pool.get_stats()["open_sockets"] <= 1


@pytest.mark.parametrize(
    "where",
    [b"file:///etc/passwd", b"http://[::1", b"\xff\xfe", b"ftp://host/x", b"javascript:1", b"http://host:port/",
     b"http://host:99999/", b"mailto:a@b", b"http://\x00"],
)  # fmt: skip
def test_a_redirect_to_what_is_no_address(serve: Serve, where: bytes) -> None:
    """Whatever address an answer leads to, following it is an answer or a typed error."""
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
    url = serve(lambda line: line.sendall(head + where + b"\r\n\r\n"))
    pool = ConnectionPoolManager(ConnectionConfig(max_retries=0))
    with pool, pool.get_connection() as lent, pytest.raises(KitError):
        lent.session.get(url)


@pytest.mark.parametrize(
    "asked", ["86400", "Wed, 21 Oct 2099 07:28:00 GMT", "soon", "-5", "9" * 400, "", "1, 999.5"]
)
def test_no_call_waits_a_day(host: Any, verdicts: Any, asked: str) -> None:
    """However long a host wants to be left alone, the call ends, and the limit knows of it."""
    limits = (Window(1000, 1),)
    limiter = RateLimiter(None)
    policy = Policy([Route("limited", "/limited", None, "limited", limits, retry_safe=True)], verdicts)
    config = ConnectionConfig(max_retries=1, backoff_factor=0.01)
    host.more = f"Retry-After: {asked}\r\n"
    host.fail_next = ["refused"]
    started = time.monotonic()
    with ConnectionPoolManager(config) as pool, requests.Session() as session:
        session.mount("http://", pool.adapter(policy, limiter))
        status = session.get(f"{host.url}/limited").status_code
    assert time.monotonic() - started < 60
    long = len(asked) > 4
    assert status == (403 if long else 200)
    assert (limiter.remaining("limited", limits) == 0) is long


PACKED = {
    "gzip": gzip.compress(bytes(range(256)) * 40),
    "deflate": zlib.compress(bytes(range(256)) * 40),
    "deflate without a head": zlib.compress(bytes(range(256)) * 40)[2:-4],
    "gzip, deflate": zlib.compress(gzip.compress(bytes(range(256)) * 40)),
}


@pytest.mark.parametrize("coding", PACKED)
def test_a_compressed_body_is_whole_or_none(serve: Serve, coding: str) -> None:
    """A compressed body that ends early is no answer, even where its length is right."""
    packed, bodies = PACKED[coding], list[bytes]()
    coded = f"Content-Encoding: {coding.partition(' without')[0]}\r\n".encode()

    def answer(talk: socket.socket) -> None:
        talk.sendall(HEAD + coded + b"Content-Length: %d\r\n\r\n" % len(bodies[0]) + bodies[0])

    url = serve(answer)
    config = ConnectionConfig(max_retries=0, circuit_failures=99)
    with ConnectionPoolManager(config) as pool, pool.get_connection() as lent:
        for whole in (packed, packed + b"\0\0\0"):
            bodies[:] = [whole]
            assert lent.session.get(url).content == bytes(range(256)) * 40
        for length in (1, 5, 11, len(packed) // 2, len(packed) - 1):
            bodies[:] = [packed[:length]]
            with pytest.raises(Ambiguous):
                lent.session.get(url)
        bodies[:] = [b""]
        assert lent.session.get(url).content == b""


@pytest.mark.parametrize(
    "proxy",
    [
        "nonsense://proxy",
        "http://",
        "http://:3128",
        "http://proxy:99999",
        "http://pro xy",
        "://",
        "socks9://a",
    ],
)
def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """A proxy's address that is none is a setting to correct, whichever way it is none."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
        with (
            ConnectionPoolManager(ConnectionConfig(max_retries=0)) as pool,
            pool.get_connection() as lent,
            pytest.raises(SettingsError, match="proxy"),
        ):
            lent.session.get(f"{scheme}://broker.invalid/x")


def test_a_proxy_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, dead_url: str) -> None:
    """A connection that a proxy refuses was never made, and its password is not shown."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", dead_url.replace("://", "://user:word-of-mine@"))
        with ConnectionPoolManager(ConnectionConfig(max_retries=0)) as pool, pool.get_connection() as lent:
            with pytest.raises(NeverSent, match="No connection to the host") as raised:
                lent.session.get(f"{scheme}://broker.invalid/x")
            assert "word-of-mine" not in f"{raised.value} {pool.get_stats()}"


def test_loopback_goes_past_every_proxy(monkeypatch: pytest.MonkeyPatch, host: Any, dead_url: str) -> None:
    """The own machine is reached directly, whatever the environment says of proxies."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", dead_url)
    with ConnectionPoolManager() as pool, pool.get_connection() as lent:
        for name in ("127.0.0.1", "localhost"):
            assert lent.session.get(host.url.replace("127.0.0.1", name)).ok


def _streamed(url: str) -> None:
    with open_socket(url.replace("http", "ws", 1), {}, None, 10):
        pass


def _called(url: str) -> None:
    with ConnectionPoolManager(ConnectionConfig(max_retries=0)) as pool, pool.get_connection() as lent:
        lent.session.get(url)


@pytest.mark.parametrize("ask", [_called, _streamed])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_calls_and_streams_go_the_same_way(monkeypatch: pytest.MonkeyPatch, ask: Any, name: str) -> None:
    """A proxy under any name serves calls and streams, not the own machine; a wrong one is refused."""
    for bare in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(bare, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        port = proxy.getsockname()[1]
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        proxy.settimeout(20)
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(ask, "https://broker.invalid/x")
            heard, _ = proxy.accept()
            assert heard.recv(1000).startswith(b"CONNECT broker.invalid:443 HTTP/1.")
            heard.close()
            with pytest.raises((NeverSent, OSError, WebSocketException)):
                asked.result(30)
        proxy.settimeout(0.2)
        for here in ("127.0.0.1", "127.0.0.2", "localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]"):
            with pytest.raises((NeverSent, OSError)):
                ask(f"https://{here}:9/x")
        with pytest.raises(TimeoutError):
            proxy.accept()
    for none in (
        "http://",
        "http://a:99999",
        "http://[::1",
        "socks5://127.0.0.1:9",
        "http://u:hush@",
        "ftp://a",
    ):
        monkeypatch.setenv(name, none)
        with pytest.raises(SettingsError, match="The proxy's address cannot be used") as refused:
            ask("https://broker.invalid/x")
        assert "hush" not in str(refused.value)
