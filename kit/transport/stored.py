"""An answer in the form the disk tier keeps it.

Of a request its method, URL and body are kept, without what `kit.transport.key.UNTOLD` names, and of its
headers only those that say which of several forms an answer has. Of a reply, its body and a few harmless
headers. The form is JSON and raw bytes, so that a file somebody tampered with can be wrong, but never run.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from requests.structures import CaseInsensitiveDict
from requests_cache.cache_keys import filter_url, normalize_body
from requests_cache.models.raw_response import CachedHTTPResponse
from requests_cache.models.request import CachedRequest
from requests_cache.models.response import CachedResponse
from requests_cache.policy.expiration import get_expiration_datetime

_ANSWER = ("Content-Type", "Date", "ETag", "Last-Modified", "Content-Language", "Cache-Control", "Expires")


class StoredRequest(CachedRequest):
    """The request of a stored answer, and the account it belongs to (a digest; empty: everybody's)."""

    owner = ""


class StoredAnswer(CachedResponse):
    """A reply from the disk tier; its ``repr`` shows address and age, never its content."""

    def __attrs_post_init__(self) -> None:
        """Skip the imitated socket that the parent class makes: it would take a third of every hit."""

    @property
    def raw(self) -> Any:
        """The body as a socket would bring it."""
        return self.__dict__.setdefault("_raw", CachedHTTPResponse.from_cached_response(self))

    @raw.setter
    def raw(self, _value: Any) -> None:
        pass

    def __repr__(self) -> str:
        where = _plain(str(self.url).partition("?")[0])
        left = "no end" if self.expires is None else f"{self.expires:until %Y-%m-%d %H:%M:%S} UTC"
        return f"<{type(self).__name__} [{self.status_code}] {where}, {age_s(self):.1f} s old, {left}>"

    __str__ = __repr__

    def __rich_repr__(self) -> Iterator[str]:
        """Show the same on a rich console."""
        yield repr(self)


def age_s(answer: Any) -> float:
    """Return the seconds since an answer was asked for."""
    return max(0.0, time.time() - float(answer.created_at.timestamp()))


def remaining_s(answer: Any) -> float:
    """Return the seconds until a stored answer may no longer be served; ``inf``: it never expires."""
    return math.inf if answer.expires is None else max(0.0, float(answer.expires.timestamp()) - time.time())


def lifespan(answer: Any, expires: datetime | None) -> tuple[datetime, datetime | None]:
    """Return when an answer was asked for, and when its lifetime ends, counted from then.

    The lifetime that the session noted on the request holds to the fraction of a second; in the header by
    which a call's own travels through requests-cache it is rounded up.
    """
    if not hasattr(answer, "sent_at"):
        return answer.created_at if hasattr(answer, "created_at") else datetime.now(UTC), expires
    created = datetime.fromtimestamp(answer.sent_at, UTC)
    exact = getattr(answer.request, "expire_after", None)
    if expires is not None and exact is not None:
        exact = timedelta(seconds=exact) if isinstance(exact, float) else exact  # cut to whole seconds else
        return created, get_expiration_datetime(exact, start_time=created)
    return created, expires and expires - (datetime.now(UTC) - created)


def encoded(answer: Any, owner: str, untold: Iterable[str], matched: Iterable[str]) -> tuple[str, bytes]:
    """Return what is worth keeping of an answer as JSON, and its body."""
    about = _about(answer, owner, tuple(untold), matched)
    about["history"] = [_about(each, owner, tuple(untold), matched) for each in answer.history]
    return json.dumps(about), answer.content or b""


def decoded(key: str, about: str, body: bytes, created: float, expires: float | None) -> StoredAnswer:
    """Rebuild an answer from its row.

    Raises
    ------
    ValueError, KeyError, TypeError, OverflowError, RecursionError, AttributeError
        The row is not what `encoded` wrote.
    """
    facts = json.loads(about)
    answer = _rebuilt(
        facts,
        body,
        history=[_rebuilt(each, b"") for each in facts["history"]],
        created_at=datetime.fromtimestamp(created, UTC),
        expires=None if expires is None else datetime.fromtimestamp(expires, UTC),
    )
    answer.cache_key = key
    return answer


def _about(answer: Any, owner: str, untold: tuple[str, ...], matched: Iterable[str]) -> dict[str, Any]:
    request, vary = answer.request, answer.headers.get("Vary")
    asked = {"content-type", *(name.lower() for name in matched)}
    asked |= {name.strip().lower() for name in vary.split(",")} if vary else set()
    hidden = {name.lower() for name in untold}
    return {
        "method": request.method,
        "asked": {
            name: str(value)
            for name, value in request.headers.items()
            if name.lower() in asked and name.lower() not in hidden
        },
        "body": _told_body(request, untold),
        "owner": getattr(request, "owner", owner),
        "url": _plain(answer.url, untold),
        "status": answer.status_code,
        "reason": answer.reason,
        "encoding": answer.encoding,
        "headers": {name: answer.headers[name] for name in (*_ANSWER, "Vary") if name in answer.headers},
    }


def _told_body(request: Any, untold: tuple[str, ...]) -> str:
    """Return a body of named fields without the secret ones; another kind of body could hide anything."""
    kind = str(request.headers.get("Content-Type", "")).partition(";")[0]
    if not request.body or kind not in ("application/json", "application/x-www-form-urlencoded"):
        return ""
    told = normalize_body(request, untold).decode(errors="replace")
    named = [name for name in untold if f'"{name}"' in told]
    nested = any(told.count(f'"{name}"') > told.count(f'"{name}": "REDACTED"') for name in named)
    return "" if nested else told


def _plain(url: str, untold: tuple[str, ...] = ()) -> str:
    """Return a URL without user, password and secret parameters."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return filter_url(url, untold) if parts.query else url


def _rebuilt(facts: Mapping[str, Any], body: bytes, **more: Any) -> StoredAnswer:
    request = StoredRequest(
        body=facts["body"],
        cookies={},  # type: ignore[arg-type] # none were kept; a jar takes a tenth of a hit to make
        headers=CaseInsensitiveDict(facts["asked"]),
        method=facts["method"],
        url=facts["url"],
    )
    request.owner = facts["owner"]
    return StoredAnswer(
        content=body,
        encoding=facts["encoding"],
        headers=CaseInsensitiveDict(facts["headers"]),
        reason=facts["reason"],
        request=request,
        status_code=facts["status"],
        url=facts["url"],
        elapsed=timedelta(0),
        **more,
    )
