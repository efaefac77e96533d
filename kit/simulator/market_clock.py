"""The market's present: a clock that runs at a chosen speed and can be moved."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from time import monotonic

from kit.clock import IST, in_ist, is_open, last_session
from kit.simulator.paths import FIRST_DAY, LAST_DAY, outside

_END = datetime.combine(LAST_DAY, time(23, 59), IST)
_START_OF_A_CLOSED_DAY_S = 2 * 3600  # 11:15 in a day session: both sides of it have bars


class MarketClock:
    """A clock that runs on from `start`, may be moved, and is shared by whoever asks for the present.

    Parameters
    ----------
    start : datetime
        Timezone-aware time it shows now.
    speed : float, default 1.0
        Shown seconds per real second.
    since_s : float, optional
        When it showed `start`, in seconds of `time.monotonic`, which all processes of a machine share;
        default now.
    """

    def __init__(self, start: datetime, speed: float = 1.0, since_s: float | None = None) -> None:
        self.speed = speed
        self.jump(start, since_s)

    def now(self) -> datetime:
        """Return the market's present, timezone-aware in Asia/Kolkata; it stops where the market ends."""
        start, origin = self._from  # one read, so that a jump in another thread is seen whole
        ahead_s = min((monotonic() - origin) * self.speed, (_END - start).total_seconds())
        return start + timedelta(seconds=ahead_s)

    def jump(self, to: datetime, since_s: float | None = None) -> None:
        """Show `to` from now on, or since a monotonic second; running continues at the same speed.

        Raises
        ------
        DataError
            The market does not cover it.
        """
        at = in_ist(to)
        if not FIRST_DAY < at.date() <= LAST_DAY:
            raise outside(at.date())
        self._from = (at, monotonic() if since_s is None else since_s)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds` of market time."""
        self.jump(self.now() + timedelta(seconds=seconds))


def opening_moment(wall: datetime) -> datetime:
    """Choose the market time to start at: the wall clock's, or well inside the last session.

    Parameters
    ----------
    wall : datetime
        Timezone-aware time of the machine.

    Returns
    -------
    datetime
        `wall` while the market is open, else two hours into the latest session (11:15 on an ordinary
        day), or the middle of a session shorter than that.
    """
    if is_open(wall):
        return in_ist(wall)
    latest = last_session(wall)
    length_s = (latest.close - latest.open).total_seconds()
    return latest.open + timedelta(seconds=min(_START_OF_A_CLOSED_DAY_S, length_s // 2))
