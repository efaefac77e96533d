"""How the application is served: the socket it listens on and the server's settings."""

from __future__ import annotations

import errno
import socket
import sys

import uvicorn

from kit.errors import SimulatorError
from kit.simulator.app import ExchangeApp
from kit.simulator.certificates import Certificates
from kit.simulator.connections import watched, watched_sockets

HOST = "127.0.0.1"
_KEEP_ALIVE_S = 75
_GRACE_S = 1
_MOST_CONNECTIONS = 1024  # more are answered with HTTP 503


def listen(port: int) -> socket.socket:
    """Return a socket bound to 127.0.0.1.

    The protocol is named because asyncio sets TCP_NODELAY only where it is; without, a kept connection
    waits 40 ms per answer.

    Raises
    ------
    SimulatorError
        The port is taken or not allowed.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there the option would let two servers share a port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except (OSError, OverflowError) as error:
        bound.close()
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        what = "The port is in use" if taken else "The port cannot be opened"
        raise SimulatorError(what, port, "Choose another one, or 0 for any free one.") from None
    return bound


def uvicorn_config(app: ExchangeApp, certificates: Certificates | None) -> uvicorn.Config:
    """Return how the application is served: quietly, on kept connections, watched."""
    return uvicorn.Config(
        app,
        http=watched(app.connections),
        ws=watched_sockets(app.connections),  # type: ignore[arg-type]  # called, as its classes are
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=certificates.chain if certificates else None,
        ssl_keyfile=certificates.key if certificates else None,
    )
