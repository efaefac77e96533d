"""How a host is doing: error rate, latency, and the circuit that opens after repeated failure."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from kit.clock import IST
from kit.errors import CircuitOpen
from kit.forks import renew_in_fork

_LOG = logging.getLogger("kit.transport")
_RECENT = 512  # answers that error rate and percentiles look back on


class Health:
    """What is known about one host.

    Parameters
    ----------
    host : str
        For messages.
    failures : int
        Failures in a row that open the circuit.
    reset_s : float
        Seconds until an open circuit lets one call try.
    timer : callable, optional
        Monotonic seconds.
    """

    def __init__(
        self, host: str, failures: int, reset_s: float, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self.host = host
        self._limit = failures
        self._reset_s = reset_s
        self._timer = timer
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, bool]] = deque(maxlen=_RECENT)
        self._in_row = self._errors = self._answers = 0
        self._shut_until = 0.0
        renew_in_fork(self, _lock=threading.Lock)

    def admit(self) -> None:
        """Let a call pass, or one trial call when an open circuit's time is over.

        Raises
        ------
        CircuitOpen
            Too many calls failed in a row; says when the next may try.
        """
        if self._in_row < self._limit:
            return
        with self._lock:
            left = self._shut_until - self._timer()
            if left <= 0:
                self._shut_until = self._timer() + self._reset_s  # this call is the trial; others wait for it
                return
        again = (datetime.now(IST) + timedelta(seconds=left)).strftime("%H:%M:%S")
        remedy = f"It failed {self._in_row} times in a row; the next try is at {again} IST, in {left:.0f} s."
        raise CircuitOpen("The host is failing, so nothing is sent to it", self.host, remedy)

    def record(self, seconds: float, ok: bool) -> None:
        """Note how a call ended."""
        with self._lock:
            self._recent.append((seconds, ok))
            self._answers += 1
            self._errors += not ok
            self._in_row = 0 if ok else self._in_row + 1
            if self._in_row >= self._limit:
                if self._in_row == self._limit:
                    _LOG.warning("%s failed %d times in a row: circuit open", self.host, self._in_row)
                self._shut_until = self._timer() + self._reset_s

    def stats(self) -> dict[str, Any]:
        """Return ``requests, errors, error_rate_percent, p50_ms, p95_ms, circuit`` of this host.

        Rate and percentiles look back on the latest 512 calls; they are 0 before the first.
        """
        with self._lock:
            recent = list(self._recent)
            shut = self._in_row >= self._limit and self._shut_until > self._timer()
            counts = {"requests": self._answers, "errors": self._errors}
        failed = sum(not ok for _seconds, ok in recent)
        return {
            **counts,
            "error_rate_percent": round(100 * failed / len(recent), 2) if recent else 0.0,
            **percentiles_ms([seconds for seconds, _ok in recent]),
            "circuit": "open" if shut else "closed",
        }

    def latencies_s(self) -> list[float]:
        """Return the latest latencies, seconds."""
        with self._lock:
            return [seconds for seconds, _ok in self._recent]


def percentiles_ms(seconds: list[float]) -> dict[str, float]:
    """Return ``p50_ms`` and ``p95_ms``; both are 0 where nothing was measured."""
    ordered = sorted(seconds) or [0.0]
    last = len(ordered) - 1
    return {f"p{share}_ms": round(ordered[round(last * share / 100)] * 1000, 3) for share in (50, 95)}
