"""The in-process tier, and what the disk tier costs beside the library it stands on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from kit.benchmark.measure import Arms
from kit.benchmark.registry import row
from kit.benchmark.run import Run
from kit.benchmark.targets import at_most, faster, within
from kit.cache import CacheManager
from kit.settings import CacheConfig

_QUOTE = {"exchange": "NFO", "ltp": 512.35, "open": 498.0, "high": 530.7, "low": 471.15, "close": 505.5}
_QUOTE |= {"exchFeedTime": "20-Nov-2026 11:15:00"}
_ROWS = [
    {"tradingSymbol": f"BANKNIFTY30NOV26{46_000 + 100 * number}CE", "symbolToken": str(number), **_QUOTE}
    for number in range(200)
]
_BODY = json.dumps({"status": True, "message": "SUCCESS", "errorcode": "", "data": _ROWS}).encode()
_HITS = 1000


def _repeated(call: Callable[[], object]) -> Callable[[], None]:
    """Make a sample of many hits: one lasts less than the timer's own step."""

    def many() -> None:
        for _ in range(_HITS):
            call()

    return many


def _hot() -> Callable[[], object]:
    cache = CacheManager(CacheConfig())
    cache.set("chain", tuple(tuple(row.values()) for row in _ROWS))
    return partial(cache.get, "chain")


@row("cache", "us", at_most(2), peer=("a bare cachetools TLRU under a lock", within(3)), quick=True)
def hot_hit(run: Run) -> Arms:
    """Read one cached value in process, statistics on."""
    library = run.peer("cachetools")
    if library is None:
        return Arms(_repeated(_hot()), items=_HITS)
    bare, lock = (
        library.TLRUCache(1000, lambda _key, _value, now: now + 300, time.monotonic),
        threading.RLock(),
    )
    bare["chain"] = _ROWS

    def hit() -> object:
        with lock:
            return bare["chain"]

    return Arms(_repeated(_hot()), _repeated(hit), items=_HITS)


@row("cache", "us", peer=("a requests-cache SQLite hit", faster(2)), quick=True)
def disk_hit(run: Run) -> Arms:
    """Ask our session for a stored 44 KB answer, beside requests-cache's own with its SQLite backend."""
    from kit.transport.policy import Policy
    from kit.transport.pool import ConnectionPoolManager
    from kit.transport.session import ReplySession

    pool, file = run.enter(ConnectionPoolManager()), run.folder() / "replies.sqlite"
    ours = ReplySession(pool, Policy(), CacheConfig(), file)
    run.after_row(ours.close)
    return Arms(_hit(ours), _hit(_stock(run)))


@row("cache", "us", at_most(2000), peer=("requests-cache's SQLite backend", within(2)), quick=True)
def disk_write(run: Run) -> Arms:
    """Store a 44 KB answer in the disk tier, committed, at its bound of entries; the peer keeps no bound."""
    store, stock, answer, number = _store(run, disk_max_entries=200), _stock(run).cache, _answer(), count()

    def write() -> None:
        store[f"k{next(number)}"] = answer

    return Arms(write, lambda: stock.save_response(answer, f"k{next(number)}"), calls=10, warm=250)


def _answer() -> Any:
    from requests.structures import CaseInsensitiveDict
    from requests_cache.models.request import CachedRequest
    from requests_cache.models.response import CachedResponse

    request = CachedRequest(method="GET", url="http://host/x")
    headers = CaseInsensitiveDict({"Content-Type": "application/json"})
    return CachedResponse(
        content=_BODY, headers=headers, reason="OK", request=request, status_code=200, url=request.url
    )


def _store(run: Run, **config: int) -> Any:
    from kit.transport.store import BoundedCache

    cache = BoundedCache(run.folder() / "replies.sqlite", CacheConfig.model_validate(config))
    run.after_row(cache.close)
    return cache.responses


def _stock(run: Run) -> Any:
    """Return requests-cache's session with its own SQLite backend and serializer."""
    from requests_cache import CachedSession

    session = CachedSession(str(Path(run.folder()) / "stock.sqlite"), backend="sqlite", wal=True)
    run.after_row(session.close)
    return session


def _hit(session: Any) -> Callable[[], object]:
    """Put the answer into a session's cache and return what asks for it."""
    import requests

    session.headers["Accept"], session.settings.expire_after = "application/json", 3600
    request = session.prepare_request(requests.Request("GET", "http://host/x"))
    end = datetime.now(UTC) + timedelta(hours=1)
    session.cache.save_response(_answer(), session.cache.create_key(request), end)
    assert session.send(request, only_if_cached=True).content == _BODY
    return lambda: session.send(request, only_if_cached=True).content
