"""The adapter that sessions mount: it takes a turn for each attempt, and repeats only what is safe."""

from __future__ import annotations

import logging
import random
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, cast

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from kit.errors import Ambiguous, NeverSent, TransportError
from kit.transport.adapter import PoolAdapter
from kit.transport.limits import RateLimiter
from kit.transport.policy import Policy, ReplyVerdict, Route

_LOG = logging.getLogger("kit.transport")
_LONGEST_PAUSE_S = 30.0  # a call that would have to wait longer ends with what it has
_LONG_PAUSE_S = 5.0  # a shorter one is no news: the pool counts it, and the caller has an answer


class RetryAdapter(BaseAdapter):
    """Sends by the policy's routes: their limits, and further attempts for reads.

    Parameters
    ----------
    below : PoolAdapter
        Makes one attempt.
    policy : Policy
        Limits, what may be sent twice, and the judge of answers.
    limiter : RateLimiter, optional
        Every attempt takes a turn, so a retry is paid like a first attempt. Needed where routes have
        windows.
    """

    def __init__(self, below: PoolAdapter, policy: Policy, limiter: RateLimiter | None = None) -> None:
        super().__init__()
        self._below = below
        self._policy = policy
        self._limiter = limiter or RateLimiter(None)

    def send(self, request: PreparedRequest, stream: bool = False, *how: Any, **more: Any) -> Response:
        """Send until there is an answer, or no attempt is left or safe; parameters as `PoolAdapter.send`.

        Returns
        -------
        Response
            Also when it is a refusal. Its ``sent_at`` is when the last attempt left, seconds since the epoch.

        Raises
        ------
        TransportError
            The last attempt brought no answer; see `PoolAdapter.send`.
        """
        asked = _without_marks(request)
        request = self._policy.gate(asked)
        route, attempt, last = self._policy.route(request), 0, self._below.config.max_retries
        if not isinstance(request.body, bytes | str | None):
            last = 0  # a stream can be read once
        while True:
            pause_s = backoff_s(self._below.config.backoff_factor, attempt)
            try:
                response = self._attempt(route, request, stream, *how, **more)
                response.request = asked
            except TransportError as error:
                if attempt >= last or not _safe(error, route):
                    raise
                why = type(error).__name__
            else:
                verdict = ReplyVerdict.OK if stream else self._policy.verdict(response)
                if verdict is ReplyVerdict.RATE_LIMITED:
                    asked_s = _retry_after_s(response)
                    self._limiter.refused(route.budget, asked_s)
                    pause_s = max(pause_s, asked_s)
                is_final = verdict in (ReplyVerdict.OK, ReplyVerdict.FINAL) or not route.retry_safe
                if is_final or attempt >= last or pause_s > _LONGEST_PAUSE_S:
                    return response
                response.close()
                why = verdict.value
            attempt += 1
            self._below.retries += 1
            # a warning is red in a notebook
            level = logging.WARNING if pause_s >= _LONG_PAUSE_S else logging.INFO
            _LOG.log(level, "%s: %s; attempt %d in %.1f s", route.name, why, attempt + 1, pause_s)
            time.sleep(pause_s)

    def close(self) -> None:
        """Leave the sockets open: they belong to the pool, not to one session."""

    def _attempt(self, route: Route, request: PreparedRequest, *how: Any, **more: Any) -> Response:
        with self._limiter.turn(route.budget, route.windows):
            sent_at = time.time()
            response = self._below.send(request, *how, **more)
        response.sent_at = sent_at  # type: ignore[attr-defined]
        return response


def backoff_s(factor: float, attempt: int) -> float:
    """Return the pause before the next attempt: doubled each time, with jitter downwards by half."""
    return min(factor * 2.0**attempt, _LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _safe(error: TransportError, route: Route) -> bool:
    return isinstance(error, NeverSent) or (isinstance(error, Ambiguous) and route.retry_safe)


def _without_marks(request: PreparedRequest) -> PreparedRequest:
    """Return a request without the headers by which a lifetime travels through requests-cache.

    The host has no use for them; the request itself keeps them, for where it is redirected.
    """
    if getattr(request, "expire_after", None) is None:
        return request
    sent: Any = request.copy()
    sent.expire_after = request.expire_after  # type: ignore[attr-defined]
    sent.headers.pop("X-ACTUAL-NO-CACHE", None)
    left = [part for part in sent.headers.pop("Cache-Control", "").split(",") if "max-age" not in part]
    if any(left):
        sent.headers["Cache-Control"] = ",".join(left)
    return cast(PreparedRequest, sent)


def _retry_after_s(response: Response) -> float:
    """Return how many seconds nobody may call: from ``Retry-After``, a number or a date, else one second."""
    asked = response.headers.get("Retry-After", "").strip()
    numbers = [part.strip() for part in asked.split(",")]  # two headers come as one
    if all(number.replace(".", "", 1).isdecimal() for number in numbers):
        return max(float(number[:9]) for number in numbers)
    try:
        return max(1.0, http_date_s(asked) - time.time())
    except ValueError:
        return 1.0


def http_date_s(text: str) -> float:
    """Return the Unix time, seconds, that a header such as ``Date`` tells; one without a zone means UTC.

    Raises
    ------
    ValueError
        It tells none.
    """
    try:
        told = parsedate_to_datetime(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (TypeError, OverflowError) as error:
        raise ValueError(f"no date: {text!r}") from error
