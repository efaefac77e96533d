"""Sockets: bounded, kept alive, checked before use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.settings import ConnectionConfig

__all__ = ["ConnectionConfig", "ConnectionPoolManager"]


class ConnectionPoolManager:
    """Owns the sockets and their health."""

    def __init__(
        self, config: ConnectionConfig | None = None, *, ca_file: Path | None = None, monitor: Any = None
    ) -> None:
        raise NotImplementedError

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """Lend a connection; its ``session`` is a `requests.Session`."""
        raise NotImplementedError

    def get_stats(self) -> dict[str, Any]:
        """Return counts and latencies."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every socket."""
        raise NotImplementedError
