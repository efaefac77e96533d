"""The broker's own parser, and feeds of the simulated exchange."""

from __future__ import annotations

import pytest
import requests


@pytest.fixture
def official_parser(monkeypatch):
    """Return the official WebSocket client, made without its log file: its parser needs no connection."""

    def no_network(*_, **__):
        raise requests.ConnectionError("the import asks the network; not here")

    with monkeypatch.context() as during_import:
        during_import.setattr(requests, "get", no_network)
        from SmartApi.smartWebSocketV2 import SmartWebSocketV2
    return object.__new__(SmartWebSocketV2)
