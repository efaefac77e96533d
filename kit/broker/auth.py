"""Logging in: one-time passwords, tokens that live in memory only, one login at a time.

A login is asked for by whoever needs a token first; everybody else waits for that one flight and
shares its outcome, refusals included, so that eight threads with a wrong PIN make one bad login and
not eight. A one-time password is used once: a second login waits for the next 30-second step.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from kit.broker.endpoints import LOGIN, REFRESH, Endpoint
from kit.cache.flights import Flights
from kit.clock import IST, Clock
from kit.errors import BrokerError, LoginRefused, ProtocolError
from kit.settings import Credentials

_LOG = logging.getLogger("kit.broker")
STEP_S = 30
Ask = Callable[[Endpoint, Mapping[str, str], "Tokens | None"], Any]


def totp(secret: str, at_s: float, digits: int = 6) -> str:
    """Return the time-based one-time password of a moment.

    Parameters
    ----------
    secret : str
        Shared secret, base32; spaces, lower case and missing padding are accepted.
    at_s : float
        Unix time, seconds.
    digits : int, default 6
        Length of the password.

    Raises
    ------
    LoginRefused
        The secret is not base32.

    References
    ----------
    RFC 6238 (HMAC-SHA-1, 30-second steps) over RFC 4226.
    """
    plain = secret.replace(" ", "").upper()
    try:
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except ValueError:
        secret = plain = ""  # a traceback may print what a function holds
        raise LoginRefused("The TOTP secret is not base32", None, "Copy it again from the broker.") from None
    mac = hmac.digest(key, int(at_s // STEP_S).to_bytes(8, "big"), hashlib.sha1)
    start = mac[-1] & 0x0F
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


class SecretBody(dict[str, str]):
    """A request's body that shows its names only: a notebook's traceback may print what a function holds."""

    def __repr__(self) -> str:
        return f"<SecretBody: {', '.join(self)}>"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login returns; ``repr`` shows none of it.

    Parameters
    ----------
    jwt, refresh, feed : SecretStr
        The broker's three tokens, without a ``Bearer`` prefix.
    expires : datetime
        When the broker forgets them: the next midnight in Asia/Kolkata.
    refreshed : bool, default False
        They came by a refresh, not by a login.
    """

    jwt: SecretStr
    refresh: SecretStr
    feed: SecretStr
    expires: datetime
    refreshed: bool = False

    def __reduce__(self) -> Any:
        raise TypeError("Tokens stay in the process that logged in; hand on a snapshot.")

    @classmethod
    def from_reply(cls, data: Any, now: datetime, refreshed: bool = False) -> Tokens:
        """Read the data of a login or refresh reply.

        Raises
        ------
        ProtocolError
            A token is missing.
        """
        found = [data.get(name) if isinstance(data, dict) else None for name in _NAMES]
        if not all(isinstance(token, str) and token for token in found):
            raise ProtocolError("The login reply lacks a token", _NAMES, "Try again; the broker may be down.")
        jwt, refresh, feed = (SecretStr(str(token).removeprefix("Bearer ")) for token in found)
        midnight = datetime.combine(now.astimezone(IST).date() + timedelta(1), datetime.min.time(), IST)
        return cls(jwt, refresh, feed, midnight, refreshed)


_NAMES = ("jwtToken", "refreshToken", "feedToken")


class Login:
    """Holds the tokens of one account and gets new ones, one flight at a time.

    Parameters
    ----------
    credentials : Credentials
        The four secrets.
    ask : callable
        ``ask(endpoint, body, tokens)`` sends a request and returns the reply's data.
    clock : Clock
        Tells the exchange's present, by which tokens expire; passwords follow the machine's clock.
    """

    def __init__(self, credentials: Credentials, ask: Ask, clock: Clock) -> None:
        self._credentials = credentials
        self._ask = ask
        self._clock = clock
        self._flights: Flights[Tokens] = Flights()
        self._tokens: Tokens | None = None
        self._used_step = -1

    def tokens(self) -> Tokens:
        """Return valid tokens, logging in when there are none.

        Raises
        ------
        LoginRefused
            The broker refused the credentials.
        """
        return self._one_flight(self.valid, self._enter)

    def renewed(self, stale: Tokens) -> Tokens:
        """Return tokens newer than `stale`: by refresh, else by a new login.

        Raises
        ------
        LoginRefused
            The broker refused the credentials.
        """
        return self._one_flight(lambda: None if self._tokens is stale else self.valid(), self._refresh)

    def entered(self, stale: Tokens) -> Tokens:
        """Return tokens newer than `stale` by a new login.

        Raises
        ------
        LoginRefused
            The broker refused the credentials.
        """
        return self._one_flight(lambda: None if self._tokens is stale else self.valid(), self._enter)

    def current(self) -> Tokens | None:
        """Return the tokens held, valid or not, without asking anybody."""
        return self._tokens

    def forget(self) -> None:
        """Drop the tokens; the next call logs in."""
        self._tokens = None

    def valid(self) -> Tokens | None:
        """Return the tokens held if they have not expired, without asking anybody."""
        held = self._tokens
        return held if held and self._clock.now() < held.expires else None

    def _one_flight(self, held: Callable[[], Tokens | None], fetch: Callable[[], Tokens]) -> Tokens:
        def flight() -> Tokens:
            self._tokens = fetch()
            return self._tokens

        return self._flights.join("login", held, flight)

    def _enter(self) -> Tokens:
        secrets = self._credentials
        _LOG.info("logging in")
        body = SecretBody(
            clientcode=secrets.client_code.get_secret_value(),
            password=secrets.pin.get_secret_value(),
            totp=self._unused_password(),
        )
        return Tokens.from_reply(self._ask(LOGIN, body, None), self._clock.now())

    def _refresh(self) -> Tokens:
        held = self.valid()
        if held is None:
            return self._enter()
        try:
            data = self._ask(REFRESH, SecretBody(refreshToken=held.refresh.get_secret_value()), held)
            return Tokens.from_reply(data, self._clock.now(), refreshed=True)
        except LoginRefused:
            raise  # the key or the account itself: another login would fare no better
        except BrokerError:  # whatever the reason, the credentials can still open a new session
            return self._enter()

    def _unused_password(self) -> str:
        while (step := int(wall_s() // STEP_S)) == self._used_step:
            time.sleep(max(0.0, (step + 1) * STEP_S - wall_s()))
        self._used_step = step
        return totp(self._credentials.totp_secret.get_secret_value(), step * STEP_S)


def wall_s() -> float:
    """Return the machine's Unix time, seconds: one-time passwords follow it, replayed days or not."""
    return time.time()
