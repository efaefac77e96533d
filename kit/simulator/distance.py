"""The latency model of whatever asks over a network: a fixed round trip to the simulated exchange.

On loopback an answer takes a millisecond, so that budgets of seconds could not be missed. A fixed time
keeps a measurement repeatable, and what is asked one after the other still adds up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import ProxyHandler, Request, build_opener

from kit.simulator.guard import ADMIN_HEADER

# About a round trip to a broker in one's own country.
ROUND_TRIP_S = 0.04
_REQUESTS = 10_000  # more than anybody makes meanwhile


@contextmanager
def at_distance(url: str, admin_token: str) -> Iterator[None]:
    """Let the simulated exchange at `url` answer every request after `ROUND_TRIP_S`.

    Parameters
    ----------
    url, admin_token : str
        Of the exchange.

    Raises
    ------
    OSError
        Nothing answers there, or something that is no simulated exchange.
    """
    stall = {"route": "*", "fault": f"stall:{ROUND_TRIP_S:g}", "times": _REQUESTS}
    _ordered(f"{url}/_admin/faults", admin_token, stall)
    try:
        yield
    finally:
        _ordered(f"{url}/_admin/faults/clear", admin_token, {})


def _ordered(url: str, admin_token: str, told: dict[str, object]) -> None:
    here = build_opener(ProxyHandler({}))  # a proxy has no way to this machine
    order = Request(url, json.dumps(told).encode(), {ADMIN_HEADER: admin_token})  # noqa: S310 - our own URL
    here.open(order, timeout=10).close()
