"""The latency model of the cold rows: a fixed round trip to the simulated exchange.

On loopback an answer takes a millisecond, so that budgets of seconds could not be missed. A fixed time
keeps the rows repeatable, and what the kit asks one after the other still adds up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from kit.benchmark.run import ROUND_TRIP_S
from kit.desk import Desk
from kit.errors import SimulatorError

_REQUESTS = 10_000  # more than a row makes


@contextmanager
def at_distance(desk: Desk, round_trip_s: float = ROUND_TRIP_S) -> Iterator[None]:
    """Let the simulated exchange behind a desk answer every request after a fixed time.

    Raises
    ------
    SimulatorError
        There is no simulated exchange behind it.
    """
    if desk.exchange is None:
        raise SimulatorError("Distance can be simulated only to", "the simulated exchange", "Use its desk.")
    orders = f"{desk.exchange.url}/_admin/faults"
    stall = {"route": "*", "fault": f"stall:{round_trip_s:g}", "times": _REQUESTS}
    requests.post(orders, json=stall, timeout=10).raise_for_status()
    try:
        yield
    finally:
        requests.post(f"{orders}/clear", timeout=10)
