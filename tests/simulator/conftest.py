"""A plain caller of the simulated exchange, and the broker's own client without its side effects."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kit.simulator.accounts import one_time_password
from kit.simulator.market import Market

SECURE = "/rest/secure/angelbroking"
LOGIN = "/rest/auth/angelbroking/user/v1/loginByPassword"


class Caller:
    """Sends what a client would, and shows the raw answer."""

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange
        self.session = requests.Session()
        self.session.trust_env = False
        if exchange.ca_file:
            self.session.verify = str(exchange.ca_file)
        secrets = exchange.credentials
        self.session.headers["X-PrivateKey"] = secrets.api_key.get_secret_value()
        self.secrets = {
            "clientcode": secrets.client_code.get_secret_value(),
            "password": secrets.pin.get_secret_value(),
        }

    def totp(self, drift_s: float = 0.0) -> str:
        """Return a one-time password of a moment near now."""
        secret = self.exchange.credentials.totp_secret.get_secret_value()
        return one_time_password(secret, time.time() + drift_s)

    def login(self, **changed: Any) -> Any:
        """Log in and keep the token if there is one."""
        body = {**self.secrets, "totp": self.totp(), **changed}
        answer = self.session.post(self.exchange.url + LOGIN, json=body, timeout=20).json()
        if answer["data"]:
            self.session.headers["Authorization"] = "Bearer " + answer["data"]["jwtToken"]
        return answer

    def post(self, path: str, fault: str = "", timeout: float = 20, **body: Any) -> requests.Response:
        """Send a POST to a secure path."""
        headers = {"X-Kit-Fault": fault} if fault else {}
        return self.session.post(
            self.exchange.url + SECURE + path, json=body, headers=headers, timeout=timeout
        )

    def get(self, path: str) -> requests.Response:
        """Send a GET to a secure path."""
        return self.session.get(self.exchange.url + SECURE + path, timeout=20)

    def candles(self, token: str = "99926009", exchange: str = "NSE", **changed: Any) -> requests.Response:
        """Ask for this morning's one-minute candles, or as changed."""
        body = {
            "exchange": exchange,
            "symboltoken": token,
            "interval": "ONE_MINUTE",
            "fromdate": "2026-11-20 09:15",
            "todate": "2026-11-20 11:15",
        }
        return self.post("/historical/v1/getCandleData", **{**body, **changed})

    def quotes(self, mode: str, *tokens: str, exchange: str = "NFO", **changed: Any) -> Any:
        """Ask for quotes and return the answer."""
        asked = {exchange: list(tokens)}
        return self.post("/market/v1/quote/", mode=mode, exchangeTokens=asked, **changed).json()

    def options(self, expiry: str = "29DEC2026", around: int = 57_000, count: int = 50) -> list[str]:
        """Return the tokens of the options nearest a strike."""
        rows = self.session.get(self.exchange.master_url, timeout=20).json()
        listed = [row for row in rows if row["symbol"].startswith("BANKNIFTY") and row["expiry"] == expiry]
        options = [row for row in listed if row["instrumenttype"] == "OPTIDX"]
        options.sort(key=lambda row: abs(float(row["strike"]) / 100 - around))
        return [row["token"] for row in options[:count]]


@pytest.fixture
def order() -> Callable[..., requests.Response]:
    """Send an order to the exchange itself, with the token that it asks for."""

    def send(exchange: Any, path: str, **told: Any) -> requests.Response:
        headers = {"X-Kit-Admin": exchange.admin_token}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"{exchange.url}/_admin/{path}", json=told, headers=headers, timeout=20)

    return send


@pytest.fixture
def call_on() -> Iterator[Callable[[Any], Caller]]:
    """Make callers, and close their sockets afterwards."""
    made: list[Caller] = []

    def make(exchange: Any) -> Caller:
        made.append(Caller(exchange))
        return made[-1]

    yield make
    for caller in made:
        caller.session.close()


@pytest.fixture
def caller(exchange: Any, call_on: Callable[[Any], Caller]) -> Iterator[Caller]:
    """Log a caller in at the shared exchange; faults left over are cleared."""
    logged_in = call_on(exchange)
    assert logged_in.login()["status"] is True
    yield logged_in
    exchange.faults.clear()


@pytest.fixture(scope="session")
def market() -> Market:
    """Build the market of seed 7 once."""
    return Market(7)


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[Any], Any]]:
    """Make the broker's official clients without their network call, log file and shared root."""

    def no_network(*_: Any, **__: Any) -> None:
        raise requests.ConnectionError("the import asks the network; not here")

    monkeypatch.chdir(tmp_path)  # it creates ./logs
    with monkeypatch.context() as during_import:
        during_import.setattr(requests, "get", no_network)
        import logzero
        from SmartApi import smartConnect

    def make(exchange: Any) -> Any:
        monkeypatch.setattr(smartConnect.SmartConnect, "_rootUrl", exchange.url)
        if exchange.ca_file:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(exchange.ca_file))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its TLS options, never used
            client = smartConnect.SmartConnect(
                api_key=exchange.credentials.api_key.get_secret_value(), root=exchange.url
            )
        close_log_files()
        return client

    def close_log_files() -> None:
        for handler in [item for item in logzero.logger.handlers if isinstance(item, logging.FileHandler)]:
            logzero.logger.removeHandler(handler)
            handler.close()

    make.close_log_files = close_log_files
    yield make
    close_log_files()  # of a client that a test made itself
