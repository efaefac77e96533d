"""What a server counts, so that tests can see keep-alive, retries and headers from the other side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from kit.simulator.connections import Connections
from kit.simulator.limits import SlidingLimits

_SECRET_HEADERS = (
    "authorization", "x-privatekey", "x-kit-admin", "x-api-key", "x-client-code", "x-feed-token",
)  # fmt: skip


class Stats:
    """Counts of one server.

    Parameters
    ----------
    connections : Connections
        Whose sockets.
    limits : SlidingLimits
        Whose refusals.

    Attributes
    ----------
    requests, processed : Counter
        By route: what arrived, and what was answered with success.
    last : dict
        By route: the headers of its last request, secrets shortened to their kind and length, and the
        number of bytes of its body.
    """

    def __init__(self, connections: Connections, limits: SlidingLimits) -> None:
        self.requests: Counter[str] = Counter()
        self.processed: Counter[str] = Counter()
        self.last: dict[str, dict[str, Any]] = {}
        self._connections = connections
        self._limits = limits

    @property
    def accepts(self) -> int:
        """Return how many connections were accepted."""
        return self._connections.accepted

    @property
    def refused(self) -> Counter[str]:
        """Return the rate refusals by route."""
        return self._limits.refused

    def note(self, route: str, headers: Mapping[str, str], body: bytes) -> None:
        """Count a request that arrived."""
        self.requests[route] += 1
        self.last[route] = {"headers": headers, "body_bytes": len(body)}

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it."""
        return {
            "accepts": self.accepts,
            "open": self._connections.open,
            "requests": dict(self.requests),
            "processed": dict(self.processed),
            "refused": dict(self.refused),
            "last": {route: self.last_request(route) for route in self.last},
        }

    def last_request(self, route: str) -> dict[str, Any]:
        """Return the last request of a route: headers without secrets, and the length of its body."""
        noted = self.last[route]
        return {**noted, "headers": {name: _shown(name, value) for name, value in noted["headers"].items()}}


def _shown(name: str, value: str) -> str:
    if name.lower() not in _SECRET_HEADERS:
        return value
    kind = "Bearer " if value.startswith("Bearer ") else ""
    return f"{kind}<{len(value) - len(kind)} characters>"
