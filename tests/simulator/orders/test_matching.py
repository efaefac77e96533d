"""What an order gets: the better price first, no more than is shown, in its turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.clock import IST
from kit.simulator.depth import level_sizes, levels

CALL = "BANKNIFTY29DEC2657000CE"
SHARE = "SBIN-EQ"


def shown(floor, symbol, side):
    """Return the levels that an order of a side meets now."""
    quote, contract = floor.quote(symbol), floor.contract(symbol)
    sizes = level_sizes(7, [contract], floor.clock.now())[0]
    best, step, part = (quote.ask, 0.05, sizes[5:]) if side == "BUY" else (quote.bid, -0.05, sizes[:5])
    return levels(best, step, contract.lot, part)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_crossing_order_takes_the_levels_at_their_own_prices(floor, side):
    """An order through the book fills level by level, best first, and no level beyond its price."""
    book = shown(floor, CALL, side)
    size = min(600, sum(level["quantity"] for level in book[:2]))
    row = floor.place(CALL, side, size, book[1]["price"])
    filled = [(float(one["fillprice"]), int(one["fillsize"])) for one in floor.trades()]
    first = min(size, book[0]["quantity"])
    assert filled == [
        (price, units)
        for price, units in ((book[0]["price"], first), (book[1]["price"], size - first))
        if units
    ]
    assert row["status"] == "complete"
    assert row["averageprice"] == pytest.approx(sum(p * u for p, u in filled) / size, abs=0.005)


def test_what_was_taken_is_gone_in_this_second(floor):
    """Two orders of one second share what is shown; the second one gets what the first one left."""
    best = shown(floor, CALL, "BUY")[0]
    rows = [floor.place(CALL, "BUY", 600, best["price"]) for _ in range(3)]
    assert sum(int(row["filledshares"]) for row in rows) == min(1800, best["quantity"])
    assert int(rows[2]["filledshares"]) < 600


def test_ioc_cancels_what_cannot_be_had_at_once(floor):
    """An IOC order below the ask is cancelled unfilled, one at the ask keeps its part."""
    best = shown(floor, CALL, "BUY")[0]
    below = floor.place(CALL, "BUY", 30, best["price"] - 1, duration="IOC")
    assert (below["status"], below["filledshares"], below["cancelsize"]) == ("cancelled", "0", "30")
    rows = [floor.place(CALL, "BUY", 600, best["price"], duration="IOC") for _ in range(3)]
    assert rows[-1]["status"] == "cancelled"
    assert sum(int(row["filledshares"]) for row in rows) == min(1800, best["quantity"])


def test_an_order_that_is_filled_in_part_is_changed_and_cancelled_for_the_rest(floor):
    """It is made no smaller than what is filled and a lot; what is filled stays, and no funds stay aside."""
    best = shown(floor, CALL, "BUY")[0]["price"]
    orders = iter(lambda: floor.place(CALL, "BUY", 600, best), None)
    part = next(row for row in orders if 0 < int(row["filledshares"]) < 600)
    filled, rest = int(part["filledshares"]), floor.place(CALL, "BUY", 600, best)
    named = {"variety": "NORMAL", "orderid": part["orderid"]}
    for units in (filled, filled - 30):
        assert floor.ask("modifyOrder", **named, quantity=str(units))["errorcode"] == "AB1013"
    beyond = f"{best + 5:.2f}"
    assert floor.ask("modifyOrder", **named, quantity=str(filled + 30), price=beyond)["status"] is True
    row = floor.row(part["orderid"])
    assert (row["status"], row["filledshares"], row["unfilledshares"]) == ("complete", str(filled + 30), "0")
    assert floor.ask("cancelOrder", **named)["errorcode"] == "AB1013"
    assert floor.ask("cancelOrder", variety="NORMAL", orderid=rest["orderid"])["status"] is True
    assert floor.account.blocked() == pytest.approx(0.0, abs=0.01)


def test_a_waiting_order_fills_at_its_own_price_when_the_market_comes(floor):
    """A limit below the market waits, and fills at its limit by the second at which the ask comes to it."""
    contract, now = floor.contract(CALL), floor.clock.now()
    seconds = np.arange(int(now.timestamp()), int(now.timestamp()) + 4 * 3600)
    course = floor.state.market.course(contract, now.date(), seconds)
    limit = float(course.ask.min())
    comes = int(course.at_s[np.flatnonzero(course.ask <= limit)[0]])
    row = floor.place(CALL, "BUY", 30, limit)
    assert row["status"] == ("open" if comes > seconds[0] else "complete")
    floor.clock.jump(datetime.fromtimestamp(comes, IST))
    row = floor.row(row["orderid"])
    assert (row["status"], row["averageprice"]) == ("complete", limit)


def test_those_ahead_in_the_queue_are_served_first(floor):
    """At the best bid an order waits until more has traded than stood before it, then fills with the flow."""
    best = shown(floor, SHARE, "SELL")[0]
    first = floor.place(SHARE, "BUY", 40, best["price"], producttype="INTRADAY")
    ahead = floor.account.orders[-1].ahead
    assert ahead == best["quantity"]
    begin, contract = floor.clock.now(), floor.contract(SHARE)
    while floor.row(first["orderid"])["filledshares"] == "0":
        floor.clock.advance(1)
    seconds = np.arange(int(begin.timestamp()), int(floor.clock.now().timestamp()) + 1)
    seen = floor.state.market.course(contract, begin.date(), seconds)
    left = (seen.bid < best["price"]).any() or (seen.ask <= best["price"]).any()
    assert left or (seen.volume[-1] - seen.volume[0]) / 2 >= ahead - 1


def test_of_own_orders_the_better_price_then_the_older_is_served_first(floor):
    """Fills of several own orders never go to a worse or younger one while a better or older one waits."""
    bid = floor.quote(CALL).bid
    prices = (bid - 0.5, bid, bid, bid + 0.05)
    numbers = [floor.place(CALL, "BUY", 600, round(price, 2))["orderid"] for price in prices]
    order = [numbers[3], numbers[1], numbers[2], numbers[0]]
    done = []
    for _ in range(40):
        floor.clock.advance(2)
        filled = [int(floor.row(number)["filledshares"]) for number in order]
        done.append(filled)
        assert all(a == 600 or b == 0 or a >= b for a, b in pairwise(filled))
    assert done[-1][0] == 600


def test_a_stop_waits_for_its_trigger(floor):
    """A stop-limit is pending until the last price reaches its trigger, then it is a limit order."""
    contract, now = floor.contract(CALL), floor.clock.now()
    seconds = np.arange(int(now.timestamp()), int(now.timestamp()) + 4 * 3600)
    ltp = floor.state.market.course(contract, now.date(), seconds).ltp
    trigger = float(ltp.max())
    assert trigger > ltp[0]
    row = floor.place(
        CALL,
        "BUY",
        30,
        trigger + 20,
        variety="STOPLOSS",
        ordertype="STOPLOSS_LIMIT",
        triggerprice=str(trigger),
    )
    assert row["status"] == "trigger pending"
    at = datetime.fromtimestamp(int(seconds[int(ltp.argmax())]), IST)
    floor.clock.jump(at - timedelta(seconds=1))
    assert floor.row(row["orderid"])["status"] == "trigger pending"
    floor.clock.jump(at)
    row = floor.row(row["orderid"])
    assert row["status"] == "complete"
    assert trigger <= row["averageprice"] <= trigger + 20


def test_a_market_order_becomes_a_limit_with_protection(floor):
    """A market order is in the book as a limit a little beyond the touch, and fills at the touch."""
    quote = floor.quote(CALL)
    row = floor.place(CALL, "BUY", 30, ordertype="MARKET")
    assert (row["ordertype"], row["status"], row["averageprice"]) == ("LIMIT", "complete", quote.ask)
    assert quote.ask < row["price"] < 1.06 * quote.ask
    stop = floor.place(
        CALL, "SELL", 30, variety="STOPLOSS", ordertype="STOPLOSS_MARKET", triggerprice="9000.00"
    )
    assert stop["status"] == "rejected"  # beyond the day's range


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["BUY", "SELL"]), st.integers(1, 20), st.integers(-30, 30), st.integers(1, 900)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_is_placed_the_books_add_up(open_floor, orders):
    """Trades sum to fills, fills to positions, money to trades, however time goes; no limit is passed."""
    slow, fast = open_floor(), open_floor()
    for side, lots, ticks, wait_s in orders:
        for floor in (slow, fast):
            price = round(floor.quote(CALL).ltp + 0.05 * ticks, 2)
            floor.place(CALL, side, 30 * lots, price)
        for _ in range(3):
            slow.clock.advance(wait_s / 3)
            slow.ask("getOrderBook")
        fast.clock.jump(slow.clock.now())
    rows = slow.ask("getOrderBook")["data"]
    assert [(row["filledshares"], row["status"]) for row in rows] == [
        (row["filledshares"], row["status"]) for row in fast.ask("getOrderBook")["data"]
    ]
    trades, cash = slow.trades(), 10_000_000.0
    for row in rows:
        own = [one for one in trades if one["orderid"] == row["orderid"]]
        assert sum(int(one["fillsize"]) for one in own) == int(row["filledshares"]) <= int(row["quantity"])
        assert int(row["filledshares"]) % 30 == 0
        for one in own:
            beyond = float(one["fillprice"]) - row["price"]
            assert (beyond if row["transactiontype"] == "BUY" else -beyond) <= 1e-9
    for one in trades:
        cash -= (1 if one["transactiontype"] == "BUY" else -1) * float(one["tradevalue"])
    assert slow.account.cash == pytest.approx(cash)
    if trades:
        net = sum((1 if one["transactiontype"] == "BUY" else -1) * int(one["fillsize"]) for one in trades)
        row = slow.position(CALL)
        assert int(row["netqty"]) == net
        worth = cash - 10_000_000.0 + net * float(row["ltp"])
        assert float(row["pnl"]) == pytest.approx(worth, abs=0.02)


@pytest.mark.parametrize("symbol", [CALL, SHARE, "BANKNIFTY29DEC26FUT", "Nifty Bank"])
def test_a_course_agrees_with_the_quotes(floor, symbol):
    """What a contract shows at many seconds is what its quote shows at each of them."""
    begin, contract = floor.clock.now(), floor.contract(symbol)
    seconds = int(begin.timestamp()) + np.array([0, 1, 59, 60, 61, 3599, 10_000])
    course = floor.state.market.course(contract, begin.date(), seconds)
    for place, second in enumerate(seconds.tolist()):
        (quote,) = floor.state.market.quotes([contract], datetime.fromtimestamp(second, IST))
        shown = (course.ltp[place], course.bid[place], course.ask[place])
        assert shown == pytest.approx((quote.ltp, quote.bid, quote.ask), abs=1e-9)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_worse_price_never_gets_what_a_better_one_still_wants(floor, side):
    """Over ten minutes no second gives an order anything while a better one of its side is not filled."""
    sign, quote = 1 if side == "BUY" else -1, floor.quote(SHARE)
    near = quote.ask if side == "BUY" else quote.bid
    rows = [
        floor.place(SHARE, side, 400, round(near - sign * 0.1 * step, 2), producttype="INTRADAY")
        for step in (0, 3, 1, 4, 2)
    ]
    price = {row["orderid"]: row["price"] for row in rows}
    passed, given = 0, len(floor.trades())
    for _ in range(600):
        left = {row["orderid"]: int(row["unfilledshares"]) for row in map(floor.row, price)}
        floor.clock.advance(1)
        for one in (new := floor.trades()[given:]):
            better = [other for other in price if sign * (price[other] - price[one["orderid"]]) > 1e-9]
            got = {other: sum(int(t["fillsize"]) for t in new if t["orderid"] == other) for other in better}
            assert all(got[other] == left[other] for other in better)
            passed += bool(better)
        given += len(new)
    assert passed  # orders behind a better one were filled, each in its turn
