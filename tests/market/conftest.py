"""A data manager of the simulated exchange, made as a user would make it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from kit.broker.client import AngelAPIClient
from kit.clock import Clock
from kit.market.manager import DataManager
from kit.settings import Settings
from kit.simulator.server import SimulatedExchange

OpenData = Callable[..., DataManager]


@pytest.fixture
def open_data(exchange: SimulatedExchange) -> Iterator[OpenData]:
    """Make data managers with a client each; settings sections are given by name."""
    with ExitStack() as stack:
        stack.callback(exchange.faults.clear)

        def make(
            server: SimulatedExchange = exchange, clock: Clock | None = None, **sections: Any
        ) -> DataManager:
            settings = Settings(**sections)
            client = AngelAPIClient(
                server.credentials,
                settings,
                base_url=server.url,
                master_url=server.master_url,
                clock=clock or server.clock,
            )
            stack.enter_context(client)
            return DataManager(api_client=client, settings=settings)

        yield make


@pytest.fixture
def data(open_data: OpenData) -> DataManager:
    """Make a data manager with the default settings."""
    return open_data()
