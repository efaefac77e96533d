"""Rate limits that every process of the machine obeys together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` calls in any `seconds` seconds."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait worth telling: what it is for, and how long it takes."""

    budget: str
    seconds: float
    reason: str


def binding(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Drop the windows that can never bind."""
    raise NotImplementedError


class RateLimiter:
    """Sliding windows, exact, shared through one small SQLite file."""

    def __init__(
        self, path: Path | None, *, account: str = "", on_wait: Callable[[Wait], None] | None = None
    ) -> None:
        raise NotImplementedError

    def acquire(self, budget: str, windows: Sequence[Window], timeout_s: float | None = None) -> float:
        """Wait for a turn and take it; return the seconds waited."""
        raise NotImplementedError

    def refused(self, budget: str, penalty_s: float = 1.0) -> None:
        """Push everybody's next allowed time forward."""
        raise NotImplementedError

    def remaining(self, budget: str, windows: Sequence[Window]) -> int:
        """Return how many calls could go at once now."""
        raise NotImplementedError
