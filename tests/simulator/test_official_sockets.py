"""The broker's own WebSocket clients, method by method: none is forgotten, and each does what it is for."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)  # its on_close
PATIENCE_S = 60
FIRST, SECOND = "99926009", "3045"
MARKET = {  # every public method of the market stream's client: the test that calls it, or what it is
    "connect": "test_what_is_unsubscribed_falls_silent",
    "subscribe": "test_what_is_unsubscribed_falls_silent",
    "unsubscribe": "test_what_is_unsubscribed_falls_silent",
    "close_connection": "test_what_is_unsubscribed_falls_silent",
    "on_data": "test_what_is_unsubscribed_falls_silent",
    "on_open": "test_what_is_unsubscribed_falls_silent",
    "resubscribe": "test_what_is_subscribed_again_comes_again",
    "on_message": "the caller's; the client never calls it",
    "on_control_message": "the caller's; the client never calls it",
    "on_close": "the caller's; the client's own handler fails before it calls it",
    "on_error": "the caller's; called when attempts to connect are used up",
}
ORDERS = {  # and of the order stream's
    "connect": "tests/simulator/orders/test_updates.py",
    "close_connection": "tests/simulator/orders/test_updates.py",
    "on_data": "tests/simulator/orders/test_updates.py",
    "on_open": "the caller's",
    "on_message": "the caller's",
    "on_error": "the caller's",
    "on_close": "tries again, by retry_connect",
    "on_ping": "notes the time",
    "on_pong": "notes the time",
    "check_connection_status": "compares those times",
    "retry_connect": "connects again",
}


@pytest.fixture
def kinds(official, exchange):
    """Return the two classes."""
    official(exchange)
    from SmartApi.smartWebSocketOrderUpdate import SmartWebSocketOrderUpdate
    from SmartApi.smartWebSocketV2 import SmartWebSocketV2

    return SmartWebSocketV2, SmartWebSocketOrderUpdate


@pytest.fixture
def socket(kinds, official, caller, monkeypatch):
    """Connect the market stream's client, which counts what it hears by token."""
    kind, exchange = kinds[0], caller.exchange
    monkeypatch.setattr(kind, "ROOT_URI", exchange.url.replace("http", "ws") + "/smart-stream")
    monkeypatch.setattr(kind, "input_request_dict", {})
    monkeypatch.setattr(exchange.app.stream, "cadence_s", 0.05)
    secrets, opened = exchange.credentials, threading.Event()
    client = kind(
        caller.session.headers["Authorization"], secrets.api_key.get_secret_value(),
        secrets.client_code.get_secret_value(), caller.login()["data"]["feedToken"], max_retry_attempt=0,
    )  # fmt: skip
    official.close_log_files()
    client.heard = Counter()
    client.on_open = lambda _socket: opened.set()
    client.on_data = lambda _socket, row: client.heard.update([row["token"]])
    thread = threading.Thread(target=client.connect, daemon=True)
    thread.start()
    assert opened.wait(PATIENCE_S)
    yield client
    exchange._loop.call_soon_threadsafe(exchange.app.connections.drop_all)  # left to itself it takes 10 s
    thread.join(PATIENCE_S)
    client.close_connection()


def wait_for(true):
    """Wait until something is so."""
    until_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_no_method_is_forgotten(kinds):
    """Both tables name exactly the public methods, and what they name as a test is one."""
    for kind, told in zip(kinds, (MARKET, ORDERS), strict=True):
        public = {name for name, item in vars(kind).items() if not name.startswith("_") and callable(item)}
        assert public == set(told)
        for said in told.values():
            assert not said.startswith("test_") or callable(globals()[said])


def test_what_is_unsubscribed_falls_silent(socket):
    """Two tokens tick; after one is unsubscribed only the other goes on."""
    socket.subscribe("abcde12345", 3, [{"exchangeType": 1, "tokens": [FIRST, SECOND]}])
    wait_for(lambda: socket.heard[FIRST] and socket.heard[SECOND])
    socket.unsubscribe("abcde12345", 3, [{"exchangeType": 1, "tokens": [FIRST]}])
    wait_for(lambda: socket.heard[SECOND] >= 3)  # what was on its way has arrived
    before = socket.heard.copy()
    wait_for(lambda: socket.heard[SECOND] >= before[SECOND] + 3)
    assert socket.heard[FIRST] <= before[FIRST] + 1


def test_what_is_subscribed_again_comes_again(socket):
    """A second subscription of everything, as after a loss, gives the present state once more."""
    socket.subscribe("abcde12345", 1, [{"exchangeType": 1, "tokens": [FIRST, SECOND]}])
    wait_for(lambda: socket.heard[FIRST] and socket.heard[SECOND])
    before = socket.heard.copy()
    socket.resubscribe()
    wait_for(lambda: all(socket.heard[token] > before[token] for token in (FIRST, SECOND)))
