"""The order stream of the simulated exchange, heard by a plain WebSocket and by the broker's own client."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

PATIENCE_S = 20


def address(exchange):
    """Return where the order stream is."""
    return exchange.url.replace("http", "ws", 1) + "/smart-order-update"


@contextmanager
def listening(caller, **changed):
    """Connect as the broker's page says."""
    headers = {"Authorization": caller.session.headers["Authorization"], **changed}
    with connect(address(caller.exchange), additional_headers=headers, proxy=None) as socket:
        yield socket


@pytest.fixture
def place(caller, dealing):
    """Place an order for a share and return its id."""

    def send(price, **changed):
        body = {
            "variety": "NORMAL",
            "tradingsymbol": "SBIN-EQ",
            "symboltoken": "3045",
            "transactiontype": "BUY",
            "exchange": "NSE",
            "ordertype": "LIMIT",
            "producttype": "INTRADAY",
            "duration": "DAY",
            "price": str(price),
            "quantity": "5",
            **changed,
        }
        return caller.post("/order/v1/placeOrder", **body).json()["data"]["orderid"]

    return send


def test_every_change_of_an_order_is_told(caller, place):
    """After the greeting come placing, change, cancel, fill and rejection, as they happen."""
    with listening(caller) as socket:
        greeting = json.loads(socket.recv(PATIENCE_S))
        assert (greeting["order-status"], len(greeting["orderData"])) == ("AB00", 35)
        assert (greeting["orderData"]["price"], greeting["orderData"]["filledshares"]) == (0.0, "")
        heard = []

        def next_one():
            heard.append(json.loads(socket.recv(PATIENCE_S)))
            return heard[-1]

        waits = place(950)
        assert (next_one()["order-status"], heard[-1]["orderData"]["orderid"]) == ("AB01", waits)
        named = {"variety": "NORMAL", "orderid": waits}
        caller.post("/order/v1/modifyOrder", **named, price="951")
        assert next_one()["orderData"]["price"] == 951.0
        caller.post("/order/v1/cancelOrder", **named)
        assert next_one()["order-status"] == "AB02"
        place(1050)
        assert (next_one()["order-status"], heard[-1]["orderData"]["filledshares"]) == ("AB05", "5")
        place(5000)
        assert next_one()["order-status"] == "AB03"
        assert "uniqueorderid" not in heard[-1]["orderData"]
        socket.send("ping")
        assert socket.recv(PATIENCE_S) == "pong"


def test_who_has_no_session_hears_nothing(caller, exchange):
    """A wrong token is refused by HTTP 401, and a session that ends closes the stream."""
    with pytest.raises(InvalidStatus) as refused, listening(caller, Authorization="Bearer x"):
        pass
    assert refused.value.response.status_code == 401
    with listening(caller) as socket:
        socket.recv(PATIENCE_S)
        exchange.account.expire_all()
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE_S)


def test_faults_reach_the_handshake(caller):
    """What is answered instead of a request is answered instead of the handshake."""
    with pytest.raises(InvalidStatus) as refused, listening(caller, **{"x-kit-fault": "html-502"}):
        pass
    assert refused.value.response.status_code == 502


def test_the_official_client_hears_the_updates(caller, place, official, monkeypatch):
    """The broker's order-update client gets greeting and updates as text."""
    official(caller.exchange)
    from SmartApi.smartWebSocketOrderUpdate import SmartWebSocketOrderUpdate

    monkeypatch.setattr(SmartWebSocketOrderUpdate, "WEBSOCKET_URI", address(caller.exchange))
    monkeypatch.setattr(SmartWebSocketOrderUpdate, "MAX_CONNECTION_RETRY_ATTEMPTS", 0)
    client = SmartWebSocketOrderUpdate(caller.session.headers["Authorization"], "key", "client", "feed")
    official.close_log_files()
    heard, greeted, done = [], threading.Event(), threading.Event()

    def keep(_socket, message, *_):
        heard.append(json.loads(message)["order-status"])
        (greeted if heard == ["AB00"] else done).set()

    monkeypatch.setattr(client, "on_data", keep)
    thread = threading.Thread(target=client.connect, daemon=True)
    thread.start()
    assert greeted.wait(PATIENCE_S)
    place(1050)
    assert done.wait(PATIENCE_S)
    caller.exchange._loop.call_soon_threadsafe(caller.exchange.app.connections.drop_all)  # else it takes 10 s
    thread.join(PATIENCE_S)
    client.close_connection()
    assert heard == ["AB00", "AB05"]
