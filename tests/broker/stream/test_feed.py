"""The market stream against the simulated exchange: what is wanted keeps coming, whatever breaks."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
import traceback
from datetime import timedelta

import pytest

from kit.broker.stream.feed import MarketFeed
from kit.broker.stream.frames import key_of
from kit.broker.stream.subscriptions import most, shared_out
from kit.errors import DataError, RateLimited, SettingsError
from kit.settings import StreamConfig
from kit.simulator.server import SimulatedExchange

PATIENCE_S = 60
INDEX, SHARE, OTHER = ("NSE", "99926009"), ("NSE", "3045"), ("NSE", "1333")
NAMES = {INDEX: "Nifty Bank", SHARE: "SBIN-EQ", OTHER: "HDFCBANK-EQ"}


def until(true, what="it"):
    """Wait for something; the time is generous because machines are busy."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE_S} s"
        threading.Event().wait(0.005)


@pytest.fixture
def quick_client(exchange, open_client):
    """Open a client that notices silence soon."""
    config = StreamConfig(heartbeat_s=0.2, silence_s=1.0, stall_s=60, retry_s=0.01)
    exchange.faults.clear()
    return open_client(stream=config)


def test_ticks_come_with_their_names_and_prices(client, exchange):
    """Whoever follows an index and a share reads ticks of both, at the exchange's time and in rupees."""
    with client.feed.follow({INDEX: "Nifty Bank", SHARE: "SBIN-EQ"}) as following:
        heard = {}
        for tick in following:
            heard[tick.symbol] = tick
            if len(heard) == 2:
                break
    assert 40_000 < heard["Nifty Bank"].ltp < 80_000
    assert 500 < heard["SBIN-EQ"].ltp < 2_000
    assert heard["SBIN-EQ"].bid < heard["SBIN-EQ"].ask
    assert abs((heard["SBIN-EQ"].at - exchange.clock.now()).total_seconds()) < PATIENCE_S


def test_batches_come_as_arrays(client):
    """The same ticks as one array per mode."""
    with client.feed.follow(NAMES, "QUOTE") as following:
        first = next(following.batches(every_s=0.05))
    assert {batch.mode for batch in first} == {"QUOTE"}
    assert first[0].rupees("ltp").min() > 0


def test_nothing_is_connected_before_something_is_followed(client):
    """A client that follows nothing has no connection, and leaves when the last following is closed."""
    assert client.feed.health()["connections"] == []
    with client.feed.follow({INDEX: "Nifty Bank"}) as following:
        assert following.next(PATIENCE_S) is not None
        assert len(client.feed.health()["connections"]) == 1
    assert client.feed.health()["connections"] == []
    assert client.feed.newest.of(key_of("SNAPQUOTE", *INDEX)) is None


def test_the_library_is_loaded_with_the_first_connection():
    """Whoever follows nothing never loads the WebSocket library."""
    code = "import sys, kit.broker.client, kit.market.manager; print('websockets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_two_follow_stays_when_one_leaves(client):
    """A token that two want is subscribed once, and goes on for the one who stays."""
    first = client.feed.follow({INDEX: "Nifty Bank", SHARE: "SBIN-EQ"})
    second = client.feed.follow({INDEX: "Nifty Bank"})
    assert client.feed.health()["subscriptions"] == 2
    assert second.next(PATIENCE_S) is not None
    first.close()
    assert client.feed.health()["subscriptions"] == 1
    kept = client.feed.newest.of(key_of("SNAPQUOTE", *INDEX))
    until(lambda: client.feed.newest.of(key_of("SNAPQUOTE", *INDEX)) is not kept, "the next tick")
    second.close()


def test_two_hundred_lost_connections_lose_no_subscription(quick_client, exchange):
    """After each of 200 broken connections every token that is followed ticks again, by itself."""
    feed = quick_client.feed
    keys = [key_of("QUOTE", *pair) for pair in NAMES]
    with feed.follow(NAMES, "QUOTE"):
        until(lambda: all(map(feed.newest.of, keys)), "the first tick of each")
        for number in range(200):
            before = {key: feed.newest.of(key) for key in keys}
            exchange.app.connections.abort(_address_of_stream(exchange))
            until(lambda: all(feed.newest.of(key) is not before[key] for key in keys), f"tick {number}")  # noqa: B023
        health = feed.health()["connections"][0]
    assert health["opened"] > 200
    assert health["refused"] == 0


def _address_of_stream(exchange):
    """Return the address of the one who listens, once somebody does."""
    until(lambda: exchange.app.stream.listeners, "a listener")
    return exchange.app.stream.listeners[0]._socket.client


def test_silent_connection_is_left(quick_client, exchange):
    """A connection that is open and says nothing is made anew, and the ticks go on."""
    feed = quick_client.feed
    exchange.faults.add("stream-frames", "stall:60")
    with feed.follow({INDEX: "Nifty Bank"}) as following:
        assert following.next(PATIENCE_S) is not None
        health = feed.health()["connections"][0]
    assert health["left_silent"] == 1
    assert health["opened"] == 2


def test_stalled_ticks_are_noticed_though_pings_are_answered(exchange, open_client):
    """When the market is open and no tick comes, pongs do not save a connection."""
    client = open_client(stream=StreamConfig(heartbeat_s=0.1, silence_s=30, stall_s=0.5, retry_s=0.01))
    with client.feed.follow({("NFO", "1"): "nothing of this token"}):
        until(lambda: client.feed.health()["connections"][0]["left_stalled"] >= 2, "a new connection")


def test_damaged_frames_are_counted_and_set_aside(quick_client, exchange):
    """Garbage, short and long frames and an unknown mode reach nobody, are counted, and break nothing."""
    for fault in ("garbage-frame", "short-frame", "long-frame", "unknown-frame"):
        exchange.faults.add("stream-frames", fault)
    feed = quick_client.feed
    with feed.follow({INDEX: "Nifty Bank"}) as following:
        assert following.next(PATIENCE_S).ltp > 0
        health = feed.health()
    assert health["strange"] == 4
    assert len(health["last_strange"]) > 0
    assert health["connections"][0]["opened"] == 1


def test_words_that_are_no_refusal_are_told_once(quick_client, exchange, caplog):
    """A hundred texts that mean nothing are counted, logged once, and the ticks go on behind them."""
    exchange.faults.add("stream-frames", "text-frame", times=100)
    exchange.app.stream.cadence_s, usual = 0.01, exchange.app.stream.cadence_s
    try:
        with quick_client.feed.follow(NAMES) as following:
            assert following.next(PATIENCE_S).ltp > 0
            health = quick_client.feed.health()["connections"][0]
    finally:
        exchange.app.stream.cadence_s = usual
    assert (health["refused"], health["opened"]) == (100, 1)
    assert len([row for row in caplog.records if "no stream today" in row.getMessage()]) == 1


def test_a_flood_in_one_frame_is_left_and_connected_to_anew(quick_client, exchange):
    """A frame of 100,000 bytes costs its connection, and what is followed comes on the next one."""
    exchange.faults.add("stream-frames", "huge-frame", times=3)
    with quick_client.feed.follow({INDEX: "Nifty Bank"}) as following:
        assert following.next(PATIENCE_S).ltp > 0
        assert quick_client.feed.health()["connections"][0]["opened"] == 4


def test_more_than_a_thousand_tokens_share_connections(client, exchange):
    """1,001 subscriptions tick over two connections, and none is refused."""
    rows = client.instruments().rows("BANKNIFTY", "OPTIDX")
    names = {(row["exch_seg"], row["token"]): row["symbol"] for row in rows[:1001]}
    assert len(names) == 1001
    with client.feed.follow(names, "LTP", queue_size=0):
        keys = [key_of("LTP", *pair) for pair in names]
        until(lambda: all(map(client.feed.newest.of, keys)), "a tick of each")
        health = client.feed.health()["connections"]
    assert [one["refused"] for one in health] == [0, 0]


def test_a_connection_that_the_broker_has_no_room_for_is_told_and_made_later(exchange, open_client):
    """While three others listen the health names the limit; when one leaves the ticks come by themselves."""
    quick = StreamConfig(heartbeat_s=0.2, retry_s=0.01, most_retry_s=0.05)
    others = [open_client(stream=quick) for _ in range(3)]
    follows = [other.feed.follow({INDEX: "Nifty Bank"}) for other in others]
    assert all(one.next(PATIENCE_S) for one in follows)
    fourth = open_client(stream=quick).feed
    with fourth.follow({INDEX: "Nifty Bank"}) as following:
        until(lambda: "RateLimited" in fourth.health()["connections"][0]["error"], "the limit's name")
        follows[0].close()
        assert following.next(PATIENCE_S).ltp > 0
    for one in follows:
        one.close()


def test_slow_reader_loses_the_oldest_and_the_loss_is_counted(client):
    """A queue of two keeps the newest two ticks and counts the others; the newest frame is kept anyway."""
    feed = client.feed
    with feed.follow(NAMES, queue_size=2) as following:
        until(lambda: following.dropped >= 4, "a loss")
        newest = feed.newest.frames
        ticks = [following.next(PATIENCE_S) for _ in range(2)]
    assert all(ticks)
    assert newest >= 6


def test_tokens_are_renewed_at_midnight(open_client, next_password):
    """When the market's clock passes midnight the stream goes on with the tokens of another login."""
    with SimulatedExchange(seed=7, speed=1e-3, limits=False) as exchange:
        client = open_client(exchange, stream=StreamConfig(heartbeat_s=0.2, retry_s=0.01))
        feed = client.feed
        with feed.follow({INDEX: "Nifty Bank"}) as following:
            assert following.next(PATIENCE_S) is not None
            before = client.session.access.current()
            midnight = before.expires
            next_password()
            exchange.clock.jump(midnight)
            until(lambda: client.session.access.current() is not before, "another login")
            until(lambda: feed.health()["connections"][0]["is_up"], "another connection")
    assert client.session.access.current().expires > midnight


@pytest.mark.parametrize("by_s", [3600.0, -0.5])
def test_ticks_go_on_when_the_clock_jumps(open_client, by_s):
    """An hour ahead or half a second back: the same connection goes on, and its ticks are of the new time."""
    with SimulatedExchange(seed=7, speed=1.0, limits=False) as exchange:
        feed = open_client(exchange, stream=StreamConfig(heartbeat_s=0.2, silence_s=20, stall_s=60)).feed
        with feed.follow({INDEX: "Nifty Bank"}) as following:
            first = following.next(PATIENCE_S)
            exchange.clock.jump(exchange.clock.now() + timedelta(seconds=by_s))
            moved = exchange.clock.now()
            until(
                lambda: (tick := following.next(PATIENCE_S)) and tick.at >= moved - timedelta(seconds=1), "it"
            )
            kept = feed.fresh("SNAPQUOTE", *INDEX)
            assert first is not None
            assert kept is not None
            (connection,) = feed.health()["connections"]
    assert (connection["opened"], connection["is_up"]) == (1, True)


def test_session_ended_by_the_broker_is_renewed(quick_client, exchange):
    """When the broker ends the session before midnight the stream comes back with a renewed one."""
    feed = quick_client.feed
    with feed.follow({INDEX: "Nifty Bank"}) as following:
        assert following.next(PATIENCE_S) is not None
        exchange.account.logout(quick_client.session.access.current().jwt.get_secret_value())
        before = feed.newest.frames
        until(lambda: feed.newest.frames > before + 1, "ticks of a new session")


def test_refused_key_is_told_and_not_asked_again_at_once(exchange, open_client):
    """A stream that refuses the API key says so in its health, and is not hammered."""
    wrong = exchange.credentials.model_copy(update={"api_key": type(exchange.credentials.api_key)("wrong")})
    client = open_client()
    feed = MarketFeed(
        exchange.url.replace("http", "ws") + "/smart-stream",
        client.session, wrong, StreamConfig(retry_s=0.01), exchange.clock,
    )  # fmt: skip
    with feed.follow({INDEX: "Nifty Bank"}):
        until(lambda: feed.health()["connections"][0]["error"], "the refusal")
        asked = exchange.stats.requests["smart-stream"]
        threading.Event().wait(0.3)
        assert exchange.stats.requests["smart-stream"] == asked
        assert "KeyRefused" in feed.health()["connections"][0]["error"]


def test_tls_is_verified(open_client):
    """With TLS the stream works with the authority's certificate, and with no other."""
    pytest.importorskip("trustme")
    with SimulatedExchange(seed=7, tls=True, limits=False) as exchange:
        client = open_client(exchange)
        with client.feed.follow({INDEX: "Nifty Bank"}) as following:
            assert following.next(PATIENCE_S) is not None
        stranger = MarketFeed(
            exchange.url.replace("http", "ws") + "/smart-stream",
            client.session, exchange.credentials, StreamConfig(retry_s=0.01), exchange.clock,
        )  # fmt: skip
        with stranger.follow({INDEX: "Nifty Bank"}) as following:
            until(lambda: stranger.health()["connections"][0]["error"], "the refusal")
            assert "CERTIFICATE_VERIFY_FAILED" in stranger.health()["connections"][0]["error"]
            assert following.next(0.0) is None


def test_secrets_stay_out_of_logs_errors_and_reprs(exchange, open_client, caplog):
    """At the most talkative level, through refusals and losses, no secret is written anywhere."""
    caplog.set_level(logging.DEBUG)
    client = open_client(stream=StreamConfig(heartbeat_s=0.1, retry_s=0.01))
    exchange.faults.add("smart-stream", "denied-html")
    exchange.faults.add("stream-frames", "drop")
    shown = []
    with client.feed.follow({INDEX: "Nifty Bank"}) as following:
        until(lambda: client.feed.health()["connections"][0]["error"], "the refusal")
        error = client.feed._connections[0].health.error
        shown += [*traceback.format_exception(error)] if error else []
        assert following.next(PATIENCE_S) is not None
        shown += [repr(client), repr(client.feed), repr(following), str(client.feed.health())]
        shown += [repr(vars(client.feed._connections[0]))]
    tokens = client.session.access.current()
    secrets = [tokens.jwt, tokens.feed, exchange.credentials.api_key, exchange.credentials.pin]
    text = "\n".join([caplog.text, *shown])
    for secret in secrets:
        assert secret.get_secret_value() not in text


def test_too_many_subscriptions_are_refused_before_the_broker_does():
    """Three connections of 1,000 are the most; what is followed already stays where it is."""
    room = most("tokens")
    keys = [key_of("LTP", "NFO", str(number)) for number in range(3 * room)]
    shares = shared_out(keys, [])
    assert [len(share) for share in shares] == [room] * 3
    assert frozenset().union(*shares) == frozenset(keys)
    with pytest.raises(RateLimited, match="no more subscriptions"):
        shared_out([*keys, key_of("LTP", "NFO", "one more")], shares)
    fewer = shared_out(keys[room:], shares)
    assert [len(share) for share in fewer] == [len(share.intersection(keys[room:])) for share in shares]


def test_depth_has_bounds_of_its_own():
    """Depth is for fifty shares of the NSE, in the kit's words before the broker's."""
    with pytest.raises(DataError, match="shares of the NSE"):
        shared_out([key_of("DEPTH", "NFO", "1")], [])
    with pytest.raises(RateLimited, match="in DEPTH"):
        shared_out([key_of("DEPTH", "NSE", str(number)) for number in range(51)], [])


def test_unknown_exchange_is_refused(client):
    """An exchange that the stream does not carry is named, with those that it does."""
    with pytest.raises(DataError, match="NYSE"):
        client.feed.follow({("NYSE", "1"): "X"})


@pytest.mark.parametrize(
    "url", ["ws://broker.example/smart-stream", "https://broker.example", "nonsense", "wss://me:SECRET@host"]
)
def test_secrets_travel_to_no_address_without_tls(client, exchange, url):
    """A stream's address must be wss, or ws on this machine, without a user."""
    with pytest.raises(SettingsError, match=r"in the open|Not the address") as caught:
        MarketFeed(url, client.session, exchange.credentials, StreamConfig(), exchange.clock)
    assert "SECRET" not in str(caught.value)
