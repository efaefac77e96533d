"""The broker's own client, unchanged, works against the simulated exchange."""

from __future__ import annotations

import inspect

import pyotp
import pytest

INDEX = {"exchange": "NSE", "symboltoken": "99926009"}
EXPECTED_BARS = {
    "ONE_MINUTE": 121,
    "THREE_MINUTE": 41,
    "FIVE_MINUTE": 25,
    "TEN_MINUTE": 13,
    "FIFTEEN_MINUTE": 9,
    "THIRTY_MINUTE": 5,
    "ONE_HOUR": 3,
    "ONE_DAY": 1,
}


def login(client, exchange):
    """Log the official client in and return its answer."""
    secrets = exchange.credentials
    return client.generateSession(
        secrets.client_code.get_secret_value(),
        secrets.pin.get_secret_value(),
        pyotp.TOTP(secrets.totp_secret.get_secret_value()).now(),
    )


@pytest.fixture
def client(official, exchange):
    """Return the official client, logged in."""
    made = official(exchange)
    assert login(made, exchange)["status"] is True
    return made


def test_login_returns_the_profile_and_the_tokens(official, exchange):
    """A login gives profile and tokens, and the profile names the client."""
    client = official(exchange)
    answer = login(client, exchange)
    assert answer["data"]["clientcode"] == exchange.credentials.client_code.get_secret_value()
    assert answer["data"]["jwtToken"].startswith("Bearer ey")
    assert client.getfeedToken() == answer["data"]["feedToken"]
    assert client.getProfile(answer["data"]["refreshToken"])["data"]["exchanges"][:2] == ["nse_fo", "nse_cm"]


def test_wrong_one_time_password_is_refused_in_the_application_dialect(official, exchange):
    """A wrong one-time password gets AB1050 and no token."""
    client = official(exchange)
    right = exchange.credentials
    answer = client.generateSession(
        right.client_code.get_secret_value(), right.pin.get_secret_value(), "000000x"
    )
    assert answer == {
        "status": False,
        "message": "Invalid totp and client combination",
        "errorcode": "AB1050",
        "data": None,
    }


def test_tokens_can_be_renewed_again(client):
    """A renewal opens a new session, and until midnight the refresh token works again."""
    refresh = client.refresh_token
    renewed = client.generateToken(refresh)
    assert renewed["data"]["jwtToken"]
    assert client.rmsLimit()["data"]["utilisedspan"] is None
    again = client.generateToken(refresh)
    assert again["data"]["jwtToken"] != renewed["data"]["jwtToken"]
    client.renewAccessToken()  # the client keeps nothing of the answer, and is not refused
    assert client.rmsLimit()["status"] is True


@pytest.mark.parametrize("interval", EXPECTED_BARS)
def test_candles_of_every_interval(client, interval):
    """Every interval gives the bars of the morning, the first one at the open."""
    answer = client.getCandleData(
        {**INDEX, "interval": interval, "fromdate": "2026-11-20 09:15", "todate": "2026-11-20 11:15"}
    )
    assert len(answer["data"]) >= EXPECTED_BARS[interval]  # the market's clock runs on while tests run
    first = answer["data"][0]
    opens = "00:00" if interval == "ONE_DAY" else "09:15"
    assert first[0] == f"2026-11-20T{opens}:00+05:30"
    assert first[2] >= max(first[1], first[4]) >= min(first[1], first[4]) >= first[3]


@pytest.mark.parametrize(("mode", "field"), [("LTP", "ltp"), ("OHLC", "close"), ("FULL", "52WeekHigh")])
def test_quotes_in_every_mode(client, mode, field):
    """Every mode gives its fields for index and option, and lists an unknown token apart."""
    option = client.searchScrip("NFO", "BANKNIFTY29DEC2657000CE")["data"][0]
    tokens = {"NSE": ["99926009"], "NFO": [option["symboltoken"], "1"]}
    data = client.getMarketData(mode, tokens)["data"]
    assert {row["tradingSymbol"] for row in data["fetched"]} == {"Nifty Bank", "BANKNIFTY29DEC2657000CE"}
    assert all(row[field] > 0 for row in data["fetched"])
    assert [row["symbolToken"] for row in data["unfetched"]] == ["1"]


def test_legacy_price_greeks_ratio_lists_and_interest(client):
    """The remaining data methods answer with rows that agree with each other."""
    price = client.ltpData("NSE", "Nifty Bank", "99926009")["data"]
    assert price["low"] <= price["ltp"] <= price["high"]
    greeks = client.optionGreek({"name": "BANKNIFTY", "expirydate": "29DEC2026"})["data"]
    assert {row["optionType"] for row in greeks} == {"CE", "PE"}
    assert client.putCallRatio()["data"][0]["pcr"] > 0
    term = {"expirytype": "NEAR"}
    ranked = [
        client.gainersLosers({**term, "datatype": f"PercOI{name}"})["data"] for name in ("Gainers", "Losers")
    ]
    assert sum(len(rows or []) for rows in ranked) == 2  # two futures of the nearest expiry
    kinds = ("Long Built Up", "Short Built Up", "Short Covering", "Long Unwinding")
    built = [client.oIBuildup({**term, "datatype": kind})["data"] for kind in kinds]
    assert sum(len(rows or []) for rows in built) == 2
    option = client.searchScrip("NFO", "BANKNIFTY29DEC2657000PE")["data"][0]
    history = client.getOIData(
        {
            "exchange": "NFO",
            "symboltoken": option["symboltoken"],
            "interval": "FIVE_MINUTE",
            "fromdate": "2026-11-20 09:15",
            "todate": "2026-11-20 11:00",
        }
    )["data"]
    assert len(history) == 22
    assert all(row["oi"] % 30 == 0 for row in history)


CALL, SHARE = "BANKNIFTY29DEC2657000CE", "SBIN-EQ"
RULE = {"symboltoken": "3045", "exchange": "NSE", "price": "900", "qty": "1", "disclosedqty": "0"}


@pytest.fixture
def order(client, dealing):
    """Write an order that waits: a call, far below its price."""
    option = client.searchScrip("NFO", CALL)["data"][0]
    return {
        "variety": "NORMAL",
        "tradingsymbol": CALL,
        "symboltoken": option["symboltoken"],
        "transactiontype": "BUY",
        "exchange": "NFO",
        "ordertype": "LIMIT",
        "producttype": "INTRADAY",
        "duration": "DAY",
        "price": "500.00",
        "squareoff": "0",
        "stoploss": "0",
        "quantity": "30",
        "ordertag": "official",
    }


def test_orders_are_placed_changed_and_cancelled(client, order):
    """An order id comes back, the order is in the book under its tag, changes, and ends."""
    number = client.placeOrder(order)
    whole = client.placeOrderFullResponse(order)["data"]
    assert whole["script"] == CALL
    rows = {row["orderid"]: row for row in client.orderBook()["data"]}
    assert (rows[number]["ordertag"], rows[number]["status"]) == ("official", "open")
    assert client.individual_order_details(whole["uniqueorderid"])["data"] == rows[whole["orderid"]]
    assert client.modifyOrder({**order, "orderid": number, "price": "501.00"})["data"]["orderid"] == number
    for name in (number, whole["orderid"]):
        assert client.cancelOrder(name, "NORMAL")["status"] is True
    assert client.cancelOrder(number, "NORMAL")["errorcode"] == "AB1013"


def test_fills_positions_and_their_product(client, order):
    """A market order is filled, stands in trade book and positions, and its product can be changed."""
    before = float(client.rmsLimit()["data"]["availablecash"])
    number = client.placeOrder({**order, "ordertype": "MARKET", "price": "0"})
    trade = next(row for row in client.tradeBook()["data"] if row["orderid"] == number)
    spent = before - float(client.rmsLimit()["data"]["availablecash"])
    assert spent == pytest.approx(float(trade["tradevalue"]))
    names = {"exchange": "NFO", "symboltoken": order["symboltoken"], "transactiontype": "BUY"}
    moved = {
        **names,
        "oldproducttype": "INTRADAY",
        "newproducttype": "CARRYFORWARD",
        "quantity": 30,
        "type": "DAY",
    }
    assert client.convertPosition(moved)["status"] is True
    assert {row["producttype"] for row in client.position()["data"] if row["netqty"] == "30"} == {
        "CARRYFORWARD"
    }
    assert client.holding()["data"] == client.allholding()["data"]["holdings"] == []


def test_margin_and_charges(client, order):
    """The calculators answer with sums of their parts."""
    row = {"exchange": "NFO", "qty": 30, "price": 0, "productType": "INTRADAY", "orderType": "LIMIT"}
    asked = {**row, "token": order["symboltoken"], "tradeType": "SELL"}
    assert client.getMarginApi({"positions": [asked]})["data"]["totalMarginRequired"] > 50_000
    one = {"product_type": "INTRADAY", "transaction_type": "BUY", "quantity": "30", "price": "100"}
    one |= {"exchange": "NFO", "symbol_name": CALL, "token": order["symboltoken"]}
    summary = client.estimateCharges({"orders": [one]})["data"]["summary"]
    assert summary["total_charges"] == pytest.approx(
        sum(part["amount"] for part in summary["breakup"]), abs=0.01
    )


def test_rules_of_a_price(client, dealing):
    """A rule is created, listed, changed and cancelled through the client's own prefix."""
    whole = {
        **RULE,
        "tradingsymbol": SHARE,
        "transactiontype": "BUY",
        "producttype": "DELIVERY",
        "triggerprice": "900",
    }
    number = client.gttCreateRule(whole)
    assert client.gttDetails(number)["data"]["status"] == "NEW"
    assert client.gttModifyRule({**RULE, "id": number, "triggerprice": "899"}) == number
    listed = client.gttLists(["NEW"], 1, 10)["data"]
    assert [row["triggerprice"] for row in listed if str(row["id"]) == number] == [899.0]
    assert client.gttCancelRule({"id": number, "symboltoken": "3045", "exchange": "NSE"})["status"] is True
    assert client.gttLists("NEW", 1, 10).startswith("The status param is entered")


def test_lists_of_shares_and_leave_to_sell(client):
    """Shares within the day are listed; leave to sell can be asked for and is never granted."""
    assert {row["SymbolName"] for row in client.nseIntraday()["data"]} >= {"SBIN"}
    assert client.bseIntraday()["data"] is None
    asked = client.verifyDis({"isin": "INE062A01020", "quantity": "1"})["data"]["ReqId"]
    names = {"dpId": "33200", "ReqId": asked, "boid": "1", "pan": "AAAAA0000A"}
    assert client.generateTPIN(names)["status"] is True
    assert client.getTranStatus({"ReqId": asked})["data"]["TransResDtls"]["ResStatus"] == "0"


TESTED = {  # every public method, and the test here that says what it must do
    "generateSession": test_login_returns_the_profile_and_the_tokens,
    "getProfile": test_login_returns_the_profile_and_the_tokens,
    "getfeedToken": test_login_returns_the_profile_and_the_tokens,
    "generateToken": test_tokens_can_be_renewed_again,
    "renewAccessToken": test_tokens_can_be_renewed_again,
    "rmsLimit": test_fills_positions_and_their_product,
    "getCandleData": test_candles_of_every_interval,
    "getMarketData": test_quotes_in_every_mode,
    "searchScrip": test_quotes_in_every_mode,
    "ltpData": test_legacy_price_greeks_ratio_lists_and_interest,
    "optionGreek": test_legacy_price_greeks_ratio_lists_and_interest,
    "putCallRatio": test_legacy_price_greeks_ratio_lists_and_interest,
    "gainersLosers": test_legacy_price_greeks_ratio_lists_and_interest,
    "oIBuildup": test_legacy_price_greeks_ratio_lists_and_interest,
    "getOIData": test_legacy_price_greeks_ratio_lists_and_interest,
    "placeOrder": test_orders_are_placed_changed_and_cancelled,
    "placeOrderFullResponse": test_orders_are_placed_changed_and_cancelled,
    "modifyOrder": test_orders_are_placed_changed_and_cancelled,
    "cancelOrder": test_orders_are_placed_changed_and_cancelled,
    "orderBook": test_orders_are_placed_changed_and_cancelled,
    "individual_order_details": test_orders_are_placed_changed_and_cancelled,
    "make_authenticated_get_request": test_orders_are_placed_changed_and_cancelled,  # by the one above
    "tradeBook": test_fills_positions_and_their_product,
    "position": test_fills_positions_and_their_product,
    "convertPosition": test_fills_positions_and_their_product,
    "holding": test_fills_positions_and_their_product,
    "allholding": test_fills_positions_and_their_product,
    "getMarginApi": test_margin_and_charges,
    "estimateCharges": test_margin_and_charges,
    "gttCreateRule": test_rules_of_a_price,
    "gttModifyRule": test_rules_of_a_price,
    "gttCancelRule": test_rules_of_a_price,
    "gttDetails": test_rules_of_a_price,
    "gttLists": test_rules_of_a_price,
    "nseIntraday": test_lists_of_shares_and_leave_to_sell,
    "bseIntraday": test_lists_of_shares_and_leave_to_sell,
    "verifyDis": test_lists_of_shares_and_leave_to_sell,
    "generateTPIN": test_lists_of_shares_and_leave_to_sell,
    "getTranStatus": test_lists_of_shares_and_leave_to_sell,
}
LOCAL = {  # ask nobody: they keep and return what they were given, or are broken in the client itself
    "getUserId",
    "login_url",
    "requestHeaders",
    "setAccessToken",
    "setFeedToken",
    "setRefreshToken",
    "setSessionExpiryHook",
    "setUserId",
}


def test_no_method_of_the_client_is_forgotten(official, exchange):
    """Every public method is in the table of tests or asks nobody, and each test calls what it stands for."""
    kind = type(official(exchange))
    public = {name for name, item in vars(kind).items() if not name.startswith("_") and callable(item)}
    assert public - {"terminateSession"} == {*TESTED, *LOCAL}
    for name, test in TESTED.items():
        called = name == "make_authenticated_get_request" or f".{name}(" in inspect.getsource(test)
        assert called or f".{name}(" in inspect.getsource(login), name


def test_logout_ends_the_session(client, exchange):
    """After logout the old token is unknown to the gateway."""
    code = exchange.credentials.client_code.get_secret_value()
    assert client.terminateSession(code)["data"] == "Logout Successfully"
    assert client.rmsLimit()["errorCode"] == "AG8001"


def test_rate_refusal_is_plain_text(official, limited_exchange):
    """The fourth candle request within a second is refused with the broker's sentence."""
    from SmartApi.smartExceptions import DataException

    client = official(limited_exchange)
    login(client, limited_exchange)
    asked = {**INDEX, "interval": "ONE_DAY", "fromdate": "2026-11-20 09:15", "todate": "2026-11-20 09:15"}
    for _ in range(3):
        assert client.getCandleData(asked)["status"] is True
    with pytest.raises(DataException, match="exceeding access rate"):
        client.getCandleData(asked)
    assert limited_exchange.stats.refused["getCandleData"] == 1


def test_unknown_interval_is_a_bad_request(client):
    """An interval that does not exist gets HTTP 400 without a body."""
    from SmartApi.smartExceptions import DataException

    with pytest.raises(DataException, match="b''"):
        client.getCandleData(
            {**INDEX, "interval": "TWO_MINUTE", "fromdate": "2026-11-20 09:15", "todate": "2026-11-20 09:15"}
        )


def test_https_with_its_own_authority(official):
    """The client talks HTTPS to the exchange when it is told the authority."""
    from kit.simulator.server import SimulatedExchange

    from_here = {"seed": 7, "tls": True, "limits": False}
    with SimulatedExchange(**from_here) as secure:
        client = official(secure)
        assert secure.url.startswith("https://")
        assert login(client, secure)["status"] is True
        assert client.getMarketData("LTP", {"NSE": ["99926009"]})["data"]["fetched"]
