"""What can go wrong, as one tree: catch the branch that you can answer.

::

    KitError
    ├── SettingsError            a setting that does not exist or does not fit
    ├── DataError                what was asked of the market does not exist
    │   ├── UnknownSymbol
    │   ├── UnknownExpiry
    │   ├── UnknownInterval
    │   ├── UnknownStrategy      no strategy of this run has this name
    │   ├── FarStrike            the nearest strike is absurdly far from the spot
    │   ├── InvalidOrder         lot, tick, freeze quantity or price: no exchange would take it
    │   ├── UnreadableFile       a market-data file that is not what it claims
    │   └── ContradictingBars    two sources contradict each other about a bar
    ├── TransportError           the request did not get through
    │   ├── NeverSent            safe to send again
    │   ├── Ambiguous            sent, no answer: the broker may have acted
    │   ├── PoolExhausted        no free connection within the waiting time
    │   └── CircuitOpen          too many failures; says when it tries again
    ├── BrokerError              the broker answered with an error
    │   ├── RateLimited
    │   ├── SessionExpired
    │   │   └── SessionTakenOver another login with this account keeps ending it
    │   ├── LoginRefused
    │   │   ├── KeyRefused       the API key, not PIN or TOTP
    │   │   └── AccountBlocked
    │   ├── Transient
    │   ├── Denied
    │   │   └── AddressRefused   an unregistered IP
    │   ├── BadRequest
    │   │   └── AheadOfNow       a span that ends in the future
    │   ├── Rejected
    │   └── ProtocolError        an answer in no known format
    ├── RuleFailed               a Python function that stands in a plan raised
    ├── TaskError                a task of the processor did not return a value
    │   ├── TaskFailed           it raised; carries the worker's traceback
    │   ├── TaskTimeout
    │   ├── TaskCrashed          its worker process died
    │   ├── TaskCancelled
    │   ├── ResultNotReady       the waiting time is over, the task goes on
    │   └── QueueFull
    ├── UnwritableFile           data could not be kept: a full disk, a folder that may not be written
    ├── LiveOrdersRefused        nothing that changes a real account is sent without two consents
    └── SimulatorError           the simulated exchange cannot start

    KitWarning
    ├── CacheUnavailable         the disk tier is off or was rebuilt
    └── StaleData                an old answer, served because the network failed

Every error keeps what failed, the value and the remedy, and reads as one sentence of each. It survives
pickling: a worker's error is the caller's. Who does not know this tree catches the standard class that each
inherits: ``ValueError``, ``LookupError``, ``ConnectionError``, ``TimeoutError``.
"""

from __future__ import annotations

import queue
from typing import Any

from kit.short_repr import short_repr


class KitError(Exception):
    """Base of every error the kit raises.

    Parameters
    ----------
    what : str
        What failed, without a full stop.
    value : object, optional
        The offending value; shown by its ``repr``, cut where that is long. Never a secret.
    remedy : str, optional
        What to do next, as a full sentence.
    """

    def __init__(self, what: str, value: Any = None, remedy: str = "") -> None:
        super().__init__(what, value, remedy)
        self.what, self.value, self.remedy = what, value, remedy

    def __str__(self) -> str:
        value = "" if self.value is None else f": {short_repr(self.value)}"
        return f"{self.what}{value}. {self.remedy}".rstrip()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class SettingsError(KitError, ValueError):
    """A setting does not exist or does not fit."""


class DataError(KitError, LookupError, ValueError):
    """The data asked for does not exist, or is impossible."""


class UnknownSymbol(DataError):
    """No instrument has this name."""


class UnknownExpiry(DataError):
    """No contract expires on this date."""


class UnknownInterval(DataError):
    """The broker has no candles of this length."""


class UnknownStrategy(DataError, KeyError):
    """No strategy of this run has this name."""


class FarStrike(DataError):
    """The nearest listed strike is absurdly far from the spot."""


class InvalidOrder(DataError):
    """An order that no exchange would accept: its lot, tick, quantity, price or wording is wrong."""


class UnreadableFile(DataError):
    """A market-data file is not what it claims to be.

    Parameters
    ----------
    line : int, optional
        Line of the file, from 1; None where the fault has no line.
    column : str, optional
        Heading of the column, else its number from 1; empty where the fault has none.
    """

    def __init__(
        self, what: str, value: Any = None, remedy: str = "", line: int | None = None, column: str = ""
    ) -> None:
        place = "" if line is None else f" at line {line}" + (f", column {column}" if column else "")
        super().__init__(what + place, value, remedy)
        self.args = (what, value, remedy, line, column)
        self.line, self.column = line, column


class ContradictingBars(DataError):
    """Two sources contradict each other about one bar."""


class UnwritableFile(KitError, OSError):
    """Data could not be written; what was there before is untouched."""


class TransportError(KitError, ConnectionError):
    """The request did not reach the broker and come back."""


class NeverSent(TransportError):
    """The request never left: sending it again is safe."""


class Ambiguous(TransportError):
    """The request left and no answer came: the broker may have acted on it."""


class PoolExhausted(TransportError, TimeoutError):
    """No connection became free within the waiting time."""


class CircuitOpen(TransportError):
    """Repeated failure opened the circuit; the remedy says when it tries again."""


class BrokerError(KitError):
    """The broker answered with an error.

    Parameters
    ----------
    code : str, optional
        The broker's own error code, for instance ``"AB1050"``.
    status : int, optional
        The HTTP status of the answer; 0 when it is not known.
    """

    def __init__(
        self, what: str, value: Any = None, remedy: str = "", code: str = "", status: int = 0
    ) -> None:
        super().__init__(what, value, remedy)
        self.args = (what, value, remedy, code, status)
        self.code, self.status = code, status


class RateLimited(BrokerError):
    """The broker's limit for this endpoint was exceeded."""


class SessionExpired(BrokerError):
    """The session token is missing, unknown or expired."""


class SessionTakenOver(SessionExpired):
    """Another login with the same account ends the session as soon as it is regained."""


class LoginRefused(BrokerError):
    """The broker refused the credentials."""


class KeyRefused(LoginRefused):
    """The broker refuses the API key, at the login or for data."""


class AccountBlocked(LoginRefused):
    """The broker has blocked the account."""


class Transient(BrokerError):
    """The broker failed temporarily; reads may be retried."""


class Denied(BrokerError):
    """The broker's gateway refuses this client (HTTP 403)."""


class AddressRefused(Denied):
    """The address of this machine is not registered with the API key."""


class BadRequest(BrokerError):
    """The broker did not understand the request (HTTP 400)."""


class AheadOfNow(BadRequest):
    """The span that was asked for ends in the future."""


class Rejected(BrokerError):
    """The broker understood the request and declined it."""


class ProtocolError(BrokerError):
    """The answer is in no format that the broker is known to use."""


class RuleFailed(KitError):
    """A Python function that stands for a plan's rule raised; its own error is the cause."""


class TaskError(KitError):
    """A task of the processor did not return a value.

    Parameters
    ----------
    traceback : str, optional
        The worker's formatted traceback, or where it was when it was stopped.
    """

    def __init__(self, what: str, value: Any = None, remedy: str = "", traceback: str = "") -> None:
        super().__init__(what, value, remedy)
        self.args = (what, value, remedy, traceback)
        self.traceback = traceback


class TaskFailed(TaskError):
    """The task raised."""


class TaskTimeout(TaskError, TimeoutError):
    """The task overran its time and was stopped."""


class TaskCrashed(TaskError):
    """The worker process that ran the task died."""


class TaskCancelled(TaskError):
    """The task was cancelled before it ended."""


class ResultNotReady(TaskError, TimeoutError):
    """The waiting time ended before the task did; the task goes on."""


class QueueFull(TaskError, queue.Full):
    """The processor's queue is full."""


class LiveOrdersRefused(KitError, PermissionError):
    """A write to a real account was not sent: consent is missing, or it is not a limit order."""


class SimulatorError(KitError):
    """The simulated exchange cannot start."""


class KitWarning(UserWarning):
    """Base of every warning the kit gives."""


class CacheUnavailable(KitWarning):
    """The disk tier is off, or was set aside and rebuilt; the kit goes on."""


class StaleData(KitWarning):
    """An expired answer is served because the network failed."""
