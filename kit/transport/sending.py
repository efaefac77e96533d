"""One call's attempts: a turn of the limit for each, and another attempt only where it is safe."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import requests
from requests import PreparedRequest, Response

from kit.errors import Ambiguous, NeverSent, TransportError
from kit.transport.limits import RateLimiter, Window
from kit.transport.pool import ConnectionPoolManager

Lifetime = float | None | Callable[[requests.PreparedRequest], float | None]
_LONGEST_BACKOFF_S = 30.0


class Verdict(Enum):
    """What the broker's judge says about a raw response."""

    OK = "ok"
    RATE_LIMITED = "rate limited"
    TRANSIENT = "transient"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint as the transport sees it.

    Parameters
    ----------
    name : str
        Name in messages.
    path : str
        URL path it matches; a trailing ``/`` does not matter.
    ttl_s : float, None or callable
        Lifetime of an answer, seconds. None: never stored. ``math.inf``: never expires. A callable
        gets the `requests.PreparedRequest` when its answer arrives and returns one of these
        (closed days' candles ``math.inf``, today's 3600).
    budget : str
        Rate budget the call draws from.
    windows : tuple of Window
        Limits of that budget.
    retry_safe : bool
        Sending it twice does no harm (a read).
    private : bool, default False
        The answer belongs to one account: its cache key includes the account.
    """

    name: str
    path: str
    ttl_s: Lifetime
    budget: str
    windows: tuple[Window, ...]
    retry_safe: bool
    private: bool = False


@dataclass(frozen=True)
class Sender:
    """Sends requests by their routes.

    Parameters
    ----------
    pool : ConnectionPoolManager
        Sockets, time-outs, and how often to try.
    limiter : RateLimiter
        Every attempt takes a turn, so a retry is paid like a first attempt.
    judge : callable
        Gives the `Verdict` on a raw response.
    """

    pool: ConnectionPoolManager
    limiter: RateLimiter
    judge: Callable[[Response], Verdict]

    def send(self, request: PreparedRequest, route: Route) -> tuple[Response, Verdict, float]:
        """Send until there is an answer, or no attempt is left or safe.

        Returns
        -------
        response : Response
            Also when it is a refusal: the broker's side names that.
        verdict : Verdict
            Of the last answer.
        sent_at : float
            Seconds since the epoch when the last attempt left.

        Raises
        ------
        NeverSent, Ambiguous, PoolExhausted, CircuitOpen
            The last attempt brought no answer.
        """
        attempt, last = 0, self.pool.config.max_retries
        while True:
            try:
                response, sent_at = self._attempt(request, route)
            except TransportError as error:
                if attempt >= last or not _safe(error, route):
                    raise
            else:
                verdict = self.judge(response)
                if verdict is Verdict.RATE_LIMITED:
                    self.limiter.refused(route.budget, _penalty_s(response))
                if verdict in (Verdict.OK, Verdict.FINAL) or attempt >= last or not route.retry_safe:
                    return response, verdict, sent_at
            self.pool.count_retry()
            time.sleep(backoff_s(self.pool.config.backoff_factor, attempt))
            attempt += 1

    def _attempt(self, request: PreparedRequest, route: Route) -> tuple[Response, float]:
        with self.limiter.turn(route.budget, route.windows):
            sent_at = time.time()
            return self.pool.exchange(request), sent_at


def backoff_s(factor: float, attempt: int) -> float:
    """Return the pause before the next attempt: doubled each time, with jitter downwards by half."""
    return min(factor * 2.0**attempt, _LONGEST_BACKOFF_S) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _safe(error: TransportError, route: Route) -> bool:
    return isinstance(error, NeverSent) or (isinstance(error, Ambiguous) and route.retry_safe)


def _penalty_s(response: Response) -> float:
    """Return how long nobody may call after a refusal: what the broker says, else a second."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 1.0
