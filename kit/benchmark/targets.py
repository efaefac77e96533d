"""What a figure has to reach: a limit on the figure itself, and a speed relative to a peer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A limit that a figure must keep."""

    limit: float  # in the unit of the figure
    at_most: bool  # the figure must not exceed the limit; else it must reach it

    def met(self, figure: float) -> bool:
        """Tell whether a figure keeps the limit; NaN does not."""
        return figure <= self.limit if self.at_most else figure >= self.limit

    def missed_beyond_noise(self, low: float, high: float) -> bool:
        """Tell whether the whole interval lies on the wrong side; an interval of NaN does."""
        return not self.met(low if self.at_most else high)

    def attained(self, figure: float) -> float:
        """Return how much of the target is reached, from 0 to 1; NaN reaches nothing."""
        if self.met(figure):
            return 1.0
        wanted, got = (self.limit, figure) if self.at_most else (figure, self.limit)
        return max(0.0, wanted / got) if got > 0 else 0.0

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:.4g}"


def at_most(limit: float) -> Target:
    """Return the target of a cost: a time, a size, an error."""
    return Target(limit, at_most=True)


def at_least(limit: float) -> Target:
    """Return the target of a gain: a rate, a speed-up, a share."""
    return Target(limit, at_most=False)


@dataclass(frozen=True)
class Speed:
    """A speed relative to the peer's: 2 is twice as fast, 0.5 half as fast."""

    times: float

    def __str__(self) -> str:
        if self.times >= 1:
            return f"{self.times:.4g} x as fast as the peer"
        return f"within {1 / self.times:.4g} x the peer"

    def on_ratio(self, less_is_better: bool) -> Target:
        """Return the limit on figure / peer figure that this speed means."""
        return Target(1 / self.times, True) if less_is_better else Target(self.times, False)


def faster(times: float) -> Speed:
    """Return the peer target 'at least so many times as fast as the peer'."""
    return Speed(times)


def within(times: float) -> Speed:
    """Return the peer target 'at most so many times the cost of the peer'."""
    return Speed(1 / times)
