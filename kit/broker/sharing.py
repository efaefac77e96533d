"""One login for all processes of this machine, if the user asks for it (``broker.share_tokens``).

Where the broker ends a session as soon as the account logs in elsewhere, two notebooks throw each other
out. With this they use the same tokens: kept by the system's keyring, or in the memory of the process that
logged in first, which hands them on over a socket (`kit.broker.token_server`). No file of the kit holds one.
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from kit.broker.auth import Login, TokenShare, Wish
from kit.broker.tokens import Tokens
from kit.clock import Clock
from kit.errors import SettingsError
from kit.settings import ShareTokens, cache_folder

_SERVICE = "banknifty-kit"


def share(how: ShareTokens, account: str, clock: Clock) -> TokenShare | None:
    """Return where the tokens of an account are shared; None: nowhere.

    Parameters
    ----------
    how : {"never", "memory", "keyring"}
        The setting ``broker.share_tokens``.
    account : str
        A digest of the account, which does not reveal it.
    clock : Clock
        Tells when tokens have expired.

    Raises
    ------
    SettingsError
        This system has no such place.
    """
    if how == "keyring":
        return KeyringTokens(account, clock)
    if how == "memory":
        from kit.broker.token_server import TokenServer  # only where somebody shares

        return TokenServer(cache_folder() / "login", account)
    return None


class KeyringTokens:
    """Tokens in the keyring of the system, where a user's secrets belong.

    Parameters
    ----------
    account, clock
        As in `share`.

    Raises
    ------
    SettingsError
        The package ``keyring`` is missing.
    """

    def __init__(self, account: str, clock: Clock) -> None:
        try:
            import keyring
        except ImportError:
            remedy = "Install it: pip install 'banknifty-kit[keyring]'; or use broker.share_tokens: memory."
            raise SettingsError("Sharing tokens needs the package", "keyring", remedy) from None
        self._ring: Any = keyring
        self._account, self._clock = account, clock

    def newer(self, wish: Wish, stale: Tokens | None, login: Login) -> Tokens:
        """Return the tokens kept, unless they are `stale` or have expired; then make and keep others.

        Raises
        ------
        SettingsError
            The keyring is locked, or the system has none.
        """
        kept = Tokens.heard(self._used("get_password") or "")
        if kept is not None and kept != stale and self._clock.now() < kept.expires:
            return kept
        made = login.make(wish)
        self._used("set_password", SecretStr(made.told()))
        return made

    def close(self) -> None:
        """Leave the tokens there, for the processes to come."""

    def _used(self, what: str, *values: SecretStr) -> Any:
        failed = None
        try:
            plain = (value.get_secret_value() for value in values)  # no local shows it in a traceback
            return getattr(self._ring, what)(_SERVICE, self._account, *plain)
        except self._ring.errors.KeyringError as error:
            failed = type(error).__name__  # its text might quote what it was to keep
        remedy = "Unlock it, or use broker.share_tokens: memory."
        raise SettingsError("The system's keyring cannot be used", failed, remedy)
