"""Every fault against every call: a typed error or success, nothing twice, no secret, no hang."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest

from kit.broker.client import AngelAPIClient
from kit.clock import IST
from kit.errors import (
    Ambiguous,
    Denied,
    KitError,
    ProtocolError,
    RateLimited,
    TransportError,
)
from kit.errors import Transient as PassingFailure
from kit.simulator.server import SimulatedExchange

pytestmark = pytest.mark.usefixtures("wide_limits")
DAY = (datetime(2026, 11, 19, 9, 15, tzinfo=IST), datetime(2026, 11, 19, 15, 39, tzinfo=IST))
TOKEN = "99926009"
CALLS: dict[str, Callable[[AngelAPIClient], object]] = {
    "getProfile": lambda client: client.profile(),
    "getRMS": lambda client: client.funds(),
    "getCandleData": lambda client: client.candles("NSE", TOKEN, "FIVE_MINUTE", *DAY),
    "getOIData": lambda client: client.oi_history("NFO", _future(client), "FIVE_MINUTE", *DAY),
    "quote": lambda client: client.quotes([("NSE", TOKEN)]),
    "getLtpData": lambda client: client.ltp("NSE", "Nifty Bank", TOKEN),
    "optionGreek": lambda client: client.option_greeks("BANKNIFTY", date(2026, 11, 23)),
    "putCallRatio": lambda client: client.put_call_ratio(),
    "searchScrip": lambda client: client.search("NFO", "BANKNIFTY"),
    "logout": lambda client: client.logout(),
    "instrumentMaster": lambda client: client.instruments(),
}
BROKEN_BYTES = {
    "drop-before": TransportError,
    "drop-after": Ambiguous,
    "drop-midway": Ambiguous,
    "truncated-json": ProtocolError,
    "html-502": PassingFailure,
    "empty-body": ProtocolError,
    "application-error": PassingFailure,
    "rate-text": RateLimited,
    "rate-json": RateLimited,
    "rate-429": RateLimited,
    "denied-html": Denied,
}
ODD_CONTENT = (
    "slow-body:0.1", "data-null", "wrong-types", "missing-keys",
    "missing-last-bars", "negative-volume", "high-below-low",
)  # fmt: skip
ONE_ATTEMPT = {
    "connection_pool": {"max_retries": 0, "timeout": 1, "circuit_failures": 1000},
    "cache_config": {"disk": False},
}


def _future(client: AngelAPIClient) -> str:
    return str(client.instruments().rows("BANKNIFTY", "FUTIDX")[0]["token"])


def _outcome(call: Callable[[AngelAPIClient], object], client: AngelAPIClient) -> KitError | None:
    """Return the typed error of a call, or None; anything else fails the test."""
    started = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            call(client)
    except KitError as error:
        return error
    finally:
        assert time.monotonic() - started < 60
    return None


def _without_secrets(error: BaseException, exchange: SimulatedExchange) -> bool:
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    secrets = exchange.credentials
    hidden = [getattr(secrets, name).get_secret_value() for name in type(secrets).model_fields]
    return not any(secret in told for secret in hidden) and "eyJ" not in told


@pytest.mark.parametrize("fault", BROKEN_BYTES)
def test_each_call_names_what_broke(exchange: SimulatedExchange, open_client, fault):
    """Every call must turn every broken answer into the documented class of error, without a secret."""
    client = open_client(**ONE_ATTEMPT)
    client.login()
    _future(client)  # so that the master is there when only the history is to fail
    for route, call in CALLS.items():
        if route == "instrumentMaster":
            client = open_client(**ONE_ATTEMPT)
        exchange.faults.clear()
        exchange.faults.add(route, fault)
        error = _outcome(call, client)
        expected = BROKEN_BYTES[fault]
        assert isinstance(error, expected), f"{route}: {error!r}"
        assert _without_secrets(error, exchange), route


def test_each_call_names_a_stall(exchange: SimulatedExchange, open_client):
    """An answer that does not come in time leaves every call Ambiguous, without a secret."""
    client, fresh = open_client(**ONE_ATTEMPT), open_client(**ONE_ATTEMPT)
    client.login()
    _future(client)
    exchange.faults.clear()
    for route in CALLS:
        exchange.faults.add(route, "stall:8")

    def ended(route: str) -> KitError | None:
        return _outcome(CALLS[route], fresh if route == "instrumentMaster" else client)

    *together, last = sorted(CALLS, key="logout".__eq__)  # with the session every call would end
    with ThreadPoolExecutor(len(together)) as threads:
        errors = [*threads.map(ended, together), ended(last)]
    for route, error in zip([*together, last], errors, strict=True):
        assert isinstance(error, Ambiguous), f"{route}: {error!r}"
        assert _without_secrets(error, exchange), route


@pytest.mark.parametrize("fault", ODD_CONTENT)
def test_each_call_survives_odd_content(exchange: SimulatedExchange, open_client, fault):
    """Every call must take or refuse odd content with a typed error, and never hang or crash."""
    client = open_client(**ONE_ATTEMPT)
    client.login()
    _future(client)
    for route, call in CALLS.items():
        exchange.faults.clear()
        exchange.faults.add(route, fault)
        error = _outcome(call, client)
        assert error is None or _without_secrets(error, exchange), route


@pytest.mark.parametrize(
    "fault",
    ["drop-before", "drop-after", "drop-midway", "truncated-json", "html-502", "empty-body", "rate-json"],
)
def test_reads_are_tried_again(exchange: SimulatedExchange, open_client, fault):
    """A read must succeed by itself when its first answer was broken."""
    client = open_client(connection_pool={"backoff_factor": 0.01}, cache_config={"disk": False})
    client.login()
    routes = ("getCandleData", "quote", "getLtpData", "getRMS")
    for route in routes:
        exchange.faults.add(route, fault)
    with ThreadPoolExecutor(len(routes)) as threads:  # a refusal's pause is waited for at once
        assert [*threads.map(lambda route: _outcome(CALLS[route], client), routes)] == [None] * len(routes)


@pytest.mark.parametrize("fault", ["drop-after", "drop-midway", "stall:2", "html-502", "rate-text"])
def test_a_login_is_never_sent_twice(exchange: SimulatedExchange, open_client, fault):
    """A login whose answer broke must be an error after one attempt: its password is spent."""
    client = open_client(connection_pool={"backoff_factor": 0.01, "timeout": 0.4})
    before = exchange.stats.requests["loginByPassword"]
    exchange.faults.add("loginByPassword", fault, times=3)
    error = _outcome(lambda asked: asked.login(), client)
    assert isinstance(error, KitError)
    assert _without_secrets(error, exchange)
    assert exchange.stats.requests["loginByPassword"] == before + 1


@pytest.mark.parametrize("fault", ["truncated-json", "missing-keys", "data-null", "empty-body"])
def test_a_broken_login_shows_no_token(exchange: SimulatedExchange, open_client, fault):
    """A login answer that cannot be read must not be quoted."""
    exchange.faults.add("loginByPassword", fault)
    error = _outcome(lambda asked: asked.login(), open_client())
    assert error is not None
    assert _without_secrets(error, exchange)


def test_a_refresh_is_never_sent_twice(exchange: SimulatedExchange, open_client, next_password):
    """A refresh that broke must lead to one new login, not to a second refresh."""
    client = open_client(connection_pool={"backoff_factor": 0.01})
    client.login()
    next_password()
    before = exchange.stats.requests.copy()
    exchange.faults.add("getRMS", "gateway-error:AG8001")
    exchange.faults.add("generateTokens", "html-502")
    assert client.funds().data["net"] == 1_000_000.0
    assert exchange.stats.requests["generateTokens"] == before["generateTokens"] + 1
    assert exchange.stats.requests["loginByPassword"] == before["loginByPassword"] + 1


@pytest.mark.parametrize("route", ["getCandleData", "quote", "putCallRatio"])
def test_a_token_that_ends_mid_run(exchange: SimulatedExchange, open_client, route, next_password):
    """When a call learns that every session has ended, it must succeed after one login and one replay."""
    client = open_client(cache_config={"disk": False})
    client.login()
    next_password()
    before = exchange.stats.requests.copy()
    exchange.faults.add(route, "expired-token")
    assert _outcome(CALLS[route], client) is None
    assert exchange.stats.requests[route] == before[route] + 2
    assert exchange.stats.requests["loginByPassword"] == before["loginByPassword"] + 1


@pytest.mark.parametrize("form", ["rate-text", "rate-json", "rate-429"])
def test_a_refusal_is_never_an_empty_answer(exchange: SimulatedExchange, open_client, form):
    """Candles refused for their rate must be an error and not an empty list, and must not be stored."""
    client = open_client(connection_pool={"max_retries": 0})
    exchange.faults.add("getCandleData", form)
    assert isinstance(_outcome(CALLS["getCandleData"], client), RateLimited)
    assert client.candles("NSE", TOKEN, "FIVE_MINUTE", *DAY).source == "network"
