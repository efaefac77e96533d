"""The server: sessions, dialects, order of checks, keep-alive, TLS, processes."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.clock import IST
from kit.errors import DataError, SimulatorError
from kit.simulator import certificates
from kit.simulator.app import ROUTES
from kit.simulator.process import launch
from kit.simulator.server import SimulatedExchange

GATEWAY_KEYS = {"success", "message", "errorCode", "data"}
AT = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
FIELDS = [
    "exchange",
    "symboltoken",
    "interval",
    "fromdate",
    "todate",
    "mode",
    "exchangeTokens",
    "name",
    "expirydate",
    "datatype",
    "expirytype",
    "searchscrip",
    "refreshToken",
    "clientcode",
    "password",
    "totp",
]


def ends_within(pid, seconds):
    """Tell whether a process is gone, or a zombie, within some seconds."""
    for _ in range(int(seconds * 20)):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"totp": "123"}, "AB1050"),
        ({"password": "1111"}, "AB1007"),
        ({"clientcode": "NOBODY"}, "AB1007"),
        ({"totp": None}, "AB1000"),
    ],
)
def test_wrong_login_is_refused_in_the_application_dialect(exchange, call_on, changed, code):
    """Each wrong part of a login gets its code, HTTP 200 and no data."""
    answer = call_on(exchange).login(**changed)
    assert answer["status"] is False
    assert answer["errorcode"] == code
    assert answer["data"] is None


def test_one_time_password_of_the_neighbouring_steps_is_accepted(exchange, call_on):
    """Thirty seconds of clock drift either way are forgiven, ninety are not."""
    caller = call_on(exchange)
    assert caller.login(totp=caller.totp(-30))["status"] is True
    assert caller.login(totp=caller.totp(30))["status"] is True
    assert caller.login(totp=caller.totp(-90))["errorcode"] == "AB1050"


@pytest.mark.parametrize(
    ("authorization", "code"), [(None, "AG8003"), ("Bearer nonsense", "AG8001"), ("Bearer ", "AG8001")]
)
def test_missing_or_unknown_token_is_refused_in_the_gateway_dialect(exchange, call_on, authorization, code):
    """The gateway spells its keys differently and still answers HTTP 200."""
    caller = call_on(exchange)
    caller.session.headers["Authorization"] = authorization
    answer = caller.get("/user/v1/getProfile")
    assert answer.status_code == 200
    assert set(answer.json()) == GATEWAY_KEYS
    assert answer.json()["errorCode"] == code


def test_wrong_api_key_is_refused_before_the_token(exchange, call_on):
    """A wrong key is refused even at login."""
    caller = call_on(exchange)
    caller.session.headers["X-PrivateKey"] = "wrong"
    assert caller.login(state="x")["errorCode"] == "AG8004"


def test_token_ends_at_midnight_of_the_market(call_on):
    """A token of Friday is unknown on Saturday by the market's clock, and a new login works."""
    with SimulatedExchange(at=AT, limits=False) as exchange:
        caller = call_on(exchange)
        caller.login()
        exchange.clock.jump(datetime(2026, 11, 20, 23, 59, 50, tzinfo=IST))
        assert caller.get("/user/v1/getRMS").json()["status"] is True
        exchange.clock.jump(datetime(2026, 11, 21, 0, 0, 1, tzinfo=IST))
        assert caller.get("/user/v1/getRMS").json()["errorCode"] == "AG8001"
        caller.login()
        assert caller.get("/user/v1/getRMS").json()["status"] is True


def test_second_login_can_end_the_first_session(call_on):
    """With the switch on, one client code has one session."""
    with SimulatedExchange(at=AT, limits=False) as exchange:
        exchange.account.one_session = True
        first, second = call_on(exchange), call_on(exchange)
        first.login()
        second.login()
        assert first.get("/user/v1/getRMS").json()["errorCode"] == "AG8001"
        assert second.get("/user/v1/getRMS").json()["status"] is True


def test_login_echoes_state(exchange, call_on):
    """Whatever stands in state comes back."""
    assert call_on(exchange).login(state="from here")["data"]["state"] == "from here"


def test_unknown_refresh_token_is_refused(exchange, call_on):
    """A refresh token that was never given out gets AB8050."""
    caller = call_on(exchange)
    path = "/rest/auth/angelbroking/jwt/v1/generateTokens"
    answer = caller.session.post(exchange.url + path, json={"refreshToken": "no"}, timeout=20).json()
    assert answer["errorcode"] == "AB8050"


@pytest.mark.parametrize(
    "changed",
    [{"interval": "BOGUS"}, {"fromdate": "yesterday"}, {"todate": None}, {"interval": None}],
)
def test_senseless_candle_request_gets_an_empty_400(caller, changed):
    """An unknown interval or an unreadable time is HTTP 400 without a body."""
    answer = caller.candles(**changed)
    assert (answer.status_code, answer.content) == (400, b"")


def test_body_that_is_not_json_gets_an_empty_400(caller, exchange):
    """Half a JSON object is HTTP 400 without a body."""
    url = exchange.url + "/rest/secure/angelbroking/historical/v1/getCandleData"
    answer = caller.session.post(url, data=b'{"exchange":', timeout=20)
    assert (answer.status_code, answer.content) == (400, b"")


def test_unknown_token_and_holiday_are_told_apart(caller):
    """Candles of a token that does not exist are null, candles of a holiday are empty."""
    assert caller.candles(token="7").json()["data"] is None
    holiday = {"fromdate": "2026-01-26 09:15", "todate": "2026-01-26 15:30"}
    assert caller.candles(**holiday).json()["data"] == []


def test_more_than_fifty_tokens_are_a_bad_request(caller):
    """Fifty tokens are answered, fifty-one are not."""
    tokens = caller.options(count=51)
    assert len(caller.quotes("LTP", *tokens[:50])["data"]["fetched"]) == 50
    body = {"mode": "LTP", "exchangeTokens": {"NFO": tokens}}
    assert caller.post("/market/v1/quote", **body).status_code == 400


def test_prefixes_and_queries_are_ignored(caller, exchange):
    """The order service's prefix, a last slash and any query lead to the same route."""
    secure = exchange.url + "/rest/secure/angelbroking"
    body = {"exchange": "NSE", "tradingsymbol": "Nifty Bank", "symboltoken": "99926009"}
    odd = secure.replace("/rest", "/order-service/rest") + "/order/v1/getLtpData/"
    assert caller.session.post(odd, json=body, timeout=20).json()["data"]["ltp"] > 0
    query = "/user/v1/getProfile?%7B%22refreshToken%22:%20%22x%22%7D"
    assert caller.session.get(secure + query, timeout=20).json()["status"] is True


def test_unknown_path_is_404(exchange):
    """A route that is not simulated says so with HTTP 404."""
    answer = requests.get(exchange.url + "/rest/secure/angelbroking/order/v1/bracketOrder", timeout=20)
    assert answer.status_code == 404


def test_unknown_expiry_has_no_greeks(caller):
    """Greeks of an expiry that is not listed get AB9019; a date that is none gets HTTP 400."""
    asked = {"name": "BANKNIFTY", "expirydate": "24NOV2026"}
    assert caller.post("/marketData/v1/optionGreek", **asked).json()["errorcode"] == "AB9019"
    asked["expirydate"] = "soon"
    assert caller.post("/marketData/v1/optionGreek", **asked).status_code == 400


def test_one_connection_serves_many_requests(exchange, call_on):
    """A session's calls travel on one accepted connection, and no secret stands in the counts."""
    caller = call_on(exchange)
    before = exchange.stats.accepts
    caller.login()
    for _ in range(10):
        caller.get("/user/v1/getProfile")
    assert exchange.stats.accepts == before + 1
    headers = {"X-Kit-Admin": exchange.admin_token}
    shown = requests.get(exchange.url + "/_stats", headers=headers, timeout=20).text
    assert json.loads(shown)["last"]["getProfile"]["headers"]["authorization"].startswith("Bearer <")
    for secret in (*caller.secrets.values(), caller.session.headers["Authorization"][7:]):
        assert secret not in shown
    assert caller.session.headers["X-PrivateKey"] not in shown


def test_master_has_the_traps_of_the_real_one(caller, exchange):
    """Two rows named BANKNIFTY at NSE, test contracts, prices times a hundred, both indices' options."""
    rows = requests.get(exchange.master_url, timeout=20).json()  # asks for no session
    named = [row for row in rows if row["name"] == "BANKNIFTY" and row["exch_seg"] == "NSE"]
    assert {row["token"]: row["instrumenttype"] for row in named} == {"99926009": "AMXIDX", "26009": ""}
    tests = [row for row in rows if "NSETEST" in row["name"]]
    assert {(row["instrumenttype"], row["freeze_qty"]) for row in tests} == {("FUTSTK", "100001")}
    shares = [row for row in rows if row["symbol"].endswith("-EQ")]
    assert all(row["is_cas_enabled"] is True and int(row["freeze_qty"]) > 0 for row in shares)
    assert {row["freeze_qty"] for row in rows if row["name"] == "BANKNIFTY" and row["expiry"]} == {"601"}
    option = next(row for row in rows if row["symbol"] == "BANKNIFTY29DEC2657000CE")
    assert option["strike"] == "5700000.000000"
    assert (option["lotsize"], option["tick_size"], option["expiry"]) == ("30", "5.000000", "29DEC2026")
    texts = {key for row in rows for key, value in row.items() if not isinstance(value, str)}
    assert texts == {"is_cas_enabled"}
    assert {"BANKNIFTY", "NIFTY", "INDIA VIX", "SBIN"} <= {row["name"] for row in rows}


def test_port_in_use_is_a_typed_error():
    """A taken port is named together with the remedy, in this process and in a child."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SimulatorError, match=rf"in use: {port}\. Choose another"):
            SimulatedExchange(port=port)
        with pytest.raises(SimulatorError, match=str(port)):
            launch(port=port)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"seed": 1 << 70},
        {"speed": 0},
        {"speed": math.inf},
        {"speed": math.nan},
        {"port": 70_000},
    ],
)  # fmt: skip
def test_values_out_of_range_are_typed_errors(wrong):
    """Seed, speed and port that cannot be are refused before anything is served."""
    with pytest.raises(SimulatorError):
        SimulatedExchange(**wrong)


def test_time_outside_the_market_is_refused():
    """A start the market does not cover is refused, naming what it covers."""
    with pytest.raises(DataError, match="2015-01-02"):
        SimulatedExchange(at=datetime(2013, 5, 2, 12, tzinfo=IST))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("route", [route for route in ROUTES.values() if route.method == "POST"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_body_breaks_a_route(caller, exchange, route, data):
    """Whatever JSON a route is sent, it answers in one of the broker's ways."""
    fields = st.sampled_from(FIELDS)
    known = st.sampled_from(["NSE", "NFO", "99926009", "ONE_DAY", "2026-11-20 09:15", "FULL", "BANKNIFTY"])
    body = data.draw(st.dictionaries(fields, json_values | known, max_size=6) | json_values)
    if route.name == "logout":
        body = {**body, "clientcode": "any"} if isinstance(body, dict) else body
        caller.login()
    answer = caller.session.post(exchange.url + route.path, json=body, timeout=20)
    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or {"status", "success"} & set(answer.json())


def test_https_needs_its_package(monkeypatch, tmp_path):
    """Without trustme the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(SimulatorError, match=r"banknifty-kit\[tls\]"):
        certificates.issue(tmp_path)


def test_https_is_refused_without_the_authority(call_on):
    """A client that does not know the authority gets no answer, one that does gets one."""
    with SimulatedExchange(at=AT, tls=True, limits=False) as secure:
        caller = call_on(secure)
        assert caller.login()["status"] is True
        with requests.Session() as stranger:
            stranger.trust_env = False
            with pytest.raises(requests.exceptions.SSLError):
                stranger.get(secure.url + "/_stats", timeout=20)


def test_child_process_serves_the_same_market(exchange, call_on, order):
    """A child with the same seed and time quotes the same open and speaks in its greeting's terms."""
    with launch(seed=7, at=AT, limits=False) as child:
        caller = call_on(child)
        assert caller.login()["status"] is True
        row = caller.quotes("OHLC", "99926009", exchange="NSE")["data"]["fetched"][0]
        contract = exchange.market.listing(AT).rows["NSE", "99926009"]
        assert row["open"] == exchange.market.quotes([contract], AT)[0].open
        assert abs(child.clock.now() - AT) < timedelta(seconds=60)
        clock = order(child, "clock", at="2026-11-20T23:59:59").json()
        assert clock["now"].startswith("2026-11-20T23:59:59")
    assert ends_within(child.pid, 30)
    child.close()  # a second time does nothing


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_child_dies_with_a_parent_that_is_killed():
    """SIGKILL of the parent ends the exchange as well."""
    code = (
        "import sys, time\n"
        "from kit.simulator.process import launch\n"
        "child = launch()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        assert ends_within(pid, 30)


def test_command_prints_one_line_and_ends_on_a_signal():
    """``kit simulate`` greets with one line of JSON and leaves in peace."""
    command = [sys.executable, "-m", "kit", "simulate", "--speed", "60", "--at", "2026-11-20T11:00"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        greeting = json.loads(server.stdout.readline())
        assert {"url", "api_key", "client_code", "pin", "totp_secret"} <= set(greeting)
        assert greeting["now"].startswith("2026-11-20T11:00")
        assert requests.get(greeting["master_url"], timeout=20).status_code == 200
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
        assert server.stdout.read() == b""


def test_command_explains_what_it_cannot_do():
    """A time that is none ends the command with one sentence and no traceback."""
    command = [sys.executable, "-m", "kit", "simulate", "--at", "lunch"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert said.stderr.endswith("'lunch' is no moment: write it as 2024-01-31T15:30\n")


def test_speed_makes_market_time_run(call_on):
    """At a thousand market seconds per second the market's clock has moved by minutes in a moment."""
    with SimulatedExchange(at=AT, speed=1000, limits=False) as fast:
        time.sleep(0.3)
        assert fast.clock.now() - AT >= timedelta(minutes=4)
