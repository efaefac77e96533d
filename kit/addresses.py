"""Addresses of hosts: checked where they enter, and never with a user or password in them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from kit.errors import SettingsError

_LONGEST_NAME = 253  # bytes, by RFC 1035


class ProxyAddress(str):
    """A proxy's address that shows no user and password, in a traceback with locals neither."""

    __slots__ = ()

    def __repr__(self) -> str:
        before, at, after = self.rpartition("@")
        scheme = "".join(before.partition("//")[:2]) if "//" in before else ""
        return repr(f"{scheme}***@{after}" if at else str(self))


def proxy_addresses(*told: Mapping[str, str]) -> dict[str, str]:
    """Return proxies by scheme, the later of two, so that none shows its password."""
    return {scheme: ProxyAddress(address) for one in told for scheme, address in one.items()}


def checked_address(text: str, schemes: tuple[str, str] = ("http", "https")) -> str:
    """Return an address without its last slash.

    Raises
    ------
    SettingsError
        It names no host, or a user: that would be shown wherever the address is. Or something follows its
        path, or ``..`` stands in it, coded or not: a route behind that would be another one.
    """
    try:
        url = urlsplit(text)
        plain = text.isprintable() and not {*" ?#\\"} & {*text} and "@" not in url.netloc
        plain = plain and url.port != 0 and not {".", ".."} & {*unquote(url.path).split("/")}
        name = (url.hostname or "").encode("idna")  # beyond the bounds of names no system looks it up
        if plain and url.scheme in schemes and 0 < len(name) <= _LONGEST_NAME:
            return url.geturl().rstrip("/")  # whose scheme is written small
    except (ValueError, AttributeError, TypeError):
        pass  # a port that is none, or no text at all
    raise not_an_address(text, schemes[1])


def not_an_address(value: object, scheme: str = "https") -> SettingsError:
    """Make the error of an address that is none; what stands before an @ or behind a ? is not repeated."""
    remedy = (
        f"Write it as {scheme}://host:port/path, port and path if need be, without user, password or query."
    )
    told = value.rpartition("@")[2].partition("?")[0] if isinstance(value, str) else value
    return SettingsError("Not the address of a host", told, remedy)
