"""Where prices come from: whose they are, and which tier answered."""

from __future__ import annotations

from typing import Literal

Source = Literal["hot", "sqlite", "network", "stream", "file", "stale"]
Venue = Literal["live", "simulated", "file"]

_WORDS: dict[Source, str] = {
    "hot": "memory",
    "sqlite": "the cache file",
    "network": "the network",
    "stream": "the stream",
    "file": "a file",
    "stale": "an old answer, since the network failed",
}


def origin(source: Source) -> str:
    """Return a tier in words, as they follow "from"."""
    return _WORDS[source]
