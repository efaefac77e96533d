"""Rate limits that every process of the machine obeys together.

Sliding windows over a log of calls in one small SQLite file. A caller reserves its moment, sleeps, and
checks again before it goes. The broker counts a call when it arrives there, somewhere between sending and
answering. So windows are kept 1 % longer than published, and a call whose answer took longer than
that is moved to the moment of its answer (by at most 5 % of the window): no jitter on the way brings
two calls closer than the broker allows.

Times in the log are the machine's wall clock, which all processes share and a restart keeps. When it is set
back, calls seem to lie ahead; they are then taken as made now, so that a wait is never longer than a window.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from kit.errors import CacheUnavailable, RateLimited
from kit.transport.database import Database, damaged
from kit.transport.windows import Wait, Window, binding

__all__ = ["RateLimiter", "Wait", "Window", "binding"]

T = TypeVar("T")
_LOG = logging.getLogger("kit.transport")
_VERSION = 2
_TELL_S = 1.5  # a wait longer than this is told
_QUIET_S = 10.0  # but logged at most this often for one budget
_GUARD = 0.01  # of the shortest window: added to each window
_LATEST_ANSWER = 0.05  # of the shortest window: how far an answer may move its call
_MAX_PENALTY_S = 900.0
_AHEAD_S = 1.0  # no call was made later than this from now, unless the clock was set back
_NAP_S = 5.0  # how long a waiting caller sleeps before it looks at clock and log again
_SCHEMA = (
    "CREATE TABLE calls (id INTEGER PRIMARY KEY, budget TEXT NOT NULL, at REAL NOT NULL, sent INT NOT NULL)",
    "CREATE INDEX calls_at ON calls (budget, at, sent)",
    "CREATE TABLE blocked (budget TEXT PRIMARY KEY, until REAL NOT NULL, penalty REAL NOT NULL)",
)
_NTH = (
    "SELECT at FROM calls WHERE budget=? AND at > ? AND (sent OR at < ? OR (at = ? AND id < ?)) "
    "ORDER BY at DESC LIMIT 1 OFFSET ?"
)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A moment reserved in the log."""

    id: int
    at: float
    reason: str


class RateLimiter:
    """Sliding windows, exact, shared by all processes of the machine; first come, first served.

    Parameters
    ----------
    path : Path or None
        The shared file; None: this process alone. When the file cannot be used, a
        `CacheUnavailable` warning says so and the limits hold for this process alone.
    account : str, optional
        Limits count per account; only a digest of it is stored.
    on_wait : callable, optional
        Gets a `Wait` longer than 1.5 s before it begins; default: a log line now and then.
    clock, sleep : callable, optional
        Seconds since the epoch, and how to let them pass.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        account: str = "",
        on_wait: Callable[[Wait], None] | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account = hashlib.sha256(account.encode()).hexdigest()[:16]
        self._on_wait = on_wait or self._log
        self._clock = clock
        self._sleep = sleep
        self._logged: dict[str, float] = {}
        self._file = _opened(path)

    def acquire(self, budget: str, windows: Sequence[Window], timeout_s: float | None = None) -> float:
        """Wait for a turn and take it.

        Parameters
        ----------
        budget : str
            Calls of one budget share its windows.
        windows : sequence of Window
            Without any, nothing is waited for and nothing is noted.
        timeout_s : float, optional
            Longest wait, seconds; default as long as it takes.

        Returns
        -------
        float
            Seconds waited.

        Raises
        ------
        RateLimited
            The wait would exceed `timeout_s`; no turn was taken.
        """
        return self._take(budget, binding(windows), timeout_s)[1]

    @contextlib.contextmanager
    def turn(self, budget: str, windows: Sequence[Window], timeout_s: float | None = None) -> Iterator[float]:
        """Take a turn as `acquire` does, around the call itself: its answer tells when it counted.

        Raises
        ------
        RateLimited
            The wait would exceed `timeout_s`; no turn was taken.
        """
        bound = binding(windows)
        turn, waited = self._take(budget, bound, timeout_s)
        try:
            yield waited
        finally:
            if turn is not None:
                took, window_s = self._clock() - turn.at, min(window.seconds for window in bound)
                if took > _GUARD * window_s:
                    later = turn.at + min(took, _LATEST_ANSWER * window_s)
                    self._run("UPDATE calls SET at=max(at, ?) WHERE id=?", (later, turn.id))

    def refused(self, budget: str, penalty_s: float = 1.0) -> None:
        """Push everybody's next allowed time forward after a refusal.

        A refusal soon after a penalty is over doubles that penalty, up to 15 minutes: the broker counts
        something we do not know of.

        Parameters
        ----------
        budget : str
            What was refused.
        penalty_s : float, default 1.0
            Seconds from now. A longer penalty already imposed stays.
        """
        self._written(partial(self._block, self._key(budget), penalty_s))

    def remaining(self, budget: str, windows: Sequence[Window]) -> int:
        """Return how many calls could go at once now; 0 while a refusal holds."""
        now, key = self._clock(), self._key(budget)
        if self._run("SELECT 1 FROM blocked WHERE budget=? AND until>?", (key, now)):
            return 0
        count = "SELECT count(*) FROM calls WHERE budget=? AND at>?"
        free = [w.calls - self._run(count, (key, now - w.seconds))[0][0] for w in windows]
        return max(0, min(free, default=2**31))

    def time_for(self, calls: int, windows: Sequence[Window]) -> float:
        """Return the seconds that so many calls take by the limits, from a fresh start."""
        return float(max((((calls - 1) // w.calls) * w.seconds for w in windows), default=0))

    def close(self) -> None:
        """Close the shared file."""
        self._file.close()

    def _take(
        self, budget: str, windows: Sequence[Window], timeout_s: float | None
    ) -> tuple[_Turn | None, float]:
        if not windows:
            return None, 0.0
        start = self._clock()
        latest = math.inf if timeout_s is None else start + timeout_s
        turn = self._written(partial(self._reserve, self._key(budget), windows, latest))
        self._tell(budget, turn, start)
        waited = 0.0
        while (left := turn.at - self._clock()) > 0:
            try:
                self._sleep(min(left, _NAP_S))
                turn = self._written(partial(self._confirm, self._key(budget), windows, turn))
            except BaseException:
                self._run("DELETE FROM calls WHERE id=?", (turn.id,))
                raise
            waited = max(0.0, self._clock() - start)
        return turn, waited

    def _reserve(self, key: str, windows: Sequence[Window], latest: float, rows: sqlite3.Connection) -> _Turn:
        """Note a call at the first free moment after all that are noted, if that is soon enough."""
        now = self._clock()
        self._set_back(rows, key, now)
        at, reason = self._free(rows, key, windows, now, math.inf, 0)
        if at > latest:
            remedy = f"The limit is {reason}; allow {at - now:.1f} s or call less often."
            raise RateLimited("No turn comes up in time for", key.partition(":")[2], remedy)
        values = (key, at, at <= now)
        number = rows.execute("INSERT INTO calls (budget, at, sent) VALUES (?, ?, ?)", values).lastrowid
        assert number is not None
        if number % 64 == 0:
            longest = max(window.seconds for window in windows)
            rows.execute("DELETE FROM calls WHERE budget=? AND at<?", (key, now - longest))
        return _Turn(number, at, reason)

    def _block(self, key: str, penalty_s: float, rows: sqlite3.Connection) -> None:
        now = self._clock()
        found = rows.execute("SELECT until, penalty FROM blocked WHERE budget=?", (key,)).fetchone()
        until, penalty = found or (0.0, 0.0)
        if until <= now < until + 2 * penalty:
            penalty_s = max(penalty_s, 2 * penalty)
        penalty_s = min(penalty_s, _MAX_PENALTY_S)
        if now + penalty_s > until:
            values = (key, now + penalty_s, penalty_s)
            rows.execute("INSERT OR REPLACE INTO blocked VALUES (?, ?, ?)", values)

    def _confirm(self, key: str, windows: Sequence[Window], turn: _Turn, rows: sqlite3.Connection) -> _Turn:
        """After the sleep: go now, or learn when, if calls or refusals came between."""
        now = self._clock()
        self._set_back(rows, key, now)
        at, reason = self._free(rows, key, windows, now, turn.at, turn.id)
        rows.execute("UPDATE calls SET at=?, sent=? WHERE id=?", (at, at <= now, turn.id))
        return _Turn(turn.id, at, reason)

    @staticmethod
    def _set_back(rows: sqlite3.Connection, key: str, now: float) -> None:
        """Take calls and refusals that a clock set back has left in the future as of now."""
        ahead = now + _AHEAD_S
        rows.execute("UPDATE calls SET at=? WHERE budget=? AND at>? AND sent", (now, key, ahead))
        late = "UPDATE blocked SET until=? + penalty WHERE budget=? AND until > ? + penalty"
        rows.execute(late, (now, key, ahead))

    @staticmethod
    def _free(
        rows: sqlite3.Connection, key: str, windows: Sequence[Window], now: float, before: float, number: int
    ) -> tuple[float, str]:
        """Return the first moment that the windows leave free after the calls sent or queued before."""
        until = rows.execute("SELECT until FROM blocked WHERE budget=?", (key,)).fetchone()
        at, reason = (until[0], "the broker's refusal") if until and until[0] > now else (now, "")
        guard = _GUARD * min(window.seconds for window in windows)
        for window in windows:
            span = window.seconds + guard
            nth = rows.execute(_NTH, (key, now - span, before, before, number, window.calls - 1)).fetchone()
            if nth and nth[0] + span > at:
                at, reason = nth[0] + span, str(window)
        return at, reason

    def _run(self, statement: str, values: Sequence[object]) -> list[Any]:
        return self._written(lambda rows: rows.execute(statement, values).fetchall())

    def _written(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in one transaction; rebuild a damaged file, and failing that go on alone."""
        try:
            with self._file.write() as rows:
                return work(rows)
        except (OSError, sqlite3.Error) as error:
            self._mend(error)
        with self._file.write() as rows:
            return work(rows)

    def _mend(self, error: Exception) -> None:
        try:
            if not (isinstance(error, sqlite3.Error) and damaged(error)):
                raise error
            self._file.set_aside(error)
        except (OSError, sqlite3.Error) as final:
            self._file = _alone(self._file.path, final)

    def _tell(self, budget: str, turn: _Turn, start: float) -> None:
        if turn.at - start > _TELL_S:
            self._on_wait(Wait(budget, turn.at - start, turn.reason))

    def _log(self, wait: Wait) -> None:
        now = time.monotonic()
        if now - self._logged.get(wait.budget, -math.inf) >= _QUIET_S:
            self._logged[wait.budget] = now
            _LOG.warning("waiting %.1f s for %s (%s)", wait.seconds, wait.budget, wait.reason)

    def _key(self, budget: str) -> str:
        return f"{self._account}:{budget}"


def _opened(path: Path | None) -> Database:
    try:
        return Database(path, _VERSION, _SCHEMA, durable=False)
    except (OSError, sqlite3.Error) as error:
        return _alone(path, error)


def _alone(path: Path | None, error: Exception) -> Database:
    message = f"The rate limits hold for this process alone; {path} cannot be used: {error}"
    warnings.warn(CacheUnavailable(message), stacklevel=4)
    return Database(None, _VERSION, _SCHEMA, durable=False)
