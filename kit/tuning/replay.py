"""A recorded session, replayed under other settings: which tier would have answered each question.

Nothing is asked of anybody: the two tiers are followed in the trace's own time, least recently used first
out. A fetch takes no time here; `kit.tuning.queueing` says how long callers wait for sockets.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Literal, NamedTuple

from kit.market.questions import Question
from kit.settings import Settings
from kit.tuning.lifetimes import SOURCES

Answered = Literal["hot", "sqlite", "network", "stale", "error"]
ANSWERS: tuple[Answered, ...] = ("hot", "sqlite", "network", "stale", "error")


@dataclass(frozen=True)
class Replay:
    """What a session would have met.

    Parameters
    ----------
    answers : mapping of data type to Counter
        Questions by who answered: `ANSWERS`.
    fetches : sequence of (float, str)
        Second and data type of each question that went to the broker.
    evictions, most_entries, most_bytes : int
        Of the in-process tier.
    """

    answers: dict[str, Counter[Answered]] = field(default_factory=dict)
    fetches: list[tuple[float, str]] = field(default_factory=list)
    evictions: int = 0
    most_entries: int = 0
    most_bytes: int = 0

    @property
    def total(self) -> Counter[Answered]:
        """All questions by who answered."""
        return sum(self.answers.values(), Counter())

    @property
    def hit_rate_percent(self) -> float:
        """Share of the questions that the in-process tier answered; NaN: nothing was asked."""
        asked = self.total.total()
        return 100 * self.total["hot"] / asked if asked else float("nan")

    @property
    def calls(self) -> int:
        """Calls of the broker's API; a chain takes several."""
        return sum(SOURCES[kind].calls for _, kind in self.fetches)


class _Tier:
    """Answers with a lifetime, bounded by entries and bytes."""

    def __init__(self, most_entries: int, most_bytes: float) -> None:
        self.kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self.entries = self.bytes = self.evictions = 0
        self._most, self._most_bytes = most_entries, most_bytes

    def lives(self, key: Hashable, now: float) -> bool:
        found = self.kept.get(key)
        if found is None or found.until <= now:
            return False
        self.kept.move_to_end(key)
        return True

    def expire(self, now: float) -> None:
        for key in [key for key, found in self.kept.items() if found.until <= now]:
            self._drop(key)

    def put(self, key: Hashable, answer: _Kept, now: float) -> None:
        if key in self.kept:
            self._drop(key)
        if answer.until <= now:  # a lifetime of zero is not kept and evicts nothing
            return
        self.kept[key] = answer
        self.entries += answer.entries
        self.bytes += answer.bytes
        while self.entries > self._most or self.bytes > self._most_bytes:
            self._drop(next(iter(self.kept)))
            self.evictions += 1

    def _drop(self, key: Hashable) -> None:
        gone = self.kept.pop(key)
        self.entries -= gone.entries
        self.bytes -= gone.bytes


class _Kept(NamedTuple):
    until: float
    entries: int
    bytes: int


def replay(
    settings: Settings,
    requests: Sequence[Question],
    *,
    restart_s: float = inf,
    away_s: tuple[float, float] = (inf, inf),
) -> Replay:
    """Follow a session's questions through both tiers.

    Parameters
    ----------
    settings : Settings
        ``cache_config`` and ``data_manager`` are used.
    requests : sequence of Question
        In order of time.
    restart_s : float, default never
        Second at which the kernel is restarted: the in-process tier is empty then.
    away_s : tuple of float, default never
        From when to when the broker cannot be reached, seconds.

    Raises
    ------
    KeyError
        A request is of a data type that `kit.tuning.lifetimes.SOURCES` does not know.
    """
    config, found = settings.cache_config, Replay()
    hot, disk, restarted = _hot(settings), _disk(settings), False
    evictions = most_entries = most_bytes = 0
    for request in requests:
        now, key, source = request.at_s, (request.kind, request.key), SOURCES[request.kind]
        if now >= restart_s and not restarted:
            evictions, hot, restarted = hot.evictions, _hot(settings), True
        hot.expire(now)
        answer = _answer(settings, hot, disk, request, away_s)
        found.answers.setdefault(request.kind, Counter())[answer] += 1
        if answer in ("network", "sqlite"):
            if answer == "network":
                until = now + float(getattr(config, source.setting))
                found.fetches.append((now, request.kind))
                disk.put(key, _Kept(until, source.calls, source.disk_bytes), now)
            else:
                until = disk.kept[key].until
            if _kept_hot(settings, request.kind):
                hot.put(key, _Kept(until, 1, source.hot_bytes), now)
        most_entries, most_bytes = max(most_entries, hot.entries), max(most_bytes, hot.bytes)
    evictions += hot.evictions
    return Replay(found.answers, found.fetches, evictions, most_entries, most_bytes)


def _hot(settings: Settings) -> _Tier:
    config, on = settings.cache_config, settings.data_manager.enable_caching
    return _Tier(config.max_size if on else 0, config.max_bytes or inf)


def _disk(settings: Settings) -> _Tier:
    config = settings.cache_config
    return _Tier(config.disk_max_entries if config.disk else 0, config.disk_max_bytes)


def _kept_hot(settings: Settings, kind: str) -> bool:
    return kind != "atm" or settings.data_manager.cache_atm_results


def _answer(
    settings: Settings, hot: _Tier, disk: _Tier, request: Question, away_s: tuple[float, float]
) -> Answered:
    key = (request.kind, request.key)
    if hot.lives(key, request.at_s):
        return "hot"
    if disk.lives(key, request.at_s):
        return "sqlite"
    if not away_s[0] <= request.at_s < away_s[1]:
        return "network"
    return "stale" if settings.cache_config.stale_if_error and key in disk.kept else "error"
