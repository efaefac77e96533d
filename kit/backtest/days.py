"""The days a backtest reads: a plain mapping, or a store of minutes read one session at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import pandas as pd

from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import DayMinutes
from kit.bars.month_file import damaged_months
from kit.bars.quality import figures
from kit.clock import sessions
from kit.errors import UnreadableFile

Days = Mapping[date, DayMinutes]


class SoundDays(dict[date, DayMinutes]):
    """Those days of a plain mapping that are good enough.

    Parameters
    ----------
    days : mapping of date to DayMinutes
        Sessions.
    least_score : float
        Sessions of a worse quality are not there; `left_out` says of each why.
    """

    def __init__(self, days: Days, least_score: float) -> None:
        scores = {day: float(figures(minutes, {})["score"]) for day, minutes in days.items()}
        super().__init__({day: days[day] for day, score in scores.items() if score >= least_score})
        self.left_out = {day: _poor(score, least_score) for day, score in scores.items() if day not in self}


class StoredDays(Mapping[date, DayMinutes]):
    """The sessions of a store as a mapping; each is read when it is asked for.

    Parameters
    ----------
    store : MinuteStore
        Where the minutes are.
    least_score : float, default 0
        Sessions of a worse quality are not there, nor those of a month that is damaged; `left_out` says of
        each why.
    """

    def __init__(self, store: MinuteStore, least_score: float = 0.0) -> None:
        self.store = store
        scores = store.scores()
        self._days = dict.fromkeys(day for day, score in scores.items() if score >= least_score)
        poor = {day: _poor(score, least_score) for day, score in scores.items() if day not in self._days}
        self.left_out = {**poor, **_lost(store)}
        self._latest: DayMinutes | None = None

    def __iter__(self) -> Iterator[date]:
        return iter(self._days)

    def __len__(self) -> int:
        return len(self._days)

    def __contains__(self, day: object) -> bool:
        return day in self._days

    def __getitem__(self, day: date) -> DayMinutes:
        if day not in self._days:
            raise KeyError(day)
        if self._latest is None or self._latest.day != day:
            self._latest = self.store.day(day)
        return self._latest


class ReadAhead(StoredDays):
    """A store's sessions for one pass in a known order: the next are read while one is used.

    Parameters
    ----------
    days : StoredDays
        The sessions.
    wanted : sequence of date
        In the order in which they are asked for; one may be left out.
    """

    def __init__(self, days: StoredDays, wanted: Sequence[date]) -> None:
        self.store, self._days, self.left_out = days.store, days._days, days.left_out
        self._latest = None
        self._there = [day for day in wanted if day in days]
        self._order = {day: number for number, day in enumerate(self._there)}
        self._coming = days.store.load(self._there)
        self._read = 0

    def __getitem__(self, day: date) -> DayMinutes:
        while self._order.get(day, -1) >= self._read:  # else it was read before, or nobody announced it
            reading = self._there[self._read]
            self._read += 1
            try:
                self._latest = next(self._coming)
            except UnreadableFile:
                self._coming = self.store.load(self._there[self._read :])
                if reading == day:
                    raise
        return super().__getitem__(day)


def ahead(days: Days, wanted: Sequence[date]) -> Days:
    """Return the days for one pass in a known order, read ahead where they come from a store."""
    return ReadAhead(days, wanted) if isinstance(days, StoredDays) else days


def days_of(days: Days | MinuteStore, least_score: float) -> Days:
    """Return a store's sessions, or those of a mapping, that are good enough."""
    if isinstance(days, MinuteStore):
        return StoredDays(days, least_score)
    return SoundDays(days, least_score) if least_score else days


def left_out(days: Days) -> Mapping[date, str]:
    """Return the sessions that are not there because they are poor or damaged, and why."""
    return days.left_out if isinstance(days, SoundDays | StoredDays) else {}


def between(day: date, start: date | None, end: date | None) -> bool:
    """Tell whether a day lies in a range, both ends included; None is open."""
    return (start is None or start <= day) and (end is None or day <= end)


def source_of(days: Days) -> str:
    """Return where days come from, for messages: a store's folder, or what kind of mapping it is."""
    return f"{days.store.folder}" if isinstance(days, StoredDays) else f"an empty {type(days).__name__}"


def _lost(store: MinuteStore) -> dict[date, str]:
    """Return the exchange's sessions of months that cannot be read, and why each is not there."""
    found: dict[date, str] = {}
    for file, error in damaged_months(store.folder).items():
        month = pd.Period(file.stem[-7:], "M")
        found |= dict.fromkeys(sessions(month.start_time.date(), month.end_time.date()), str(error))
    return found


def _poor(score: float, least_score: float) -> str:
    return f"left out for its quality: a score of {score:.2f}, less than {least_score:g}"
