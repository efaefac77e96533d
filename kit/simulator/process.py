"""The simulated exchange as a child process that dies with its parent."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self

from kit.errors import SimulatorError
from kit.settings import Credentials
from kit.simulator.market_clock import MarketClock

_PATIENCE_S = 3


class ExchangeProcess:
    """A running child process; a context manager.

    Parameters
    ----------
    child : Popen
        The process; its standard input is the cord that keeps it alive.
    greeting : dict
        The first line it printed.

    Attributes
    ----------
    url, master_url : str
        Roots for a client.
    admin_token : str
        What an order to the exchange itself carries in ``X-Kit-Admin``.
    credentials : Credentials
        The four secrets.
    clock : MarketClock
        The market's present, running beside the child's.
    ca_file : Path or None
        The authority's certificate, with TLS.
    """

    def __init__(self, child: subprocess.Popen[bytes], greeting: dict[str, Any]) -> None:
        self._child = child
        self.url: str = greeting["url"]
        self.master_url: str = greeting["master_url"]
        self.admin_token: str = greeting["admin_token"]
        self.credentials = Credentials(**{name: greeting[name] for name in Credentials.model_fields})
        start = datetime.fromisoformat(greeting["now"])
        self.clock = MarketClock(start, greeting["speed"], greeting["monotonic_s"])
        self.ca_file = Path(greeting["ca_file"]) if greeting["ca_file"] else None

    @property
    def pid(self) -> int:
        """Return the child's process number."""
        return self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child process; a second call does nothing."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                pipe.close()
        for stronger in (self._child.terminate, self._child.kill):
            try:
                self._child.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                stronger()  # a forked sibling may hold the other end of its input open
            else:
                return
        self._child.wait()


def launch(
    seed: int = 7,
    speed: float = 1.0,
    at: datetime | None = None,
    tls: bool = False,
    limits: bool = True,
    port: int = 0,
) -> ExchangeProcess:
    """Start the exchange as a child process and wait until it serves.

    Parameters
    ----------
    seed, speed, at, tls, limits, port
        As in `kit.simulator.server.SimulatedExchange`.

    Raises
    ------
    SimulatorError
        The child did not start; repeats what it said.
    """
    command = [sys.executable, "-m", "kit", "simulate", "--until-stdin-closes"]
    command += [f"--port={port}", f"--seed={seed}", f"--speed={speed}"]
    command += [f"--at={at.isoformat()}"] if at else []
    command += ["--tls"] if tls else []
    command += [] if limits else ["--no-limits"]
    with TemporaryFile() as complaints:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints
        )
        assert child.stdout is not None
        first = child.stdout.readline()
        if not first:
            raise _failed(child, complaints)
    return ExchangeProcess(child, json.loads(first))


def _failed(child: subprocess.Popen[bytes], complaints: IO[bytes]) -> SimulatorError:
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()
    child.wait()
    complaints.seek(0)
    said = complaints.read().decode(errors="replace").strip().splitlines()
    return SimulatorError(
        "The simulated exchange did not start", None, said[-1] if said else "It said nothing."
    )
