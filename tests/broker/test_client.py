"""Every method of the client, against the simulated exchange over HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from kit.broker import auth
from kit.broker.client import AngelAPIClient
from kit.cache import CacheManager
from kit.clock import IST
from kit.errors import (
    AccountBlocked,
    AddressRefused,
    KeyRefused,
    LoginRefused,
    NeverSent,
    Rejected,
    SessionExpired,
    SettingsError,
)
from kit.settings import Credentials
from kit.simulator.market_clock import MarketClock
from kit.simulator.server import SimulatedExchange

BANKNIFTY = ("NSE", "99926009")
LTP = ("NSE", "Nifty Bank", "99926009")
DAY = (datetime(2026, 11, 19, 9, 15, tzinfo=IST), datetime(2026, 11, 19, 15, 39, tzinfo=IST))


@pytest.fixture
def option(client: AngelAPIClient) -> dict:
    """Choose a call near the money."""
    rows = client.instruments().rows("BANKNIFTY", "OPTIDX", "23NOV2026")
    return next(row for row in rows if row["strike"] == "5600000.000000" and row["symbol"].endswith("CE"))


def test_nothing_happens_before_the_first_call(monkeypatch, exchange: SimulatedExchange):
    """Importing and constructing must open no socket."""
    accepted = exchange.stats.accepts

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with AngelAPIClient(exchange.credentials, base_url=exchange.url) as client:
        assert "not logged in" in repr(client)
    assert exchange.stats.accepts == accepted


def test_profile_and_funds(client: AngelAPIClient, exchange: SimulatedExchange):
    """Profile and funds must come as the broker has them, funds as numbers or None."""
    assert client.profile().data["clientcode"] == exchange.credentials.client_code.get_secret_value()
    funds = client.funds().data
    assert funds["net"] == 1_000_000.0
    assert funds["utilisedspan"] is None


def test_private_replies_are_never_stored(client: AngelAPIClient, exchange: SimulatedExchange):
    """Profile and funds must be asked for each time and have no life left to be kept."""
    before = exchange.stats.requests["getProfile"]
    assert client.profile().remaining_s == client.profile().remaining_s == 0.0
    assert exchange.stats.requests["getProfile"] == before + 2


def test_candles(client: AngelAPIClient):
    """Candles of a day must be its rows, both ends included."""
    reply = client.candles(*BANKNIFTY, "FIVE_MINUTE", *DAY)
    assert len(reply.data) == 74  # to 15:14, one flat bar at 15:15 and one from the closing auction
    assert reply.data[0][0] == "2026-11-19T09:15:00+05:30"
    assert reply.source == "network"
    again = client.candles(*BANKNIFTY, "FIVE_MINUTE", *DAY)
    assert again.data == reply.data
    assert (again.source, again.remaining_s) == ("sqlite", float("inf"))


def test_open_interest_history(client: AngelAPIClient, option: dict):
    """The open interest of a live contract must come as a list of times and units."""
    found = client.oi_history("NFO", option["token"], "FIFTEEN_MINUTE", *DAY).data
    assert found
    assert set(found[0]) == {"time", "oi"}


@pytest.mark.parametrize("mode", ["LTP", "OHLC", "FULL"])
def test_quotes_of_every_mode(client: AngelAPIClient, option: dict, mode):
    """Quotes of two exchanges must be joined by exchange and token in every mode."""
    keys = [BANKNIFTY, ("NFO", option["token"])]
    found = client.quotes(keys, mode).data
    assert set(found.fetched) == set(keys)
    assert found.fetched["NFO", option["token"]]["tradingSymbol"] == option["symbol"]
    assert ("depth" in found.fetched[BANKNIFTY]) is (mode == "FULL")


def test_quotes_in_batches_of_fifty(client: AngelAPIClient, exchange: SimulatedExchange):
    """Any number of instruments must be asked for in batches of 50, each once."""
    rows = client.instruments().rows("BANKNIFTY", "OPTIDX", "23NOV2026")[:220]
    keys = [("NFO", row["token"]) for row in rows]
    before = exchange.stats.requests["quote"]
    found = client.quotes([*keys, *keys])
    assert set(found.data.fetched) == set(keys)
    assert exchange.stats.requests["quote"] == before + 5
    assert client.quotes(keys).source == "sqlite"
    assert exchange.stats.requests["quote"] == before + 5


def test_quotes_report_what_is_unknown(client: AngelAPIClient):
    """A token that the broker does not know must be reported, not dropped."""
    found = client.quotes([BANKNIFTY, ("NFO", "1")], "LTP").data
    assert set(found.fetched) == {BANKNIFTY}
    assert [row["symbolToken"] for row in found.unfetched] == ["1"]


def test_no_instruments_no_call(client: AngelAPIClient, exchange: SimulatedExchange):
    """An empty question must have an empty answer without a request."""
    before = exchange.stats.requests["quote"]
    assert client.quotes([]).data.fetched == {}
    assert exchange.stats.requests["quote"] == before


def test_last_traded_price(client: AngelAPIClient):
    """The legacy price must carry the day's range and live five seconds."""
    reply = client.ltp("NSE", "Nifty Bank", "99926009")
    assert reply.data["low"] <= reply.data["ltp"] <= reply.data["high"]
    assert reply.remaining_s == 5


def test_greeks_ratio_and_search(client: AngelAPIClient):
    """The broker's Greeks, put-call ratio and search must come as lists of records."""
    assert {row["optionType"] for row in client.option_greeks("BANKNIFTY", date(2026, 11, 23)).data} == {
        "CE",
        "PE",
    }
    assert any(row["tradingSymbol"].startswith("BANKNIFTY") for row in client.put_call_ratio().data)
    assert client.search("NFO", "BANKNIFTY").data


def test_wrong_password(exchange: SimulatedExchange, open_client):
    """A wrong TOTP secret must be a refusal that names the remedy and no secret, after one attempt."""
    wrong = exchange.credentials.model_copy(update={"totp_secret": SecretStr("A" * 26)})
    before = exchange.stats.requests["loginByPassword"]
    with pytest.raises(LoginRefused) as caught:
        open_client(credentials=wrong).login()
    assert (caught.value.code, caught.value.status) == ("AB1050", 200)
    assert "clock" in caught.value.remedy
    assert exchange.stats.requests["loginByPassword"] == before + 1


def test_a_clock_that_is_off(open_client, monkeypatch):
    """When the machine's clock makes the password wrong, the refusal must say by how much."""
    ahead = auth.wall_s() + 300
    monkeypatch.setattr("kit.broker.auth.wall_s", lambda: ahead)
    with pytest.raises(LoginRefused, match=r"(29|30)\d s ahead"):
        open_client().login()


def test_wrong_pin(exchange: SimulatedExchange, open_client):
    """A wrong PIN must be refused on the first call that needs a login."""
    wrong = exchange.credentials.model_copy(update={"pin": SecretStr("0000")})
    with pytest.raises(LoginRefused) as caught:
        open_client(credentials=wrong).funds()
    assert caught.value.code == "AB1007"


@pytest.mark.parametrize(
    ("code", "kind"), [("AG8004", KeyRefused), ("AG7002", AddressRefused), ("AB1006", AccountBlocked)]
)
def test_a_login_refused_for_something_else(exchange: SimulatedExchange, open_client, code, kind):
    """A login refused for the key, the address or the account must not blame PIN and TOTP."""
    dialect = "application-error" if code.startswith("AB") else "gateway-error"
    exchange.faults.add("loginByPassword", f"{dialect}:{code}")
    with pytest.raises(kind) as caught:
        open_client().login()
    assert caught.value.code == code
    assert not [word for word in ("PIN", "TOTP") if word in str(caught.value)]


def test_a_key_refused_for_data_alone(client: AngelAPIClient, exchange: SimulatedExchange):
    """A key that logs in and is refused for data must be an error about the key, without a new login."""
    client.login()
    before = exchange.stats.requests.copy()
    exchange.faults.add("getRMS", "gateway-error:AG8004", times=5)
    with pytest.raises(KeyRefused, match="KIT_API_KEY"):
        client.funds()
    after = exchange.stats.requests - before
    assert (after["getRMS"], after["loginByPassword"], after["generateTokens"]) == (1, 0, 0)


def test_the_future_is_not_asked_for(client: AngelAPIClient, exchange: SimulatedExchange):
    """Today's candles must be asked for up to now, and what has not begun not at all."""
    now = exchange.clock.now()
    today = now.replace(hour=9, minute=15), now.replace(hour=23, minute=59)
    before = exchange.stats.requests["getCandleData"]
    reply = client.candles(*BANKNIFTY, "ONE_MINUTE", *today)
    assert abs(datetime.fromisoformat(reply.data[-1][0]) - now) <= timedelta(minutes=2)
    (asked,) = [json.loads(kept.request.body)["todate"] for kept in client.session.replies.cache.filter()]
    assert asked.endswith("23:59")  # so that a minute later the same question finds it
    tomorrow = [moment + timedelta(days=1) for moment in today]
    assert client.candles(*BANKNIFTY, "ONE_MINUTE", *tomorrow).data == []
    assert exchange.stats.requests["getCandleData"] == before + 1


def test_eight_threads_log_in_once(client: AngelAPIClient, exchange: SimulatedExchange):
    """Eight threads that start together must make one login."""
    before = exchange.stats.requests["loginByPassword"]
    start = threading.Barrier(8)

    def ask(_: int) -> float:
        start.wait()
        return client.ltp("NSE", "Nifty Bank", "99926009").data["ltp"]

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
    assert exchange.stats.requests["loginByPassword"] == before + 1


def test_expired_token_mid_run(client: AngelAPIClient, exchange: SimulatedExchange, next_password):
    """When every session has ended, the next call must log in once more by itself and succeed."""
    client.login()
    next_password()
    before = exchange.stats.requests.copy()
    exchange.account.expire_all()
    assert client.funds().data["net"] == 1_000_000.0
    assert exchange.stats.requests["getRMS"] == before["getRMS"] + 2
    assert exchange.stats.requests["loginByPassword"] == before["loginByPassword"] + 1


def test_invalid_token_is_refreshed_once_for_all(client: AngelAPIClient, exchange: SimulatedExchange):
    """When one of three threads learns of an invalid token, one refresh and no login must serve them all."""
    client.login()
    before = exchange.stats.requests.copy()
    exchange.faults.add("getCandleData", "gateway-error:AG8001")
    days = [timedelta(days=number) for number in (0, 1, 2)]
    with ThreadPoolExecutor(3) as threads:
        replies = list(
            threads.map(lambda ago: client.candles(*BANKNIFTY, "ONE_HOUR", DAY[0] - ago, DAY[1] - ago), days)
        )
    assert all(reply.data for reply in replies)
    assert exchange.stats.requests["generateTokens"] == before["generateTokens"] + 1
    assert exchange.stats.requests["loginByPassword"] == before["loginByPassword"]


def test_midnight_logs_in_without_asking(exchange: SimulatedExchange, open_client, next_password):
    """After midnight the client must not even try the old token."""
    clock = MarketClock(exchange.clock.now())
    client = open_client(clock=clock)
    client.login()
    next_password()
    clock.advance(14 * 3600)
    before = exchange.stats.requests.copy()
    client.funds()
    assert exchange.stats.requests["getRMS"] == before["getRMS"] + 1
    assert exchange.stats.requests["generateTokens"] == before["generateTokens"]


def test_a_session_that_stays_invalid_is_an_error(
    client: AngelAPIClient, exchange: SimulatedExchange, monkeypatch
):
    """Refused after a refresh and after one full login, a call must be an error, and `login` must log in."""
    start, step = auth.wall_s(), [-30]  # the broker accepts the passwords beside the present one
    monkeypatch.setattr(auth, "wall_s", lambda: start + step[0])
    client.login()
    step[0] = 0
    before = exchange.stats.requests.copy()
    exchange.faults.add("getRMS", "gateway-error:AG8001", times=3)
    with pytest.raises(SessionExpired) as caught:
        client.funds()
    assert caught.value.code == "AG8001"
    after = exchange.stats.requests.copy()
    assert (after - before)["getRMS"] == 3
    assert (after - before)["generateTokens"] == (after - before)["loginByPassword"] == 1
    step[0] = 30
    client.login()
    assert exchange.stats.requests["loginByPassword"] == after["loginByPassword"] + 1


def test_logout(client: AngelAPIClient, exchange: SimulatedExchange):
    """Logging out must end the session once, and do nothing when there is none."""
    client.logout()
    client.login()
    before = exchange.stats.requests["logout"]
    client.logout()
    client.logout()
    assert "not logged in" in repr(client)
    assert exchange.stats.requests["logout"] == before + 1


def test_the_brokers_words_reach_the_caller(client: AngelAPIClient):
    """A refusal must carry the broker's code and what was asked."""
    with pytest.raises(Rejected) as caught:
        client.option_greeks("NOTHING", date(2026, 11, 23))
    assert caught.value.code == "AB9019"
    assert "NOTHING" in str(caught.value)


def test_statistics(client: AngelAPIClient):
    """The statistics must tell network from disk, time every endpoint and show what the limits allow."""
    for _ in range(2):
        client.candles(*BANKNIFTY, "ONE_HOUR", *DAY)
    stats = client.get_performance_stats()
    assert (stats["network_calls"], stats["sqlite_hits"]) == (2, 1)  # a login, and one of the candles
    assert stats["connections"]["requests"] == 2
    assert stats["limits"]["getCandleData"] == 2
    assert "api_candles" in str(stats["performance"])


def test_https_with_its_own_authority(open_client):
    """Over HTTPS the given authority must be enough, and without it nothing may be sent."""
    with SimulatedExchange(seed=7, at=DAY[0] + timedelta(hours=2), tls=True, limits=False) as secure:
        assert open_client(secure).funds().data["net"] == 1_000_000.0
        with pytest.raises(OSError, match="certificate"):
            open_client(secure, ca_file=None, connection_pool={"max_retries": 0}).funds()


def test_restart_with_a_warm_file_makes_no_call(exchange: SimulatedExchange, open_client):
    """A new client must answer from the file of the old one without even logging in."""
    first = open_client().candles(*BANKNIFTY, "ONE_HOUR", *DAY)
    before = exchange.stats.requests.total()
    reply = open_client().candles(*BANKNIFTY, "ONE_HOUR", *DAY)
    assert reply.data == first.data
    assert exchange.stats.requests.total() == before


def test_the_brief_as_written(exchange: SimulatedExchange):
    """The constructor must take the arguments of the brief by name."""
    from kit.monitor import PerformanceMonitor

    credentials: Credentials = exchange.credentials
    with AngelAPIClient(
        credentials=credentials, performance_monitor=PerformanceMonitor(), cache_manager=CacheManager()
    ) as client:
        assert client.get_performance_stats()["cache"]["entries"] == 0


def test_the_session_of_the_client_is_a_session(client: AngelAPIClient):
    """Headers, `auth`, hooks and proxies that a user sets on the reply session count in its calls."""

    class Signed(AuthBase):
        def __call__(self, request):
            request.headers["X-Signed"] = "yes"
            return request

    session, sent, heard = client.session.replies, [], []

    class Noted(HTTPAdapter):
        def send(self, request, **how):
            sent.append((request.headers, how["proxies"]))
            return below.send(request, **how)

    below = session.get_adapter(client.session.base_url)
    session.mount("http://", Noted())
    session.headers["X-Mine"], session.auth = "mine", Signed()
    session.hooks["response"].append(lambda answer, **_: heard.append(answer.status_code))
    session.proxies = {"ftp": "http://127.0.0.1:9"}
    client.ltp(*LTP)
    client.ltp(*LTP)
    for headers, proxies in sent:
        assert (headers["X-Mine"], headers["X-Signed"], headers["X-UserType"]) == ("mine", "yes", "USER")
        assert headers["Accept"] == "application/json"
        assert proxies == session.proxies
    assert (len(sent), {*heard}) == (2, {200})  # a login and a price, which the second call found stored
    assert len(heard) >= 3


def test_only_stored_answers_may_be_asked_for(client: AngelAPIClient):
    """With `only_if_cached` a stored price is served, and what is not stored is an error that says so."""
    client.ltp(*LTP)
    client.session.replies.settings.only_if_cached = True
    assert client.ltp(*LTP).source == "sqlite"
    for ask in (client.put_call_ratio, client.funds):
        with pytest.raises(NeverSent, match="only_if_cached forbids"):
            ask()
    client.session.replies.settings.only_if_cached = False
    assert client.put_call_ratio().source == "network"


def test_the_cache_it_is_given_is_used(exchange: SimulatedExchange, open_client):
    """With a cache manager a second question must come from memory, and never past its life."""
    cache = CacheManager()
    client = open_client(cache_manager=cache, cache_config={"disk": False, "ltp_ttl": 1})
    first = client.ltp(*LTP)
    before = exchange.stats.requests["getLtpData"]
    second = client.ltp(*LTP)
    assert (first.source, second.source, second.data) == ("network", "hot", first.data)
    assert second.age_s + second.remaining_s == pytest.approx(1, abs=0.01)
    assert cache.get_stats()["hits"] == 1
    time.sleep(1.01)
    assert client.ltp(*LTP).source == "network"
    assert exchange.stats.requests["getLtpData"] == before + 1
    client.profile()
    assert client.profile().source == "network"  # what belongs to an account is not kept


def test_an_empty_address_is_not_the_live_broker(exchange: SimulatedExchange, open_client):
    """An address that was given and is none must be refused, never replaced by the default."""
    for address in ("", "http://user:7391@127.0.0.1:1", "127.0.0.1"):
        for which in ("base_url", "master_url"):
            with pytest.raises(SettingsError) as caught:
                open_client(**{which: address})
            assert "7391" not in str(caught.value)


def test_a_proxy_is_not_asked_for_this_machine(exchange: SimulatedExchange, open_client, monkeypatch):
    """With a proxy in the environment the exchange on loopback must be reached without it."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy.invalid:3128")
    client = open_client()
    assert client.funds().data["net"] == 1_000_000.0
    assert client.instruments().rows("BANKNIFTY")
