"""One exchange, one client and one chain for the whole battery: its faults are in what callers hand in."""

from __future__ import annotations

from collections.abc import Iterator

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
    with client:
        yield DataManager(api_client=client)
