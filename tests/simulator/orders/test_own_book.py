"""Own orders are part of the book: seen by everybody, met first where they are better, gone when done."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from kit.facts import table
from kit.simulator.quote_routes import rows_of

CALL, FUTURE, FAR = "BANKNIFTY29DEC2657000CE", "BANKNIFTY29DEC26FUT", "BANKNIFTY29DEC2644000PE"
ORDERS = Path(__file__).parents[3] / "kit" / "simulator" / "orders"


def depth(floor, symbol=CALL):
    """Return the levels to buy and to sell as a FULL quote shows them now."""
    quotes, now = [floor.quote(symbol)], floor.clock.now()
    (row,) = rows_of(floor.state, "FULL", quotes, now)
    return row["depth"]["buy"], row["depth"]["sell"], row


def fills(floor, row):
    """Return price and units of each execution of an order."""
    return [
        (float(one["fillprice"]), int(one["fillsize"]))
        for one in floor.trades()
        if one["orderid"] == row["orderid"]
    ]


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_an_order_that_improves_the_book_is_its_top(floor, side):
    """A limit inside the spread is the first level of its side, with its units, and the others follow."""
    buys, sells, row = depth(floor)
    place, step = (0, 0.05) if side == "BUY" else (1, -0.05)
    better = round((buys, sells)[place][0]["price"] + step, 2)
    placed = floor.place(CALL, side, 60, better)
    now = depth(floor)
    assert now[place][0] == {"price": better, "quantity": 60, "orders": 1}
    assert now[place][1:] == (buys, sells)[place][:4]
    assert now[1 - place] == (buys, sells)[1 - place]
    total = ("totBuyQuan", "totSellQuan")[place]
    assert now[2][total] == row[total] + 60 - (buys, sells)[place][4]["quantity"]
    floor.ask("cancelOrder", variety="NORMAL", orderid=placed["orderid"])
    assert depth(floor)[:2] == (buys, sells)


def test_an_order_at_a_price_that_is_there_joins_its_level(floor):
    """At a price that others quote the level grows by the order's units and by one order."""
    best = depth(floor)[0][0]
    floor.place(CALL, "BUY", 30, best["price"])
    assert depth(floor)[0][0] == {
        "price": best["price"],
        "quantity": best["quantity"] + 30,
        "orders": best["orders"] + 1,
    }


@pytest.mark.parametrize("kind", ["LIMIT", "MARKET"])
def test_an_order_meets_the_better_own_order_first(floor, kind):
    """A sale trades with the own bid that is better than the market's, at its price, then with the market."""
    buys, *_ = depth(floor)
    better = round(buys[0]["price"] + 0.05, 2)
    resting = floor.place(CALL, "BUY", 60, better)
    limit = {"price": buys[0]["price"]} if kind == "LIMIT" else {"ordertype": "MARKET"}
    sale = floor.place(CALL, "SELL", 60 + min(30, buys[0]["quantity"]), **limit)
    assert fills(floor, sale) == [(better, 60), (buys[0]["price"], 30)]
    assert fills(floor, resting) == [(better, 60)]
    assert floor.row(resting["orderid"])["status"] == "complete"
    assert floor.position(CALL)["netqty"] == "-30"


def test_at_one_price_those_who_came_before_are_met_first(floor):
    """An own order that joined the best bid behind others is met after them, and moves up as they go."""
    best = depth(floor)[0][0]
    units = min(600, best["quantity"])
    resting = floor.place(CALL, "BUY", 30, best["price"])
    floor.place(CALL, "SELL", units, best["price"])
    if units == best["quantity"]:
        assert depth(floor)[0][0] == {"price": best["price"], "quantity": 30, "orders": 1}
    assert floor.row(resting["orderid"])["filledshares"] == "0"
    assert floor.account.orders[0].ahead == best["quantity"] - units
    while floor.account.orders[0].ahead:
        floor.place(CALL, "SELL", min(600, floor.account.orders[0].ahead), best["price"])
    floor.place(CALL, "SELL", 30, best["price"])
    assert fills(floor, resting) == [(best["price"], 30)]


def test_own_orders_meet_where_nobody_else_quotes(floor):
    """In a contract without a market two own orders make a trade, part by part."""
    contract = next(
        one for one in floor.state.market.listing(floor.clock.now()).rows.values()
        if one.kind == "OPTION" and not floor.quote(one.symbol).ask and not floor.quote(one.symbol).bid
    )  # fmt: skip
    price = floor.quote(contract.symbol).ltp
    first = floor.place(contract.symbol, "SELL", contract.lot, price)
    assert depth(floor, contract.symbol)[1][0] == {"price": price, "quantity": contract.lot, "orders": 1}
    second = floor.place(contract.symbol, "BUY", 2 * contract.lot, price)
    assert fills(floor, first) == fills(floor, second) == [(price, contract.lot)]
    assert depth(floor, contract.symbol)[:1][0][0]["quantity"] == contract.lot


def test_what_was_taken_is_gone_as_long_as_its_level_lives(floor):
    """A level that was emptied is not shown and gives nothing while its price stays among the five."""
    sells = depth(floor)[1]
    best = sells[0]
    left = best["quantity"]
    while left:
        left -= int(floor.place(CALL, "BUY", min(left, 600), best["price"])["filledshares"])
    assert depth(floor)[1][0] == sells[1]
    begin, contract = int(floor.clock.now().timestamp()), floor.contract(CALL)
    given = {begin: best["quantity"]}
    for _ in range(120):
        floor.clock.advance(1)
        second = int(floor.clock.now().timestamp())
        course = floor.account.matcher.course(contract, begin, second)
        lived = ((best["price"] - course.ask > -0.025) & (best["price"] - course.ask < 0.225)).all()
        gone = floor.account.matcher.taken.of(contract, False, second)
        assert gone == ({best["price"]: sum(given.values())} if lived else {})
        if not lived:
            break
    assert not lived


def test_every_guess_among_the_words_is_marked():
    """The reasons that the code names are those of the table, and what was not recorded is called a guess."""
    named = set()
    for path in ORDERS.glob("*.py"):
        named |= set(re.findall(r'\bwords\(\s*"(\w+)"', path.read_text()))
    rows = {row["reason"]: row["source"] for row in table("rejection_words")}
    assert named == set(rows)
    assert {reason for reason, source in rows.items() if source.startswith("guess")} == {
        "amo_while_open", "after_square_off", "holdings", "squared_off",
    }  # fmt: skip
    recorded = {reason for reason, source in rows.items() if source.startswith(("recorded", "announced"))}
    assert recorded == {"funds", "closed", "range", "protection"}


@pytest.mark.parametrize(("side", "units"), [("BUY", 30), ("SELL", 60)])
def test_charges_of_a_future_follow_the_dated_tables(floor, side, units):
    """Tax, exchange, stamp, regulator's fee and GST of a future are those of the kit's own sums."""
    from kit.evaluation.costs import order_charges

    contract = floor.contract(FUTURE)
    order = {
        "product_type": "CARRYFORWARD", "transaction_type": side, "quantity": str(units), "price": "57000",
        "exchange": "NFO", "symbol_name": FUTURE, "token": contract.token,
    }  # fmt: skip
    summary = floor.ask("estimateCharges", orders=[order])["data"]["summary"]
    wanted = order_charges(units * 57_000.0, side.lower(), date(2026, 11, 20), "flat", "future")
    assert summary["total_charges"] == pytest.approx(wanted.total, abs=0.001)
    assert wanted.total > 30
