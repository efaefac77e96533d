"""Checks, rejections, changes, money and what the time of day does to orders and positions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import inf

import pytest

from kit.clock import IST
from kit.facts import fact
from kit.simulator.orders.protection import limit_range

CALL, PUT, SHARE = "BANKNIFTY29DEC2657000CE", "BANKNIFTY29DEC2657000PE", "SBIN-EQ"
FUTURE, EXPIRING = "BANKNIFTY29DEC26FUT", "BANKNIFTY23NOV2657000CE"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"variety": "FAST"}, "AB1008"),
        ({"variety": "STOPLOSS"}, "AB1008"),
        ({"ordertype": "STOPLOSS_LIMIT", "triggerprice": "800"}, "AB1008"),
        ({"producttype": "DELIVERY"}, "AB1012"),
        ({"producttype": "NRML"}, "AB1012"),
        ({"symboltoken": "1"}, "AB1009"),
        ({"symboltoken": ""}, "AB4006"),
        ({"symboltoken": "", "variety": "", "ordertype": ""}, "AB4006"),
        ({"tradingsymbol": PUT}, "AB1018"),
        ({"ordertag": "x" * 20}, "AB4008"),
        ({"quantity": "0"}, "AB1007"),
        ({"quantity": "30.5"}, "AB1007"),
        ({"quantity": "many"}, "AB1007"),
        ({"price": "nan"}, "AB1007"),
        ({"price": "-5"}, "AB1007"),
        ({"transactiontype": "HOLD"}, "AB1007"),
        ({"variety": "ROBO"}, "AB2002"),
    ],
)
def test_what_the_interface_does_not_understand_is_refused_by_code(floor, changed, code):
    """An order with wrong words or without a market gets the broker's code and never reaches the book."""
    body = {
        "variety": "NORMAL",
        "tradingsymbol": CALL,
        "symboltoken": floor.contract(CALL).token,
        "transactiontype": "BUY",
        "exchange": "NFO",
        "ordertype": "LIMIT",
        "producttype": "CARRYFORWARD",
        "duration": "DAY",
        "price": "800.00",
        "quantity": "30",
        **changed,
    }
    answer = floor.ask("placeOrder", **body)
    assert (answer["status"], answer["errorcode"]) == (False, code)
    assert floor.ask("getOrderBook")["data"] is None


@pytest.mark.parametrize(
    ("quantity", "price", "words"),
    [
        (31, 800.0, "lot size 30"),
        (630, 800.0, "freeze quantity 600"),
        (30, 800.02, "order price is not a multiple of tick size (0.05)"),
        (30, 9000.0, "Your order price exceeds the circuit limit. Please adjust your order"),
        (600, 800.0, "Insufficient Funds. Available funds - Rs. 100000.00 . You require Rs. 480000.00"),
    ],
)
def test_what_the_exchange_rejects_is_in_the_book_with_its_words(open_floor, quantity, price, words):
    """Lot, freeze quantity, tick, price band and funds: the order has an id, and the book says why."""
    floor = open_floor(cash=100_000.0)
    row = floor.place(CALL, "BUY", quantity, price)
    assert (row["status"], row["filledshares"]) == ("rejected", "0")
    assert words in row["text"]
    assert floor.trades() == []


def test_the_order_row_has_the_recorded_types(floor):
    """Prices are numbers, quantities text, what is not there empty text or null."""
    row = floor.place(CALL, "BUY", 30, 1.0 + floor.quote(CALL).ask)
    numbers = {
        "price",
        "triggerprice",
        "squareoff",
        "stoploss",
        "trailingstoploss",
        "strikeprice",
        "averageprice",
    }
    assert {name for name, value in row.items() if isinstance(value, float)} == numbers
    assert {name for name, value in row.items() if value is None} == {"scripconsent"}
    assert (row["filledshares"], row["lotsize"], row["algoID"]) == ("30", "30", "99999")
    assert datetime.strptime(row["updatetime"], "%d-%b-%Y %H:%M:%S").date() == floor.clock.now().date()
    assert floor.ask("details", row["uniqueorderid"])["data"] == row
    assert floor.ask("details", row["orderid"])["message"] == "Order not found"
    assert (
        set(map(type, floor.position(CALL).values())) == set(map(type, floor.trades()[0].values())) == {str}
    )


def test_each_order_has_a_number_of_its_own_at_the_exchange(floor):
    """Orders that reached the exchange carry its own numbers, each once; a rejected one carries none."""
    rows = [floor.place(CALL, "BUY", quantity, 1.0) for quantity in (30, 30, 31, 30)]
    at_exchange = [row["exchangeorderid"] for row in rows]
    assert at_exchange.pop(2) == ""
    assert len(set(at_exchange)) == 3
    assert all(len(number) == 16 and number.isdigit() for number in at_exchange)


def test_empty_books_are_null_and_empty_holdings_a_list(floor):
    """Nothing is null in the books and an empty list in the holdings, as recorded."""
    assert [floor.ask(book)["data"] for book in ("getOrderBook", "getTradeBook", "getPosition")] == [None] * 3
    assert floor.ask("getHolding")["data"] == []
    assert floor.ask("getAllHolding")["data"]["holdings"] == []


def test_an_order_that_waits_can_be_changed_and_cancelled(floor):
    """A change moves price and quantity, a cancel ends the order, and after its end neither works."""
    bid = floor.quote(CALL).bid
    row = floor.place(CALL, "BUY", 30, bid - 20)
    name = {"variety": "NORMAL", "orderid": row["orderid"]}
    assert floor.ask("modifyOrder", **name, price=str(bid - 10), quantity="60")["status"] is True
    row = floor.row(row["orderid"])
    assert (row["price"], row["quantity"], row["status"]) == (bid - 10, "60", "open")
    assert floor.ask("modifyOrder", **name, price="9000")["message"].startswith("Your order price exceeds")
    assert floor.row(row["orderid"])["price"] == bid - 10
    stop = {"ordertype": "STOPLOSS_LIMIT", "triggerprice": str(bid)}
    assert floor.ask("modifyOrder", **name, **stop, price=str(bid))["errorcode"] == "AB1008"
    assert floor.ask("modifyOrder", **name, ordertype="", price="")["status"] is True
    assert floor.row(row["orderid"])["price"] == bid - 10
    assert floor.ask("cancelOrder", **name)["data"]["uniqueorderid"] == row["uniqueorderid"]
    assert floor.row(row["orderid"])["cancelsize"] == "60"
    for route in ("cancelOrder", "modifyOrder"):
        assert floor.ask(route, **name, price=str(bid))["errorcode"] == "AB1013"
    assert floor.ask("cancelOrder", variety="NORMAL", orderid="1")["errorcode"] == "AB1013"


def test_funds_are_set_aside_and_come_back(floor):
    """A waiting purchase ties up its premium, a cancel frees it, a fill spends it."""
    bid = floor.quote(CALL).bid
    before = float(floor.ask("getRMS")["data"]["net"])
    row = floor.place(CALL, "BUY", 300, bid - 50)
    assert before - float(floor.ask("getRMS")["data"]["net"]) == pytest.approx(300 * (bid - 50))
    floor.ask("cancelOrder", variety="NORMAL", orderid=row["orderid"])
    assert float(floor.ask("getRMS")["data"]["net"]) == before
    row = floor.place(CALL, "BUY", 30, bid + 50)
    assert before - float(floor.ask("getRMS")["data"]["net"]) == pytest.approx(30 * row["averageprice"])


def test_margin_of_sold_options_and_what_a_hedge_saves(floor):
    """A sold option needs about a tenth of the notional, a spread much less, a bought one its premium."""

    def need(*rows):
        asked = [
            {
                "exchange": "NFO",
                "qty": 30,
                "price": 0,
                "productType": "CARRYFORWARD",
                "token": floor.contract(symbol).token,
                "tradeType": side,
                "orderType": "LIMIT",
            }
            for symbol, side in rows
        ]
        return floor.ask("batch", positions=asked)["data"]

    spot = floor.state.market.spot(floor.clock.now())
    sold = need((CALL, "SELL"))["totalMarginRequired"]
    assert 0.06 < sold / (30 * spot) < 0.2
    spread = need((CALL, "SELL"), ("BANKNIFTY29DEC2657500CE", "BUY"))
    assert spread["totalMarginRequired"] < 0.4 * sold
    assert spread["marginComponents"]["marginBenefit"] > 0
    bought = need((CALL, "BUY"))
    assert bought["totalMarginRequired"] == pytest.approx(30 * floor.quote(CALL).ltp)
    before = float(floor.ask("getRMS")["data"]["net"])
    floor.place(CALL, "SELL", 30, floor.quote(CALL).bid)
    assert before - float(floor.ask("getRMS")["data"]["net"]) == pytest.approx(sold, rel=0.02)


def test_charges_of_an_option_follow_the_dated_tables(floor):
    """A sale pays transaction tax and no stamp duty, a purchase the reverse, and parts sum to the total."""
    day = floor.clock.now().date()

    def cost(side):
        order = {
            "product_type": "CARRYFORWARD",
            "transaction_type": side,
            "quantity": "30",
            "price": "100",
            "exchange": "NFO",
            "symbol_name": CALL,
            "token": floor.contract(CALL).token,
        }
        return floor.ask("estimateCharges", orders=[order, order])["data"]

    sale = cost("SELL")
    tax = sale["charges"][0]["breakup"][2]["breakup"][0]
    assert tax == {
        "name": "Security Transaction Tax",
        "amount": 3000 * float(fact("charges", day, item="stt_sell")["value"]),
        "msg": "",
        "breakup": [],
    }
    assert sale["charges"][0]["breakup"][1]["breakup"][1]["amount"] == 0.0
    assert sale["summary"]["total_charges"] == pytest.approx(
        2 * sale["charges"][0]["total_charges"], abs=1e-3
    )
    assert sale["summary"]["trade_value"] == 6000.0
    assert cost("BUY")["charges"][0]["breakup"][1]["breakup"][1]["amount"] > 0


def test_intraday_positions_are_squared_off_and_day_orders_end(floor):
    """A quarter of an hour before the close INTRADAY is closed, at the close every DAY order is cancelled."""
    held = floor.place(CALL, "BUY", 900 - 300, 50 + floor.quote(CALL).ask, producttype="INTRADAY")
    waits = floor.place(CALL, "BUY", 30, 500.0, producttype="INTRADAY")
    stays = floor.place(PUT, "BUY", 30, floor.quote(PUT).bid - 250)
    assert held["status"] == "complete"
    floor.clock.jump(datetime(2026, 11, 20, 15, 26, tzinfo=IST))
    row = floor.position(CALL)
    assert (row["netqty"], row["unrealised"]) == ("0", "0.00")
    assert float(row["pnl"]) == pytest.approx(float(row["sellamount"]) - float(row["buyamount"]), abs=0.01)
    assert floor.row(waits["orderid"])["status"] == "cancelled"
    assert floor.row(stays["orderid"])["status"] == "open"
    again = floor.place(CALL, "BUY", 30, 2000.0, producttype="INTRADAY")
    assert (again["status"], "square-off" in again["text"]) == ("rejected", True)
    floor.clock.jump(datetime(2026, 11, 20, 15, 41, tzinfo=IST))
    assert floor.row(stays["orderid"])["status"] == "cancelled"
    late = floor.place(CALL, "BUY", 30, 900.0, duration="IOC")
    assert (late["status"], late["text"]) == ("rejected", "Adapter is Logged Off")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_more_than_an_order_may_be_is_squared_off_in_several(floor, side):
    """A position beyond the freeze quantity is closed by orders of at most that, which come to all of it."""
    away = 50 if side == "BUY" else -50
    for units in (600, 210):
        floor.place(CALL, side, units, round(floor.quote(CALL).ltp + away, 2), producttype="INTRADAY")
        floor.clock.advance(60)
    held = abs(int(floor.position(CALL)["netqty"]))
    assert held > 600
    floor.clock.jump(datetime(2026, 11, 20, 15, 39, tzinfo=IST))
    assert floor.position(CALL)["netqty"] == "0"
    closing = [
        int(row["quantity"]) for row in floor.ask("getOrderBook")["data"] if row["transactiontype"] != side
    ]
    assert closing == [600, held - 600]


def test_an_order_after_hours_waits_for_the_next_open(floor):
    """After the close every DAY order is an after-market order; it trades from the next open on."""
    floor.clock.jump(datetime(2026, 11, 20, 18, 0, tzinfo=IST))
    row = floor.place(CALL, "BUY", 30, 900.0)
    assert (row["variety"], row["status"]) == ("AMO", "after market order req received")
    assert row["orderid"].endswith("AO")
    floor.clock.jump(datetime(2026, 11, 22, 12, 0, tzinfo=IST))  # a Sunday: it still waits
    assert floor.row(row["orderid"])["status"] == "after market order req received"
    floor.clock.jump(datetime(2026, 11, 23, 9, 16, tzinfo=IST))
    row = floor.row(row["orderid"])
    assert (row["status"], row["exchtime"]) == ("complete", "23-Nov-2026 09:15:00")
    early = floor.place(CALL, "BUY", 30, 1000.0, variety="AMO")
    assert "while the market is open" in early["text"]


@pytest.mark.parametrize(
    ("side", "share", "status"),
    [("BUY", 1.39, "complete"), ("BUY", 1.41, "rejected"), ("BUY", 0.59, "open"),
     ("SELL", 0.61, "complete"), ("SELL", 0.59, "rejected"), ("SELL", 1.41, "open")],
)  # fmt: skip
def test_a_limit_far_beyond_the_last_price_is_rejected(floor, side, share, status):
    """40 % is the most by which an option is bought above or sold below its last price; to wait is free."""
    ltp = floor.quote(CALL).ltp
    price = round(round(share * ltp / 0.05) * 0.05, 2)
    row = floor.place(CALL, side, 30, price)
    assert row["status"] == status
    assert (status == "rejected") == row["text"].startswith("Order price is beyond the Limit Price")
    stop = {"variety": "STOPLOSS", "ordertype": "STOPLOSS_LIMIT"}
    row = floor.place(CALL, side, 30, price, triggerprice=f"{ltp:.2f}", **stop)
    assert row["status"] == status  # a stop is looked at when its trigger is reached, here at once


def test_of_a_cheap_option_twenty_rupees_are_the_range_and_a_change_beyond_it_is_refused(floor):
    """Up to 50 rupees the range is in rupees; a change beyond it is refused; before 2022 there was none."""
    symbol = "BANKNIFTY23NOV2657500CE"
    ltp = floor.quote(symbol).ltp
    assert ltp <= 50
    assert floor.place(symbol, "BUY", 30, round(ltp + 20.05, 2))["status"] == "rejected"
    waits = floor.place(symbol, "BUY", 30, 0.05)
    named = {"variety": "NORMAL", "orderid": waits["orderid"]}
    assert (
        "Limit Price Protection"
        in floor.ask("modifyOrder", **named, price=f"{ltp + 20.05:.2f}", quantity="30")["message"]
    )
    assert floor.row(waits["orderid"])["price"] == 0.05
    assert limit_range(floor.contract(symbol), ltp, date(2022, 10, 28)) == (0.0, inf)


def test_positions_are_carried_and_books_begin_anew(floor):
    """The next day the order book is empty, and what was held is held at its price, as carried over."""
    price = floor.place(CALL, "BUY", 60, 50 + floor.quote(CALL).ask)["averageprice"]
    floor.clock.jump(datetime(2026, 11, 23, 10, 0, tzinfo=IST))
    assert floor.ask("getOrderBook")["data"] is None
    row = floor.position(CALL)
    assert (row["buyqty"], row["cfbuyqty"], row["netqty"]) == ("0", "60", "60")
    assert float(row["cfbuyavgprice"]) == pytest.approx(price, abs=0.01)


def test_what_expires_is_settled_at_what_it_is_worth(floor):
    """At the close of its last session an option is paid for at its intrinsic value and gone the next day."""
    floor.place(EXPIRING, "BUY", 60, 20 + floor.quote(EXPIRING).ask)
    cash = floor.account.cash
    floor.clock.jump(datetime(2026, 11, 23, 23, 0, tzinfo=IST))
    assert floor.position(EXPIRING)["netqty"] == "0"
    close = float(
        floor.state.market.paths.day(floor.contract(CALL).underlying, datetime(2026, 11, 23).date()).spot[
            -1, -1
        ]
    )
    assert floor.account.cash - cash == pytest.approx(60 * max(0.0, close - 57_000), abs=1)
    floor.clock.advance(86_400)
    assert floor.ask("getPosition")["data"] is None


def test_futures_and_intraday_shares_need_margin_and_pay_profit(floor):
    """A future moves no money when it is bought, and its profit when it is sold."""
    cash = floor.account.cash
    bought = floor.place(FUTURE, "BUY", 30, 30 + floor.quote(FUTURE).ask)["averageprice"]
    assert floor.account.cash == cash
    assert float(floor.ask("getRMS")["data"]["utilisedexposure"]) > 0
    sold = floor.place(FUTURE, "SELL", 30, floor.quote(FUTURE).bid - 30)["averageprice"]
    assert floor.account.cash - cash == pytest.approx(30 * (sold - bought), abs=0.01)


def test_delivered_shares_are_holdings_the_next_day(floor):
    """Shares bought for delivery are held the next day, and can be sold, but no more than are held."""
    row = floor.place(SHARE, "BUY", 10, 5 + floor.quote(SHARE).ask, producttype="DELIVERY")
    assert row["status"] == "complete"
    floor.clock.jump(datetime(2026, 11, 23, 10, 0, tzinfo=IST))
    assert floor.ask("getPosition")["data"] is None
    holding = floor.ask("getHolding")["data"][0]
    assert (holding["quantity"], holding["averageprice"]) == (10, row["averageprice"])
    assert floor.ask("getAllHolding")["data"]["totalholding"]["totalinvvalue"] == pytest.approx(
        10 * row["averageprice"], abs=0.1
    )
    many = floor.place(SHARE, "SELL", 11, floor.quote(SHARE).bid, producttype="DELIVERY")
    assert "Holdings of 10" in many["text"]
    assert (
        floor.place(SHARE, "SELL", 10, floor.quote(SHARE).bid - 5, producttype="DELIVERY")["status"]
        == "complete"
    )
    floor.clock.advance(86_400)
    assert floor.ask("getHolding")["data"] == []


def test_positions_can_be_converted(floor):
    """Whole lots of today move between products; more than are held, and parts of a lot, do not."""
    floor.place(CALL, "BUY", 60, 50 + floor.quote(CALL).ask, producttype="INTRADAY")
    asked = {
        "exchange": "NFO",
        "symboltoken": floor.contract(CALL).token,
        "oldproducttype": "INTRADAY",
        "newproducttype": "CARRYFORWARD",
        "transactiontype": "BUY",
        "type": "DAY",
    }
    for units in ("90", "45", "0", "-30"):
        assert floor.ask("convertPosition", **asked, quantity=units)["errorcode"] == "AB1017"
    unsaid = {**asked, "transactiontype": "HOLD", "quantity": "30"}
    assert floor.ask("convertPosition", **unsaid)["errorcode"] == "AB1017"
    assert floor.ask("convertPosition", **asked, quantity="30")["data"] is None
    held = {row["producttype"]: row["netqty"] for row in floor.ask("getPosition")["data"]}
    assert held == {"INTRADAY": "30", "CARRYFORWARD": "30"}
    floor.clock.jump(datetime(2026, 11, 20, 15, 30, tzinfo=IST))
    held = {row["producttype"]: row["netqty"] for row in floor.ask("getPosition")["data"]}
    assert held == {"INTRADAY": "0", "CARRYFORWARD": "30"}


def test_a_clock_that_is_set_back_begins_anew_there(floor):
    """After the clock was set back an order is matched in the time that is now."""
    floor.clock.advance(3600)
    floor.ask("getOrderBook")
    floor.clock.jump(floor.clock.now() - timedelta(minutes=30))
    row = floor.place(CALL, "BUY", 30, 50 + floor.quote(CALL).ask)
    assert row["status"] == "complete"
