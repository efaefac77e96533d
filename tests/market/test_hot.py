"""The in-process tier as the data manager uses it."""

from __future__ import annotations

import pickle
from time import sleep

import pytest

from kit.broker.shapes import Reply
from kit.cache import CacheManager
from kit.market.hot import Hot


def test_making_uses_up_the_lifetime():
    """What took longer to make than it may live must not be served again."""
    hot = Hot(CacheManager(), enabled=True)

    def slow() -> Reply[float]:
        sleep(0.2)
        return Reply(1.5, "network", 0.0, remaining_s=0.15)

    assert [hot.once("key", float, slow).source for _ in range(2)] == ["network", "network"]


def test_what_lives_for_ever_stays():
    """What never expires must be kept however long it took to make."""
    hot = Hot(CacheManager(), enabled=True)
    for tier in ("network", "hot"):
        found = hot.once("key", float, lambda: Reply(1.5, "network", 0.0, float("inf")))
        assert (found.data, found.source) == (1.5, tier)


def test_a_kept_chain_shares_its_smile_and_nobody_can_change_what_is_guessed(open_data) -> None:
    """Two hits are two tables with one fit, not two pickled copies; what is derived takes no assignment."""
    data = open_data()
    first, second = data.option_chain("BANKNIFTY"), data.option_chain("BANKNIFTY")
    assert first is not second
    assert first.frame is not second.frame
    assert first.smile is second.smile is not None
    with pytest.raises(TypeError):
        first.derived["spot"] = None
    copied = pickle.loads(pickle.dumps(first))
    assert copied.derived == first.derived == {}
    assert copied.smile is not None
