"""Which proxy a call goes through: one rule for calls, streams and `kit doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from kit.addresses import ProxyAddress, checked_address, proxy_addresses
from kit.errors import SettingsError


def is_loopback(name: str | None) -> bool:
    """Say whether a host's name or address is this machine."""
    name = (name or "").rstrip(".").lower()
    try:
        address = ip_address("127.0.0.1" if name == "localhost" else name)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def proxy_of(url: str, proxies: Mapping[str, str] | None) -> ProxyAddress:
    """Return the proxy that a URL is asked through; empty where it is asked directly, as this machine is.

    Raises
    ------
    SettingsError
        The address of the proxy is none; names it without user and password.
    """
    told = None if is_loopback(urlsplit(url).hostname) else select_proxy(url, proxies)
    told = ProxyAddress(told or "")
    if not told:
        return told
    usable = checked_proxy(told)
    if usable:
        return usable
    remedy = "Write HTTP_PROXY, HTTPS_PROXY or ALL_PROXY as http://host:port; other kinds are not spoken."
    raise SettingsError("The proxy's address cannot be used", told.rpartition("@")[2], remedy)


def proxy_of_stream(url: str) -> ProxyAddress:
    """Return the proxy that the environment names for a stream: the one for calls to its host.

    Raises
    ------
    SettingsError
        As `proxy_of`.
    """
    asked = url.replace("ws", "http", 1)
    return proxy_of(asked, proxy_addresses(get_environ_proxies(asked)))


def checked_proxy(told: str) -> ProxyAddress:
    """Return an HTTP proxy's address with its scheme; empty where it is none."""
    try:
        parts = urlsplit(told if "://" in told else f"http://{told}")
        user, at, host = parts.netloc.rpartition("@")
        checked_address(f"{parts.scheme}://{host}")
    except (ValueError, SettingsError):
        return ProxyAddress("")
    return ProxyAddress(f"{parts.scheme}://{user}{at}{host}")
