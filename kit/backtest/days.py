"""The days a backtest reads: a plain mapping, or a store of minutes read one session at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import DayMinutes

Days = Mapping[date, DayMinutes]


class StoredDays(Mapping[date, DayMinutes]):
    """The sessions of a store as a mapping; each is read when it is asked for.

    Parameters
    ----------
    store : MinuteStore
        Where the minutes are.
    least_score : float, default 0
        Sessions of a worse quality are not there; `left_out` names them.
    mapped : bool, default False
        Keep memory-mapped copies beside the store: more room on the disk, hardly any time from then on.
    """

    def __init__(self, store: MinuteStore, least_score: float = 0.0, *, mapped: bool = False) -> None:
        self.store, self.mapped = store, mapped
        self._days = store.days(least_score=least_score)
        self.left_out = sorted(set(store.days()) - set(self._days)) if least_score else []
        self._known = frozenset(self._days)
        self._latest: DayMinutes | None = None

    def __iter__(self) -> Iterator[date]:
        return iter(self._days)

    def __len__(self) -> int:
        return len(self._days)

    def __contains__(self, day: object) -> bool:
        return day in self._known

    def __getitem__(self, day: date) -> DayMinutes:
        if day not in self._known:
            raise KeyError(day)
        if self._latest is None or self._latest.day != day:
            self._latest = next(iter(self.store.load([day], mapped=self.mapped)))
        return self._latest
