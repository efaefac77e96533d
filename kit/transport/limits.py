"""Rate limits that every process of the machine obeys together.

Sliding windows over the log of `kit.transport.turns`. A caller reserves its moment, sleeps, and checks
again before it goes. The broker counts a call when it arrives there, somewhere between sending and
answering. So windows are kept 1 % longer than published, and a call whose answer took longer than
that is moved to the moment of its answer (by at most 5 % of the window): no jitter on the way brings
two calls closer than the broker allows.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kit import arguments
from kit.transport.turns import Turn, TurnLog
from kit.transport.windows import Wait, Window, binding

__all__ = ["RateLimiter", "Wait", "Window", "binding"]

_LOG = logging.getLogger("kit.transport")
_TELL_S = 1.5  # a longer wait is reported
_QUIET_S = 10.0  # how often it is reported again while it lasts
_NAP_S = 1.0  # how long a waiting caller sleeps before it looks at clock and log again
_GUARD = 0.01  # of the shortest window: an answer that took longer moves its call
_LATEST_ANSWER = 0.05  # of the shortest window: how far an answer may move its call


class RateLimiter:
    """Sliding windows, exact, shared by all processes of the machine; first come, first served.

    Parameters
    ----------
    path : Path or None
        The shared file; None: this process alone. While the file cannot be used, a
        `CacheUnavailable` warning says so and the limits hold for this process alone.
    account : str, optional
        Limits count per account; only a digest of it is stored.
    on_wait : callable, optional
        Gets a `Wait` longer than 1.5 s before it begins, and what is left of it every 10 s; default: a log
        line.
    clock, sleep : callable, optional
        Seconds since the epoch, and how to let them pass.

    Raises
    ------
    DataError
        `path` is no path, or `account` no text.
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
        self._on_wait = on_wait or self._log
        self._clock = clock
        self._sleep = sleep
        self._logged: dict[str, float] = {}
        file = None if path is None else arguments.path(path, "Not the path of a file of limits")
        self._turns = TurnLog(file, arguments.text(account, "Not an account"), clock)

    def acquire(self, budget: str, windows: Sequence[Window], timeout_s: float = math.inf) -> float:
        """Wait for a turn and take it.

        Parameters
        ----------
        budget : str
            Calls of one budget share its windows.
        windows : sequence of Window
            Without any, nothing is waited for and nothing is noted.
        timeout_s : float, default inf
            Longest wait, seconds.

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
    def turn(self, budget: str, windows: Sequence[Window]) -> Iterator[float]:
        """Take a turn as `acquire` does, for the call made inside; a late answer moves the turn."""
        bound = binding(windows)
        turn, waited = self._take(budget, bound)
        try:
            yield waited
        finally:
            if turn is not None:
                took, window_s = self._clock() - turn.at, min(window.seconds for window in bound)
                if took > _GUARD * window_s:
                    self._turns.move(turn, turn.at + min(took, _LATEST_ANSWER * window_s))

    def refused(self, budget: str, penalty_s: float = 1.0) -> None:
        """Let no process call for a while after a refusal.

        A refusal soon after the end of a penalty doubles it, up to 15 minutes: then the broker counts calls
        that this machine has not made.

        Parameters
        ----------
        budget : str
            What was refused.
        penalty_s : float, default 1.0
            Seconds from now. A longer penalty already imposed stays.
        """
        self._turns.refused(budget, penalty_s)

    def remaining(self, budget: str, windows: Sequence[Window]) -> int:
        """Return how many calls could go at once now; 0 while a refusal holds."""
        return self._turns.remaining(budget, windows)

    def close(self) -> None:
        """Close the shared file."""
        self._turns.close()

    def _take(
        self, budget: str, windows: Sequence[Window], timeout_s: float = math.inf
    ) -> tuple[Turn | None, float]:
        if not windows:
            return None, 0.0
        start = self._clock()
        turn = self._turns.reserve(budget, windows, start + timeout_s)
        waited, told = 0.0, -math.inf
        while (left := turn.at - self._clock()) > 0:
            if (left > _TELL_S or told >= 0) and waited - told >= _QUIET_S:
                self._on_wait(Wait(budget, left, turn.reason))
                told = waited
            try:
                self._sleep(min(left, _NAP_S))
                turn = self._turns.confirm(turn, windows)
            except BaseException:
                self._turns.withdraw(turn)
                raise
            waited = max(0.0, self._clock() - start)
        return turn, waited

    def _log(self, wait: Wait) -> None:
        now = time.monotonic()
        if now - self._logged.get(wait.budget, -math.inf) >= _QUIET_S:
            self._logged[wait.budget] = now
            _LOG.warning("waiting %.1f s for %s (%s)", wait.seconds, wait.budget, wait.reason)
