"""Whatever is sent to the order routes is answered in the broker's way."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.simulator.orders import estimates, routes, rule_routes, share_routes

ROUTES = [route for room in (routes, rule_routes, estimates, share_routes) for route in room.ROUTES]
USUAL = {
    "variety": "NORMAL",
    "tradingsymbol": "SBIN-EQ",
    "symboltoken": "3045",
    "token": "3045",
    "transactiontype": "BUY",
    "transaction_type": "BUY",
    "tradeType": "SELL",
    "exchange": "NSE",
    "ordertype": "LIMIT",
    "producttype": "DELIVERY",
    "productType": "INTRADAY",
    "oldproducttype": "INTRADAY",
    "newproducttype": "DELIVERY",
    "duration": "DAY",
    "price": "900",
    "triggerprice": "900",
    "quantity": "1",
    "qty": "1",
    "disclosedqty": "0",
    "orderid": "1",
    "id": "1",
    "status": ["FORALL"],
    "page": 1,
    "count": 10,
    "isin": "INE062A01020",
}
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["BUY", "SELL", "MARKET", "STOPLOSS_LIMIT", "IOC", "NFO", "1e400", "-1", "NaN", "९"]),
    st.lists(st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(sorted(USUAL)), odd, max_size=3), st.booleans())
def test_every_body_has_an_answer(floor, route, changed, wrapped):
    """A body of any words, numbers and shapes gets an envelope with a yes or a coded no, never a failure."""
    body = {**USUAL, **changed}
    if wrapped:
        body |= {"positions": [body], "orders": [dict(body), changed]}
    answer = floor.answer(route, body)
    content = json.loads(answer.body)
    assert answer.status == 200
    assert content["status"] is True or content["errorcode"]
    json.dumps(content, allow_nan=False)
