"""The simulated exchange as a server on 127.0.0.1: in a thread of this process, or as a whole process.

Live and simulated differ in nothing that a client sees, apart from the address and the credentials.
Orders are matched by `kit.simulator.orders`, ticks sent by `kit.simulator.stream`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Self

import uvicorn

from kit.clock import SystemClock, in_ist
from kit.errors import SimulatorError
from kit.settings import Credentials
from kit.simulator.accounts import Account, fresh_credentials
from kit.simulator.app import ExchangeApp
from kit.simulator.certificates import issue
from kit.simulator.hosting import HOST, listen, uvicorn_config
from kit.simulator.limits import SlidingLimits
from kit.simulator.market import Market
from kit.simulator.market_clock import MarketClock, opening_moment
from kit.simulator.state import MASTER_PATH, ExchangeState

_FASTEST = 1e6  # market seconds a second: eleven days
_START_TIMEOUT_S = 20


def build(
    seed: int, speed: float, at: datetime | None, limits: bool, credentials: Credentials | None = None
) -> ExchangeApp:
    """Return the application of a fresh exchange; parameters as in `SimulatedExchange`.

    Raises
    ------
    SimulatorError
        Seed or speed is out of range.
    DataError
        The market does not cover `at`.
    """
    if not 0 <= seed < 1 << 63 or not 0 < speed <= _FASTEST:
        remedy = f"Use 0 <= seed < 2**63 and 0 < speed <= {_FASTEST:g}."
        raise SimulatorError("Seed or speed is out of range", (seed, speed), remedy)
    clock = MarketClock(opening_moment(SystemClock().now()) if at is None else in_ist(at), speed)
    account = Account(credentials or fresh_credentials(), clock)
    state = ExchangeState(Market(seed), account, clock)
    state.market.listing(clock.now())  # refuses a time outside the market's years; the first answer is ready
    return ExchangeApp(state, SlidingLimits(clock.now().date(), enabled=limits))


class SimulatedExchange:
    """The exchange in a thread of this process, for tests that reach into its state.

    Parameters
    ----------
    seed : int, default 7
        Of the market.
    speed : float, default 1.0
        Market seconds per real second.
    at : datetime, optional
        Market time to start at, in exchange time if it names no zone; default now, or the latest session when
        the market is closed.
    tls : bool, default False
        Serve HTTPS with a throw-away certificate authority.
    limits : bool, default True
        Whether the broker's rate limits apply.
    port : int, default 0
        0: any free one.
    credentials : Credentials, optional
        Of its account; default drawn afresh.

    Attributes
    ----------
    url, master_url : str
        Roots for a client.
    credentials : Credentials
        The four secrets.
    clock : MarketClock
        The market's present; may be moved.
    ca_file : Path or None
        The authority's certificate, with TLS.
    app, limits, faults, stats, market, account
        The state behind it.
    admin_token : str
        What an order to the exchange itself carries in ``X-Kit-Admin``.

    Raises
    ------
    SimulatorError
        The port is taken, TLS lacks its package, or seed or speed is out of range.
    DataError
        The market does not cover `at`.
    """

    def __init__(
        self,
        seed: int = 7,
        speed: float = 1.0,
        at: datetime | None = None,
        tls: bool = False,
        limits: bool = True,
        port: int = 0,
        credentials: Credentials | None = None,
    ) -> None:
        self.app = build(seed, speed, at, limits, credentials)
        self._socket = listen(port)
        self.credentials = self.app.state.account.credentials
        self.clock = self.app.state.clock
        self.limits, self.faults, self.stats = self.app.limits, self.app.faults, self.app.stats
        self.account, self.market = self.app.state.account, self.app.state.market
        self.admin_token = self.app.admin_token
        self._folder = TemporaryDirectory() if tls else None
        certificates = issue(Path(self._folder.name)) if self._folder else None
        self.ca_file: Path | None = certificates.authority if certificates else None
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{HOST}:{self._socket.getsockname()[1]}"
        self.master_url = self.url + MASTER_PATH
        self._server = uvicorn.Server(uvicorn_config(self.app, certificates))
        self._thread = threading.Thread(target=self._run, name="simulated-exchange", daemon=True)
        self._thread.start()
        self._wait()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])

    def _wait(self) -> None:
        pause = threading.Event()
        for _ in range(_START_TIMEOUT_S * 200):
            if self._server.started or not self._thread.is_alive():
                break
            pause.wait(0.005)
        if not self._server.started:
            raise SimulatorError("The simulated exchange did not start", self.url, "See its messages.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; open connections are closed."""
        self._server.should_exit = True
        with suppress(RuntimeError):  # a second call finds the loop closed
            self._loop.call_soon_threadsafe(self.app.connections.drop_all)
        self._thread.join()
        self._socket.close()
        if self._folder:
            self._folder.cleanup()

    def greeting(self) -> str:
        """Return one line of JSON: all that a client needs."""
        now, since_s = self.clock.now(), monotonic()
        return json.dumps(
            {
                "url": self.url,
                **{name: secret.get_secret_value() for name, secret in self.credentials},
                "master_url": self.master_url,
                "admin_token": self.admin_token,
                "now": now.isoformat(),
                "monotonic_s": since_s,
                "speed": self.clock.speed,
                "ca_file": str(self.ca_file) if self.ca_file else None,
            }
        )


def serve(
    port: int = 0,
    seed: int = 7,
    speed: float = 1.0,
    at: datetime | None = None,
    tls: bool = False,
    limits: bool = True,
    until_stdin_closes: bool = False,
) -> None:
    """Print the address and credentials as one line of JSON, then serve until told to stop.

    Parameters
    ----------
    port, seed, speed, at, tls, limits
        As in `SimulatedExchange`.
    until_stdin_closes : bool, default False
        Stop when standard input ends as well as on SIGINT and SIGTERM; so a child process dies with its
        parent, however that ends.

    Raises
    ------
    SimulatorError
        The port is taken, or TLS lacks its package.
    """
    with _told_to_stop() as stop, SimulatedExchange(seed, speed, at, tls, limits, port) as exchange:
        sys.stdout.write(exchange.greeting() + "\n")
        sys.stdout.flush()
        if until_stdin_closes:
            threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()
        while not stop.wait(0.5):  # a wait without end would not let signals through on Windows
            pass


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set, and restore their handlers."""
    stop = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_stdin(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()
