"""What settings would do to a recorded session, at once: a function per picture of the tuning panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kit.market.questions import Question
from kit.settings import Settings
from kit.tuning.lifetimes import LIFETIMES_S, SOURCES, served_from, used_percent
from kit.tuning.queueing import Traffic, traffic
from kit.tuning.replay import Replay, replay

SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
POOLS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
AWAY_S = 600.0
UNASKED = {"search_ttl": "search", "instruments_ttl": "instruments", "default_ttl": "all others"}


def hit_curve(requests: Sequence[Question], kind: str) -> list[float]:
    """Return the share of a data type's questions that each of `LIFETIMES_S` answers from memory, percent."""
    keys = {one.key for one in requests if one.kind == kind}
    asked = [np.array([one.at_s for one in requests if (one.kind, one.key) == (kind, key)]) for key in keys]
    total = sum(map(len, asked))
    return [
        100 * (1 - sum(len(np.unique(served_from(times, lifetime_s))) for times in asked) / total)
        for lifetime_s in LIFETIMES_S
    ]


def by_size(settings: Settings, requests: Sequence[Question]) -> dict[int, Replay]:
    """Replay the session with each of `SIZES` as the in-process tier's bound of entries."""
    return {size: replay(_with(settings, max_size=size), requests) for size in SIZES}


def _with(settings: Settings, **cache: object) -> Settings:
    config = type(settings.cache_config)(**settings.cache_config.model_dump() | cache)
    return settings.model_copy(update={"cache_config": config})


def scenes(settings: Settings, requests: Sequence[Question]) -> dict[str, Replay]:
    """Replay the session as it was, with a restart at its busiest moment, and with the broker away then."""
    busiest_s = _busiest_moment(requests)
    return {
        "as recorded": replay(settings, requests),
        "kernel restarted at work": replay(settings, requests, restart_s=busiest_s),
        "broker away 10 min": replay(settings, requests, away_s=(busiest_s, busiest_s + AWAY_S)),
    }


def _busiest_moment(requests: Sequence[Question]) -> float:
    """Return when most different things were asked both in the minute before and in the minute after."""

    def different(start: float, end: float) -> int:
        return len({(one.kind, one.key) for one in requests if start <= one.at_s <= end})

    moments = sorted({round(one.at_s) for one in requests})
    return float(max(moments, key=lambda at: min(different(at - 60, at - 0.001), different(at, at + 60))))


def used_by_kinds(found: Replay) -> dict[tuple[str, ...], float]:
    """Return how much the busiest window takes of each limit, percent, by the data types that share it."""
    kinds: dict[str, dict[str, None]] = {}
    times: dict[str, list[float]] = {}
    for at_s, kind in found.fetches:
        source = SOURCES[kind]
        kinds.setdefault(source.endpoint, {})[kind] = None
        times.setdefault(source.endpoint, []).extend([at_s] * source.calls)
    return {tuple(kinds[one]): used_percent(np.array(calls), one) for one, calls in times.items()}


def calls_an_hour(settings: Settings, found: Replay, span_s: float) -> dict[str, tuple[float, bool]]:
    """Return calls an hour by data type, and whether they were replayed or are the most there can be.

    Parameters
    ----------
    settings : Settings
        Lifetimes of what the session did not ask.
    found : Replay
        Of the session.
    span_s : float
        How long the session lasted, seconds.
    """
    asked = dict.fromkeys(found.answers, 0.0)
    for _, kind in found.fetches:
        asked[kind] += SOURCES[kind].calls * 3600 / span_s
    rows: dict[str, tuple[float, bool]] = {kind: (calls, True) for kind, calls in asked.items()}
    for kind, source in SOURCES.items():
        most = 3600 * source.calls / max(1.0, getattr(settings.cache_config, source.setting))
        rows.setdefault(kind, (most, False))
    for setting, kind in UNASKED.items():
        rows[kind] = 3600 / max(1.0, getattr(settings.cache_config, setting)), False
    chain_s = max(1.0, settings.cache_config.options_chain_ttl)
    rows["after the close"] = 0.0 if settings.cache_config.hold_after_hours else 3600 / chain_s, False
    return rows


def by_pool(found: Replay, round_trip_s: float) -> list[Traffic]:
    """Return what each of `POOLS` sockets would see of a session's calls."""
    return [traffic(found.fetches, size, round_trip_s) for size in POOLS]


@dataclass(frozen=True)
class Handed:
    """How many of the tasks handed over at once run, wait, and are held back until there is room."""

    running: int
    waiting: int
    held_back: int


def handed_over(settings: Settings, tasks: int = 200) -> Handed:
    """Return what becomes of so many tasks under these settings."""
    workers = 1 if settings.workers.backend == "serial" else settings.workers.max_workers
    running = min(tasks, workers)
    waiting = min(tasks - running, settings.workers.queue_size)
    return Handed(running, waiting, tasks - running - waiting)


def run_seconds(
    startup_s: float, one_s: float, speedup: Mapping[int, float], workers: int, tasks: int = 200
) -> float:
    """Return the expected seconds of a run, start-up included.

    Parameters
    ----------
    startup_s, one_s : float
        Measured: start of the workers, and one task, seconds.
    speedup : mapping of int to float
        Measured: workers to times as fast as one; between two counts it is interpolated, beyond the
        largest it stays.
    workers, tasks : int
        How many.
    """
    counts = sorted(speedup)
    times = float(np.interp(workers, counts, [speedup[count] for count in counts]))
    return startup_s + tasks * one_s / times


def p99_band(samples: int) -> tuple[float, float]:
    """Return between which percentiles the P99 of so many samples lies with 95 % confidence."""
    half = 1.96 * (0.99 * 0.01 / samples) ** 0.5
    return 100 * max(0.0, 0.99 - half), 100 * min(1.0, 0.99 + half)
