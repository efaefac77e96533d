"""Requests made, sent over one connection and read, without the library's detours."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from requests import PreparedRequest, Response
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

_PIECE = 2**16
_SLOW_BODY = 6  # time-outs that a whole body may take: a trickle must not hold a socket for ever


def prepared(method: str, url: str, headers: Mapping[str, str], content: Any = None) -> PreparedRequest:
    """Prepare a request with a JSON body; the library's way is slower, and its errors quote headers.

    Parameters
    ----------
    method, url : str
        The URL complete and already quoted.
    headers : mapping
        Beside those of the body.
    content : object, optional
        Becomes the JSON body; None: no body.
    """
    request = PreparedRequest()
    request.method, request.url, request.hooks = method, url, default_hooks()
    request.headers = CaseInsensitiveDict(headers)
    if content is not None:
        request.body = json.dumps(content).encode()
        request.headers["Content-Type"] = "application/json"
        request.headers["Content-Length"] = str(len(request.body))
    return request


def read_answer(connection: Any, request: PreparedRequest, target: str, timeout_s: float) -> Response:
    """Send a request and read its whole answer.

    Parameters
    ----------
    connection : urllib3.connection.HTTPConnection
        Connected; its time-out is set.
    request : PreparedRequest
    target : str
        Path with query, or the whole URL for a plain proxy.
    timeout_s : float
        Seconds without a byte; the whole body may take six times as long.

    Raises
    ------
    OSError, HTTPException, HTTPError
        The connection broke, at whatever point.
    ValueError
        A header cannot be sent.
    """
    started = time.perf_counter()
    _send(connection, request, target)
    raw = connection.getresponse()
    response = Response()
    response.status_code = raw.status
    response.reason = raw.reason
    response.headers = CaseInsensitiveDict(raw.headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response.url = str(request.url)
    response.request = request
    response._content = _whole(raw, started + _SLOW_BODY * timeout_s)
    response._content_consumed = True  # type: ignore[attr-defined]
    response.elapsed = timedelta(seconds=time.perf_counter() - started)
    return response


def _send(connection: Any, request: PreparedRequest, target: str) -> None:
    """Send head and body in one piece; the library sends two, and the host wakes up twice."""
    pieces: list[bytes] = []
    connection.send = pieces.append
    try:
        connection.request(request.method, target, request.body, request.headers, preload_content=False)
    finally:
        del connection.send
    connection.sock.sendall(b"".join(pieces))


def _whole(raw: Any, deadline: float) -> bytes:
    pieces = []
    while piece := raw.read1(_PIECE):
        pieces.append(piece)
        if time.perf_counter() > deadline:
            raise TimeoutError
    return b"".join(pieces)
