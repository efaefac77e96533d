"""The log of calls that every process of the machine reads before it calls.

What stands in it, for one budget:

- a call that was sent counts until it is older than the longest window;
- a reservation counts while its caller lives: every few moments the caller renews it, and one that was
  not renewed is as if it were not there. So a killed process holds nobody up;
- nobody is sent while a refusal holds;
- a call goes only in the transaction that finds every window free of sent calls and earlier reservations.

Times are the machine's wall clock, which all processes share and a restart keeps. When it is set back, calls
seem to lie ahead; they are then taken as made now, so that a wait is never longer than a window. When the
file is deleted, or cannot be used for a while, each process writes its own recent calls into the next one.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from kit.errors import RateLimited
from kit.transport.database import Database, FileUnusable
from kit.transport.windows import Window

T = TypeVar("T")
_VERSION = 4
_GUARD = 0.01  # of the shortest window: added to each window
_MAX_PENALTY_S = 900.0
_AHEAD_S = 1.0  # no call was made later than this from now, unless the clock was set back
_LEASE_S = 3.0  # a reservation not renewed for so long has lost its caller
_REMEMBERED = 6000  # own calls, a little more than an hour's allowance
_SCHEMA = (
    "CREATE TABLE calls (id INTEGER PRIMARY KEY, budget TEXT NOT NULL, at REAL NOT NULL, sent INT NOT NULL,"
    " seen REAL NOT NULL)",
    "CREATE INDEX calls_at ON calls (budget, at, sent, seen)",
    "CREATE TABLE blocked (budget TEXT PRIMARY KEY, until REAL NOT NULL, penalty REAL NOT NULL)",
)
_NTH = (
    "SELECT at FROM calls WHERE budget=? AND at > ? AND (sent OR (seen BETWEEN ? AND ? AND "
    "(at < ? OR (at = ? AND id < ?)))) ORDER BY at DESC LIMIT 1 OFFSET ?"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A moment in the log.

    Parameters
    ----------
    id : int
        Its row.
    key : str
        Account and budget.
    at : float
        When the call may go, seconds since the epoch; not later than now: it may go, and counts as sent.
    reason : str
        The window or refusal it waits for.
    """

    id: int
    key: str
    at: float
    reason: str = ""


class TurnLog:
    """Reserves moments in the shared log.

    Parameters
    ----------
    path : Path or None
        The shared file; None: this process alone. While the file cannot be used, a `CacheUnavailable`
        warning says so and the limits hold for this process alone.
    account : str
        Limits count per account; only a digest of it is stored.
    clock : callable
        Seconds since the epoch.
    """

    def __init__(self, path: Path | None, account: str, clock: Callable[[], float] = time.time) -> None:
        self._account = hashlib.sha256(account.encode()).hexdigest()[:16]
        self._clock = clock
        without = "The rate limits hold for this process alone"
        self._shared = Database(path, _VERSION, _SCHEMA, without, durable=False)
        self._alone = Database(None, _VERSION, _SCHEMA)
        self._filled: dict[Database, tuple[int, int]] = {}
        self._own: dict[int, Turn] = {}
        self._placed = 0
        self._refusals: dict[str, tuple[float, float]] = {}
        if path is not None:
            self._written(lambda _rows: None)  # warns now, not later, of a file that cannot be used

    def reserve(self, budget: str, windows: Sequence[Window], latest: float) -> Turn:
        """Reserve the first moment that is free after all reserved ones.

        Raises
        ------
        RateLimited
            It is later than `latest`; nothing was taken.
        """
        turn = Turn(secrets.randbits(62), self._key(budget), float("inf"))
        return self._sent(self._written(partial(self._place, turn, windows, latest)))

    def confirm(self, turn: Turn, windows: Sequence[Window]) -> Turn:
        """Renew a reservation: the turn returned may go now, or says when it may."""
        return self._sent(self._written(partial(self._place, turn, windows, float("inf"))))

    def withdraw(self, turn: Turn) -> None:
        """Give a moment back."""
        self._own.pop(turn.id, None)
        self._written(lambda rows: rows.execute("DELETE FROM calls WHERE id=?", (turn.id,)))

    def move(self, turn: Turn, later: float) -> None:
        """Let a call count as made later than it was sent."""
        self._sent(replace(turn, at=later), now=later)
        self._written(
            lambda rows: rows.execute("UPDATE calls SET at=max(at, ?) WHERE id=?", (later, turn.id))
        )

    def refused(self, budget: str, penalty_s: float) -> None:
        """Let nobody call for a while; a refusal soon after the end of a penalty doubles it."""
        self._written(partial(self._block, self._key(budget), penalty_s))

    def remaining(self, budget: str, windows: Sequence[Window]) -> int:
        """Return how many calls could go at once now; 0 while a refusal holds."""

        def count(rows: sqlite3.Connection) -> int:
            now, key = self._clock(), self._key(budget)
            if rows.execute("SELECT 1 FROM blocked WHERE budget=? AND until>?", (key, now)).fetchone():
                return 0
            asked = "SELECT count(*) FROM calls WHERE budget=? AND at>? AND (sent OR seen>?)"
            found = [(key, now - window.seconds, now - _LEASE_S) for window in windows]
            free = (w.calls - rows.execute(asked, row).fetchone()[0] for w, row in zip(windows, found))  # noqa: B905
            return max(0, min(free, default=2**31))

        return self._written(count)

    def close(self) -> None:
        """Close the shared file."""
        self._shared.close()

    def _key(self, budget: str) -> str:
        return f"{self._account}:{budget}"

    def _sent(self, turn: Turn, now: float | None = None) -> Turn:
        """Remember a call that goes now, to write it into any file that replaces the present one."""
        if turn.at <= (self._clock() if now is None else now):
            self._own.pop(turn.id, None)
            self._own[turn.id] = turn
            if len(self._own) > _REMEMBERED:
                self._own.pop(next(iter(self._own)), None)
        return turn

    def _place(self, turn: Turn, windows: Sequence[Window], latest: float, rows: sqlite3.Connection) -> Turn:
        now = self._clock()
        self._set_back(rows, turn.key, now)
        at, reason = self._free(rows, turn, windows, now)
        if at > latest:
            remedy = f"The limit is {reason}; allow {at - now:.1f} s or call less often."
            raise RateLimited("No turn comes up in time for", turn.key.partition(":")[2], remedy)
        rows.execute(
            "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?)", (turn.id, turn.key, at, at <= now, now)
        )
        self._placed += 1
        if self._placed % 64 == 0:
            longest = max(window.seconds for window in windows)
            rows.execute("DELETE FROM calls WHERE budget=? AND at<?", (turn.key, now - longest))
        return replace(turn, at=at, reason=reason)

    def _block(self, key: str, penalty_s: float, rows: sqlite3.Connection) -> None:
        now = self._clock()
        found = rows.execute("SELECT until, penalty FROM blocked WHERE budget=?", (key,)).fetchone()
        until, penalty = found or (0.0, 0.0)
        if until <= now < until + 2 * penalty:
            penalty_s = max(penalty_s, 2 * penalty)
        penalty_s = min(penalty_s, _MAX_PENALTY_S)
        if now + penalty_s > until:
            self._refusals[key] = (now + penalty_s, penalty_s)
            rows.execute("INSERT OR REPLACE INTO blocked VALUES (?, ?, ?)", (key, *self._refusals[key]))

    @staticmethod
    def _set_back(rows: sqlite3.Connection, key: str, now: float) -> None:
        """Date calls and refusals back to now that lie in the future because the clock was set back."""
        ahead = now + _AHEAD_S
        if rows.execute("SELECT 1 FROM calls WHERE budget=? AND at>? AND sent", (key, ahead)).fetchone():
            rows.execute("UPDATE calls SET at=? WHERE budget=? AND at>? AND sent", (now, key, ahead))
        late = "UPDATE blocked SET until=? + penalty WHERE budget=? AND until > ? + penalty"
        rows.execute(late, (now, key, ahead))

    @staticmethod
    def _free(
        rows: sqlite3.Connection, turn: Turn, windows: Sequence[Window], now: float
    ) -> tuple[float, str]:
        """Return the first moment that the windows leave free after the calls sent or queued before."""
        until = rows.execute("SELECT until FROM blocked WHERE budget=?", (turn.key,)).fetchone()
        at, reason = (until[0], "the broker's refusal") if until and until[0] > now else (now, "")
        guard = _GUARD * min(window.seconds for window in windows)
        before = (now - _LEASE_S, now + _AHEAD_S, turn.at, turn.at, turn.id)
        for window in windows:
            span = window.seconds + guard
            nth = rows.execute(_NTH, (turn.key, now - span, *before, window.calls - 1)).fetchone()
            if nth and nth[0] + span > at:
                at, reason = nth[0] + span, str(window)
        return at, reason

    def _written(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in one transaction; without the shared file, for this process alone."""
        try:
            return self._shared.write(partial(self._with_own, self._shared, work))
        except FileUnusable:
            return self._alone.write(partial(self._with_own, self._alone, work))

    def _with_own(
        self, file: Database, work: Callable[[sqlite3.Connection], T], rows: sqlite3.Connection
    ) -> T:
        """Write this process's recent calls into the file if it is a new one, then do the work."""
        if self._filled.get(file) != file.content:
            calls = [(turn.id, turn.key, turn.at, True, turn.at) for turn in self._own.values()]
            rows.executemany("INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?)", calls)
            blocks = [(key, *refusal) for key, refusal in self._refusals.items()]
            rows.executemany("INSERT OR IGNORE INTO blocked VALUES (?, ?, ?)", blocks)
            self._filled[file] = file.content
        return work(rows)
