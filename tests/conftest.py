"""Fixtures that every room's tests may use; nothing here replaces a part of the kit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.clock import IST

if TYPE_CHECKING:
    from kit.simulator.server import SimulatedExchange

MARKET_TIME = datetime(2026, 11, 20, 11, 15, tzinfo=IST)  # an ordinary Friday, one session before expiry
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting, proxy or cache of the developer reaches a test."""
    for name in list(os.environ):
        if name.startswith("KIT_") and not name.startswith("KIT_REQUIRE_"):
            monkeypatch.delenv(name)
        elif name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def exchange() -> Iterator[SimulatedExchange]:
    """The simulated exchange on Friday 2026-11-20, 11:15, running, without rate limits."""
    from kit.simulator.server import SimulatedExchange

    with SimulatedExchange(seed=7, at=MARKET_TIME, limits=False) as running:
        yield running


@pytest.fixture
def limited_exchange() -> Iterator[SimulatedExchange]:
    """A fresh simulated exchange at the same moment, with the broker's rate limits."""
    from kit.simulator.server import SimulatedExchange

    with SimulatedExchange(seed=7, at=MARKET_TIME, limits=True) as running:
        yield running


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data beside the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        explain = f"The real market data is not at {folder}."
        if os.environ.get("KIT_REQUIRE_SHARED_DATA") == "1":
            pytest.fail(explain)
        pytest.skip(explain)
    return folder
