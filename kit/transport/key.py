"""The name under which an answer is stored: method, URL and body, and the account where it is private.

No header and no secret plays a part. The options are those of requests-cache's own ``create_key``, and are
normalised by its functions; only the URL, which is the same a thousand times, is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from requests import Request, Session
from requests_cache.cache_keys import get_matched_headers, normalize_body, normalize_headers, normalize_url
from requests_cache.policy.settings import DEFAULT_IGNORED_PARAMS

UNTOLD = (
    *DEFAULT_IGNORED_PARAMS,
    *("X-PrivateKey", "Cookie", "Set-Cookie"),
    *("clientcode", "password", "totp", "refreshToken", "jwtToken", "feedToken", "auth_token", "feed_token"),
)
"""Headers, parameters and fields of a body that play no part in a key and are never stored."""


def key_with(owner: Callable[[Any], str]) -> Callable[..., str]:
    """Return the session's ``key_fn``.

    Parameters
    ----------
    owner : callable
        Names the account that a request's answer belongs to; a stored request knows its own.

    Returns
    -------
    callable
        Takes a request, prepared or not, and the options of ``create_key``.
    """

    def key(
        request: Any,
        ignored_parameters: Iterable[str] | None = None,
        match_headers: Any = False,
        content_root_key: str | None = None,
        verify: Any = True,
        **_options: Any,
    ) -> str:
        if isinstance(request, Request):
            request = Session().prepare_request(request)
        ignored = tuple(ignored_parameters or ())
        parts = [str(request.method).upper(), _url(str(request.url), ignored), str(bool(verify))]
        if match_headers:
            parts += get_matched_headers(normalize_headers(request.headers, ignored), match_headers)
        whose = getattr(request, "owner", None)
        parts += [owner(request) if whose is None else whose, ""]
        body = normalize_body(request, ignored, content_root_key)
        return blake2b("\n".join(parts).encode() + body, digest_size=20).hexdigest()

    return key


@lru_cache(1024)
def _url(url: str, ignored: tuple[str, ...]) -> str:
    return normalize_url(url, ignored)
