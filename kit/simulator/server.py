"""The simulated exchange as a server: in this process, or serving until told to stop."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from kit.settings import Credentials
from kit.simulator.market_clock import MarketClock


class SimulatedExchange:
    """The exchange in a thread of this process, for tests that reach into its state.

    Attributes: ``url``, ``master_url``, ``credentials``, ``clock``, ``ca_file``, ``limits``, ``faults``, ``stats``.
    """

    url: str
    master_url: str
    credentials: Credentials
    clock: MarketClock
    ca_file: Path | None

    def __init__(
        self,
        seed: int = 7,
        speed: float = 1.0,
        at: datetime | None = None,
        tls: bool = False,
        limits: bool = True,
        port: int = 0,
    ) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""


def serve(
    port: int = 0,
    seed: int = 7,
    speed: float = 1.0,
    at: datetime | None = None,
    tls: bool = False,
    limits: bool = True,
    until_stdin_closes: bool = False,
) -> None:
    """Print the address and credentials as one JSON line, then serve until told to stop."""
    raise NotImplementedError
