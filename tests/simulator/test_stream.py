"""The market stream of the simulated exchange, heard by a plain WebSocket and by the broker's own client."""

from __future__ import annotations

import json
import struct
import threading
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from kit.clock import IST
from kit.simulator.server import SimulatedExchange

MORNING = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
PATIENCE_S = 20
INDEX, SHARE = (1, "99926009"), (1, "3045")


@pytest.fixture(scope="module")
def still():
    """Serve a market in which time stands still, so that a frame and a quote of it can be compared."""
    with SimulatedExchange(seed=7, at=MORNING, speed=1e-6, limits=False) as exchange:
        yield exchange


@contextmanager
def listening(exchange, caller, **changed):
    """Connect to the stream as the official client does."""
    feed = caller.login()["data"]["feedToken"]
    headers = {
        "Authorization": caller.session.headers["Authorization"],
        "x-api-key": exchange.credentials.api_key.get_secret_value(),
        "x-client-code": exchange.credentials.client_code.get_secret_value(),
        "x-feed-token": feed,
        **changed,
    }
    url = exchange.url.replace("http", "ws") + "/smart-stream"
    with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
        yield socket


def asked(mode, *keys, action=1, correlation="abcde12345"):
    """Write a request for some (exchange type, token)."""
    groups = [{"exchangeType": exchange, "tokens": [token]} for exchange, token in keys]
    return json.dumps(
        {"correlationID": correlation, "action": action, "params": {"mode": mode, "tokenList": groups}}
    )


@pytest.mark.parametrize(("mode", "size"), [(1, 51), (2, 123), (3, 379), (4, 443)])
def test_first_frame_comes_at_once_and_has_its_mode_and_size(exchange, caller, mode, size):
    """Whoever subscribes hears the present state of the token in a frame of the documented size."""
    with listening(exchange, caller) as socket:
        socket.send(asked(mode, SHARE))
        frame = socket.recv(PATIENCE_S)
    assert len(frame) == size
    assert frame[:2] == bytes([mode, 1])
    assert frame[2:27].rstrip(b"\0") == b"3045"


def test_prices_follow_the_market(exchange, caller):
    """Frames go on as prices change, numbered one by one, each at the market's time."""
    option = caller.options(count=1)[0]
    with listening(exchange, caller) as socket:
        socket.send(asked(3, (2, option)))
        heads = [struct.unpack_from("<qqq", socket.recv(PATIENCE_S), 27) for _ in range(3)]
    assert [number for number, _, _ in heads] == [1, 2, 3]
    times = [at_ms for _, at_ms, _ in heads]
    assert times == sorted(times)
    assert datetime.fromtimestamp(times[0] / 1000, IST).date() == MORNING.date()


def test_unsubscribed_tokens_fall_silent_and_both_pings_are_answered(exchange, caller):
    """After unsubscribing nothing but the pong arrives; the protocol's own ping is answered too."""
    with listening(exchange, caller) as socket:
        socket.send(asked(1, INDEX))
        socket.recv(PATIENCE_S)
        socket.send(asked(1, INDEX, action=0))
        socket.send("ping")
        while isinstance(said := socket.recv(PATIENCE_S), bytes):
            pass
        assert said == "pong"
        assert socket.ping().wait(PATIENCE_S)
        socket.send("ping")
        assert socket.recv(PATIENCE_S) == "pong"


@pytest.mark.parametrize(
    "text",
    [
        "no json", "[]", "{}", json.dumps({"action": 1, "params": {"mode": 1}}),
        asked(9, INDEX), asked(1, (6, "1")), asked(1, INDEX, action=2), asked(1, (1, "")), asked(4, (2, "1")),
    ],
)  # fmt: skip
def test_request_that_makes_no_sense_gets_e1001(exchange, caller, text):
    """A request the broker cannot read is refused in its words, with the request's number if it has one."""
    with listening(exchange, caller) as socket:
        socket.send(text)
        refused = json.loads(socket.recv(PATIENCE_S))
    assert refused["errorCode"] == "E1001"
    assert refused["errorMessage"] == "Invalid Request Payload"
    assert refused["correlationID"] == ("abcde12345" if "abcde12345" in text else "")


def test_thousand_and_first_subscription_is_refused_and_hurts_no_other(exchange, caller):
    """A token in two modes counts twice, a repeated one once, and a refused request changes nothing."""
    with listening(exchange, caller) as socket:
        socket.send(asked(2, *((2, str(number)) for number in range(1, 999))))
        socket.send(asked(1, INDEX))
        socket.send(asked(3, INDEX))
        socket.send(asked(1, INDEX))
        for _ in range(3):
            assert isinstance(socket.recv(PATIENCE_S), bytes)
        socket.send(asked(1, SHARE, correlation="one-too-many"))
        while isinstance(said := socket.recv(PATIENCE_S), bytes):
            pass
        assert json.loads(said)["correlationID"] == "one-too-many"
        assert json.loads(said)["errorCode"] == "E1002"
        assert isinstance(socket.recv(PATIENCE_S), bytes)  # the index goes on


def test_fifty_first_depth_is_refused(exchange, caller):
    """Twenty levels are for fifty tokens at most."""
    with listening(exchange, caller) as socket:
        socket.send(asked(4, *((1, str(number)) for number in range(1, 52))))
        assert json.loads(socket.recv(PATIENCE_S))["errorCode"] == "E1002"


def test_fourth_connection_is_refused(exchange, caller):
    """Three connections are served at once, and one more when one has left."""
    with listening(exchange, caller), listening(exchange, caller):
        third, fourth = listening(exchange, caller), listening(exchange, caller)
        with third, pytest.raises(InvalidStatus) as refused, fourth:
            pass
        assert refused.value.response.status_code == 429
        with listening(exchange, caller) as again:
            again.send("ping")
            assert again.recv(PATIENCE_S) == "pong"


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("Authorization", "Auth token"),
        ("x-client-code", "Client Code"),
        ("x-api-key", "API Key"),
        ("x-feed-token", "Feed Token"),
    ],
)
def test_wrong_header_is_named(exchange, caller, header, what):
    """A handshake with a wrong secret gets HTTP 401 and a header that says which."""
    with pytest.raises(InvalidStatus) as refused, listening(exchange, caller, **{header: "wrong"}):
        pass
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["x-error-message"] == f"Invalid Header - Invalid {what}"


def test_browser_form_and_other_paths(exchange, caller):
    """The three secrets in the address are enough; any other path is not found."""
    feed = caller.login()["data"]["feedToken"]
    secrets = exchange.credentials
    query = f"clientCode={secrets.client_code.get_secret_value()}&feedToken={feed}"
    query += f"&apiKey={secrets.api_key.get_secret_value()}"
    root = exchange.url.replace("http", "ws")
    with connect(f"{root}/smart-stream?{query}", proxy=None) as socket:
        socket.send("ping")
        assert socket.recv(PATIENCE_S) == "pong"
    with pytest.raises(InvalidStatus) as refused, connect(f"{root}/other", proxy=None):
        pass
    assert refused.value.response.status_code == 404


def test_page_of_another_site_is_refused(exchange, caller):
    """A web page elsewhere cannot listen, even with the secrets."""
    with pytest.raises(InvalidStatus) as refused, listening(exchange, caller, Origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_stream_ends_with_its_session(exchange, caller):
    """When the sessions end so does the stream, and the old tokens open no other."""
    with listening(exchange, caller) as socket:
        exchange.account.expire_all()
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE_S)
    assert closed.value.rcvd.code == 1008


def test_secrets_of_a_handshake_are_not_shown(exchange, caller):
    """The exchange's own counts show of a handshake no more than the lengths of its secrets."""
    with listening(exchange, caller):
        shown = json.dumps(exchange.stats.last_request("smart-stream"))
    for secret in (exchange.credentials.api_key, exchange.credentials.client_code):
        assert secret.get_secret_value() not in shown
    assert caller.session.headers["Authorization"].removeprefix("Bearer ") not in shown


def test_damaged_frames_come_as_ordered(exchange, caller):
    """Garbage, a frame without its end, and a mode that nobody knows; then ordinary frames again."""
    for fault in ("garbage-frame", "short-frame", "unknown-frame"):
        exchange.faults.add("stream-frames", fault)
    with listening(exchange, caller) as socket:
        socket.send(asked(1, INDEX))
        frames = [socket.recv(PATIENCE_S) for _ in range(4)]
    assert [len(frame) for frame in frames] == [25, 43, 51, 51]
    assert [frame[0] for frame in frames[2:]] == [9, 1]


def test_dropped_stream_breaks_without_a_word(exchange, caller):
    """A drop ends the connection with no closing frame."""
    exchange.faults.add("stream-frames", "drop")
    with listening(exchange, caller) as socket:
        socket.send(asked(1, INDEX))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE_S)
    assert closed.value.rcvd is None


def test_stalled_stream_is_open_and_silent(exchange, caller):
    """A stall sends nothing for its time, not even an answer to a text ping, and goes on afterwards."""
    exchange.faults.add("stream-frames", "stall:3")
    with listening(exchange, caller) as socket:
        socket.send(asked(1, INDEX))
        with pytest.raises(TimeoutError):
            socket.recv(0.5)
        socket.send("ping")
        assert isinstance(socket.recv(PATIENCE_S), bytes)


@pytest.mark.parametrize(
    ("fault", "status"), [("rate-429", 429), ("denied-html", 403), ("html-502", 502), ("expired-token", 401)]
)
def test_faults_of_requests_reach_the_handshake(exchange, caller, fault, status):
    """What is answered instead of a request is answered instead of the handshake; the next one is served."""
    with pytest.raises(InvalidStatus) as refused, listening(exchange, caller, **{"x-kit-fault": fault}):
        pass
    assert refused.value.response.status_code == status
    with listening(exchange, caller) as socket:
        socket.send("ping")
        assert socket.recv(PATIENCE_S) == "pong"


@pytest.fixture
def official_stream(official, monkeypatch):
    """Let the official WebSocket client subscribe to `wanted`, and return what it heard, by token."""

    def hear(caller, mode, wanted):
        exchange = caller.exchange
        official(exchange)
        from SmartApi.smartWebSocketV2 import SmartWebSocketV2

        monkeypatch.setattr(
            SmartWebSocketV2, "ROOT_URI", exchange.url.replace("http", "ws") + "/smart-stream"
        )
        monkeypatch.setattr(SmartWebSocketV2, "input_request_dict", {})
        feed = caller.login()["data"]["feedToken"]
        secrets = exchange.credentials
        client = SmartWebSocketV2(
            caller.session.headers["Authorization"],
            secrets.api_key.get_secret_value(),
            secrets.client_code.get_secret_value(),
            feed,
            max_retry_attempt=0,
        )
        official.close_log_files()
        heard, done = {}, threading.Event()

        def keep(_socket, row):
            heard[row["token"]] = row
            if len(heard) == sum(len(group["tokens"]) for group in wanted):
                done.set()

        client.on_open = lambda _socket: client.subscribe("abcde12345", mode, wanted)
        client.on_data = keep
        thread = threading.Thread(target=client.connect, daemon=True)
        thread.start()
        assert done.wait(PATIENCE_S)
        exchange._loop.call_soon_threadsafe(exchange.app.connections.drop_all)  # left to itself it takes 10 s
        thread.join(PATIENCE_S)
        client.close_connection()
        return heard

    return hear


def paise(rupees):
    """Return what a stream writes for a price."""
    return round(rupees * 100)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # its own on_close fails
def test_official_client_decodes_the_values_of_the_quotes(still, call_on, official_stream):
    """The broker's WebSocket client reads from our frames what its REST client gets from the quote route."""
    there = call_on(still)
    there.login()
    tokens = there.options(count=4)
    quotes = there.quotes("FULL", *tokens)["data"]["fetched"]
    for mode in (1, 2, 3):
        heard = official_stream(there, mode, [{"exchangeType": 2, "tokens": list(tokens)}])
        for quote in quotes:
            row = heard[quote["symbolToken"]]
            assert row["last_traded_price"] == paise(quote["ltp"])
            if mode >= 2:
                assert row["volume_trade_for_the_day"] == quote["tradeVolume"]
                assert row["average_traded_price"] == paise(quote["avgPrice"])
                assert row["closed_price"] == paise(quote["close"])
            if mode == 3:
                assert row["open_interest"] == quote["opnInterest"]
                assert row["upper_circuit_limit"] == paise(quote["upperCircuit"])
                assert row["52_week_low_price"] == paise(quote["52WeekLow"])
                for side in ("buy", "sell"):
                    levels = row[f"best_5_{side}_data"]
                    assert [level["price"] for level in levels] == [
                        paise(level["price"]) for level in quote["depth"][side]
                    ]
                    assert [level["quantity"] for level in levels] == [
                        level["quantity"] for level in quote["depth"][side]
                    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_official_client_decodes_twenty_levels(still, call_on, official_stream):
    """In the depth mode the best price is that of the quote and every level lies further out."""
    there = call_on(still)
    there.login()
    quote = there.quotes("FULL", "3045", exchange="NSE")["data"]["fetched"][0]
    row = official_stream(there, 4, [{"exchangeType": 1, "tokens": ["3045"]}])["3045"]
    for side, sign in (("buy", -1), ("sell", 1)):
        prices = [level["price"] for level in row[f"depth_20_{side}_data"]]
        assert prices[0] == paise(quote["depth"][side][0]["price"])
        assert len(prices) == 20
        assert all(sign * (after - before) > 0 for before, after in pairwise(prices))
