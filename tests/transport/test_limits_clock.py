"""Rate limits on a machine whose wall clock is set back."""

from __future__ import annotations

import pytest

from kit.transport.limits import RateLimiter, Window

MINUTE = (Window(1, 60),)


class Clock:
    """A clock that sleeping moves, and that jumps back by an hour during the first sleep if asked to."""

    def __init__(self, jumps: bool = False) -> None:
        self.now, self.slept, self._jumps = 1_000_000.0, 0.0, jumps

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds - 3600 * self._jumps
        self.slept += seconds
        self._jumps = False


def test_calls_and_refusals_that_seem_to_lie_ahead_count_as_made_now() -> None:
    """After the clock was set back a caller waits a window at most, not until the old time comes again."""
    clock = Clock()
    limiter = RateLimiter(None, clock=lambda: clock.now, sleep=clock.sleep)
    limiter.acquire("candles", MINUTE)
    limiter.refused("candles", 5)
    clock.now -= 3600
    limiter.acquire("candles", MINUTE)
    assert clock.slept == pytest.approx(60.6, abs=0.1)


def test_who_waits_looks_at_the_clock_now_and_then() -> None:
    """A clock set back during a wait lengthens it by a window at most."""
    clock = Clock(jumps=True)
    limiter = RateLimiter(None, clock=lambda: clock.now, sleep=clock.sleep)
    for _ in range(2):
        limiter.acquire("candles", MINUTE)
    assert clock.slept < 60.6 + 10
