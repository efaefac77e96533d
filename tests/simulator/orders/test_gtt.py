"""Rules that wait for a price."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from kit.clock import IST

SHARE, CALL = "SBIN-EQ", "BANKNIFTY29DEC2657000CE"


def rule(floor, **changed):
    """Ask for a rule and return the answer."""
    body = {
        "tradingsymbol": SHARE,
        "symboltoken": "3045",
        "exchange": "NSE",
        "transactiontype": "BUY",
        "producttype": "DELIVERY",
        "price": "900",
        "qty": "1",
        "triggerprice": "900",
        "disclosedqty": "0",
        **changed,
    }
    return floor.ask("createRule", **body)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exchange": "NFO"}, "AB9010"),
        ({"symboltoken": "7"}, "AB9011"),
        ({"symboltoken": "99926009"}, "AB9011"),
        ({"tradingsymbol": "SBIN"}, "AB9012"),
        ({"transactiontype": "HOLD"}, "AB9014"),
        ({"producttype": "INTRADAY"}, "AB9015"),
        ({"qty": "0"}, "AB9006"),
        ({"disclosedqty": "-1"}, "AB9007"),
        ({"price": "x"}, "AB9008"),
        ({"triggerprice": "0"}, "AB9009"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused_by_its_code(floor, changed, code):
    """Every field of a rule has the broker's code."""
    assert rule(floor, **changed)["errorcode"] == code
    assert floor.ask("ruleList", status=["FORALL"], page=1, count=10)["data"] is None


def test_rules_are_kept_listed_changed_and_cancelled(floor):
    """A rule is listed with numbers as numbers, can be changed while it waits, and cancelled once."""
    number = rule(floor)["data"]["id"]
    row = floor.ask("ruleDetails", id=number)["data"]
    assert (row["id"], row["qty"], row["triggerprice"], row["gttType"]) == (int(number), 1, 900.0, "GENERIC")
    assert datetime.fromisoformat(row["expirydate"]).year == 2027
    named = {"id": number, "symboltoken": "3045", "exchange": "NSE"}
    changed = floor.ask("modifyRule", **named, price="905", qty="2", triggerprice="906", disclosedqty="0")
    assert changed["data"]["id"] == number
    listed = floor.ask("ruleList", status=["NEW"], page=1, count=10)["data"]
    assert [(row["qty"], row["price"]) for row in listed] == [(2, 905.0)]
    assert floor.ask("cancelRule", **named)["data"]["id"] == number
    assert floor.ask("cancelRule", **named)["errorcode"] == "AB9013"
    assert floor.ask("ruleList", status=["NEW"], page=1, count=10)["data"] is None
    assert floor.ask("ruleList", status=["CANCELLED"], page=2, count=10)["data"] is None
    assert [floor.ask("ruleList", status=[], page=1, count=1)["errorcode"]] == ["AB9004"]


def test_a_rule_places_its_order_when_its_price_is_reached(floor):
    """At the first second at which the last price is at the trigger the order is in the book, not before."""
    contract, now = floor.contract(SHARE), floor.clock.now()
    seconds = np.arange(int(now.timestamp()), int(now.timestamp()) + 3 * 3600)
    ltp = floor.state.market.course(contract, now.date(), seconds).ltp
    trigger = float(ltp.min())
    assert trigger < ltp[0]
    rule(floor, triggerprice=str(trigger), price=str(trigger + 5))
    first = int(seconds[int(ltp.argmin())])
    floor.clock.jump(datetime.fromtimestamp(first - 1, IST))
    assert floor.ask("getOrderBook")["data"] is None
    floor.clock.jump(datetime.fromtimestamp(first, IST))
    order = floor.ask("getOrderBook")["data"][0]
    assert (order["tradingsymbol"], order["status"], order["quantity"]) == (SHARE, "complete", "1")
    listed = floor.ask("ruleList", status=["SENTTOEXCHANGE"], page=1, count=10)["data"]
    assert len(listed) == 1
