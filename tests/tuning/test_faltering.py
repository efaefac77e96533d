"""What a faltering broker costs, against the client's own behaviour on the simulated exchange."""

from __future__ import annotations

from time import perf_counter

import pytest

from kit.broker.client import AngelAPIClient
from kit.errors import KitError
from kit.settings import CacheConfig, ConnectionConfig, Settings
from kit.simulator.server import SimulatedExchange
from kit.tuning.faltering import faltering, pauses_s

CONFIG = ConnectionConfig(max_retries=2, backoff_factor=0.1, timeout=1, circuit_failures=100)


@pytest.mark.parametrize(
    ("case", "fault", "times"),
    [
        ("HTTP 502, again and again", "html-502", 99),
        ("No answer, again and again", "stall:6", 99),
        ("Connection breaks once", "drop-before", 1),
        ("No answer once", "stall:6", 1),
    ],
)
def test_the_client_takes_as_long_and_ends_so(case: str, fault: str, times: int) -> None:
    """Seconds, requests and ending are those of a client whose exchange has this fault."""
    expected = next(one for one in faltering(CONFIG) if one.case == case)
    settings = Settings(connection_pool=CONFIG, cache_config=CacheConfig(disk=False))
    with SimulatedExchange(limits=False) as exchange:
        client = AngelAPIClient(
            exchange.credentials, settings, base_url=exchange.url, master_url=exchange.master_url,
            clock=exchange.clock,
        )  # fmt: skip
        with client:
            client.ltp("NSE", "Nifty Bank", "99926009")  # logs in
            before = exchange.stats.requests["getLtpData"]
            exchange.faults.add("getLtpData", fault, times)
            started = perf_counter()
            try:
                client.ltp("NSE", "NIFTY", "99926000")
                ending = "answer"
            except KitError:
                ending = "error"
            took_s = perf_counter() - started
            made = exchange.stats.requests["getLtpData"] - before
            exchange.faults.clear()
    assert (ending, made) == (expected.ends_in, expected.attempts)
    assert took_s >= expected.seconds - sum(pauses_s(CONFIG)) / 2  # jitter may halve every pause
    assert took_s < expected.seconds + 30


def test_without_retries_a_first_failure_is_the_last() -> None:
    """No retry: a connection that breaks once is an error at once."""
    cases = {one.case: one for one in faltering(ConnectionConfig(max_retries=0))}
    assert cases["Connection breaks once"].ends_in == "error"
    assert cases["No answer, again and again"].seconds == 10
