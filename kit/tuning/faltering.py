"""What time-outs, retries and back-off cost when the broker falters: seconds until an answer or an error.

The cases are faults of the simulated exchange (`kit.simulator.faults`), followed by arithmetic and not
by waiting; ``tests/tuning`` compares them with the client's own behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.settings import ConnectionConfig

Ending = Literal["answer", "error"]
_MEAN_JITTER, _LONGEST_PAUSE_S = 0.75, 30.0


@dataclass(frozen=True)
class Faltering:
    """One case.

    Parameters
    ----------
    case : str
        What happens, in words.
    fault : str
        Its name in `kit.simulator.faults`; empty where no server can act it.
    seconds : float
        Until the caller has an answer or an error.
    ends_in : {"answer", "error"}
        Which of the two.
    attempts : int
        Requests made.
    """

    case: str
    fault: str
    seconds: float
    ends_in: Ending
    attempts: int


def faltering(config: ConnectionConfig) -> list[Faltering]:
    """Return each case under these settings, for a call that may be sent again."""
    return [
        _lasting(config, "Connection refused", "", 0.0),
        _lasting(config, "Host unreachable", "", config.connect_timeout),
        _lasting(config, "HTTP 502, again and again", "html-502", 0.0),
        _lasting(config, "No answer, again and again", "stall", config.timeout),
        _passing(config, "Connection breaks once", "drop-before", 0.0),
        _passing(config, "No answer once", "stall", config.timeout),
        Faltering("Every socket busy", "", config.acquire_timeout, "error", 0),
        _until_open(config),
    ]


def pauses_s(config: ConnectionConfig) -> list[float]:
    """Return the mean pause before each retry: doubled each time, with jitter of up to a half."""
    return [
        _MEAN_JITTER * min(config.backoff_factor * 2**at, _LONGEST_PAUSE_S)
        for at in range(config.max_retries)
    ]


def _lasting(config: ConnectionConfig, case: str, fault: str, each_s: float) -> Faltering:
    attempts = config.max_retries + 1
    return Faltering(case, fault, attempts * each_s + sum(pauses_s(config)), "error", attempts)


def _until_open(config: ConnectionConfig) -> Faltering:
    """Follow callers in turn until the circuit opens and calls fail at once."""
    one = _lasting(config, "", "", 0.0)
    calls = -(-config.circuit_failures // one.attempts)
    return Faltering(
        "Refused until the circuit opens", "", calls * one.seconds, "error", config.circuit_failures
    )


def _passing(config: ConnectionConfig, case: str, fault: str, each_s: float) -> Faltering:
    if not config.max_retries:
        return Faltering(case, fault, each_s, "error", 1)
    return Faltering(case, fault, each_s + pauses_s(config)[0], "answer", 2)
