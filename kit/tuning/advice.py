"""What to set, why, how sure, and whether it lies at the edge of what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit.settings import Settings
from kit.shown import rupees
from kit.tuning.halving import Tried
from kit.tuning.lifetimes import Lifetime
from kit.tuning.tuner import Advice
from kit.tuning.workload import WorkerPlan


@dataclass(frozen=True)
class Recommendation:
    """One setting.

    Parameters
    ----------
    setting : str
        Name in ``kit.yaml``.
    now, better : object
        Its value, and the recommended one.
    why : str
        The measurement behind it.
    sure : str
        From what it was computed and how near the next candidate is; or, of a measurement, whether the choice
        is beyond noise, else which other candidates are as good.
    edge : str
        Empty, or that nothing beyond it was tried.
    """

    setting: str
    now: Any
    better: Any
    why: str
    sure: str
    edge: str


def recommendations(advice: Advice, before: Settings) -> list[Recommendation]:
    """Return one row per setting that was judged, also where nothing changes."""
    rows = [_of_lifetime(one, before) for one in advice.lifetimes]
    if advice.pools:
        rows.append(_of_search("pool_size", before.connection_pool.pool_size, advice.pools))
    if advice.worker_plans:
        plans: dict[int, Tried[WorkerPlan]] = {}  # the best of each count of workers, whatever its batches
        for tried in advice.worker_plans:
            plans.setdefault(tried.candidate.workers, tried)
        most = before.workers.max_workers
        rows.append(_of_search("max_workers", most, [*plans.values()], lambda plan: plan.workers))
    return rows


def _of_lifetime(one: Lifetime, before: Settings) -> Recommendation:
    now = getattr(before.cache_config, one.setting)
    if one.chosen is None:
        first = one.curve[0]
        why = (
            f"after {first.lifetime_s:g} s one answer in 20 is already more than {first.p95_bps:.2f} bps off"
        )
        return Recommendation(one.setting, now, 0, why, _margin(one), "below the shortest lifetime tried")
    at = one.chosen
    off = f"{rupees(at.p95_inr, 2)} ({at.p95_bps:.2f} bps)"
    why = f"saves {at.saved_percent:.0f} % of the calls; 19 answers of 20 are within {off} of the price then"
    edge = "the longest lifetime tried" if at is one.curve[-1] else ""
    return Recommendation(one.setting, now, at.lifetime_s, why, _margin(one), edge)


def _margin(one: Lifetime) -> str:
    """Say from what it was computed, and how far the next lifetime is beyond the tolerance."""
    beyond = one.next_longer
    if beyond is None:
        return f"computed from one session; every lifetime tried keeps {one.tolerance}"
    off = f"{beyond.p95_bps:.2f} bps" if one.tolerance.endswith("bps") else rupees(beyond.p95_inr, 2)
    told = f"{beyond.lifetime_s:g} s would be {off} off, against {one.tolerance} allowed"
    return f"computed from one session; {told}"


def _of_search(
    setting: str, now: Any, tried: Sequence[Tried[Any]], value: Any = lambda it: it
) -> Recommendation:
    best, others = tried[0], tried[1:]
    near = [str(value(one.candidate)) for one in others if one.seconds.low <= best.seconds.high]
    sure = f"as fast, within noise: {', '.join(near)}" if near else "faster than all others, beyond noise"
    values = sorted({value(one.candidate) for one in tried})
    chosen = value(best.candidate)
    edge = (
        "the largest tried" if chosen == values[-1] else "the smallest tried" if chosen == values[0] else ""
    )
    took = f"{best.seconds.figure * 1e3:.0f} ms for the workload ({best.samples} samples)"
    why = f"{took}, the best of {len(values)} tried"
    return Recommendation(setting, now, chosen, why, sure, edge)
