"""One WebSocket to the broker: the handshake with its secrets, verified TLS, no redirects.

The library is loaded with the first connection, so that nobody else waits for it. It gets a logger that is
switched off, because at the level DEBUG it writes the headers of the handshake.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kit.errors import BrokerError, Denied, KeyRefused, LoginRefused, RateLimited, SessionExpired, Transient
from kit.transport.proxies import proxy_of_stream
from kit.transport.tls import context_for

if TYPE_CHECKING:
    from pathlib import Path

    from websockets.sync.client import ClientConnection

_OPEN_TIMEOUT_S, _CLOSE_TIMEOUT_S = 10, 2
_MOST_BYTES = 1 << 16  # a frame has 443 at most, an error some hundred
_WAITING_FRAMES = (4096, 1024)  # in the library; above it stops reading, and TCP holds the broker back
_SILENT = logging.Logger("kit.broker.stream.socket", logging.CRITICAL + 1)


def open_socket(
    url: str, headers: Mapping[str, str], ca_file: Path | None, ping_s: float
) -> AbstractContextManager[ClientConnection]:
    """Return a connection to be entered.

    Parameters
    ----------
    url : str
        ``wss://...``, or ``ws://`` on this machine.
    headers : mapping
        The handshake's own, secrets included; sent to this host only.
    ca_file : Path or None
        Certificate bundle instead of the system's.
    ping_s : float
        Seconds between two protocol pings; one that is not answered in as long ends the connection.

    Raises
    ------
    SettingsError
        The environment names a proxy that cannot be used.
    """
    from websockets.sync.client import connect

    at = urlsplit(url)
    return connect(
        url,
        ssl=context_for(ca_file) if at.scheme == "wss" else None,
        compression=None,  # a frame is small and its reader is in a hurry
        additional_headers=headers,
        proxy=proxy_of_stream(url) or None,
        open_timeout=_OPEN_TIMEOUT_S,
        close_timeout=_CLOSE_TIMEOUT_S,
        ping_interval=ping_s,
        ping_timeout=2 * ping_s,
        max_size=_MOST_BYTES,
        max_queue=_WAITING_FRAMES,
        logger=_SILENT,
        create_connection=_straight(),
    )


def _straight() -> type[ClientConnection]:
    """Return the library's connection, which turns a refused handshake into the kit's error.

    So it follows no redirect either, which would take the secrets along.
    """
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import ClientConnection

    class Straight(ClientConnection):
        def handshake(self, *args: Any, **named: Any) -> None:
            refused = None
            try:
                super().handshake(*args, **named)
            except InvalidStatus as error:
                refused = refusal(error.response.status_code, error.response.headers.get("x-error-message"))
            if refused:  # raised out here: the answer's request has the secrets
                raise refused

    return Straight


def refusal(status: int, said: str | None) -> BrokerError:
    """Return what a refused handshake means, by the broker's page and the status."""
    words = said or f"HTTP {status}"
    if status == 401 and "API Key" in words:
        return KeyRefused("The stream refuses the API key", words, "Check KIT_API_KEY.", status=status)
    if status == 401 and "Client Code" in words:
        return LoginRefused(
            "The stream refuses the client code", words, "Check KIT_CLIENT_CODE.", status=status
        )
    if status == 401:
        return SessionExpired("The stream calls the session ended", words, "It is renewed.", status=status)
    if status == 429 or "limit" in words.lower():
        remedy = "Three connections at once are allowed: close other programs of this account."
        return RateLimited("The stream takes no further connection", words, remedy, status=status)
    if status >= 500:
        return Transient("The stream is down", words, "It is tried again.", status=status)
    return Denied("The stream refuses this client", words, "Check address and account.", status=status)
