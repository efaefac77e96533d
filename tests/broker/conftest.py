"""A client of the simulated exchange, made as a user would make it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from kit.broker.client import AngelAPIClient
from kit.settings import Settings
from kit.simulator.server import SimulatedExchange

OpenClient = Callable[..., AngelAPIClient]


@pytest.fixture
def open_client(exchange: SimulatedExchange) -> Iterator[OpenClient]:
    """Make clients of the exchange; settings sections are given by name, the rest goes to the client."""
    with ExitStack() as stack:
        stack.callback(exchange.faults.clear)

        def make(server: SimulatedExchange = exchange, **options: Any) -> AngelAPIClient:
            names = [name for name in options if name in Settings.model_fields]
            settings = Settings(**{name: options.pop(name) for name in names})
            given = {
                "credentials": server.credentials,
                "base_url": server.url,
                "master_url": server.master_url,
                "clock": server.clock,
                "ca_file": server.ca_file,
                **options,
            }
            return stack.enter_context(AngelAPIClient(settings=settings, **given))

        yield make


@pytest.fixture
def client(open_client: OpenClient) -> AngelAPIClient:
    """Open a client with the default settings."""
    return open_client()
