"""Cold, warm and hot latency of the main operations, hit rate and speed-up, for the tuning panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from kit.benchmark.measure import Interval
from kit.settings import Settings

Tier = Literal["cold", "warm", "hot"]
OPERATIONS = ("chain", "candles", "ltp", "atm")


@dataclass(frozen=True)
class TierLatencies:
    """What one measurement found.

    Parameters
    ----------
    latency_ms : mapping of operation to mapping of tier to Interval
        Operations ``chain``, ``candles``, ``ltp``, ``atm``; tiers ``cold`` (network), ``warm``
        (SQLite) and ``hot`` (in process). A tier that does not exist under the settings is absent.
    budget_ms : mapping of operation to float
        Latency budgets; NaN where the settings have none.
    hit_rate_percent : float
        Hits of the in-process tier over the recorded access trace.
    speedup : mapping of int to float
        Workers to evaluation speed-up over one worker.
    stopped : bool
        True: the user cancelled, and the rest is missing.
    """

    latency_ms: Mapping[str, Mapping[Tier, Interval]]
    budget_ms: Mapping[str, float]
    hit_rate_percent: float
    speedup: Mapping[int, float]
    stopped: bool = False


def measure_tiers(
    settings: Settings,
    on_progress: Callable[[float, str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TierLatencies:
    """Measure every operation through every tier under these settings.

    Parameters
    ----------
    settings : Settings
        Lifetimes, pool, retries, workers and backend to measure with.
    on_progress : callable, optional
        Called with the share done, from 0 to 1, and a word on what runs now.
    should_stop : callable, optional
        Asked between samples; True ends the measurement and keeps what was found.

    Returns
    -------
    TierLatencies
        Medians with intervals.
    """
    raise NotImplementedError
