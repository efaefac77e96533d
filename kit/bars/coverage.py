"""How much of what the calendar expects is there, as plain data that travels with a table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Self

import pandas as pd

from kit.errors import DataError
from kit.shown import counted

_SHOWN = 6  # days that a report names before it counts the rest


class Coverage(dict[str, Any]):
    """How much of what should be there is there.

    It is a mapping of plain numbers and texts, so that a table that carries it in its ``attrs`` can be
    written as Parquet and read again; `of` gives a table's own.

    Parameters
    ----------
    expected, found : int
        Bars of the sessions that have begun, and those that came.
    missing_sessions : iterable of date
        Sessions without a single bar.
    missing_bars : iterable of (date, int)
        Sessions that lack some bars, and how many.
    broken_bars : int
        Bars set aside: high below low, a price that is none, or a negative volume.
    outside_bars : int, default 0
        Bars set aside because they begin outside the session.
    """

    def __init__(
        self,
        expected: int,
        found: int,
        missing_sessions: Iterable[date],
        missing_bars: Iterable[tuple[date, int]],
        broken_bars: int,
        outside_bars: int = 0,
    ) -> None:
        super().__init__(
            expected=expected,
            found=found,
            missing_sessions=[day.isoformat() for day in missing_sessions],
            missing_bars=[[day.isoformat(), count] for day, count in missing_bars],
            broken_bars=broken_bars,
            outside_bars=outside_bars,
        )

    @classmethod
    def of(cls, bars: pd.DataFrame) -> Self:
        """Return the coverage that a table carries, one read back from a file too.

        Raises
        ------
        DataError
            It carries none.
        """
        try:
            kept = bars.attrs["coverage"]
            days = [date.fromisoformat(day) for day in kept["missing_sessions"]]
            partly = [(date.fromisoformat(day), count) for day, count in kept["missing_bars"]]
            return cls(
                kept["expected"], kept["found"], days, partly, kept["broken_bars"], kept["outside_bars"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                "The table carries no coverage",
                sorted(map(str, bars.attrs)),
                "Use bars of DataManager.candles.",
            ) from error

    @property
    def expected(self) -> int:
        """Bars of the sessions that have begun."""
        return int(self["expected"])

    @property
    def found(self) -> int:
        """Expected bars that came."""
        return int(self["found"])

    @property
    def missing_sessions(self) -> tuple[date, ...]:
        """Sessions without a single bar."""
        return tuple(date.fromisoformat(day) for day in self["missing_sessions"])

    @property
    def missing_bars(self) -> tuple[tuple[date, int], ...]:
        """Sessions that lack some bars, and how many."""
        return tuple((date.fromisoformat(day), count) for day, count in self["missing_bars"])

    @property
    def broken_bars(self) -> int:
        """Bars set aside because they contradict themselves."""
        return int(self["broken_bars"])

    @property
    def outside_bars(self) -> int:
        """Bars set aside because they begin outside the session."""
        return int(self["outside_bars"])

    def __str__(self) -> str:
        missing = sum(count for _, count in self.missing_bars)
        lines = [
            f"{self.found} of {counted(self.expected, 'bar')}; "
            f"{counted(len(self.missing_sessions), 'session')} missing, "
            f"{counted(missing, 'bar')} missing in {counted(len(self.missing_bars), 'session')}, "
            f"{self.broken_bars} broken, "
            f"{self.outside_bars} outside the session"
        ]
        if self.missing_sessions:
            lines.append("  no bar at all: " + _few([str(day) for day in self.missing_sessions]))
        if self.missing_bars:
            lines.append("  some missing: " + _few([f"{day} ({count})" for day, count in self.missing_bars]))
        return "\n".join(lines)


def _few(days: list[str]) -> str:
    more = len(days) - _SHOWN
    return ", ".join(days[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
