"""The in-process tier as the data manager uses it."""

from __future__ import annotations

from time import sleep

from kit.broker.shapes import Reply
from kit.cache import CacheManager
from kit.market.hot import Hot


def test_making_uses_up_the_lifetime():
    """What took longer to make than it may live must not be served again."""
    hot = Hot(CacheManager(), enabled=True)

    def slow() -> Reply[float]:
        sleep(0.2)
        return Reply(1.5, "network", 0.0, remaining_s=0.15)

    assert hot.once("key", float, slow) == (1.5, False)
    assert hot.once("key", float, slow) == (1.5, False)


def test_what_lives_for_ever_stays():
    """What never expires must be kept however long it took to make."""
    hot = Hot(CacheManager(), enabled=True)
    for kept in (False, True):
        assert hot.once("key", float, lambda: Reply(1.5, "network", 0.0, float("inf"))) == (1.5, kept)
