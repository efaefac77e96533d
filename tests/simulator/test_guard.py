"""The exchange as a server: who may order it about, and how much anybody may send."""

from __future__ import annotations

import json
import math
import socket
import time
from datetime import date, datetime
from urllib.parse import urlsplit

import pytest
import requests

from kit.clock import IST
from kit.errors import SimulatorError
from kit.simulator import connections, guard
from kit.simulator.admin import ADMIN
from kit.simulator.server import SimulatedExchange

SECURE = "/rest/secure/angelbroking"
LOGIN = "/rest/auth/angelbroking/user/v1/loginByPassword"
MASTER = "/OpenAPI_File/files/OpenAPIScripMaster.json"


def send(exchange, method, path, **more):
    """Send a request as it is told, past any proxy."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, exchange.url + path, timeout=20, **more)


@pytest.mark.parametrize(("method", "path"), list(ADMIN))
@pytest.mark.parametrize(
    "said", [{}, {"X-Kit-Admin": ""}, {"X-Kit-Admin": "guess"}, {"X-Kit-Admin": "ü".encode()}]
)
def test_orders_ask_for_the_token(exchange, method, path, said):
    """No order to the exchange itself is obeyed, nor a count shown, without the token of its greeting."""
    before = exchange.clock.now()
    answer = send(exchange, method, path, headers=said, json={"at": "2020-01-01T10:00"})
    assert answer.status_code == 403
    assert "admin_token" in answer.text
    assert exchange.admin_token not in answer.text
    assert abs((exchange.clock.now() - before).total_seconds()) < 60


@pytest.mark.parametrize("path", ["/_stats", LOGIN, SECURE + "/user/v1/getProfile", MASTER])
@pytest.mark.parametrize(
    "said",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
    ],
)
def test_a_page_of_another_site_gets_nothing(exchange, path, said):
    """A request that names another host, or that another site's page sent, is refused on every route."""
    token = {"X-Kit-Admin": exchange.admin_token}
    for method in ("GET", "POST"):
        answer = send(exchange, method, path, headers={**token, **said})
        assert answer.status_code == 403
        assert "not this machine" in answer.text


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8888", "http://localhost:8888"])
def test_a_page_of_this_machine_is_heard(exchange, origin):
    """A notebook's page on this machine may ask."""
    headers = {"Origin": origin, "X-Kit-Admin": exchange.admin_token}
    assert send(exchange, "GET", "/_stats", headers=headers).status_code == 200


@pytest.mark.parametrize("path", [LOGIN, SECURE + "/historical/v1/getCandleData", "/_admin/faults"])
def test_a_large_body_is_refused_before_it_is_read(exchange, path):
    """No request may fill the memory, whether it says how long it is or not."""
    headers = {"X-Kit-Admin": exchange.admin_token}
    pieces = (b"x" * 65_536 for _ in range(64))
    for body in (b"x" * (2 << 20), pieces):
        try:
            assert send(exchange, "POST", path, data=body, headers=headers).status_code == 413
        except requests.ConnectionError:  # it may hang up while more is coming
            continue


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000, "1" * 5_000, "{", "nul"])
@pytest.mark.parametrize("path", [LOGIN, "/_admin/clock"])
def test_a_nested_or_broken_body_is_a_bad_request(exchange, path, body):
    """Nesting without end, a number of thousands of digits and half an object are HTTP 400, never 500."""
    key = exchange.credentials.api_key.get_secret_value()
    headers = {"X-Kit-Admin": exchange.admin_token, "X-PrivateKey": key}
    assert send(exchange, "POST", path, data=body, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("faults", {"fault": "stall:1", "times": 1e9}),
        ("faults", {"fault": "stall:1", "times": -1}),
        ("faults", {"fault": "stall:1", "times": "many"}),
        ("faults", {"fault": "stall:1", "times": True}),
        ("faults", {"fault": "stall:999999"}),
        ("faults", {"fault": "x" * 100_000}),
        ("clock", {"advance_s": 1e300}),
        ("clock", {"advance_s": -5}),
        ("clock", {"advance_s": 10**400}),
        ("clock", {"advance_s": None}),
        ("clock", {"at": "9999-12-31T23:59"}),
        ("clock", {"at": "0001-01-01T00:00"}),
        ("clock", {"at": "0001-01-01T00:00+05:30"}),
        ("clock", {"at": "9999-12-31T23:59-10:00"}),
        ("clock", {"at": "2013-05-02T12:00+23:59"}),
        ("clock", {"at": "soon" * 1000}),
        ("limits", {"form": ["text"]}),
        ("limits", {"enabled": "no"}),
        ("limits", {"enabled": None}),
        ("limits", {"enable": False}),
        ("clock", {"advance": 60}),
        ("clock", {"at": "2026-11-20T12:00", "by": 5}),
        ("funds", {"cash_inr": True}),
        ("funds", {"cash_inr": 5, "cash": 5}),
        ("faults", {"fault": "drop-after", "time": 3}),
    ],
)
def test_orders_have_bounds(exchange, path, told, order):
    """An order beyond reason is refused in words, short ones, and changes nothing."""
    before = exchange.clock.now()
    answer = order(exchange, path, **told)
    assert answer.status_code == 400
    assert 10 < len(answer.text) < 1000
    assert abs((exchange.clock.now() - before).total_seconds()) < 60
    exchange.faults.clear()


def test_no_number_that_is_none(exchange):
    """NaN and infinity, which JSON has not and Python reads, are no numbers of seconds."""
    headers = {"X-Kit-Admin": exchange.admin_token}
    for text in ("NaN", "Infinity", "-Infinity"):
        body = '{"advance_s": ' + text + "}"
        assert send(exchange, "POST", "/_admin/clock", data=body, headers=headers).status_code == 400
    with pytest.raises(SimulatorError):
        exchange.faults.add("*", "stall:1", times=math.inf)


def test_waiting_faults_have_a_bound(exchange):
    """However many faults are ordered, only so many wait; a million times one of them is one of them."""
    exchange.faults.clear()
    exchange.faults.add("getRMS", "empty-body", times=1_000_000)
    for _ in range(999):
        exchange.faults.add("getRMS", "empty-body")
    with pytest.raises(SimulatorError, match="Too many"):
        exchange.faults.add("getRMS", "empty-body")
    exchange.faults.clear()


@pytest.mark.parametrize(
    "day", ["11-20", "11-24", "11-27", "11-28", "11-30", "12-01", "12-25", "12-29", "12-30"]
)
def test_no_day_breaks_a_route(call_on, day):
    """On a session, a weekend, a holiday and about an expiry, weekly or monthly, every read is answered."""
    at = datetime.fromisoformat(f"2026-{day}T10:00:00+05:30")
    with SimulatedExchange(at=at, limits=False) as exchange:
        caller = call_on(exchange)
        caller.login()
        ratios = caller.get("/marketData/v1/putCallRatio").json()["data"]
        assert {row["tradingSymbol"][:5] for row in ratios} >= {"BANKN", "NIFTY"}
        kinds, terms = ("PercPriceGainers", "PercOILosers"), ("NEAR", "NEXT", "FAR")
        lists = [("gainersLosers", kind, term) for kind in kinds for term in terms]
        lists += [("OIBuildup", "Long Built Up", term) for term in terms]
        asked = [
            caller.post(f"/marketData/v1/{route}", datatype=kind, expirytype=term)
            for route, kind, term in lists
        ]
        asked.append(caller.candles(todate=f"2026-{day} 09:59"))
        asked.append(caller.post("/marketData/v1/optionGreek", name="NIFTY", expirydate="01DEC2026"))
        assert {answer.status_code for answer in asked} == {200}


def test_days_far_away_are_answered_in_words(call_on):
    """A question about the year 1 or 9999 gets the broker's empty answer or a bad request, never HTTP 500."""
    with SimulatedExchange(at=datetime(2026, 11, 20, 12, tzinfo=IST), limits=False) as exchange:
        caller = call_on(exchange)
        caller.login()
        for first, last in (
            ("0001-01-01 00:00", "0001-01-02 00:00"),
            ("2026-11-20 09:15", "2026-11-20 12:30"),
            ("9999-12-30 00:00", "9999-12-31 23:59"),
        ):
            answer = caller.candles(fromdate=first, todate=last)
            ahead = answer.json()["errorcode"] == "AB1012"  # as the broker refuses a span that ends after now
            assert (answer.status_code, answer.json()["data"], ahead) == (
                (200, [], False) if last < "2026" else (200, None, True)
            )
        greeks = caller.post("/marketData/v1/optionGreek", name="BANKNIFTY", expirydate="31DEC9999")
        assert greeks.status_code in (200, 400)


@pytest.mark.parametrize(
    "day", [datetime(2015, 1, 5, 12), datetime(2028, 12, 28, 12), datetime(2027, 1, 4, 12)]
)
def test_the_master_is_served_at_both_ends(call_on, day):
    """On the first and the last days that the market has, the master is whole and the clock stops in time."""
    with SimulatedExchange(at=day, limits=False) as exchange:
        rows = send(exchange, "GET", MASTER).json()
        assert any(row["name"] == "BANKNIFTY" and row["expiry"] for row in rows)
    with SimulatedExchange(at=datetime(2028, 12, 29, 15), speed=1e6, limits=False) as exchange:
        time.sleep(0.5)  # more than a week of the market's time
        assert exchange.clock.now().date() == date(2028, 12, 31)
        assert send(exchange, "GET", MASTER).status_code == 200


def test_many_logins_are_forgotten(call_on):
    """Whoever logs in a thousand times ends the oldest sessions, and fills no memory."""
    with SimulatedExchange(at=datetime(2026, 11, 20, 12, tzinfo=IST), limits=False) as exchange:
        caller = call_on(exchange)
        caller.login()
        secrets = (*caller.secrets.values(), caller.totp())
        for _ in range(1000):
            exchange.account.login(*secrets)
        assert caller.get("/user/v1/getRMS").json()["errorCode"] == "AG8001"


def test_an_unknown_path_is_a_failure_in_the_body_too(exchange):
    """A client that looks at nothing but status sees a failure."""
    answer = send(exchange, "POST", SECURE + "/order/v1/bracketOrder", data=json.dumps({}))
    assert answer.status_code == 404
    assert answer.json()["status"] is False


HALF = {
    "nothing": b"",
    "half a line": b"POST /rest",
    "half a head": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "no body": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\n",
    "half a body": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nab",
    "half a piece": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}


@pytest.mark.parametrize("part", HALF)
def test_half_a_request_holds_nothing(part, monkeypatch, caplog):
    """A request that does not go on ends with its time, one whose caller hangs up without a traceback."""
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.5)
    monkeypatch.setattr(guard, "BODY_WITHIN_S", 0.5)
    with SimulatedExchange(limits=False) as exchange:
        address = urlsplit(exchange.url)
        with socket.create_connection((address.hostname, address.port), timeout=20) as waits:
            waits.sendall(HALF[part])
            told = waits.recv(1000)  # an answer, or the end: no waiting without one
        assert told == b"" or b" 408 " in told
        with socket.create_connection((address.hostname, address.port)) as leaves:
            leaves.sendall(HALF[part])
        assert send(exchange, "GET", "/nowhere").status_code == 404
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "said", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 99]
)
def test_what_is_no_request_is_refused_in_silence(exchange, said, caplog):
    """What is no HTTP is answered or cut off, and nothing is written on the exchange's terminal."""
    with socket.create_connection(("127.0.0.1", urlsplit(exchange.url).port), timeout=20) as line:
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):
            pass
    assert [record.getMessage() for record in caplog.records] == []
