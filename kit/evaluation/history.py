"""How far an index moved over so many sessions: its stored closes, held to the exchange's calendar."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kit.clock import in_ist, session, sessions
from kit.facts import span
from kit.pricing.arrays import Floats

Numbers = NDArray[np.int64]


class SessionCloses(NamedTuple):
    """The closes of sessions, ascending.

    Parameters
    ----------
    days : ndarray of int, shape (n,)
        Ordinals of the days.
    numbers : ndarray of int, shape (n,)
        Which session of the calendar each was, so that a missing one shows.
    levels : ndarray, shape (n,)
        Rupees.
    """

    days: Numbers
    numbers: Numbers
    levels: Floats

    @classmethod
    def of(cls, days: Numbers, levels: Floats) -> Self:
        """Return the closes that are of a session which the calendar knows."""
        known = span("calendar")
        calendar = np.array([day.toordinal() for day in sessions(known.first, known.last)])
        numbers = np.minimum(np.searchsorted(calendar, days), calendar.size - 1)
        traded = calendar[numbers] == days
        return cls(days[traded], numbers[traded], levels[traded])

    def before(self, on: date) -> Self:
        """Return the closes of earlier days."""
        count = np.searchsorted(self.days, on.toordinal())
        return type(self)(self.days[:count], self.numbers[:count], self.levels[:count])

    @property
    def window(self) -> str:
        """From when to when the closes are; empty without any."""
        ends = self.days[[0, -1]].tolist() if self.days.size else []
        return " to ".join(str(date.fromordinal(day)) for day in ends)

    def moves(self, count: int) -> tuple[Floats, NDArray[np.bool_], int]:
        """Return by what factor the index moved over so many sessions.

        Returns
        -------
        moves : ndarray, shape (m,)
            Ascending in time.
        apart : ndarray of bool, shape (m,)
            Which of them share no session: as many as fit, counted from the last.
        left_out : int
            Moves of which a close is missing.
        """
        at = np.minimum(np.searchsorted(self.numbers, self.numbers + count), max(self.numbers.size - 1, 0))
        whole = self.numbers[at] == self.numbers + count
        ends = self.numbers[at][whole]
        apart, free = np.zeros(ends.size, np.bool_), np.inf
        for place in range(ends.size - 1, -1, -1):
            if ends[place] <= free:
                apart[place], free = True, ends[place] - count
        possible = int(np.ptp(self.numbers)) + 1 - count if ends.size else 0
        return self.levels[at][whole] / self.levels[whole], apart, possible - ends.size


def sessions_left(now: datetime, expiry: date) -> int:
    """Return how many sessions are left, at least one; today counts while half of it is to come."""
    now = in_ist(now)
    ahead = sessions(now.date(), expiry)
    if ahead and ahead[0] == now.date():
        today = session(now.date())
        return max(len(ahead) - (now - today.open > today.close - now), 1)
    return max(len(ahead), 1)
