"""A process that writes numbered answers into a store and says which it has committed; to be killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from requests_cache.models.request import CachedRequest
from requests_cache.models.response import CachedResponse

from kit.settings import CacheConfig
from kit.transport.store import BoundedCache

REQUEST = CachedRequest(method="POST", url="http://host/x")


def work(file: str, first: str) -> None:
    """Write answers from a number on, telling of each, until somebody ends this process."""
    store = BoundedCache(Path(file), CacheConfig()).responses
    for number in count(int(first)):
        end, body = datetime.now(UTC) + timedelta(hours=1), str(number).encode() * 3000
        answer = CachedResponse(content=body, expires=end, request=REQUEST, status_code=200, url=REQUEST.url)
        store[f"k{number}"] = answer
        print(number, flush=True)  # noqa: T201  to whoever may kill this process
