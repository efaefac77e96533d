"""One exchange, one client and one chain for the whole battery: its faults are in what callers hand in."""

from __future__ import annotations

from collections.abc import Iterator
from time import time

import pytest

from kit.broker.client import AngelAPIClient
from kit.market.manager import DataManager
from kit.simulator.server import SimulatedExchange


@pytest.fixture(scope="module")
def data(exchange: SimulatedExchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataManager]:
    """Make one data manager for all doors."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        client = AngelAPIClient(
            exchange.credentials, base_url=exchange.url, master_url=exchange.master_url, clock=exchange.clock
        )
    limiter, now = client.session.limiter, [time()]
    limiter._clock = limiter._turns._clock = lambda: now[0]
    limiter._sleep = lambda seconds: now.append(now.pop() + seconds)  # nobody waits for the broker's limits
    with client:
        yield DataManager(api_client=client)
