"""Calls under way and calls that wait, by size of the pool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.tuning.queueing import Traffic, traffic

FETCHES = st.lists(st.tuples(st.floats(0, 50), st.sampled_from(["ltp", "options_chain"]))).map(sorted)


def test_a_chain_through_two_sockets() -> None:
    """Six calls that arrive together go two by two: the last pair waits for two round trips."""
    found = traffic([(0.0, "options_chain")], 2, 1.0)
    assert (found.most_in_flight, found.most_waiting, found.longest_wait_s) == (2, 4, 2.0)


@given(FETCHES, st.integers(1, 12))
def test_more_sockets_never_make_anybody_wait_longer(fetches: list[tuple[float, str]], size: int) -> None:
    """One more socket shortens the longest wait or leaves it, and no more calls run than sockets."""
    smaller, larger = traffic(fetches, size, 0.5), traffic(fetches, size + 1, 0.5)
    assert larger.longest_wait_s <= smaller.longest_wait_s + 1e-9
    assert smaller.most_in_flight <= size


def test_nothing_asked() -> None:
    """A session without a fetch has no traffic."""
    assert traffic([], 4, 0.04) == Traffic(4, 0, 0, 0.0)


def test_as_many_sockets_as_calls() -> None:
    """With a socket for every call nobody waits."""
    found = traffic([(0.0, "options_chain"), (0.0, "ltp")], 7, 0.04)
    assert (found.most_waiting, found.longest_wait_s) == (0, pytest.approx(0.0))
