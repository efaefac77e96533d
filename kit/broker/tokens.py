"""What a login returns: three tokens that live in memory and end at midnight."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Self

from pydantic import SecretStr

from kit.clock import IST
from kit.errors import ProtocolError

_NAMES = ("jwtToken", "refreshToken", "feedToken")
_SENDABLE = re.compile("[!-~]+").fullmatch  # in a header


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a login; their ``repr`` shows nothing secret.

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

    @property
    def mark(self) -> str:
        """A digest that tells these tokens from others and gives nothing away."""
        return blake2b(self.jwt.get_secret_value().encode(), digest_size=16).hexdigest()

    @classmethod
    def from_reply(cls, data: Any, now: datetime, refreshed: bool = False) -> Self:
        """Read the data of a login or refresh reply.

        Raises
        ------
        ProtocolError
            A token is missing.
        """
        found = [data.get(name) if isinstance(data, dict) else None for name in _NAMES]
        plain = [token.removeprefix("Bearer ") for token in found if isinstance(token, str)]
        if len(plain) < len(_NAMES) or not all(map(_SENDABLE, plain)):
            data, found, plain = None, [], []  # a traceback may print what a function holds
            raise ProtocolError("The login reply lacks a token", _NAMES, "Try again; the broker may be down.")
        jwt, refresh, feed = map(SecretStr, plain)
        midnight = datetime.combine(now.astimezone(IST).date() + timedelta(1), datetime.min.time(), IST)
        return cls(jwt, refresh, feed, midnight, refreshed)

    def told(self) -> str:
        """Return the tokens as text, to hand them to another process or a keyring; `heard` reads it."""
        secrets = [token.get_secret_value() for token in (self.jwt, self.refresh, self.feed)]
        return json.dumps([*secrets, self.expires.isoformat(), self.refreshed])

    @classmethod
    def heard(cls, text: str) -> Self | None:
        """Return the tokens that `told` wrote; None where the text is something else."""
        try:
            *secrets, expires, refreshed = json.loads(text)
            jwt, refresh, feed = map(SecretStr, secrets)
            return cls(jwt, refresh, feed, datetime.fromisoformat(expires), refreshed is True)
        except (ValueError, TypeError):
            return None
