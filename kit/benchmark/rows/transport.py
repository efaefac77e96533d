"""Calls over verified HTTPS beside the official client and a bare session."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from types import ModuleType
from typing import Any

import certifi
import requests
from requests.structures import CaseInsensitiveDict

from kit.benchmark.measure import Arms
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import faster, within
from kit.broker.auth import totp
from kit.broker.endpoints import CANDLES, LOGIN, LTP
from kit.broker.lifetimes import routes
from kit.broker.replies import data_of, judge, storable
from kit.broker.session import HEADERS, prepared
from kit.clock import previous_session
from kit.settings import CacheConfig
from kit.simulator.process import ExchangeProcess, launch
from kit.transport.limits import RateLimiter, Window
from kit.transport.policy import Policy
from kit.transport.pool import ConnectionPoolManager
from kit.transport.session import ReplySession

_UNLIMITED = (Window(10**6, 1), Window(10**7, 60))  # counted like the real ones, never reached
_LTP_BODY = {"exchange": "NSE", "tradingsymbol": "Nifty Bank", "symboltoken": "99926009"}


@dataclass(frozen=True)
class _Wire:
    """A session at a simulated exchange over HTTPS, with what its peers need to do the same."""

    exchange: ExchangeProcess
    bundle: Path
    headers: dict[str, str]
    session: Any

    def ours(self, path: str, body: dict[str, Any]) -> Callable[[], object]:
        """Return a call through limiter, pool and disk tier, its answer parsed, judged and stored."""
        url = self.exchange.url + path
        how = {"force_refresh": True, "proxies": {}, "allow_redirects": False}  # as the broker's session does

        def call() -> object:
            request = prepared("POST", url, CaseInsensitiveDict(self.headers), body)
            return data_of(self.session.send(request, **how), path)

        return call

    def bare(self, path: str, body: dict[str, Any]) -> Callable[[], object]:
        """Return a call through one plain `requests.Session`, its answer parsed."""
        session, url = requests.Session(), self.exchange.url + path
        send = {"json": body, "headers": self.headers, "verify": str(self.bundle), "timeout": (3, 10)}
        return lambda: json.loads(session.post(url, **send).content)  # type: ignore[arg-type]


def _line(run: Run) -> _Wire:
    run.need("trustme", "tls")
    exchange = run.keep(launch(tls=True, limits=False))
    folder = run.folder()
    bundle = folder / "ca.pem"  # what users load: the whole bundle, plus the exchange's own authority
    assert exchange.ca_file is not None
    bundle.write_bytes(Path(certifi.where()).read_bytes() + exchange.ca_file.read_bytes())
    pool = run.keep(ConnectionPoolManager(ca_file=bundle))
    config = CacheConfig()
    free = [replace(route, windows=_UNLIMITED) for route in routes(config, exchange.clock)]
    limiter = RateLimiter(folder / "limits.sqlite")
    policy = Policy(free, judge, storable)
    session = run.keep(closing(ReplySession(pool, policy, config, folder / "replies.sqlite", limiter)))
    return _Wire(exchange, bundle, {**HEADERS, **_logged_in(session, exchange)}, session)


def _logged_in(session: Any, exchange: ExchangeProcess) -> dict[str, str]:
    secrets = {name: getattr(exchange.credentials, name).get_secret_value() for name in ("api_key", "pin")}
    body = {
        "clientcode": exchange.credentials.client_code.get_secret_value(),
        "password": secrets["pin"],
        "totp": totp(exchange.credentials.totp_secret.get_secret_value(), time()),
    }
    key = {"X-PrivateKey": secrets["api_key"]}
    answer = session.post(exchange.url + LOGIN.path, json=body, headers={**HEADERS, **key})
    return {**key, "Authorization": f"Bearer {data_of(answer, 'login')['jwtToken']}"}


def _candle_body(exchange: ExchangeProcess) -> dict[str, str]:
    day = previous_session(exchange.clock.now().date()).isoformat()  # a whole one
    span = {"fromdate": f"{day} 09:15", "todate": f"{day} 15:30"}
    return {"exchange": "NSE", "symboltoken": "99926009", "interval": "ONE_MINUTE", **span}


@row("transport", "ms", peer=("the official client", faster(6)))
def candles_call(run: Run) -> Arms:
    """Ask for a day of minute candles over verified HTTPS with the full bundle, everything included."""
    line = run.once(_line)
    body, official = _candle_body(line.exchange), _official(run, line)
    return Arms(
        line.ours(CANDLES.path, body), official and (lambda: official.getCandleData(dict(body))), calls=1
    )


@row("transport", "ms", peer=("the official client", faster(12)), quick=True)
def ltp_call(run: Run) -> Arms:
    """Ask for one last traded price over verified HTTPS with the full bundle, everything included."""
    line = run.once(_line)
    official = _official(run, line)
    wanted = ("NSE", "Nifty Bank", "99926009")
    return Arms(line.ours(LTP.path, _LTP_BODY), official and (lambda: official.ltpData(*wanted)), calls=1)


@row("transport", "ms", peer=("a bare requests.Session", within(1.35)))
def candles_overhead(run: Run) -> Arms:
    """Ask for a day of minute candles: limiter, pool, verdict and disk tier beside a bare session."""
    line = run.once(_line)
    body = _candle_body(line.exchange)
    return Arms(line.ours(CANDLES.path, body), line.bare(CANDLES.path, body), calls=1)


@row("transport", "ms", peer=("a bare requests.Session", within(1.35)), quick=True)
def ltp_overhead(run: Run) -> Arms:
    """Ask for one last traded price: limiter, pool, verdict and disk tier beside a bare session."""
    line = run.once(_line)
    return Arms(line.ours(LTP.path, _LTP_BODY), line.bare(LTP.path, _LTP_BODY), calls=1)


def _official(run: Run, line: _Wire) -> Any:
    """Return the official client, logged in; None, with a note, where it is not installed."""
    with neutral(run):
        library = run.peer("SmartApi.smartConnect")
        if library is None:
            return None
        client = _made(library, line)
    run.set_variable("REQUESTS_CA_BUNDLE", str(line.bundle))  # its only way to another authority
    return client


def _made(library: ModuleType, line: _Wire) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its TLS options, never used
        key = line.headers["X-PrivateKey"]
        client = library.SmartConnect(api_key=key, root=line.exchange.url, timeout=30)
    client.setAccessToken(line.headers["Authorization"].removeprefix("Bearer "))
    for handler in list(library.logger.handlers):
        if isinstance(handler, logging.FileHandler):  # it would hold PIN and tokens
            library.logger.removeHandler(handler)
            handler.close()
    return client


@contextmanager
def neutral(run: Run) -> Iterator[None]:
    """Keep the official client from calling the network on import and from logging into this folder."""

    def refuse(*_: object, **__: object) -> None:
        raise requests.ConnectionError

    if logs := run.peer("logzero"):
        logs.loglevel(logging.CRITICAL)  # the client reports every step there
    get, here = requests.get, Path.cwd()
    requests.get = refuse  # type: ignore[assignment]
    os.chdir(run.folder())
    try:
        yield
    finally:
        os.chdir(here)
        requests.get = get
