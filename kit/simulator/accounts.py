"""The one account of the simulated exchange: its secrets, its sessions, and how they end.

One-time passwords follow the machine's clock, as authenticators do; sessions end at midnight of the
market's clock.

Source: RFC 4226 and RFC 6238 (one-time passwords).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from kit.clock import Clock
from kit.settings import Credentials
from kit.simulator.answers import Refused, application_error, gateway_error, stream_refusal

_STEP_S = 30
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALPHABET = _LETTERS + _LETTERS.lower() + "0123456789"


def fresh_credentials() -> Credentials:
    """Draw the four secrets of an account.

    The PIN has twelve digits where the broker's has four, so that finding it in a file means something.
    """
    return Credentials(
        api_key=SecretStr(_drawn(_ALPHABET, 8)),
        client_code=SecretStr(_drawn(_LETTERS, 1) + _drawn("0123456789", 8)),
        pin=SecretStr(_drawn("0123456789", 12)),
        totp_secret=SecretStr(_drawn(_LETTERS + "234567", 26)),  # 130 bits, as the broker's
    )


def _drawn(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def one_time_password(secret: str, at_s: float) -> str:
    """Return the six digits of a base-32 secret at epoch seconds `at_s`."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    digest = hmac.digest(key, struct.pack(">Q", int(at_s) // _STEP_S), hashlib.sha1)
    number = struct.unpack_from(">I", digest, digest[-1] & 15)[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


_MOST_SESSIONS = 1000  # the oldest are forgotten: nobody fills the memory by logging in


@dataclass(frozen=True, slots=True)
class _Session:
    ends: datetime
    code: str = "AG8001"  # what a dead token is told: recorded at midnight


class Account:
    """Checks logins and tokens.

    Parameters
    ----------
    credentials : Credentials
        The four secrets.
    clock : Clock
        The market's clock, by which sessions end.
    """

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self.credentials = credentials
        self.last_login = ""
        self.one_session = False  # whether a login ends the sessions before it: not known of the broker
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._refreshes: dict[str, datetime] = {}
        self._feeds: dict[str, str] = {}  # the session of each feed token

    @property
    def client_code(self) -> str:
        """Return the account's name."""
        return self.credentials.client_code.get_secret_value()

    def login(self, client_code: str, pin: str, totp: str) -> dict[str, str | None]:
        """Open a session.

        Returns
        -------
        dict
            The data of the broker's answer.

        Raises
        ------
        Refused
            AB1007 for a wrong name or PIN, AB1050 for a wrong one-time password.
        """
        known = client_code == self.client_code and pin == self.credentials.pin.get_secret_value()
        if not known:
            raise Refused(application_error("AB1007"))
        secret = self.credentials.totp_secret.get_secret_value()
        near = (one_time_password(secret, time.time() + drift) for drift in (-_STEP_S, 0, _STEP_S))
        if totp not in near:
            raise Refused(application_error("AB1050"))
        if self.one_session:
            self._sessions.clear()
            self._refreshes.clear()
        self.last_login = f"{self._clock.now():%Y-%m-%d %H:%M:%S}"
        return self._open()

    def refresh(self, refresh: str) -> dict[str, str | None]:
        """Exchange a refresh token for a new session; until midnight it may be used again.

        Raises
        ------
        Refused
            AB8050 for an unknown token, AB8051 for an expired one.
        """
        ends = self._refreshes.get(refresh)
        if ends is None:
            raise Refused(application_error("AB8050"))
        if ends <= self._clock.now():
            raise Refused(application_error("AB8051"))
        return self._open()

    def check(self, authorization: str) -> str:
        """Return the token of an Authorization header that opens a session.

        Raises
        ------
        Refused
            AG8003 without a token, AG8001 for one that is unknown or died at midnight, AG8002 for one that
            was ended by order.
        """
        if not authorization:
            raise Refused(gateway_error("AG8003"))
        jwt = authorization.removeprefix("Bearer ")
        session = self._sessions.get(jwt)
        if session is None:
            raise Refused(gateway_error("AG8001"))
        if session.ends <= self._clock.now():
            raise Refused(gateway_error(session.code))
        return jwt

    def is_live(self, jwt: str) -> bool:
        """Tell whether a session has not ended."""
        session = self._sessions.get(jwt)
        return session is not None and session.ends > self._clock.now()

    def check_stream(self, said: Mapping[str, str]) -> str:
        """Return the session that a handshake of the market stream belongs to.

        Parameters
        ----------
        said : mapping
            ``authorization`` (empty: a browser's form, known by its feed token), ``x-client-code``,
            ``x-api-key`` and ``x-feed-token``.

        Raises
        ------
        Refused
            HTTP 401; a header names which of them is wrong.
        """
        owner = self._feeds.get(said["x-feed-token"], "")
        jwt = said["authorization"].removeprefix("Bearer ") or owner
        checks = {
            "Auth token": self.is_live(jwt),
            "Client Code": said["x-client-code"] == self.client_code,
            "API Key": said["x-api-key"] == self.credentials.api_key.get_secret_value(),
            "Feed Token": self.is_live(owner),
        }
        for what, fits in checks.items():
            if not fits:
                raise Refused(stream_refusal(what))
        return jwt

    def logout(self, jwt: str) -> None:
        """End a session."""
        self._sessions.pop(jwt, None)

    def expire_all(self) -> None:
        """Let every session have ended."""
        now = self._clock.now()
        self._sessions = dict.fromkeys(self._sessions, _Session(now, "AG8002"))
        self._refreshes = dict.fromkeys(self._refreshes, now)

    def _open(self) -> dict[str, str | None]:
        now = self._clock.now()
        midnight = (now + timedelta(1)).replace(hour=0, minute=0, second=0, microsecond=0)
        jwt, refresh, feed = (self._token(kind, midnight) for kind in ("trade", "refresh", "feed"))
        self._sessions[jwt], self._refreshes[refresh] = _Session(midnight), midnight
        self._feeds[feed] = jwt
        for kept in (self._sessions, self._refreshes, self._feeds):
            if len(kept) > _MOST_SESSIONS:
                kept.pop(next(iter(kept)))
        return {"jwtToken": jwt, "refreshToken": refresh, "feedToken": feed, "state": None}

    def _token(self, kind: str, ends: datetime) -> str:
        """Return an opaque text that looks like the broker's: HS512, signed with nothing but chance."""
        claims = {
            "username": self.client_code,
            "token": kind,
            "exp": int(ends.timestamp()),
            "jti": _drawn(_ALPHABET, 22),
        }
        parts = [
            b'{"alg":"HS512"}',
            json.dumps(claims, separators=(",", ":")).encode(),
            secrets.token_bytes(64),
        ]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
