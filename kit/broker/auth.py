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
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeVar

from kit.broker.endpoints import LOGIN, REFRESH, Endpoint
from kit.broker.tokens import Tokens
from kit.cache.flights import Flights
from kit.clock import Clock
from kit.errors import BrokerError, KitError, LoginRefused, SessionExpired, SessionTakenOver
from kit.settings import Credentials
from kit.transport.retry import http_date_s

_LOG = logging.getLogger("kit.broker")
STEP_S = 30
_CLOCK_ERROR_S = 5
_TUG_S = 120.0  # a session regained by a login and lost again so soon is fought over
Wish = Literal["tokens", "renewed", "entered"]
Send = Callable[[Endpoint, Mapping[str, str], "Tokens | None"], Any]
T = TypeVar("T")


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
    """A request's body whose ``repr`` shows names only, since a traceback may print local variables."""

    def __repr__(self) -> str:
        return f"<SecretBody: {', '.join(self)}>"


class TokenShare(Protocol):
    """Where a login looks for tokens before it asks the broker; see `kit.broker.sharing`."""

    def newer(self, wish: Wish, stale: Tokens | None, login: Login) -> Tokens:
        """Return tokens that are not `stale`: another process's, else what ``login.make(wish)`` returns."""

    def close(self) -> None:
        """Stop answering other processes."""


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
    share : TokenShare, optional
        Whose tokens to use; default this login's own alone.
    """

    def __init__(
        self, credentials: Credentials, ask: Send, clock: Clock, share: TokenShare | None = None
    ) -> None:
        self._credentials = credentials
        self._ask = ask
        self._clock = clock
        self._share = share
        self._flights: Flights[Tokens] = Flights()
        self._tokens: Tokens | None = None
        self._used_step = -1
        self._regained_s = -math.inf

    def tokens(self) -> Tokens:
        """Return valid tokens, logging in when there are none.

        Raises
        ------
        LoginRefused
            The broker refused the credentials.
        """
        return self.newer("tokens", None)

    def renewed(self, stale: Tokens) -> Tokens:
        """Return tokens newer than `stale`: by refresh, else by a new login.

        Raises
        ------
        LoginRefused
            The broker refused the credentials.
        SessionTakenOver
            Another login ends this session again and again.
        """
        return self.newer("renewed", stale)

    def entered(self, stale: Tokens) -> Tokens:
        """Return tokens newer than `stale` by a new login.

        Raises
        ------
        LoginRefused
            The broker refused the credentials.
        """
        return self.newer("entered", stale)

    def with_tokens(
        self,
        attempt: Callable[[Tokens], T],
        ended: Callable[[BrokerError], bool] = lambda error: isinstance(error, SessionExpired),
    ) -> T:
        """Return what an attempt brings; one that finds the session ended is made again with renewed tokens.

        A refresh renews them, and if that does not help, one login.

        Parameters
        ----------
        attempt : callable
            Given tokens; what it raises ends this unless it means that the session has ended.
        ended : callable, optional
            Tells which errors mean that; default those of type `SessionExpired`.
        """
        tokens, renewals = self.tokens(), [self.entered, self.renewed]
        while True:
            try:
                return attempt(tokens)
            except BrokerError as error:
                if not ended(error):
                    raise
                if not renewals:
                    self.forget()  # so that login() logs in
                    raise
            tokens = renewals.pop()(tokens)
            if not tokens.refreshed:  # they are of a new login already
                renewals.clear()

    def newer(self, wish: Wish, stale: Tokens | None) -> Tokens:
        """Return valid tokens other than `stale`: held, shared or new; one thread gets them for all."""

        def held() -> Tokens | None:
            found = self.valid()
            return None if found == stale else found

        def flight() -> Tokens:
            try:
                self._tokens = self._share.newer(wish, stale, self) if self._share else self.make(wish)
            except KitError:
                self.forget()  # the broker calls what is held ended, so that login() logs in
                raise
            return self._tokens

        return self._flights.join("login", held, flight)

    def make(self, wish: Wish) -> Tokens:
        """Ask the broker for tokens, whoever has some; `newer` asks for one at a time."""
        if wish == "renewed":
            return self._refresh()
        return self._regain() if wish == "entered" else self._enter()

    def current(self) -> Tokens | None:
        """Return the tokens held, valid or not, without asking anybody."""
        return self._tokens

    def forget(self) -> None:
        """Drop the tokens; the next call logs in."""
        self._tokens = None

    def close(self) -> None:
        """Stop answering other processes."""
        if self._share is not None:
            self._share.close()

    def valid(self) -> Tokens | None:
        """Return the tokens held if they have not expired, without asking anybody."""
        held = self._tokens
        return held if held and self._clock.now() < held.expires else None

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
        _LOG.warning("The session ended before midnight: another login has taken it over. Renewing it")
        if time.monotonic() - self._regained_s < _TUG_S:
            remedy = "Stop the other program or let both share one login (broker.share_tokens), then login()."
            raise SessionTakenOver("Another login ends this session again and again", None, remedy)
        try:
            body = SecretBody(refreshToken=held.refresh.get_secret_value())
            return Tokens.from_reply(self._ask(REFRESH, body, held), self._clock.now(), refreshed=True)
        except LoginRefused:
            raise  # the key or the account itself: another login would fare no better
        except BrokerError:  # whatever the reason, the credentials can still open a new session
            return self._regain()

    def _regain(self) -> Tokens:
        made = self._enter()
        self._regained_s = time.monotonic()
        return made

    def _unused_password(self) -> str:
        while (step := int(wall_s() // STEP_S)) == self._used_step:
            left_s = max(0.0, (step + 1) * STEP_S - wall_s())
            _LOG.warning("waiting %.0f s for the next one-time password: this one is used", left_s)
            time.sleep(left_s)
        self._used_step = step
        return totp(self._credentials.totp_secret.get_secret_value(), step * STEP_S)


def wall_s() -> float:
    """Return the machine's Unix time, seconds: one-time passwords follow it, replayed days or not."""
    return time.time()


def advice(broker_says: str | None) -> str:
    """Return the remedy for a refused login; a clock that is off makes every one-time password wrong."""
    try:
        ahead_s = wall_s() - http_date_s(broker_says) if broker_says else 0.0
    except ValueError:
        ahead_s = 0.0  # it tells no time
    if abs(ahead_s) < _CLOCK_ERROR_S:
        return "Check PIN and TOTP secret, and that this machine's clock is right."
    where = "ahead of" if ahead_s > 0 else "behind"
    return f"This machine's clock is {abs(ahead_s):.0f} s {where} the broker's: set it right."
