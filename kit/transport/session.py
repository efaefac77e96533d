"""The reply session: a requests-cache session with our backend, policy, key, flights and adapter."""

from __future__ import annotations

import inspect
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from requests import PreparedRequest
from requests_cache import DO_NOT_CACHE, CachedSession
from requests_cache.policy.directives import CacheDirectives

from kit.cache.flights import Flights
from kit.errors import StaleData
from kit.settings import CacheConfig
from kit.transport.key import UNTOLD, key_with
from kit.transport.limits import RateLimiter
from kit.transport.policy import Policy
from kit.transport.pool import ConnectionPoolManager
from kit.transport.store import BoundedCache
from kit.transport.stored import StoredAnswer, age_s, lifespan

# requests-cache inspects this signature twice in every call: remembered, a hit takes a quarter less
CacheDirectives.__init__.__signature__ = inspect.signature(CacheDirectives.__init__)  # type: ignore[attr-defined]


class ReplySession(CachedSession):
    """A requests-cache session that behaves as its documentation says, with what that library lacks.

    Nothing is stored unless the policy's table, ``settings`` or the call's ``expire_after`` says so; of many
    who ask for one missing answer at the same time, one asks the host.

    Parameters
    ----------
    pool : ConnectionPoolManager
        The sockets; they stay open when the session closes.
    policy : Policy
        What may be stored, for whom and for how long, the limits, and what may be sent again.
    config : CacheConfig
        Bounds of the disk tier, and ``stale_if_error``.
    file : Path or None
        The SQLite file; None: no disk tier. Where it cannot be used, a warning says so and nothing is stored.
    limiter : RateLimiter, optional
        Default: one of this session alone.

    Warns
    -----
    CacheUnavailable
        The disk tier is off or was rebuilt.
    """

    cache: BoundedCache

    def __init__(
        self,
        pool: ConnectionPoolManager,
        policy: Policy,
        config: CacheConfig,
        file: Path | None,
        limiter: RateLimiter | None = None,
    ) -> None:
        super().__init__(
            backend=BoundedCache(file, config, policy.owner),
            expire_after=DO_NOT_CACHE,
            urls_expire_after=policy.lifetimes(),
            allowable_methods=("GET", "HEAD", "POST"),
            ignored_parameters=UNTOLD,
            filter_fn=policy.keeps,
            key_fn=key_with(policy.owner),
            stale_if_error=config.stale_if_error,
        )
        self._policy = policy
        adapter = pool.adapter(policy, limiter)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self._flights: Flights[Any] = Flights()

    def send(self, request: PreparedRequest, expire_after: Any = None, *flags: bool, **options: Any) -> Any:
        """Answer a prepared request, as `requests_cache.CachedSession.send` does.

        What the policy forbids to store, orders and logins among it, is neither stored nor shared between
        threads, whatever the settings and the call say.

        Warns
        -----
        StaleData
            An expired answer stands in, as ``stale_if_error`` or ``stale_while_revalidate`` allows.
        """
        if self._policy.forbids(request):
            expire_after = DO_NOT_CACHE
        request.expire_after = expire_after  # type: ignore[attr-defined]
        if isinstance(expire_after, float) and 0 < expire_after < 1:
            expire_after = 1  # requests-cache would take it for nothing
        answer = super().send(request, expire_after, *flags, **options)
        if answer.from_cache and answer.is_expired and not answer.revalidated:
            path = str(answer.url).partition("?")[0]
            warnings.warn(StaleData(f"{path} is {age_s(answer):.0f} s old, past its lifetime"), stacklevel=4)
        return answer

    def stored(self, request: PreparedRequest) -> StoredAnswer | None:
        """Return the answer on disk, if one is there and has not expired; this needs no login."""
        if self.settings.disabled or str(request.method) not in self.settings.allowable_methods:
            return None
        found: Any = self.cache.get_response(self.cache.create_key(request))
        return None if found is None or found.is_expired else found

    def _send_and_cache(
        self, request: PreparedRequest, actions: Any, cached_response: Any = None, **options: Any
    ) -> Any:
        fetch = partial(self._fetched, request, actions, cached_response, **options)
        if actions.skip_read:  # what may not come from the cache is not shared either
            return fetch()
        return self._flights.join(actions.cache_key, partial(self._newer, actions, cached_response), fetch)

    def _fetched(self, request: PreparedRequest, actions: Any, *cached: Any, **options: Any) -> Any:
        if "X-ACTUAL-NO-CACHE" in request.headers:  # how a call's DO_NOT_CACHE travels
            actions.skip_write = True  # else requests-cache stores what has a lifetime by its URL or reply
        if self.settings.cache_control:  # the reply will tell
            request.expire_after = None  # type: ignore[attr-defined]
        elif request.expire_after is None:  # type: ignore[attr-defined]
            request.expire_after = actions.expire_after  # type: ignore[attr-defined]
        answer = super()._send_and_cache(request, actions, *cached, **options)
        if not answer.from_cache:  # counted from the arrival by requests-cache
            answer.created_at, answer.expires = lifespan(answer, answer.expires)
        return answer

    def _newer(self, actions: Any, cached: Any) -> Any:
        """Return what another flight has brought since the cache was looked at."""
        found = self.cache.get_response(actions.cache_key)
        if found is None or found.is_expired:
            return None
        return found if cached is None or found.created_at > cached.created_at else None
