"""The requests-cache session: SQLite below, limits and sockets below that; deny by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import requests

from kit.settings import CacheConfig
from kit.transport.limits import RateLimiter, Window
from kit.transport.pool import ConnectionPoolManager

Lifetime = float | None | Callable[[requests.PreparedRequest], float | None]


class Verdict(Enum):
    """What the broker's judge says about a raw response."""

    OK = "ok"
    RATE_LIMITED = "rate limited"
    TRANSIENT = "transient"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint as the transport sees it.

    Parameters
    ----------
    name : str
        Name in metrics.
    path : str
        URL path it matches; a trailing ``/`` does not matter.
    ttl_s : float, None or callable
        Lifetime of an answer, seconds. None: never stored. ``math.inf``: never expires. A callable
        gets the `requests.PreparedRequest` when its answer arrives and returns one of these
        (closed days' candles ``math.inf``, today's 3600).
    budget : str
        Rate budget the call draws from.
    windows : tuple of Window
        Limits of that budget.
    retry_safe : bool
        Sending it twice does no harm (a read).
    private : bool, default False
        The answer belongs to one account: its cache key includes the account.
    """

    name: str
    path: str
    ttl_s: Lifetime
    budget: str
    windows: tuple[Window, ...]
    retry_safe: bool
    private: bool = False


def open_session(
    pool: ConnectionPoolManager,
    routes: Sequence[Route],
    judge: Callable[[requests.Response], Verdict],
    storable: Callable[[requests.Response], bool],
    config: CacheConfig,
    file: Path | None,
    limiter: RateLimiter | None = None,
    *,
    account: str = "",
) -> Any:
    """Open the session the client calls.

    ``session.post(url, json=..., headers=...)`` and ``session.get(url, headers=...)`` return a response
    with ``from_cache``, ``expires`` (aware datetime or None), ``remaining_life_s`` (float, ``inf``: never
    expires; 0 when it was not stored), ``age_s`` and ``stale``.
    """
    raise NotImplementedError
