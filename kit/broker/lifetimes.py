"""How long a reply may live: the row's lifetime, made aware of the calendar.

Candles and open interest of closed days never change, so they never expire; the running day's do. A question
whose end lies ahead, "today", is stored as it was asked; only what is sent ends now, as the broker demands.
After the close a quote stays true until the next open, if the setting ``hold_after_hours`` is on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest

from kit.broker.endpoints import ALL, CANDLES, OI_HISTORY, QUOTES, Endpoint, windows
from kit.clock import Clock, in_ist, is_open, last_session, next_open
from kit.settings import CacheConfig
from kit.transport.policy import Route

_TRADED = frozenset({"ltp_ttl", "options_chain_ttl"})


def lifetime_s(
    endpoint: Endpoint, body: Mapping[str, Any], config: CacheConfig, now: datetime
) -> float | None:
    """Return the lifetime of a reply that arrives now.

    Parameters
    ----------
    endpoint : Endpoint
        What was asked.
    body : mapping
        The request's JSON body.
    config : CacheConfig
        Lifetimes and ``hold_after_hours``.
    now : datetime
        Timezone-aware.

    Returns
    -------
    float or None
        Seconds; ``math.inf``: never expires; None: never stored.
    """
    if endpoint.lifetime is None:
        return None
    if endpoint in (CANDLES, OI_HISTORY):
        closed = date.fromisoformat(str(body["todate"])[:10]) < now.date()
        return math.inf if closed else _bars_ttl_s(config.historical_data_ttl, now)
    short = endpoint is QUOTES and body.get("mode") == "LTP"
    field = "ltp_ttl" if short else endpoint.lifetime
    ttl_s = float(getattr(config, field))
    return quote_ttl_s(ttl_s, config, now) if field in _TRADED else ttl_s


def _bars_ttl_s(ttl_s: float, now: datetime) -> float:
    """Return how long bars up to now may live: never past the next open; settled ones, up to it."""
    if is_open(now):
        return ttl_s
    left_s = (next_open(now) - now).total_seconds()
    return left_s if last_session(now).day < in_ist(now).date() else min(ttl_s, left_s)


def quote_ttl_s(ttl_s: float, config: CacheConfig, now: datetime) -> float:
    """Return how long a quote taken now may live.

    Parameters
    ----------
    ttl_s : float
        Lifetime while the market trades, seconds.
    config : CacheConfig
        Its ``hold_after_hours`` keeps a quote of a closed market until the next open.
    now : datetime
        Timezone-aware.

    Returns
    -------
    float
        Seconds.
    """
    if not config.hold_after_hours or is_open(now):
        return ttl_s
    return max(ttl_s, (next_open(now) - now).total_seconds())


def shortest_s(endpoint: Endpoint, config: CacheConfig) -> float | None:
    """Return the lifetime of a reply of which only the address is known; None: never stored."""
    if endpoint.lifetime is None:
        return None
    names = {endpoint.lifetime, "ltp_ttl"} if endpoint is QUOTES else {endpoint.lifetime}
    return min(float(getattr(config, name)) for name in names)


def routes(config: CacheConfig, clock: Clock, own_market: bool = False) -> list[Route]:
    """Return what the transport must know about every endpoint; in a market of its own all is private."""
    today = clock.now().date()
    return [
        Route(
            endpoint.name,
            endpoint.path,
            shortest_s(endpoint, config),
            endpoint.budget,
            windows(endpoint.budget, today),
            endpoint.retry_safe,
            endpoint.private or own_market,
        )
        for endpoint in ALL
    ]


def up_to_now(request: PreparedRequest, now: datetime) -> PreparedRequest:
    """Return what is sent for a request: bars that lie ahead, which the broker refuses, are not asked for."""
    if urlsplit(str(request.url)).path not in (CANDLES.path, OI_HISTORY.path):
        return request
    last = f"{last_bar(in_ist(now)):%Y-%m-%d %H:%M}"
    try:
        asked = json.loads(request.body or b"")
        if asked["todate"] <= last:
            return request
    except (ValueError, TypeError, KeyError):  # a request of the user's own making
        return request
    sent = request.copy()
    sent.body = json.dumps({**asked, "todate": last}).encode()
    sent.headers["Content-Length"] = str(len(sent.body))
    return sent


def last_bar(now: datetime) -> datetime:
    """Return the last moment that can have bars: the present minute, or the close of the latest session."""
    running = last_session(now)
    return now.replace(second=0, microsecond=0) if running.is_open(now) else running.close
