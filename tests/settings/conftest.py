"""A proof that a key matters: two values of it in a ``kit.yaml`` make the kit do two things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit import AngelAPIClient, DataManager
from kit.settings import Settings
from kit.simulator.server import SimulatedExchange


class Place:
    """What a proof may use: the exchange, and clients of it that are closed afterwards."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self.exchange = exchange
        self.opened: list[AngelAPIClient] = []

    def data(self, settings: Settings, clock: Any = None) -> DataManager:
        """Return a data manager of the exchange with these settings."""
        roots = {"base_url": self.exchange.url, "master_url": self.exchange.master_url}
        client = AngelAPIClient(
            self.exchange.credentials, settings, clock=clock or self.exchange.clock, **roots
        )
        self.opened.append(client)
        return DataManager(api_client=client)


@pytest.fixture
def prove(
    exchange: SimulatedExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Load two files that differ in one key, and compare what a proof sees with what it should see."""
    place = Place(exchange)

    def proven(key: str, proof: tuple[Any, Any, Any], beside: dict[str, dict[str, Any]]) -> None:
        values, expected, behaviour = proof
        section, name = key.split(".")
        found = []
        for number, value in enumerate(values):
            content = {part: dict(keys) for part, keys in beside.items()}
            content.setdefault(section, {})[name] = value
            content.setdefault("workers", {}).setdefault("backend", "threads")
            file = tmp_path / "kit.yaml"
            file.write_text(yaml.safe_dump(content), encoding="utf-8")
            monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / f"cache{number}"))
            found.append(behaviour(Settings.load(file), place))
        assert found[0] != found[1]
        assert expected is None or tuple(found) == expected

    yield proven
    exchange.faults.clear()
    for client in place.opened:
        client.close()
