"""Every fault, seen from a plain client."""

from __future__ import annotations

import json

import pytest
import requests

from kit.errors import SimulatorError
from kit.simulator import faults

BROKEN = requests.exceptions.ConnectionError


@pytest.mark.parametrize("fault", faults.NAMES)
def test_fault_ends_with_its_request(caller, fault):
    """The request with the fault differs from the ordinary answer, the next one is ordinary again."""
    ordinary = caller.candles(fromdate="2026-11-19 09:15", todate="2026-11-19 15:39").json()
    span = {"fromdate": "2026-11-19 09:15", "todate": "2026-11-19 15:39"}
    argument = {"stall": ":0.2", "slow-body": ":0.2"}.get(fault, "")
    try:
        spoilt = caller.candles(fault=fault + argument, **span)
        unchanged = (
            spoilt.status_code == 200
            and spoilt.content == json.dumps(ordinary, separators=(",", ":")).encode()
        )
        assert unchanged is (fault in ("stall", "slow-body"))
    except (BROKEN, requests.exceptions.ChunkedEncodingError):
        assert fault.startswith("drop-")
    caller.login()  # one of them ends the session
    assert caller.candles(**span).json() == ordinary


def test_drop_before_and_after_processing(caller, exchange):
    """Both break the connection; only the second one has been processed."""
    counted = exchange.stats.processed
    before = counted["getProfile"]
    for fault, processed in (("drop-before", 0), ("drop-after", 1)):
        exchange.faults.add("getProfile", fault)
        with pytest.raises(BROKEN):
            caller.get("/user/v1/getProfile")
        assert counted["getProfile"] == before + processed


def test_stall_outlasts_an_impatient_client(caller):
    """A stalled answer does not arrive within the client's time-out."""
    with pytest.raises(requests.exceptions.ReadTimeout):
        caller.candles(fault="stall:3", timeout=0.3)


def test_slow_body_arrives_whole(caller):
    """A slow body keeps every read short of the time-out, and is complete."""
    answer = caller.candles(fault="slow-body:3", timeout=2)
    assert answer.json()["status"] is True


def test_expired_token_mid_run(caller):
    """Once the sessions have ended every call says AG8002 until a new login."""
    assert caller.candles(fault="expired-token").json()["errorCode"] == "AG8002"
    assert caller.get("/user/v1/getRMS").json()["errorCode"] == "AG8002"
    caller.login()
    assert caller.get("/user/v1/getRMS").json()["status"] is True


def test_rate_refusals_in_all_three_forms(caller):
    """Text with 403, AB1021 with 200, and 429."""
    asked = {form: caller.candles(fault=f"rate-{form}") for form in ("text", "json", "429")}
    assert {form: answer.status_code for form, answer in asked.items()} == {
        "text": 403,
        "json": 200,
        "429": 429,
    }
    assert asked["text"].text == "Access denied because of exceeding access rate"
    assert asked["json"].json()["errorcode"] == "AB1021"


def test_dialects_with_a_chosen_code(caller):
    """The argument chooses the code; an unknown one is refused with the known ones."""
    assert caller.candles(fault="application-error:AB2001").json()["errorcode"] == "AB2001"
    assert caller.candles(fault="gateway-error:AG8002").json()["errorCode"] == "AG8002"
    refused = caller.candles(fault="gateway-error:AG1")
    assert refused.status_code == 400
    assert "AG8001" in refused.text


def test_broken_bars(caller):
    """Missing last bars, negative volume and high below low are where they are asked for."""
    span = {"fromdate": "2026-11-18 09:15", "todate": "2026-11-19 15:39"}
    whole = caller.candles(**span).json()["data"]
    cut = caller.candles(fault="missing-last-bars:10.0", **span).json()["data"]
    assert len(cut) == len(whole) - 20
    assert cut[-1][0] == "2026-11-19T15:06:00+05:30"  # two of the ten were the auction's
    negative = caller.candles(fault="negative-volume:2", **span).json()["data"]
    assert [row[5] < 0 for row in negative[:3]] == [True, True, False]
    turned = caller.candles(fault="high-below-low:1", **span).json()["data"]
    assert [row[2] < row[3] for row in turned[:2]] == [True, False]


def test_wrong_types_and_missing_keys_of_quotes(caller):
    """Prices become words, and rows lose their later half."""
    token = caller.options(count=1)[0]
    words = caller.quotes("FULL", token, fault="wrong-types")["data"]["fetched"][0]
    assert words["ltp"].endswith("rupees")
    short = caller.quotes("FULL", token, fault="missing-keys")["data"]["fetched"][0]
    assert "ltp" not in short or "depth" not in short


def test_admin_route_lets_the_next_requests_fail(caller, exchange, order):
    """A fault ordered for two requests of one route hits those two and nothing else."""
    told = {"route": "getCandleData", "fault": "html-502", "times": 2}
    assert order(exchange, "faults", **told).json()["status"] is True
    assert caller.get("/user/v1/getRMS").status_code == 200
    assert [caller.candles().status_code for _ in range(3)] == [502, 502, 200]


def test_cleared_faults_do_not_happen(caller, exchange, order):
    """Clearing forgets what still waits."""
    exchange.faults.add("*", "empty-body", times=5)
    order(exchange, "faults/clear")
    assert caller.get("/user/v1/getRMS").json()["status"] is True


@pytest.mark.parametrize("fault", ["earthquake", "stall:long", "application-error:AB0"])
def test_unknown_fault_is_refused(exchange, fault, order):
    """A misspelt fault says which ones exist, in Python and over HTTP."""
    with pytest.raises(SimulatorError):
        exchange.faults.add("*", fault)
    assert order(exchange, "faults", route="*", fault=fault).status_code == 400


def test_admin_ends_sessions_and_connections(caller, exchange, order):
    """One order ends every session, another breaks every connection."""
    order(exchange, "sessions")
    assert caller.get("/user/v1/getRMS").json()["errorCode"] == "AG8002"
    with pytest.raises(BROKEN):
        order(exchange, "connections")
    caller.login()
    assert caller.get("/user/v1/getRMS").json()["status"] is True


def test_admin_sets_the_limits(call_on, limited_exchange, order):
    """Limits can be switched off and refuse in another form while the server runs."""
    order(limited_exchange, "limits", enabled=False, form="429")
    assert (limited_exchange.limits.enabled, limited_exchange.limits.form) == (False, "429")
    assert order(limited_exchange, "limits", form="smoke").status_code == 400


def test_faults_reach_the_order_routes(caller, dealing, order):
    """A fault of an order route happens there: an order may be taken though its answer never comes."""
    token = caller.options()[0]
    symbol = next(
        row.symbol
        for (_, name), row in dealing.market.listing(dealing.clock.now()).rows.items()
        if name == token
    )
    asked = {
        "variety": "NORMAL",
        "tradingsymbol": symbol,
        "symboltoken": token,
        "transactiontype": "BUY",
        "exchange": "NFO",
        "ordertype": "LIMIT",
        "producttype": "CARRYFORWARD",
        "duration": "DAY",
        "price": "500.00",
        "quantity": "30",
    }
    path = "/order/v1/placeOrder"
    with pytest.raises(requests.ConnectionError):
        caller.post(path, fault="drop-before", **asked, ordertag="before")
    with pytest.raises(requests.ConnectionError):
        caller.post(path, fault="drop-after", **asked, ordertag="after")
    assert caller.post(path, fault="gateway-error:AG7002", **asked).json()["message"] == "Unregistered IP"
    tags = [row["ordertag"] for row in caller.get("/order/v1/getOrderBook").json()["data"]]
    assert "after" in tags
    assert "before" not in tags
    assert order(dealing, "funds", cash_inr=-1).status_code == 400
    assert order(dealing, "funds", cash_inr=1_000_000).status_code == 200
