"""What a rate limit says, and which of several limits can bind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kit.arguments import fields_checked, real
from kit.errors import SettingsError
from kit.shown import counted


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` calls in any `seconds` seconds.

    Raises
    ------
    SettingsError
        One of them is no number above 0, or `calls` is no whole one.
    """

    calls: int
    seconds: float

    def __post_init__(self) -> None:
        fields_checked(self)
        if not (self.calls > 0 and 0 < real(self.seconds) < math.inf):
            said = (self.calls, self.seconds)
            raise SettingsError("No limit is", said, "Give calls and seconds above 0, for instance (3, 1).")

    def __str__(self) -> str:
        return f"{counted(self.calls, 'call')} in {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that is long enough to be reported.

    Parameters
    ----------
    budget : str
        What is limited.
    seconds : float
        How long it takes.
    reason : str
        The window or the refusal that imposes it.
    """

    budget: str
    seconds: float
    reason: str


def binding(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Drop the windows that can never bind because another is stricter.

    Examples
    --------
    >>> binding([Window(3, 1), Window(180, 60), Window(5000, 3600)])
    (Window(calls=3, seconds=1), Window(calls=5000, seconds=3600))
    """
    return _binding(tuple(windows))


@lru_cache(256)
def _binding(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    kept: list[Window] = []
    for window in sorted(set(windows), key=lambda window: (window.seconds, window.calls)):
        if not any(_most(other, window.seconds) <= window.calls for other in kept):
            kept.append(window)
    return tuple(w for w in kept if not any(o.seconds > w.seconds and o.calls <= w.calls for o in kept))


def least_s(calls: int, windows: Sequence[Window]) -> float:
    """Return the seconds that so many calls take by their limits, from a fresh start."""
    return float(max((max(0, calls - 1) // w.calls * w.seconds for w in windows), default=0.0))


def _most(window: Window, seconds: float) -> int:
    """Return the most calls a window lets through in a longer time."""
    return math.ceil(seconds / window.seconds) * window.calls
