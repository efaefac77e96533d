"""Prices and chains from the stream, beside the same ones asked for."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import numpy as np
import pytest

from kit.clock import IST
from kit.errors import UnknownExpiry, UnknownSymbol
from kit.simulator.server import SimulatedExchange

MORNING = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
PATIENCE_S = 60
NEAR = {"data_manager": {"strikes_around": 10}}


def until(true, what):
    """Wait for something; the time is generous because machines are busy."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE_S} s"
        threading.Event().wait(0.01)
    return found


def streamed(ask):
    """Ask until the answer comes from the stream, and return it."""

    def once():
        found = ask()
        return found if found.source == "stream" else None

    return until(once, "an answer from the stream")


@pytest.fixture(scope="module")
def still():
    """Serve a market in which time stands still: what is streamed and what is asked must agree."""
    with SimulatedExchange(seed=7, at=MORNING, speed=1e-6, limits=False) as exchange:
        yield exchange


def test_chain_from_ticks_is_the_chain_that_is_asked_for(still, open_data):
    """In a market that stands still both ways give the same table, forward and volatilities."""
    data = open_data(still, **NEAR)
    asked = data.option_chain("BANKNIFTY")
    with data.stream("BANKNIFTY") as live:
        ticks = streamed(live.chain)
    assert asked.source == "network"
    assert ticks.venue == asked.venue == "simulated"
    assert ticks.strikes == asked.strikes
    assert ticks.spot == asked.spot
    assert ticks.forward == pytest.approx(asked.forward)
    for name in asked.frame.columns:
        if name in ("right", "token", "symbol", "iv_reason"):
            assert ticks.frame[name].tolist() == asked.frame[name].tolist(), name
        else:
            np.testing.assert_allclose(ticks.frame[name], asked.frame[name], rtol=1e-9, err_msg=name)
    assert abs((ticks.taken_at - asked.taken_at).total_seconds()) < 1


def test_prices_and_the_money_come_from_ticks_too(exchange, open_data):
    """While a chain is followed its underlying's price and its strike at the money are the stream's."""
    data = open_data(**NEAR)
    assert data.ltp("BANKNIFTY").source == "network"
    with data.stream():
        price = streamed(lambda: data.ltp("BANKNIFTY"))
        assert 0 <= price.age_s < 10
        option = streamed(data.option_chain).frame["symbol"].iloc[0]
        assert data.ltp(option).source == "stream"
        assert data.atm_strike() in data.option_chain().strikes


def test_chain_follows_the_market(exchange, open_data):
    """Chains come again and again, each younger than the one before and none asked of the broker."""
    data = open_data(**NEAR)
    with data.stream() as live:
        streamed(live.chain)
        asked = exchange.stats.requests["quote"]
        found = []
        for chain in live.chains(every_s=0.5):
            found.append(chain)
            if len(found) == 4:
                live.close()
    assert [chain.source for chain in found] == ["stream"] * 4
    times = [chain.taken_at for chain in found]
    assert times == sorted(set(times))
    assert exchange.stats.requests["quote"] == asked


def test_chain_falls_back_to_asking_when_the_stream_falls_silent(exchange, open_data):
    """Ticks that are too old are not served: the broker is asked, and the stream again when it ticks."""
    quick = {"fresh_s": 0.8, "quiet_s": 1.5, "heartbeat_s": 0.2, "silence_s": 60}
    data = open_data(**NEAR, stream=quick, cache_config={"disk": False, "ltp_ttl": 1, "options_chain_ttl": 1})
    with data.stream() as live:
        streamed(live.chain)
        exchange.faults.add("stream-frames", "stall:5")
        until(lambda: live.chain().source == "network", "a chain that is asked for")
        until(lambda: data.ltp("BANKNIFTY").source == "network", "a price that is asked for")
        streamed(live.chain)


def test_closed_chain_is_asked_for_again(exchange, open_data):
    """After closing nothing is subscribed, and a chain comes from the broker or the caches."""
    data = open_data(**NEAR)
    live = data.stream()
    streamed(live.chain)
    live.close()
    live.close()
    assert live.health()["subscriptions"] == 0
    assert data.option_chain().source in ("network", "sqlite", "hot")
    assert list(live.chains()) == []


def test_strikes_follow_a_spot_that_moves_away(open_data, next_password):
    """When the market jumps to another day's level the strikes around it are followed by themselves."""
    with SimulatedExchange(seed=7, at=MORNING, limits=False) as exchange:
        data = open_data(exchange, **NEAR)
        with data.stream("BANKNIFTY", "29DEC2026") as live:
            before = streamed(live.chain)
            next_password()  # another day begins with another login
            exchange.clock.jump(datetime(2026, 11, 27, 15, 0, tzinfo=IST))
            moved = until(
                lambda: (found := live.chain()).source == "stream" and found.taken_at.day == 27 and found,
                "the chain of the other day",
            )
    assert moved.taken_at > before.taken_at
    assert moved.strikes != before.strikes or abs(moved.spot - before.spot) < 100
    assert min(moved.strikes) < moved.spot < max(moved.strikes)


def test_symbols_are_followed_by_the_names_that_were_given(data):
    """Ticks carry the words of whoever asked."""
    with data.follow("BANKNIFTY", "SBIN-EQ", mode="LTP") as following:
        heard = set()
        for tick in following:
            heard.add((tick.symbol, tick.mode))
            if len(heard) == 2:
                break
    assert heard == {("BANKNIFTY", "LTP"), ("SBIN-EQ", "LTP")}


def test_what_is_not_listed_is_refused(data):
    """An unknown symbol or expiry is named before anything is subscribed."""
    with pytest.raises(UnknownSymbol):
        data.follow("NOSUCHTHING")
    with pytest.raises(UnknownExpiry):
        data.stream("BANKNIFTY", "01JAN2027")
    assert data._present().client.feed.health()["subscriptions"] == 0


def test_live_chain_shows_its_health(exchange, open_data):
    """At the end of a cell a live chain says what it follows and how its connections do."""
    with open_data(**NEAR).stream() as live:
        streamed(live.chain)
        text, page = repr(live), live._repr_html_()
    assert "BANKNIFTY" in text
    assert "Connections" in page
