"""The simulated exchange as a child process that dies with its parent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Self

from kit.settings import Credentials
from kit.simulator.market_clock import MarketClock


class ExchangeProcess:
    """A running child process; a context manager."""

    url: str
    master_url: str
    credentials: Credentials
    clock: MarketClock
    ca_file: Path | None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child process."""


def launch(
    seed: int = 7,
    speed: float = 1.0,
    at: datetime | None = None,
    tls: bool = False,
    limits: bool = True,
    port: int = 0,
) -> ExchangeProcess:
    """Start the exchange as a child process and wait until it serves."""
    raise NotImplementedError
