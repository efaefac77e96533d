"""What keeps a web page in this machine's browser from the exchange, and everyone from its memory.

A page may send requests to 127.0.0.1, and by rebinding a name of its own to that address it may even read
the answers. So a request must name this machine as its host, one from a page must come from this machine,
an order to the exchange itself must carry the token of the greeting, and no body may be large.
"""

from __future__ import annotations

import asyncio
import hmac
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, HTTPConnection, Request

from kit.errors import SimulatorError
from kit.simulator.answers import TEXT, Answer, Refused

ADMIN_HEADER = "x-kit-admin"
MOST_BODY_BYTES = 1 << 20
BODY_WITHIN_S = 60.0
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def check_origin(request: HTTPConnection) -> None:
    """Refuse a request that names another host, or that a page of another site sent.

    Raises
    ------
    Refused
        HTTP 403 in plain text.
    """
    for name, prefix in (("host", "//"), ("origin", "")):
        said = request.headers.get(name)
        if said is not None and _host(prefix + said) not in _HERE:
            raise _forbidden(f"The {name} is not this machine.")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def check_token(request: Request, token: str) -> None:
    """Refuse an order to the exchange itself without its token.

    Raises
    ------
    Refused
        HTTP 403 in plain text.
    """
    said = request.headers.get(ADMIN_HEADER, "")
    if not hmac.compare_digest(said.encode(), token.encode()):
        raise _forbidden(f"Orders to the exchange carry admin_token of the greeting in {ADMIN_HEADER}.")


def _forbidden(why: str) -> Refused:
    return _refusal(403, why)


def _refusal(status: int, why: str) -> Refused:
    return Refused(Answer(status, why.encode(), TEXT))


async def read_body(request: Request) -> bytes:
    """Return the body of a request, or refuse it as soon as it is too large or too late.

    Raises
    ------
    Refused
        HTTP 413, 408, or 400 where the caller hung up, in plain text.
    """
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BODY_BYTES:
                    raise _refusal(413, f"No request has more than {MOST_BODY_BYTES} bytes.")
                parts.append(part)
    except TimeoutError:
        raise _refusal(408, f"The body did not arrive within {BODY_WITHIN_S:g} seconds.") from None
    except ClientDisconnect:
        raise _refusal(400, "The caller hung up.") from None
    return b"".join(parts)


def bounded(value: object, most: float, what: str) -> float:
    """Return a number from 0 to `most`.

    Raises
    ------
    SimulatorError
        It is none, or outside.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most:
        return float(value)  # NaN compares as outside
    raise SimulatorError(f"{what} must be a number from 0 to {most:g}", str(value)[:40], "For instance 2.")
