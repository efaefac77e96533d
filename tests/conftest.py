"""Fixtures that every room's tests may use; nothing here replaces a part of the kit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kit.clock import IST

if TYPE_CHECKING:
    from kit.model import ChainSnapshot
    from kit.parallel import ConcurrentProcessor
    from kit.simulator.server import SimulatedExchange

MARKET_TIME = datetime(2026, 11, 20, 11, 15, tzinfo=IST)  # an ordinary Friday, one session before expiry
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def pytest_configure() -> None:
    """Hear Ctrl-C as on a terminal: where a script starts the tests in the background, SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting, proxy or cache of the developer reaches a test."""
    for name in list(os.environ):
        if (name.startswith("KIT_") and not name.startswith("KIT_REQUIRE_")) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def exchange() -> Iterator[SimulatedExchange]:
    """Serve the simulated exchange on Friday 2026-11-20, 11:15, running, without rate limits."""
    from kit.simulator.server import SimulatedExchange

    with SimulatedExchange(seed=7, at=MARKET_TIME, limits=False) as running:
        yield running


@pytest.fixture
def dealing(exchange: SimulatedExchange) -> Iterator[SimulatedExchange]:
    """Lend the shared exchange to a test that trades; afterwards its account is as new."""
    from kit.simulator.orders.dealings import Dealings

    yield exchange
    exchange.app.state.dealings = Dealings(exchange.market, exchange.clock)


@pytest.fixture
def limited_exchange() -> Iterator[SimulatedExchange]:
    """Serve a fresh simulated exchange at the same moment, with the broker's rate limits."""
    from kit.simulator.server import SimulatedExchange

    with SimulatedExchange(seed=7, at=MARKET_TIME, limits=True) as running:
        yield running


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Find the folder of real market data beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        explain = f"The real market data is not at {folder}."
        if os.environ.get("KIT_REQUIRE_SHARED_DATA") == "1":
            pytest.fail(explain)
        pytest.skip(explain)
    return folder


@pytest.fixture(scope="session")
def make_chain() -> Callable[..., ChainSnapshot]:
    """Return a function that builds a chain from Black-76 prices on a skewed smile; see its arguments."""
    return _chain


def _chain(
    forward: float = 55_040.0,
    atm_iv: float = 0.14,
    skew: float = -0.4,
    days: float = 14.0,
    rate: float = 0.055,
    step: float = 100.0,
    strikes: int = 121,
    lot_size: int = 30,
    ticks: bool = True,
) -> ChainSnapshot:
    import numpy as np
    import pandas as pd

    from kit.model import ChainSnapshot
    from kit.pricing.black76 import iv_and_greeks, price

    taken_at, years = datetime(2026, 11, 20, 11, 15, tzinfo=IST), days / 365
    middle = round(forward / step) * step
    ladder = middle + step * (np.arange(strikes) - strikes // 2)
    listed = np.repeat(ladder[ladder > forward / 4], 2)
    is_call = np.arange(len(listed)) % 2 == 0
    moneyness, discount = np.log(listed / forward), float(np.exp(-rate * years))
    sigma = np.maximum(0.03, atm_iv + skew * atm_iv * moneyness + 4 * atm_iv * moneyness**2)
    exact = price(forward, listed, years, sigma, discount, is_call)
    quoted = np.maximum(0.05, np.round(exact / 0.05) * 0.05) if ticks else exact
    solved = iv_and_greeks(quoted, forward, listed, years, discount, is_call)
    frame = pd.DataFrame({"strike": listed, "right": np.where(is_call, "CE", "PE"), "ltp": quoted})
    frame = frame.assign(bid=quoted, ask=quoted, volume=1000.0, oi=3000.0, oi_change=0.0, token="", symbol="")
    frame = frame.assign(**{name: getattr(solved, name) for name in ("iv", "delta", "gamma", "theta")})
    frame = frame.assign(vega=solved.vega, rho=solved.rho, iv_reason="ok")
    return ChainSnapshot(
        "BANKNIFTY",
        date(2026, 11, 23),
        taken_at,
        forward * discount,
        forward,
        "parity",
        discount,
        years,
        lot_size,
        frame,
    )


@pytest.fixture
def wide_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients that are made from now on ask as often as they like, and hardly wait after a refusal.

    The tests that use it are not about limits.
    """
    from kit.broker import daily, endpoints

    dated = endpoints.windows

    def wide(budget: str, on: date) -> tuple[endpoints.Window, ...]:
        return tuple(replace(window, calls=10_000) for window in dated(budget, on))

    for module in (endpoints, daily):
        monkeypatch.setattr(module, "windows", wide)
    monkeypatch.setattr("kit.transport.turns._MAX_PENALTY_S", 0.05)


@pytest.fixture
def next_password(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that makes another login possible at once, not with the next one-time password.

    The broker accepts the password of the next half minute already.
    """
    from kit.broker import auth

    def turn() -> None:
        later = auth.wall_s() + auth.STEP_S
        monkeypatch.setattr(auth, "wall_s", lambda: later)

    return turn


# Loads a file once, and calls its `work` in a fork of its own for each line of words: a start costs a second.
_FORKS = """
import os, runpy, sys
work = runpy.run_path(sys.argv[1])["work"]
for words in sys.stdin:
    if child := os.fork():
        os.waitpid(child, 0)
        print("\\nended", flush=True)  # on a line of its own: a killed one may have left half a line
    else:
        print(os.getpid(), flush=True)
        work(*words.split())
        os._exit(0)
"""


@pytest.fixture
def killed_at_work() -> Iterator[Callable[..., list[str]]]:
    """Return a function that has a file's `work` run in a process, kills that, and returns what it printed.

    It is killed a pause after so many lines have come.
    """
    with ExitStack() as stack:
        made: dict[Path, subprocess.Popen[str]] = {}

        def run(file: Path, *words: object, lines: int, pause_s: float) -> list[str]:
            if file not in made:
                pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
                command = [sys.executable, "-c", _FORKS, str(file)]
                made[file] = stack.enter_context(subprocess.Popen(command, text=True, **pipes))
            given, told = made[file].stdin, made[file].stdout
            assert given is not None
            assert told is not None
            print(*words, file=given, flush=True)
            pid = int(told.readline())
            heard = [told.readline() for _ in range(lines)]
            assert "ended\n" not in heard
            time.sleep(pause_s)
            os.kill(pid, signal.SIGKILL)
            while heard[-1] != "ended\n":
                heard.append(told.readline())
                assert heard[-1], "The process that forks has ended."
            return [line.strip() for line in heard[:-1] if line.strip()]

        yield run


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Make two Dask workers with one thread each."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dask warns of its own ports and clocks
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
            yield made


@pytest.fixture(scope="module")
def dask(cluster: Any) -> Iterator[ConcurrentProcessor]:
    """Make a processor on the cluster, addressed as a remote one would be."""
    from kit.parallel import ConcurrentProcessor

    with ConcurrentProcessor(2, backend="dask", dask_address=cluster.scheduler_address) as processor:
        yield processor
