"""An answer in the form the disk tier keeps it.

Nothing of a request is stored but its method and the path of its URL: no headers, no body, no query.
Of a reply, its body and five harmless headers. The form is JSON and raw bytes, so that a file
somebody tampered with can be wrong, but never run.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from requests import Response
from requests.structures import CaseInsensitiveDict
from requests_cache.models.request import CachedRequest
from requests_cache.models.response import CachedResponse

_KEPT_HEADERS = ("Content-Type", "Date", "ETag", "Last-Modified", "Content-Language")


class StoredAnswer(CachedResponse):
    """A reply from the disk tier.

    Attributes
    ----------
    created, lapses : float
        Seconds since the epoch when it was asked for, and when its lifetime ends (``inf``: never).
    stale : bool
        Its lifetime is over; it is served because the network failed.
    """

    created: float
    lapses: float
    stale: bool = False

    def __attrs_post_init__(self) -> None:
        """Spare the imitation of a socket that the parent makes for every hit."""

    def __repr__(self) -> str:
        """Show what it is, never what it says: an answer may speak of an account."""
        where, _, _query = str(self.url).partition("?")
        state = "stale" if self.stale else f"{self.remaining_life_s:g} s left"
        return f"<{type(self).__name__} [{self.status_code}] {where}, {self.age_s:.1f} s old, {state}>"

    __str__ = __repr__

    def __rich_repr__(self) -> Iterator[str]:
        """Show the same on a rich console."""
        yield repr(self)

    @property
    def age_s(self) -> float:
        """Seconds since it was asked for."""
        return max(0.0, time.time() - self.created)

    @property
    def remaining_life_s(self) -> float:
        """Seconds until it may no longer be served; ``inf``: it never expires."""
        return max(0.0, self.lapses - time.time())


def encoded(answer: Response) -> tuple[str, bytes]:
    """Return what is worth keeping of an answer as JSON, and its body."""
    about = {
        "method": answer.request.method,
        "url": answer.url.partition("?")[0],
        "status": answer.status_code,
        "reason": answer.reason,
        "encoding": answer.encoding,
        "headers": {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers},
    }
    return json.dumps(about), answer.content or b""


def decoded(key: str, about: str, body: bytes, created: float, expires: float | None) -> StoredAnswer:
    """Rebuild an answer from its row.

    Raises
    ------
    ValueError, KeyError, TypeError
        The row is not what `encoded` wrote.
    """
    facts = json.loads(about)
    answer = StoredAnswer(
        content=body,
        created_at=datetime.fromtimestamp(created, UTC),
        encoding=facts["encoding"],
        expires=None if expires is None else datetime.fromtimestamp(expires, UTC),
        headers=CaseInsensitiveDict(facts["headers"]),
        reason=facts["reason"],
        request=CachedRequest(method=facts["method"], url=facts["url"]),
        status_code=facts["status"],
        url=facts["url"],
    )
    answer.cache_key = key
    answer.created = created
    answer.lapses = math.inf if expires is None else expires
    return answer
