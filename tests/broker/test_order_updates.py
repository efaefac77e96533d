"""Updates of orders: heard as they happen, and none lost with a connection."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from websockets.sync.server import serve

from kit.broker.order_updates import OrderUpdates
from kit.clock import IST
from kit.errors import ProtocolError
from kit.market.instruments import instrument
from kit.model import OrderRequest
from kit.settings import StreamConfig
from kit.simulator.faults import FRAME_NAMES
from kit.simulator.server import SimulatedExchange

PATIENCE_S = 20


@pytest.fixture
def share(open_client, dealing, wide_limits):
    """Return a client of a fresh account, and a share."""
    client = open_client()
    return client, instrument(client.instruments().symbol("SBIN-EQ")[0])


def wanted(share, price_inr, **more):
    """Write a purchase of five shares."""
    return OrderRequest(share[1], "BUY", 5, price_inr, product="INTRADAY", **more)


def test_orders_are_heard_of_as_they_change(share):
    """A waiting order, its change and cancel, and a fill come one by one; what was known before does not."""
    client, _ = share
    client.orders.place(wanted(share, 940.0))
    with OrderUpdates(client) as updates:
        heard = updates.within(PATIENCE_S)
        placed = client.orders.place(wanted(share, 950.0, tag="heard"))
        first = next(heard)
        assert (first.order_id, first.status, first.tag) == (placed.order_id, "open", "heard")
        client.orders.modify(client.orders.details(placed), price_inr=951.0)
        assert next(heard).price_inr == 951.0
        client.orders.cancel(placed)
        assert next(heard).status == "cancelled"
        client.orders.place(wanted(share, 1050.0))
        last = next(heard)
        assert (last.status, last.filled) == ("complete", 5)
        assert list(updates.within(0.3)) == []


def test_what_happened_while_the_stream_was_lost_is_told(share, dealing):
    """After a loss the book tells what was missed, once, and the stream goes on."""
    client, _ = share
    placed = client.orders.place(wanted(share, 950.0))
    with OrderUpdates(client) as updates:
        dealing.faults.add("smart-order-update", "html-502", times=2)
        dealing._loop.call_soon_threadsafe(dealing.app.connections.drop_all)
        while dealing.app.updates.listeners:
            time.sleep(0.01)
        client.orders.cancel(placed)
        heard = updates.within(PATIENCE_S)
        missed = next(heard)
        assert (missed.order_id, missed.status, missed.unique_id) == (
            placed.order_id,
            "cancelled",
            placed.unique_id,
        )
        again = client.orders.place(wanted(share, 950.0))
        assert next(heard).order_id == again.order_id


def test_an_ended_session_is_renewed(share, dealing, next_password):
    """Tokens that the stream refuses are renewed before it gives up."""
    client, _ = share
    client.orders.book()
    next_password()
    dealing.account.expire_all()
    with OrderUpdates(client) as updates:
        client.orders.place(wanted(share, 950.0))
        assert next(updates.within(PATIENCE_S)).status == "open"


def test_a_page_that_denies_means_an_ended_session(share):
    """The broker answers ended tokens with its page of denial: renewed ones are tried before giving up."""
    client, _ = share
    shown = []

    def answer(connection, request):
        shown.append(request.headers["Authorization"])
        return connection.respond(403, "Access Denied") if len(shown) == 1 else None

    updates = OrderUpdates(client)
    with serve(lambda socket: socket.recv(), "127.0.0.1", 0, process_request=answer) as server:
        threading.Thread(target=server.serve_forever).start()
        updates._url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        with updates:
            assert len(set(shown)) == 2
        server.shutdown()


@pytest.fixture
def apart(open_client, wide_limits):
    """Return an exchange of its own, whose clock may be moved, and a client with its share."""
    at = datetime(2026, 11, 23, 11, 0, tzinfo=IST)
    with SimulatedExchange(seed=7, at=at, speed=1e-3, limits=False) as exchange:
        client = open_client(exchange, stream=StreamConfig(heartbeat_s=0.2, retry_s=0.01))
        yield exchange, (client, instrument(client.instruments().symbol("SBIN-EQ")[0]))


def test_orders_are_heard_of_across_midnight(apart, next_password):
    """At midnight the stream is opened with fresh tokens; yesterday's order ends once, today's is told."""
    exchange, (client, share) = apart
    with OrderUpdates(client) as updates:
        placed = client.orders.place(wanted((client, share), 950.0))
        assert next(updates.within(PATIENCE_S)).order_id == placed.order_id
        before = client.session.access.current()
        next_password()
        exchange.clock.jump(before.expires - timedelta(seconds=1))  # after the close
        assert next(updates.within(PATIENCE_S)).status == "cancelled"
        exchange.clock.jump(before.expires)
        assert list(updates.within(0.5)) == []  # yesterday's book is gone, and nothing of it is told again
        assert client.session.access.current().expires.date() == date(2026, 11, 25)
        exchange.clock.jump(datetime(2026, 11, 24, 11, 0, tzinfo=IST))
        again = client.orders.place(wanted((client, share), 950.0))
        assert [order.order_id for order in updates.within(1.0)] == [again.order_id]


@pytest.mark.parametrize("by_s", [3600.0, -0.5])
def test_a_clock_that_jumps_loses_and_doubles_no_update(apart, by_s):
    """An hour ahead or half a second back: what waits still waits, and each change is told once."""
    exchange, (client, share) = apart
    with OrderUpdates(client) as updates:
        placed = client.orders.place(wanted((client, share), 950.0))
        assert next(updates.within(PATIENCE_S)).status == "open"
        exchange.clock.jump(exchange.clock.now() + timedelta(seconds=by_s))
        assert list(updates.within(0.5)) == []
        client.orders.cancel(placed)
        again = client.orders.place(wanted((client, share), 1050.0))
        told = [(order.order_id, order.status) for order in updates.within(1.0)]
        assert told == [(placed.order_id, "cancelled"), (again.order_id, "complete")]


def test_what_a_damaged_message_would_have_said_is_told_next(share):
    """A message that is cut ends the listening with an error; the next listening begins with what it hid."""
    client, _ = share
    placed = client.orders.place(wanted(share, 950.0))

    def cut(socket):
        socket.send('{"order-status": "AB02", "orderData"')
        socket.close()

    with OrderUpdates(client) as updates, serve(cut, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever).start()
        updates._leave()
        updates._url, right = f"ws://127.0.0.1:{server.socket.getsockname()[1]}", updates._url
        with pytest.raises(ProtocolError, match="no update"):
            list(updates.within(PATIENCE_S))
        server.shutdown()
        updates._url = right
        client.orders.cancel(placed)
        told = next(updates.within(PATIENCE_S))
        assert (told.order_id, told.status) == (placed.order_id, "cancelled")
        assert updates._news(replace(told, status="open")) == []
        new = replace(told, order_id="2", status="open", filled=3)
        assert (updates._news(new), updates._news(replace(new, filled=0))) == ([new], [])


@pytest.mark.parametrize("fault", [name for name in FRAME_NAMES if name not in ("drop", "stall")])
def test_a_damaged_update_is_said_and_what_it_hid_is_told_next(share, dealing, fault):
    """Whatever comes in its place is an error, never an order; the next listening begins with the order."""
    client, _ = share
    with OrderUpdates(client) as updates:
        dealing.faults.add("update-frames", fault)
        placed = client.orders.place(wanted(share, 950.0))
        told = []
        with suppress(ProtocolError):
            told = [next(updates.within(PATIENCE_S))]  # too large a message ends the connection instead
        told = told or [next(updates.within(PATIENCE_S))]
    assert [(one.order_id, one.status) for one in told] == [(placed.order_id, "open")]


@pytest.mark.parametrize("fault", ["drop", "stall:60"])
def test_a_stream_that_breaks_or_falls_silent_is_opened_anew(open_client, dealing, wide_limits, fault):
    """An update that never comes is told by the book, within the patience for a silent stream."""
    client = open_client(stream=StreamConfig(heartbeat_s=0.2, silence_s=1.0, retry_s=0.01))
    share = client, instrument(client.instruments().symbol("SBIN-EQ")[0])
    with OrderUpdates(client) as updates:
        dealing.faults.add("update-frames", fault)
        placed = client.orders.place(wanted(share, 950.0))
        told = next(updates.within(PATIENCE_S))
    assert (told.order_id, told.status) == (placed.order_id, "open")


def test_what_is_no_update_is_said(share):
    """A message in another form is an error that shows its beginning."""
    updates = OrderUpdates(share[0])
    for said in ("hello", "[1]", "[" * 60_000, '{"order-status": "AB01"}', b"\x01"):
        with pytest.raises(ProtocolError, match="no update"):
            updates._read(said)
